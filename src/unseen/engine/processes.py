"""Workers as processes of their own: one that dies, hangs or eats the memory loses its job, not the others."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unseen.engine.losses import Losses, Lost
from unseen.engine.prints import hand_on
from unseen.engine.worker import LENGTH

# How often deaths, hours and memory are looked at, in seconds.
TICK = 0.1
# How long what an ended worker has printed is waited for, in seconds.
LAST_WORDS = 1.0
# Share of the memory that is free at the start which the workers may hold together.
MEMORY_SHARE = 0.9
SIGNALS = {
    signal.SIGKILL: "killed (signal 9: out of memory, or by hand)",
    signal.SIGSEGV: "crashed (segmentation fault)",
}


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
    prints: threading.Thread
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
        # Its last words come before what is said of its end.
        self.prints.join(LAST_WORDS)
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


def keep_workers() -> None:
    """Later runs share their workers, as within ``kept_workers``, until this process ends; they end with it."""
    global _idle
    _idle = [] if _idle is None else _idle


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
    groups: Sequence[tuple[str, ...]] | None = None,
    losses: Losses | None = None,
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
        groups: Of each job, shape (jobs,); with ``losses`` only.
        losses: Told of lost workers; jobs of groups that it gives up are ``Lost`` without being tried.
    """
    import cloudpickle

    if not jobs:
        return
    waiting = deque(range(len(jobs)))
    untried: deque[tuple[int, Lost]] = deque()
    counted = Losses() if losses is None else losses
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

        def group(job: int) -> tuple[str, ...]:
            return groups[job] if groups is not None else ()

        def open_jobs() -> bool:
            while waiting and (why := counted.untried(group(waiting[0]))):
                untried.append((waiting.popleft(), why))
            return bool(waiting)

        def lose(worker: _Worker, why: Lost | None = None) -> Generator[tuple[int, Any]]:
            """A worker is gone, or has to go: its job is lost, and another takes its place."""
            position, why = worker.job, why or _end_of(worker)
            dismiss(worker)
            if position is not None:
                counted.lost(group(position), why)
            if open_jobs():
                give(hire())
            if position is not None:
                yield position, why

        def give(worker: _Worker) -> None:
            if open_jobs():
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
                if open_jobs():
                    give(hire())
            while team or untried:
                for key, _ in selector.select(TICK):
                    worker: _Worker = key.data
                    data = os.read(worker.results, 1 << 20)
                    worker.buffer += data
                    body = worker.received()
                    if body is not None and worker.job is not None:
                        done, worker.job = worker.job, None
                        counted.ended(group(done))
                        result = _told(cloudpickle.loads(body))
                        give(worker)
                        yield done, result
                    elif not data:
                        yield from lose(worker)
                for worker in list(team):
                    why = _too_much(worker, seconds, limit, team)
                    if why:
                        yield from lose(worker, why)
                    elif worker.process.poll() is not None and not worker.buffer and not _readable(worker.results):
                        yield from lose(worker)
                while untried:
                    yield untried.popleft()
        finally:
            for worker in list(team):
                dismiss(worker)


def _end_of(worker: _Worker) -> Lost:
    with contextlib.suppress(subprocess.TimeoutExpired):
        worker.process.wait(1.0)
    return _death(worker.process.poll())


def _too_much(worker: _Worker, seconds: float | None, limit: float, team: Sequence[_Worker]) -> Lost | None:
    """Why a worker has to go, if it has to."""
    if worker.job is None:
        return None
    if seconds is not None and time.monotonic() - worker.started > seconds:
        return Lost(f"ran longer than {seconds:g} s", "time")
    own = _held(worker.process.pid)
    if own > limit / max(1, len(team)) and sum(_held(w.process.pid) for w in team) > limit:
        return Lost(f"held {own / 2**30:.1f} GiB of memory, more than its share of what is free", "memory")
    return None


def _started(environment: Mapping[str, str]) -> _Worker:
    import cloudpickle

    (job_end, jobs), (results, result_end), (life_end, life), (prints, print_end) = (os.pipe() for _ in range(4))
    code = f"from unseen.engine.worker import main; main({job_end}, {result_end}, {life_end})"
    own = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    try:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=print_end, stderr=print_end, env=own,
            pass_fds=(job_end, result_end, life_end),
        )  # fmt: skip
    finally:
        for pipe in (job_end, result_end, life_end, print_end):
            os.close(pipe)
    worker = _Worker(process, jobs, results, life, hand_on(prints))
    with contextlib.suppress(BrokenPipeError):
        worker.send(cloudpickle.dumps({"path": list(sys.path), "arguments": list(sys.argv), "folder": os.getcwd()}))
    return worker


def _told(answer: tuple[str, Any]) -> Any:
    kind, value = answer
    return {"done": lambda: value, "raised": lambda: Raised(value), "left": lambda: Lost(value, "left")}[kind]()


def _death(code: int | None) -> Lost:
    """How a process ended.

    >>> _death(3).why, _death(-9).why, _death(-9).kind
    ('ended its process (exit code 3)', 'was killed (signal 9: out of memory, or by hand)', 'killed')
    """
    if code is None:
        return Lost("closed its pipes", "died")
    if code >= 0:
        return Lost(f"ended its process (exit code {code})", "died")
    known = SIGNALS.get(signal.Signals(-code)) if -code in set(signal.Signals) else None
    kind = "killed" if -code == signal.SIGKILL else "died"
    return Lost(f"was {known}" if known else f"was ended by signal {-code}", kind)


def _readable(pipe: int) -> bool:
    import select

    return bool(select.select([pipe], [], [], 0)[0])


def _held(pid: int) -> float:
    """Bytes that a process and all that it started hold in memory."""
    return _resident(pid) + sum(map(_held, _children(pid)))


def _children(pid: int) -> list[int]:
    """Processes that a process has started and that still run; none where that can't be told."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    except (OSError, ValueError):
        pass
    return found


def _resident(pid: int) -> float:
    """Bytes that a process holds in memory; 0 where that can't be told."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0.0


def _free_memory() -> float:
    """Bytes that are free, of the machine and within the limit of a container; infinite where neither can be told."""
    return min(_free_of_machine(), _free_of_container())


def _free_of_machine() -> float:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(row.split()[1]) * 1024.0 for row in file if row.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return float("inf")


def _free_of_container(folder: str = "/sys/fs/cgroup") -> float:
    """What a control group has left; files that were read and could be read again count as free."""
    try:
        most, held = (int(Path(folder, name).read_text("ascii")) for name in ("memory.max", "memory.current"))
        rows = (row.split() for row in Path(folder, "memory.stat").read_text("ascii").splitlines())
        return most - held + next(float(size) for name, size in rows if name == "inactive_file")
    except (OSError, StopIteration, ValueError):
        # No such group, or one without a limit ("max").
        return float("inf")


__all__ = ["Raised", "keep_workers", "kept_workers", "run_in_processes"]
