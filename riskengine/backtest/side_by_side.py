"""Strategies that walk side by side, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import Any

from threadpoolctl import threadpool_limits

from riskengine.errors import SettingsError
from riskengine.runtime import available_cores, keep_compiled, use_cores


def run_all(first: Callable[[], Any], others: Sequence[Callable[[], Any]], jobs: int = 1) -> Iterator[Any]:
    """What the calls return, in their order: the first is made here, the others in up to ``jobs - 1`` more processes.

    Processes, not threads: compiled programs that call LAPACK from several threads can wait for themselves forever.
    Each computes on one core: threads that wait for each other's cores would take longer.

    Parameters
    ----------
    first, others : calls without arguments; the others are pickled
    jobs : processes, -1 for as many as there are cores; with one, all calls are made here, one after the other

    Raises
    ------
    SettingsError
        If ``jobs`` is neither -1 nor at least one, or a process was killed.

    Examples
    --------
    >>> list(run_all(int, [float, str]))
    [0, 0.0, '']
    """
    if jobs != -1 and jobs < 1:
        raise SettingsError(f"jobs is a number of processes, or -1 for all cores, not {jobs}")
    workers = min((available_cores() if jobs == -1 else jobs) - 1, len(others))
    if workers < 1:
        yield first()
        yield from (call() for call in others)
        return
    with _helpers(workers) as pool:
        waiting = [pool.submit(call) for call in others]
        yield first()
        try:
            yield from (one.result() for one in waiting)
        except BrokenProcessPool as error:
            raise SettingsError("a process was killed, for want of memory perhaps: set jobs to 1") from error


@contextmanager
def _helpers(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that end with the block, in the middle of their work if it fails."""
    strangers, finished = set(active_children()), False
    with (
        ProcessPoolExecutor(workers, get_context("spawn"), initializer=_settle) as pool,
        threadpool_limits(1),
    ):
        try:
            yield pool
            finished = True
        finally:
            if not finished:
                for child in set(active_children()) - strangers:
                    child.terminate()


def _settle() -> None:
    """Before a helper computes anything."""
    use_cores(1)
    keep_compiled()
    threadpool_limits(1)
