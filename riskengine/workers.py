"""Where calls are made: in this process, or wherever what is handed in makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from typing import Any, Protocol

Call = Callable[[], Any]


class Run(Protocol):
    """Makes calls; what they return comes as it is there, or in the order of the calls."""

    def __call__(self, calls: Iterable[Call], ordered: bool = False) -> Iterator[Any]:
        """Begins at once, before the first result is asked for."""


def run_here(calls: Iterable[Call], ordered: bool = False) -> Iterator[Any]:
    """The calls in this process, one after the other.

    Examples
    --------
    >>> list(run_here([int, str]))
    [0, '']
    """
    return (call() for call in calls)


def run_whole(run: Run, calls: Sequence[Call]) -> Iterator[Any]:
    """What the calls return, in their order; where processes were killed, what is missing is computed here.

    Examples
    --------
    >>> list(run_whole(run_here, [int, str]))
    [0, '']
    """
    done = 0
    try:
        for result in run(calls, ordered=True):
            done += 1
            yield result
    except BrokenExecutor:
        yield from (call() for call in calls[done:])
