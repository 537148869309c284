"""Runs the examples of all pages while Sphinx reads the others: side by side, in copies of one process that has loaded the libraries.

What an example gives is kept where ``executed`` looks for it; a page that comes to its example first waits for it, or runs it itself.
``python docs/_ext/ahead.py 2`` runs all, two at once.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import re
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import executed
import picture
import prose

# Of other authors alone: each example loads unseen itself, so that one which rests on what another has loaded still fails.
LIBRARIES = (
    "numpy", "polars", "scipy.stats", "scipy.optimize", "sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing",
    "sklearn.ensemble", "sklearn.model_selection", "sklearn.neighbors", "sklearn.calibration", "typer.main", "rich.console", "pydantic.main",
    "jinja2", "cloudpickle", "ipykernel.kernelapp", "nbclient", "jupyter_cache",
)  # fmt: skip
ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^([ ]*)(`{3,})([^\n`]*)\n(.*?)^\1\2`*[ ]*$", re.MULTILINE | re.DOTALL)


def examples(text: str, folder: Path = ROOT) -> Iterator[tuple[str, str]]:
    """What a page runs, each as its kind and its text: commands, its Python up to each place where it is shown what was printed, cells.

    >>> list(examples("```run\\nls\\n```\\n\\n```python\\na = 1\\n```\\n\\n```python\\nprint(a)\\n```\\n"))
    [('console', 'ls'), ('python', 'a = 1\\n\\x0c\\nprint(a)')]
    """
    if executed.is_notebook(text):
        yield "cells", text
    scripts: list[str] = []
    run = 0
    for language, block in blocks(text, folder):
        if language == "run":
            yield "console", block
        elif language == "python" and not executed.is_notebook(text):
            scripts.append(block)
        elif language == "printed" and run < len(scripts):
            run = len(scripts)
            yield "python", executed.NEXT.join(scripts)
    if run < len(scripts):
        yield "python", executed.NEXT.join(scripts)


def blocks(text: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Fenced blocks with their language, those within directives and those that are included from a file too."""
    for indent, _, told, body in FENCE.findall(text):
        block = re.sub(f"^{indent}", "", body, flags=re.MULTILINE).rstrip("\n")
        if told.startswith("{literalinclude}"):
            options = dict(re.findall(r"^:([\w-]+): (.+)$", block, re.MULTILINE))
            whole = (folder / told.partition(" ")[2].strip()).read_text(encoding="utf-8")
            yield options.get("language", ""), whole[max(0, whole.find(options.get("start-at", ""))) :].rstrip("\n")
        elif told.startswith("{"):
            yield from blocks(block, folder)
        else:
            yield told.strip(), block


def jobs() -> list[tuple[str, str]]:
    """Examples of our pages that nothing is kept of and the look at the README's picture, cells first, since they take longest."""
    kinds = ("cells", "python", "console", "picture")
    found = {
        one
        for page in prose.pages()
        if page.name != "CHANGELOG.md"
        for one in examples(page.read_text("utf-8"), page.parent)
    }
    found.add(("picture", picture.SAMPLE))
    listed = sorted(found, key=lambda one: (kinds.index(one[0]), -len(one[1]), one[1]))
    return [one for one in listed if not executed.place(*one).is_file()]


def run(kind: str, text: str) -> None:
    """Run an example; what fails is told by its page, which runs it again."""
    runs = {
        "cells": cells,
        "python": executed.python,
        "console": executed.console,
        "picture": lambda _: picture.known_now(),
    }
    with contextlib.suppress(executed.Failed):
        runs[kind](text)


def load(kind: str) -> None:
    """Load what examples of a kind share.

    Of the package nothing is loaded before scripts and cells, so that one that rests on what another has loaded fails. A command
    is a whole program, so that commands may have it all.
    """
    for name in LIBRARIES:
        importlib.import_module(name)
    if kind in {"console", "picture"}:
        from unseen import cli, report, stories
        from unseen.api import explain

        explain()  # loads all checks
        for package in (cli, report, stories):
            for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
                importlib.import_module(module.name)


class Copy(subprocess.Popen[bytes]):
    """A copy of this process, made by ``os.fork``, that does something and ends; as if it had been started as a program."""

    def __init__(self, do: Callable[[], object]) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.args, self.returncode = "a copy", None
        self.stdin = self.stdout = self.stderr = None
        self._child_created, self._waitpid_lock, self._sigint_wait_secs = True, threading.Lock(), 0.0
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(_exit_code(do))


def _exit_code(do: Callable[[], object]) -> int:
    """Do it, and all that Python does at its end."""
    code: object = 0
    try:
        do()
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    with contextlib.suppress(BaseException):
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def warm(arguments: list[str], folder: str) -> tuple[int, str, str]:
    """What ``executed.cold`` does, without loading the libraries again."""
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as told, open(os.devnull, "rb") as nothing:

        def do() -> None:
            for number, file in enumerate((nothing, printed, told)):
                os.dup2(file.fileno(), number)
            os.chdir(folder)
            os.environ.update(executed.environment())
            _run_as_main(arguments, folder)

        copy = Copy(do)
        try:
            code = copy.wait(executed.LIMIT)
        except subprocess.TimeoutExpired:
            copy.kill()
            copy.wait()
            raise
        for file in (printed, told):
            file.seek(0)
        return code, printed.read().decode(), told.read().decode()


def _run_as_main(arguments: list[str], folder: str) -> None:
    # As many examples run at once as there are cores: each works with one.
    os.cpu_count = lambda: 1
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if arguments[0] == "-c":
        code, name, sys.path[0], sys.argv[:] = arguments[1], "<string>", "", ["-c", *arguments[2:]]
    else:
        name = main.__file__ = str(Path(folder) / arguments[0])
        code, sys.path[0], sys.argv[:] = Path(name).read_text(encoding="utf-8"), folder, arguments
    exec(compile(code, name, "exec"), main.__dict__)


def cells(text: str) -> None:
    """What ``executed.cells`` does, with a kernel that is a copy of this process as it is before anything of Jupyter runs."""
    from jupyter_client.provisioning import local_provisioner

    ours, its = socket.socketpair()
    kernel = Copy(lambda: _kernel(ours, its))
    its.close()

    def launch(command: list[str], *, cwd: str, env: dict[str, str], **_: object) -> Copy:
        told = {"arguments": command[command.index("ipykernel_launcher") :], "folder": cwd, "environment": env}
        ours.sendall(json.dumps(told).encode() + b"\n")
        ours.recv(1)
        return kernel

    local_provisioner.launch_kernel = launch
    try:
        executed.cells(text)
    finally:
        ours.close()
        kernel.wait()


def _kernel(other: socket.socket, own: socket.socket) -> None:
    """Be the kernel that is asked for; nothing where none is."""
    from ipykernel.kernelapp import launch_new_instance

    other.close()
    os.setsid()
    asked = own.makefile().readline()
    if not asked:
        return
    told = json.loads(asked)
    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["folder"])
    sys.argv[:] = [*told["arguments"], f"--IPKernelApp.parent_handle={os.getppid()}"]
    del sys.path[0]
    os.cpu_count = lambda: 1
    own.sendall(b"!")
    launch_new_instance()


def main(workers: int) -> None:
    """Run all examples, so many at once."""
    executed.interpreter = warm
    # They are held on to: what is let go unwaited for, the next program that is started here waits for in our place.
    running: dict[int, Copy] = {}

    def one_ends() -> None:
        pid, status = os.wait()
        if pid in running:
            running.pop(pid).returncode = os.waitstatus_to_exitcode(status)

    for kind, text in jobs():
        load(kind)
        if len(running) >= workers:
            one_ends()
        copy = Copy(lambda kind=kind, text=text: run(kind, text))
        running[copy.pid] = copy
    while running:
        one_ends()


if __name__ == "__main__":
    main(int(sys.argv[1]))
