"""Calls in other processes: of this machine by joblib's loky, or of a Dask cluster.

Against ``concurrent.futures`` with started processes: the first two calls take 3.1 to 4.6 s for 2.5 s, the next two
1.0 s for 2.1 s, as processes stay; a fault beside a call of a minute is raised after 1.4 s for 61 s. Dask is asked
itself: joblib makes all calls in this process where a cluster begins with one thread, also when more workers join.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from threadpoolctl import threadpool_limits

from riskengine.errors import SettingsError
from riskengine.runtime import available_cores, keep_compiled, use_cores
from riskengine.workers import Call, Run, run_here

WORKERS_WITHIN = 120
"""Seconds that a scheduler may be without any worker before it is given up."""


def run_all(first: Call, others: Sequence[Call], jobs: int = 1) -> Iterator[Any]:
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
    # One process beside this one is handed all calls as one: joblib would begin two, and each would import everything.
    alone = workers == 1
    with local_processes(workers) as run, threadpool_limits(1):
        results = run([partial(_in_turn, others)] if alone else others, ordered=True)
        yield first()
        try:
            for result in results:
                yield from result if alone else (result,)
        except BrokenExecutor as error:
            raise SettingsError("a process was killed, for want of memory perhaps: set jobs to 1") from error


@contextmanager
def workers(jobs: int = 1, scheduler: str | None = None) -> Iterator[Run]:
    """What makes calls: this process, others of this machine, or a cluster.

    Parameters
    ----------
    jobs : processes on this machine, -1 for as many as there are cores; one is this process
    scheduler : address of a Dask cluster, ``tcp://host:8786``, instead

    Raises
    ------
    SettingsError
        If there is no such number of processes, or the cluster cannot be reached.

    Examples
    --------
    >>> with workers() as run:
    ...     list(run([int, str]))
    [0, '']
    """
    if jobs != -1 and jobs < 1:
        raise SettingsError(f"jobs is a number of processes, or -1 for all cores, not {jobs}")
    if scheduler is not None:
        with cluster(scheduler) as run:
            yield run
    elif jobs != 1:
        with local_processes(jobs) as run:
            yield run
    else:
        yield run_here


@contextmanager
def local_processes(workers: int) -> Iterator[Run]:
    """Processes of this machine, each on one core; they end in the middle of their work if the block fails.

    After a block that succeeds, joblib keeps them for the next one, with what they have imported and compiled, and
    ends them after five idle minutes or with this process.

    Parameters
    ----------
    workers : processes, -1 for as many as there are cores
    """
    from joblib import parallel_config

    with parallel_config("loky", inner_max_num_threads=1), warnings.catch_warnings():
        # Compiled programs fill a worker's memory; joblib then begins a new one, which is as it should be.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        with _runner(workers) as run:
            yield run


@contextmanager
def cluster(scheduler: str) -> Iterator[Run]:
    """The workers of a Dask cluster.

    Parameters
    ----------
    scheduler : its address, ``tcp://host:8786``

    Raises
    ------
    SettingsError
        If distributed is not installed, no scheduler answers, or it stays without workers.
    """
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise SettingsError(
            "a Dask cluster needs distributed: pip install 'riskengine[distributed]'"
        ) from error
    try:
        client = distributed.Client(scheduler, timeout="30s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise SettingsError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:  # which forgets what has not been fetched when the block is left
        try:
            client.wait_for_workers(1, timeout=WORKERS_WITHIN)
        except TimeoutError as error:
            raise SettingsError(f"no worker has joined the scheduler at {scheduler}: start some") from error

        def run(calls: Iterable[Call], ordered: bool = False) -> Iterator[Any]:
            futures = [client.submit(_called, call, pure=False) for call in calls]
            come = futures if ordered else distributed.as_completed(futures, loop=client.loop)
            return _fetched(come, scheduler, distributed.KilledWorker)

        yield run


def _fetched(futures: Iterable[Any], scheduler: str, killed: type[Exception]) -> Iterator[Any]:
    """Results as their futures give them, each of which the cluster may then forget."""
    for future in futures:
        try:
            yield future.result()
        except killed as error:
            raise BrokenExecutor(str(error)) from error
        except CancelledError as error:
            raise SettingsError(
                f"the scheduler at {scheduler} is lost: call again for what is missing"
            ) from error
        future.release()


@contextmanager
def _runner(workers: int) -> Iterator[Run]:
    """Calls by processes of joblib; what has not been fetched is aborted with the block."""
    from joblib import Parallel, delayed

    begun: list[Any] = []

    def run(calls: Iterable[Call], ordered: bool = False) -> Iterator[Any]:
        come = "generator" if ordered else "generator_unordered"
        # Asked for one process, joblib takes this one; nothing is given to the second where there is one call.
        begun.append(
            Parallel(2 if workers == 1 else workers, batch_size=1, return_as=come)(
                delayed(_on_one_core)(call) for call in calls
            )
        )
        return begun[-1]

    try:
        yield run
    finally:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*tasks.*You could benefit", UserWarning)
            for results in begun:
                results.close()


def _in_turn(calls: Sequence[Call]) -> list[Any]:
    return [call() for call in calls]


def _called(call: Call) -> Any:
    return call()


def _on_one_core(call: Call) -> Any:
    """In a process beside others, which would inherit all cores from this one."""
    with suppress(SettingsError):  # a process that has used jax already keeps its cores
        use_cores(1)
    keep_compiled()
    return call()
