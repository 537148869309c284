"""Workers as processes of their own: one that dies, hangs or eats the memory loses its job, not the others."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from unseen.engine.worker import LENGTH

# How often deaths, hours and memory are looked at, in seconds.
TICK = 0.1
# Share of the memory that is free at the start which the workers may hold together.
MEMORY_SHARE = 0.9
SIGNALS = {
    signal.SIGKILL: "killed (signal 9: out of memory, or by hand)",
    signal.SIGSEGV: "crashed (segmentation fault)",
}


@dataclass(frozen=True, slots=True)
class Lost:
    """A job without a result: its worker died, ran too long or held too much memory; or it left by ``sys.exit``."""

    why: str


@dataclass(frozen=True, slots=True)
class Raised:
    """A job that raised."""

    error: BaseException


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    jobs: int
    results: int
    life: int
    job: int | None = None
    started: float = 0.0
    buffer: bytearray = field(default_factory=bytearray)

    def send(self, body: bytes) -> None:
        data = memoryview(LENGTH.pack(len(body)) + body)
        while data:
            data = data[os.write(self.jobs, data) :]

    def received(self) -> bytes | None:
        """The next whole frame, if it has arrived."""
        if len(self.buffer) < LENGTH.size:
            return None
        size = LENGTH.unpack_from(self.buffer)[0]
        if len(self.buffer) < LENGTH.size + size:
            return None
        body = bytes(self.buffer[LENGTH.size : LENGTH.size + size])
        del self.buffer[: LENGTH.size + size]
        return body

    def end(self) -> None:
        """Kill it with all that it started, and let go of its pipes."""
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()
        for pipe in (self.jobs, self.results, self.life):
            with contextlib.suppress(OSError):
                os.close(pipe)


# Workers without a job, with their environments, while ``kept_workers`` is entered.
_idle: list[tuple[dict[str, str], _Worker]] | None = None


@contextlib.contextmanager
def kept_workers() -> Generator[None]:
    """Runs within share their workers: libraries are loaded once. All end with the outermost of such blocks."""
    global _idle
    if _idle is not None:
        yield
        return
    _idle = []
    try:
        yield
    finally:
        left, _idle = _idle, None
        for _, worker in left:
            worker.end()


def _idle_worker(environment: Mapping[str, str]) -> _Worker | None:
    """A worker that waits for jobs under this environment, if one is alive."""
    for i, (own, worker) in enumerate(_idle or ()):
        if own == dict(environment):
            assert _idle is not None, "it was looped over"  # noqa: S101
            del _idle[i]
            if worker.process.poll() is None:
                return worker
            worker.end()
            return _idle_worker(environment)
    return None


def run_in_processes(
    function: Callable[..., Any],
    jobs: Sequence[Mapping[str, Any]],
    workers: int,
    *,
    environment: Mapping[str, str],
    seconds: float | None = None,
) -> Generator[tuple[int, Any]]:
    """Run a function over the arguments of jobs; yields (position, result) as they finish.

    A result is the value, ``Raised`` or ``Lost``. Closing the generator kills what still runs. Workers end with this
    process, however it ends.

    Args:
        function: Sent to the workers by cloudpickle: by reference where it can be imported, else by value.
        jobs: Arguments by name.
        workers: Processes.
        environment: Variables set in the workers.
        seconds: Longest time a job may take; None for as long as it takes.
    """
    import cloudpickle

    if not jobs:
        return
    waiting = deque(range(len(jobs)))
    team: list[_Worker] = []
    limit = _free_memory() * MEMORY_SHARE
    with selectors.DefaultSelector() as selector:

        def hire() -> _Worker:
            worker = _idle_worker(environment) or _started(environment)
            team.append(worker)
            selector.register(worker.results, selectors.EVENT_READ, worker)
            return worker

        def dismiss(worker: _Worker) -> None:
            selector.unregister(worker.results)
            team.remove(worker)
            worker.end()

        def give(worker: _Worker) -> None:
            if waiting:
                worker.job, worker.started = waiting.popleft(), time.monotonic()
                with contextlib.suppress(BrokenPipeError):
                    worker.send(cloudpickle.dumps((function, dict(jobs[worker.job]))))
            elif _idle is None:
                dismiss(worker)
            else:
                selector.unregister(worker.results)
                team.remove(worker)
                _idle.append((dict(environment), worker))

        try:
            for _ in range(min(workers, len(jobs))):
                give(hire())
            while team:
                for key, _ in selector.select(TICK):
                    worker: _Worker = key.data
                    data = os.read(worker.results, 1 << 20)
                    worker.buffer += data
                    body = worker.received()
                    if body is not None and worker.job is not None:
                        done, worker.job = worker.job, None
                        result = _told(cloudpickle.loads(body))
                        give(worker)
                        yield done, result
                    elif not data:
                        yield from _lost(worker, dismiss, hire, give, waiting)
                for worker in list(team):
                    why = _too_much(worker, seconds, limit, team)
                    if why:
                        yield from _lost(worker, dismiss, hire, give, waiting, why)
                    elif worker.process.poll() is not None and not worker.buffer and not _readable(worker.results):
                        yield from _lost(worker, dismiss, hire, give, waiting)
        finally:
            for worker in list(team):
                dismiss(worker)


def _lost(
    worker: _Worker, dismiss: Callable[[_Worker], None], hire: Callable[[], _Worker], give: Callable[[_Worker], None],
    waiting: deque[int], why: str = "",
) -> Generator[tuple[int, Any]]:  # fmt: skip
    """A worker is gone, or has to go: its job is lost, and another takes its place."""
    position = worker.job
    if not why:
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.process.wait(1.0)
        why = _death(worker.process.poll())
    dismiss(worker)
    if waiting:
        give(hire())
    if position is not None:
        yield position, Lost(why)


def _too_much(worker: _Worker, seconds: float | None, limit: float, team: Sequence[_Worker]) -> str:
    """Why a worker has to go, or ""."""
    if worker.job is None:
        return ""
    if seconds is not None and time.monotonic() - worker.started > seconds:
        return f"ran longer than {seconds:g} s"
    own = _resident(worker.process.pid)
    if own > limit / max(1, len(team)) and sum(_resident(w.process.pid) for w in team) > limit:
        return f"held {own / 2**30:.1f} GiB of memory, more than its share of what is free"
    return ""


def _started(environment: Mapping[str, str]) -> _Worker:
    import cloudpickle

    (job_end, jobs), (results, result_end), (life_end, life) = os.pipe(), os.pipe(), os.pipe()
    code = f"from unseen.engine.worker import main; main({job_end}, {result_end}, {life_end})"
    own = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    try:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", code], stdin=subprocess.DEVNULL, env=own, pass_fds=(job_end, result_end, life_end)
        )
    finally:
        for pipe in (job_end, result_end, life_end):
            os.close(pipe)
    worker = _Worker(process, jobs, results, life)
    with contextlib.suppress(BrokenPipeError):
        worker.send(cloudpickle.dumps({"path": list(sys.path), "arguments": list(sys.argv), "folder": os.getcwd()}))
    return worker


def _told(answer: tuple[str, Any]) -> Any:
    kind, value = answer
    return {"done": lambda: value, "raised": lambda: Raised(value), "left": lambda: Lost(value)}[kind]()


def _death(code: int | None) -> str:
    """How a process ended, in words.

    >>> _death(3), _death(-9)
    ('ended its process (exit code 3)', 'was killed (signal 9: out of memory, or by hand)')
    """
    if code is None:
        return "closed its pipes"
    if code >= 0:
        return f"ended its process (exit code {code})"
    known = SIGNALS.get(signal.Signals(-code)) if -code in set(signal.Signals) else None
    return f"was {known}" if known else f"was ended by signal {-code}"


def _readable(pipe: int) -> bool:
    import select

    return bool(select.select([pipe], [], [], 0)[0])


def _resident(pid: int) -> float:
    """Bytes that a process holds in memory; 0 where that can't be told."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0.0


def _free_memory() -> float:
    """Bytes that are free; infinite where that can't be told."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(row.split()[1]) * 1024.0 for row in file if row.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return float("inf")


__all__ = ["Lost", "Raised", "kept_workers", "run_in_processes"]
