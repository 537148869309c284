"""A process that runs jobs for a parent: it can be killed alone, and it ends with its parent.

Started by ``unseen.engine.processes`` as a fresh interpreter, so that a parent's ``__main__`` is never run again and needs
no guard. Parent and worker exchange frames (eight bytes of length, then a pickle made by cloudpickle): both are processes
of one user and one run, nothing from a file is unpickled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import sys
import threading
from typing import Any

# Of 1000: how much rather than others this process is ended where no memory is left.
FIRST_TO_GO = 800
LENGTH = struct.Struct("<Q")


def main(jobs: int, results: int, life: int) -> None:
    """Run jobs until the parent closes the pipe.

    Args:
        jobs: File descriptor that jobs are read from.
        results: File descriptor that results are written to.
        life: File descriptor that ends when the parent does.
    """
    # A group of its own: what a learner starts is ended with it, and Ctrl-C reaches the parent alone.
    with contextlib.suppress(OSError):
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Where a learner eats the memory faster than the parent looks, the system ends it, and nobody else.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(str(FIRST_TO_GO))
    threading.Thread(target=_end_with_parent, args=(life,), daemon=True).start()
    own = os.getpid()
    source = os.fdopen(jobs, "rb")
    first = _read(source)
    if first is None:
        return
    import cloudpickle

    setup = cloudpickle.loads(first)
    sys.path[:], sys.argv[:] = setup["path"], setup["arguments"]
    with contextlib.suppress(OSError):
        os.chdir(setup["folder"])
    while (frame := _read(source)) is not None:
        answer = _answer(frame)
        if os.getpid() != own:
            # A copy that a learner forked off and that came back here is not ours.
            os._exit(0)
        try:
            _write(results, answer)
        except OSError:
            # The job closed what was not its own: the parent sees that the worker is gone.
            os._exit(1)


def _answer(frame: bytes) -> bytes:
    """The frame that tells what came of a job: ``("done", value)``, ``("raised", error)`` or ``("left", words)``."""
    import cloudpickle

    told: tuple[str, Any]
    try:
        function, arguments = cloudpickle.loads(frame)
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.set_num_threads(1)
        told = ("done", function(**arguments))
    except SystemExit as error:
        told = ("left", f"called sys.exit({error.code!r})")
    except KeyboardInterrupt:
        told = ("left", "raised KeyboardInterrupt")
    except BaseException as error:
        told = ("raised", error)
    try:
        return cloudpickle.dumps(told)
    except Exception as error:
        if told[0] == "raised":
            return cloudpickle.dumps(("raised", RuntimeError(f"{type(told[1]).__name__}: {told[1]}")))
        return cloudpickle.dumps(("raised", TypeError(f"the result can't be sent back ({error})")))


def _end_with_parent(life: int) -> None:
    while True:
        try:
            if os.read(life, 1) == b"":
                break
        except InterruptedError:
            continue
        except OSError:
            break
    try:
        os.killpg(os.getpid(), signal.SIGKILL)
    except OSError:
        os._exit(1)


def _read(source: Any) -> bytes | None:
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    size = LENGTH.unpack(head)[0]
    body = source.read(size)
    return body if len(body) == size else None


def _write(target: int, body: bytes) -> None:
    data = memoryview(LENGTH.pack(len(body)) + body)
    while data:
        data = data[os.write(target, data) :]
