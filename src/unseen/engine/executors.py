"""Runs named jobs on one process, several, or a Ray cluster; results are the same wherever they ran."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Literal, get_args

from unseen.engine.store import Store
from unseen.engine.torch_extra import lacks_torch
from unseen.errors import BadInput, MissingExtra, UnseenError

Kind = Literal["serial", "local", "ray"]
# One thread a worker: as many workers as cores then share the machine without fighting over it.
THREADS: dict[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)


class JobFailed(UnseenError):
    """A job raised; the message names it and what it raised. Finished jobs are kept in the store."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work.

    Attributes:
        name: How messages call it; unique within a run.
        arguments: Passed to the function, by name; plain data, so that they can be hashed and sent.
    """

    name: str
    arguments: Mapping[str, Any]


def run_jobs(
    function: Callable[..., Any],
    jobs: Sequence[Job],
    *,
    executor: Kind = "local",
    workers: int | None = None,
    store: Store | None = None,
    done: Callable[[str, int, int], None] | None = None,
    keep: Callable[[Any], bool] | None = None,
) -> list[Any]:
    """Run a function over jobs and give the results in the order of the jobs.

    Args:
        function: A module-level function whose result is plain data; all randomness comes from its arguments.
        jobs: What to run it on.
        executor: serial (here), local (processes), ray (the cluster that RAY_ADDRESS names, else a local one).
        workers: Processes; by default as many as cores.
        store: Keeps finished jobs under a hash of function and arguments; those found there are not run again.
        done: Called with (name, finished, total) after each job.
        keep: Which results the store keeps; all by default. A job that reports a failure can so be tried again.

    Raises:
        BadInput: Two jobs have one name, or the executor is unknown.
        JobFailed: A job raised; jobs that had finished are in the store.
        MissingExtra: Ray is not installed.
    """
    if executor not in get_args(Kind):
        raise BadInput(f"executor {executor!r} is not one of {', '.join(get_args(Kind))}.")
    if len({job.name for job in jobs}) < len(jobs):
        raise BadInput("two jobs have the same name.")
    results: dict[int, Any] = {}
    for i, job in enumerate(jobs):
        if store is not None and (kept := store.get(_key(function, job))) is not None:
            results[i] = kept["result"]
    open_jobs = [i for i in range(len(jobs)) if i not in results]
    finished = len(results)
    if done is not None and finished:
        done(f"{finished} jobs from an earlier run", finished, len(jobs))
    runner = {"serial": _serial, "local": _local, "ray": _ray}[executor]
    count = min(workers or os.cpu_count() or 1, max(1, len(open_jobs)))
    with contextlib.closing(runner(function, [jobs[i] for i in open_jobs], count)) as stream:
        for position, result in stream:
            i = open_jobs[position]
            results[i] = result
            if store is not None and (keep is None or keep(result)):
                store.put(_key(function, jobs[i]), {"name": jobs[i].name, "result": result})
            finished += 1
            if done is not None:
                done(jobs[i].name, finished, len(jobs))
    return [results[i] for i in range(len(jobs))]


def _key(function: Callable[..., Any], job: Job) -> dict[str, Any]:
    return {"function": f"{function.__module__}.{function.__qualname__}", "arguments": dict(job.arguments)}


def _call(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    import sys

    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
    return function(**arguments)


def _failed(job: Job, error: BaseException) -> JobFailed:
    if isinstance(error, UnseenError):
        return JobFailed(f"{job.name}: {error}")
    if lacks_torch(error):
        return JobFailed(str(MissingExtra(job.name, "torch")))
    return JobFailed(f"{job.name} failed with {type(error).__name__}: {error}")


def _serial(function: Callable[..., Any], jobs: Sequence[Job], workers: int) -> Generator[tuple[int, Any]]:
    for i, job in enumerate(jobs):
        try:
            yield i, _call(function, job.arguments)
        except Exception as error:
            raise _failed(job, error) from error


def _local(function: Callable[..., Any], jobs: Sequence[Job], workers: int) -> Generator[tuple[int, Any]]:
    if not jobs:
        return
    with _environment(THREADS):
        pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
        futures: dict[Future[Any], int] = {
            pool.submit(_call, function, dict(j.arguments)): i for i, j in enumerate(jobs)
        }
    try:
        waiting = set(futures)
        while waiting:
            ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in sorted(ready, key=lambda f: futures[f]):
                try:
                    result = future.result()
                except BrokenProcessPool:
                    raise JobFailed(
                        f"a worker died while {len(waiting) + 1} jobs were open (out of memory, or killed). "
                        "Finished jobs are kept: run again to go on."
                    ) from None
                except Exception as error:
                    raise _failed(jobs[futures[future]], error) from error
                yield futures[future], result
    finally:
        # Also on Ctrl-C: open jobs are dropped and running ones ended, the store holds what was finished.
        processes = list((pool._processes or {}).values())  # pyright: ignore[reportPrivateUsage]
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes if any(not f.done() for f in futures) else ():
            process.terminate()


def _ray(function: Callable[..., Any], jobs: Sequence[Job], workers: int) -> Generator[tuple[int, Any]]:
    try:
        import ray
    except ImportError:
        raise MissingExtra("the executor ray", "ray") from None
    own = not ray.is_initialized()
    if own:
        address = os.environ.get("RAY_ADDRESS")
        _check_reachable(address)
        try:
            ray.init(
                address=address, num_cpus=None if address else workers, log_to_driver=False, include_dashboard=False
            )
        except Exception as error:
            raise BadInput(f"no Ray cluster can be reached at {address or 'this machine'} ({error}).") from None
    try:
        remote = ray.remote(num_cpus=1, runtime_env={"env_vars": THREADS})(_call)
        open_jobs = {remote.remote(function, dict(job.arguments)): i for i, job in enumerate(jobs)}
        while open_jobs:
            (ready, *_), _ = ray.wait(list(open_jobs), num_returns=1)
            i = open_jobs.pop(ready)
            try:
                yield i, ray.get(ready)
            except ray.exceptions.RayTaskError as error:
                raise _failed(jobs[i], error.cause) from error
    finally:
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


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None]:
    """Environment variables for processes that are started inside."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
