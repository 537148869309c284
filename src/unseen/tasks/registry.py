"""Finds the tasks: every final subclass of Task in the modules of this package, each module read on its own."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any

from unseen.engine.plugins import plugins
from unseen.errors import BadInput
from unseen.tasks.base import Task, near


@cache
def _found() -> tuple[dict[str, type[Task]], dict[str, str]]:
    import unseen.tasks as package

    classes: dict[str, type[Task]] = {}
    broken: dict[str, str] = {}
    for family in sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.ispkg):
        names = [f"{package.__name__}.{family}"]
        try:
            path = importlib.import_module(names[0]).__path__
        except Exception as error:
            broken[names[0]] = repr(error)
            continue
        names += sorted(f"{names[0]}.{m.name}" for m in pkgutil.iter_modules(path))
        for module_name in names:
            # One file that can't be imported (an optional package, a mistake) must not hide the others.
            try:
                module = importlib.import_module(module_name)
            except Exception as error:
                broken[module_name] = repr(error)
                continue
            for value in vars(module).values():
                if (
                    isinstance(value, type)
                    and issubclass(value, Task)
                    and value.__module__ == module_name
                    and "name" in vars(value)
                    and not inspect.isabstract(value)
                ):
                    classes[value.name] = value
    for plugin in plugins("task"):
        value = plugin.value
        if not (isinstance(value, type) and issubclass(value, Task)) or inspect.isabstract(value):
            broken[f"{plugin.name} of {plugin.package}"] = "it is no final subclass of unseen.tasks.Task"
        elif value.name in classes:
            broken[f"{plugin.name} of {plugin.package}"] = f"there is a task {value.name!r} already"
        else:
            classes[value.name] = value
    return classes, broken


def names() -> list[str]:
    """Names of all tasks, sorted.

    >>> "parity-check" in names()
    True
    """
    return sorted(_found()[0])


def broken() -> dict[str, str]:
    """Task modules that could not be imported, with the reason."""
    return dict(_found()[1])


def task_class(name: str) -> type[Task]:
    """The class of a task by its name.

    Raises:
        BadInput: No task has this name; near names and unreadable modules are told.
    """
    classes, unreadable = _found()
    if name not in classes:
        missing = f" Not readable: {', '.join(f'{m} ({why})' for m, why in unreadable.items())}." if unreadable else ""
        raise BadInput(f"no task {name!r}{near(name, classes)}; `unseen task list` shows all {len(classes)}.{missing}")
    return classes[name]


def load(name: str, **settings: Any) -> Task:
    """A task by its name.

    Args:
        name: One of ``names()``.
        **settings: What fixes the task itself, as listed in its ``settings`` (a modulus, a number of entities).

    Raises:
        BadInput: An unknown task or setting; near names are told.

    >>> load("parity-check").draw(0, length=4).factors["length"]
    4
    """
    if name.startswith("reasoning-gym:"):
        from unseen.tasks.reasoning_gym import ReasoningGym

        return ReasoningGym(name.removeprefix("reasoning-gym:"), **settings)
    if name.startswith("bigbench:"):
        from unseen.tasks.bigbench import BigBench

        return BigBench(name.removeprefix("bigbench:"), **settings)
    return task_class(name)(**settings)


def family(name: str) -> str:
    """The family (strings, arithmetic, logic, …) of a task; the package of one that is not ours.

    >>> family("parity-check")
    'strings'
    """
    if name.startswith(("reasoning-gym:", "bigbench:")):
        return name.partition(":")[0]
    found = task_class(name)
    known = {plugin.value: plugin.package for plugin in plugins("task")}
    return known.get(found) or found.__module__.split(".")[2]
