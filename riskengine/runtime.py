"""Choices about jax that an application makes once, before its first computation; nothing is set on import.

They hold whenever jax is imported: a command that computes nothing never imports it.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from riskengine.errors import SettingsError

CACHE_VARIABLE = "RISKENGINE_CACHE"
"""Folder of compiled programs; ``off`` for none. The user's cache folder if not set."""


SMALL = 400
"""Assets whose matrices are left to one thread of BLAS."""


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_cores(cores: int | None = None) -> int:
    """Show the host's cores to jax as devices, so that a universe is split over them; returns their number.

    Call it before the first computation. The command line does.

    Parameters
    ----------
    cores : all that this process may run on if not given

    Raises
    ------
    SettingsError
        If ``cores`` is below one, or jax has been used already.
    """
    if cores is None:
        cores = available_cores()
    if cores < 1:
        raise SettingsError(f"a calibration runs on one core at least, not on {cores}")
    try:
        _configure("jax_num_cpu_devices", cores)
    except RuntimeError as error:
        raise SettingsError("jax has been used already: call use_cores first in your program") from error
    return cores


def keep_compiled(folder: Path | str | None = None) -> Path | None:
    """Keep compiled programs on disk, so that a second process starts in a fraction of the time.

    Parameters
    ----------
    folder : that of the environment variable ``RISKENGINE_CACHE`` if not given, or else ``riskengine`` in the
        user's cache folder

    Returns
    -------
    The folder, or None where the variable says ``off``
    """
    asked = str(folder or os.environ.get(CACHE_VARIABLE, ""))
    if asked.lower() == "off":
        return None
    path = Path(asked) if asked else user_cache() / "riskengine"
    _configure("jax_compilation_cache_dir", str(path))
    # Small ones too: the thirty of a calibration were a fifth of its second start.
    _configure("jax_persistent_cache_min_compile_time_secs", 0.0)
    return path


def blas_threads(assets: int) -> AbstractContextManager[Any]:
    """One thread of BLAS inside a ``with`` for universes of up to 400 assets; for larger ones all that there are.

    Threads that wait for each other turn meanwhile: the shrinkage of 100 assets took 1.5 ms with two at best and 145 in
    the median on two cores that ran other work, 1.7 and 2.0 with one.

    Examples
    --------
    >>> with blas_threads(100):
    ...     pass
    """
    return nullcontext() if assets > SMALL else _blas().limit(limits=1, user_api="blas")


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _configure(option: str, value: str | float) -> None:
    """Set an option of jax, without importing jax for it: before it is imported, through its environment variable.

    Processes that are started later inherit the variable.
    """
    if "jax" not in sys.modules:
        os.environ[option.upper()] = str(value)
        return
    import jax

    if getattr(jax.config, option, None) != value:
        jax.config.update(option, value)


def user_cache() -> Path:
    """Where this system keeps what can be made again."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
