"""Runs named jobs on one process, several, or a Ray cluster; results are the same wherever they ran."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from unseen.engine.losses import Losses, Lost
from unseen.engine.prints import Cleaned, cleaned_prints
from unseen.engine.processes import Raised, keep_workers, run_in_processes
from unseen.engine.store import Store
from unseen.engine.torch_extra import lacks_torch
from unseen.errors import BadInput, MissingExtra, UnseenError

Kind = Literal["serial", "local", "ray"]
# One thread a worker: as many workers as cores then share the machine without fighting over it.
THREADS: dict[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)


# A first job beyond this many seconds tells how long the others take; loading libraries is a small part of it.
LONG = 10.0


class JobFailed(UnseenError):
    """A job raised; the message names it and what it raised. Finished jobs are kept in the store."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while jobs ran; the message tells how many are kept, and how to go on."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work.

    Attributes:
        name: How messages call it; unique within a run.
        arguments: Passed to the function, by name; plain data, so that they can be hashed and sent.
        key: What the store keeps the result under, where that is not the arguments themselves; plain data.
        lasting: Whether the store may keep the result: not where something in the arguments can't be told from another
            thing of the same name.
        group: Of jobs that are likely to share a fate; where the first of them all take their worker with them, the others
            are lost without being tried (see ``Losses``). Without a name each is tried.
    """

    name: str
    arguments: Mapping[str, Any]
    key: Mapping[str, Any] | None = None
    lasting: bool = True
    group: tuple[str, ...] = ()


def run_jobs(
    function: Callable[..., Any],
    jobs: Sequence[Job],
    *,
    executor: Kind = "local",
    workers: int | None = None,
    store: Store | None = None,
    done: Callable[[str, int, int], None] | None = None,
    keep: Callable[[Any], bool] | None = None,
    seconds: float | None = None,
    lost: Callable[[Job, Lost], Any] | None = None,
    losses: Losses | None = None,
    what: str = "job",
    cost: Callable[[Any], float] | None = None,
) -> list[Any]:
    """Run a function over jobs and give the results in the order of the jobs.

    Args:
        function: A module-level function whose result is plain data; all randomness comes from its arguments.
        jobs: What to run it on.
        executor: serial (here; under a limit on time in one process that can be ended), local (processes), ray (the cluster
            that RAY_ADDRESS names, else a local one).
        workers: Processes; by default as many as cores.
        store: Keeps finished jobs under a hash of function and arguments; those found there are not run again.
        done: Called with (name, finished, total) after each job. What also has a method ``expect`` is told, after
            the first job of a warm worker, the number of open jobs, the seconds of that one and the number of workers.
        keep: Which results the store keeps; all by default. A job that reports a failure can so be tried again.
        seconds: Longest time that a job may take: its process is then killed, whatever it is busy with, on every executor.
        lost: Result of a job that was lost, from the job and why: its worker died or was killed, it called
            ``sys.exit``, or its group was given up. By default the run ends with JobFailed.
        losses: Remembers from run to run which groups were given up; by default each run counts anew.
        what: What a job is called where the run is interrupted.
        cost: Seconds that a job took, from its result.

    Raises:
        BadInput: Two jobs have one name, or the executor is unknown.
        JobFailed: A job raised, or was lost; jobs that had finished are in the store.
        Interrupted: Ctrl-C; a KeyboardInterrupt that tells what is kept.
        MissingExtra: Ray is not installed.
    """
    if executor not in get_args(Kind):
        raise BadInput(f"executor {executor!r} is not one of {', '.join(get_args(Kind))}.")
    if len({job.name for job in jobs}) < len(jobs):
        raise BadInput("two jobs have the same name.")
    losses = Losses() if losses is None else losses
    results: dict[int, Any] = {}
    for i, job in enumerate(jobs):
        if store is not None and job.lasting and (kept := store.get(_key(function, job))) is not None:
            results[i] = kept["result"]
            losses.ended(job.group)
    open_jobs = [i for i in range(len(jobs)) if i not in results]
    finished = len(results)
    if done is not None and finished:
        done(f"{finished} jobs from an earlier run", finished, len(jobs))
    runner = {"serial": _serial, "local": _local, "ray": _ray}[executor]
    count = min(workers or os.cpu_count() or 1, max(1, len(open_jobs)))
    expect = getattr(done, "expect", None) if cost is not None and len(open_jobs) > 1 else None
    kept_now, first_at = finished, 0.0
    try:
        with contextlib.closing(runner(function, [jobs[i] for i in open_jobs], count, seconds, losses)) as stream:
            for position, result in stream:
                i = open_jobs[position]
                if isinstance(result, Lost):
                    if lost is None:
                        raise JobFailed(f"{jobs[i].name} {result.why}. Finished jobs are kept: run again to go on.")
                    result = lost(jobs[i], result)
                results[i] = result
                if store is not None and jobs[i].lasting and (keep is None or keep(result)):
                    store.put(_key(function, jobs[i]), {"name": jobs[i].name, "result": result})
                    kept_now += store.keeps
                finished += 1
                if expect is not None and cost is not None and (each := cost(result)) > 0:
                    at_once = 1 if executor == "serial" else count
                    own = finished - (len(jobs) - len(open_jobs))
                    # The first job of a worker also loads libraries: a short one is no measure.
                    if each > LONG or own > at_once or own == len(open_jobs):
                        # What a job says it took leaves out sending it, and a machine that others use: the wall does not.
                        wall = (time.monotonic() - first_at) * at_once / (own - 1) if own > 1 else 0.0
                        expect(len(open_jobs), max(each, wall), at_once)
                        expect = None
                    elif own == 1:
                        first_at = time.monotonic()
                if done is not None:
                    done(jobs[i].name, finished, len(jobs))
    except KeyboardInterrupt:
        raise Interrupted(_kept_words(kept_now, len(jobs), what)) from None
    return [results[i] for i in range(len(jobs))]


def _kept_words(kept: int, total: int, what: str) -> str:
    """What an interrupted run leaves behind.

    >>> _kept_words(12, 45, "refit"), _kept_words(0, 1, "refit")
    ('12 of 45 refits are kept: run again to go on', 'none of 1 refit is kept')
    """
    named = f"{total:,} {what}{'' if total == 1 else 's'}"
    if not kept:
        return f"none of {named} is kept"
    return f"{kept:,} of {named} {'is' if kept == 1 else 'are'} kept: run again to go on"


def _key(function: Callable[..., Any], job: Job) -> dict[str, Any]:
    return {"function": f"{function.__module__}.{function.__qualname__}", "arguments": dict(job.key or job.arguments)}


def _call(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """The result of a job, or ``Lost`` where it left by ``sys.exit``."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
    try:
        return function(**arguments)
    except SystemExit as error:
        return Lost(f"called sys.exit({error.code!r})", "left")


def _held(function: Callable[..., Any], arguments: Mapping[str, Any], seconds: float) -> Any:
    """The same on a worker of a cluster, under a limit on time: in a process of its own, since only that can be ended.

    An alarm would not be heard by what hangs in compiled code, and the cluster can't tell when a job has begun. The process
    is kept for the worker's next job, and ends with the worker.
    """
    keep_workers()
    ((_, result),) = run_in_processes(function, [arguments], 1, environment=THREADS, seconds=seconds)
    if isinstance(result, Raised):
        raise result.error
    return result


def _failed(job: Job, error: BaseException) -> JobFailed:
    if isinstance(error, UnseenError):
        return JobFailed(f"{job.name}: {error}")
    if lacks_torch(error):
        return JobFailed(str(MissingExtra(job.name, "torch")))
    return JobFailed(f"{job.name} failed with {type(error).__name__}: {error}")


def _serial(
    function: Callable[..., Any], jobs: Sequence[Job], workers: int, seconds: float | None, losses: Losses
) -> Generator[tuple[int, Any]]:
    if seconds is not None:
        # What hangs in compiled code hears no alarm: only another process can be ended.
        yield from _local(function, jobs, 1, seconds, losses)
        return
    for i, job in enumerate(jobs):
        try:
            with cleaned_prints():
                result = _call(function, job.arguments)
        except Exception as error:
            raise _failed(job, error) from error
        yield i, result


def _local(
    function: Callable[..., Any], jobs: Sequence[Job], workers: int, seconds: float | None, losses: Losses
) -> Generator[tuple[int, Any]]:
    arguments = [job.arguments for job in jobs]
    stream = run_in_processes(
        function, arguments, workers, environment=THREADS, seconds=seconds, groups=[job.group for job in jobs],
        losses=losses,
    )  # fmt: skip
    with contextlib.closing(stream):
        for i, result in stream:
            if isinstance(result, Raised):
                raise _failed(jobs[i], result.error) from result.error
            yield i, result


def _ray(
    function: Callable[..., Any], jobs: Sequence[Job], workers: int, seconds: float | None, losses: Losses
) -> Generator[tuple[int, Any]]:
    try:
        import ray
    except ImportError:
        raise MissingExtra("the executor ray", "ray") from None
    # Ray tells of workers that died on standard output, where a report is to stand.
    with contextlib.redirect_stdout(Cleaned(sys.stderr)):
        yield from _on_ray(ray, function, jobs, workers, seconds, losses)


def _on_ray(
    ray: Any, function: Callable[..., Any], jobs: Sequence[Job], workers: int, seconds: float | None, losses: Losses
) -> Generator[tuple[int, Any]]:
    own = not ray.is_initialized()
    if own:
        address = os.environ.get("RAY_ADDRESS")
        _check_reachable(address)
        try:
            ray.init(
                address=address, num_cpus=None if address else workers, log_to_driver=False, include_dashboard=False,
                logging_level=logging.ERROR,
            )  # fmt: skip
        except Exception as error:
            raise BadInput(f"no Ray cluster can be reached at {address or 'this machine'} ({error}).") from None
    open_jobs: dict[Any, int] = {}
    try:
        # A node may go away, so that a job is tried twice; one that takes its worker with it is lost after that.
        remote = ray.remote(num_cpus=1, max_retries=1, runtime_env={"env_vars": THREADS})(
            _call if seconds is None else _held
        )
        more = () if seconds is None else (seconds,)
        open_jobs = {remote.remote(function, dict(job.arguments), *more): i for i, job in enumerate(jobs)}
        while open_jobs:
            (ready, *_), _ = ray.wait(list(open_jobs), num_returns=1)
            i = open_jobs.pop(ready)
            try:
                result = ray.get(ready)
            except ray.exceptions.RayTaskError as error:
                raise _failed(jobs[i], error.cause) from error
            except ray.exceptions.WorkerCrashedError:
                result = Lost("lost its worker (WorkerCrashedError)", "died")
            except ray.exceptions.OutOfMemoryError:
                result = Lost("lost its worker (OutOfMemoryError)", "memory")
            # What left by sys.exit has come to an end, and kept its worker.
            if isinstance(result, Lost) and result.kind != "left":
                losses.lost(jobs[i].group, result)
            else:
                losses.ended(jobs[i].group)
            yield i, result
            for waiting, j in list(open_jobs.items()):
                if why := losses.untried(jobs[j].group):
                    del open_jobs[waiting]
                    ray.cancel(waiting, force=True)
                    yield j, why
    finally:
        for waiting in open_jobs:
            ray.cancel(waiting, force=True)
        if own:
            ray.shutdown()


def _check_reachable(address: str | None, seconds: float = 5.0) -> None:
    """Refuse an address where nothing listens: Ray itself tries for minutes.

    Raises:
        BadInput: No connection within the given seconds.
    """
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), seconds).close()
    except (OSError, OverflowError) as error:
        raise BadInput(
            f"no Ray cluster can be reached at {address} ({getattr(error, 'strerror', None) or error}). Start one with "
            "`ray start --head`, correct RAY_ADDRESS, or unset it to run a cluster on this machine."
        ) from None
