"""A hash of all code that a piece of work runs: what is kept under it is not taken for the work of other code."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from unseen.engine.store import default_folder
from unseen.errors import BadInput
from unseen.files import write_atomically

PACKAGE = "unseen"


@lru_cache(maxsize=512)
def code_hash(*modules: str, without: tuple[str, ...] = ()) -> str:
    """Hash of modules of the project and of all that they import of it, directly or not.

    Comments, docstrings and layout play no part; imports inside functions count.

    Args:
        modules: Full names.
        without: Modules left out, with what only they import: those whose part in the result is known otherwise.

    >>> code_hash("unseen.errors") == code_hash("unseen.errors"), len(code_hash("unseen.errors"))
    (True, 32)
    """
    hasher = hashlib.blake2b(digest_size=16)
    for name in sorted(imported_by(*modules, without=without)):
        hasher.update(f"{name}:{_digest(name)};".encode())
    _keep()
    return hasher.hexdigest()


def imported_by(*modules: str, without: tuple[str, ...] = ()) -> set[str]:
    """The modules and all modules of the project that they import, directly or not, without those named.

    >>> sorted(imported_by("unseen.files"))
    ['unseen.errors', 'unseen.files']
    """
    found, left = set[str](), list(modules)
    while left:
        name = left.pop()
        if name not in found and name not in without and _source(name) is not None:
            found.add(name)
            left += _imports(name)
    return found


@lru_cache(maxsize=4096)
def _source(module: str) -> str | None:
    parts = module.split(".")
    # The package's own front only hands names on, and would draw in everything.
    if parts[0] != PACKAGE or len(parts) < 2:
        return None
    places = (
        files(PACKAGE).joinpath(*parts[1:], "__init__.py"),
        files(PACKAGE).joinpath(*parts[1:-1], f"{parts[-1]}.py"),
    )
    return next((place.read_text(encoding="utf-8") for place in places if place.is_file()), None)


def _imports(module: str) -> list[str]:
    return _facts(module)[1]


def _digest(module: str) -> str:
    return _facts(module)[0]


@lru_cache(maxsize=4096)
def _facts(module: str) -> tuple[str, list[str]]:
    """Digest of a module's syntax tree and the names that it imports; kept by content, since parsing is slow."""
    source = _source(module) or ""
    key = hashlib.blake2b(source.encode(), digest_size=16).hexdigest()
    known = _known().get(key)
    if isinstance(known, list) and len(known) == 2 and isinstance(known[0], str) and isinstance(known[1], list):
        return known[0], [str(name) for name in known[1]]
    tree = ast.parse(source)
    imports = list(_named_in(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    digest = hashlib.blake2b(ast.dump(tree).encode(), digest_size=16).hexdigest()
    _known()[key] = [digest, imports]
    _new.append(key)
    return digest, imports


_new: list[str] = []


def _place() -> Path:
    # Syntax trees differ between versions of Python.
    return default_folder() / f"sources-{sys.version_info.major}.{sys.version_info.minor}.json"


@cache
def _known() -> dict[str, Any]:
    try:
        kept = json.loads(_place().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep() -> None:
    if _new:
        _new.clear()
        with contextlib.suppress(OSError, BadInput):
            _place().parent.mkdir(parents=True, exist_ok=True)
            write_atomically(_place(), json.dumps(_known()))


def _named_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


__all__ = ["code_hash", "imported_by"]
