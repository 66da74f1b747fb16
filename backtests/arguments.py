"""Command lines of the studies."""

from __future__ import annotations

import argparse


def study_parser(about: str | None) -> argparse.ArgumentParser:
    """Parser of a study's command line: ``--help`` prints its docstring, and an unknown argument is an error.

    ``main`` of every study begins with it, also where there is nothing to set: before anything is run or written.

    Parameters
    ----------
    about : ``__doc__`` of the study
    """
    return argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
