"""A hash of all code that a piece of work runs: what is kept under it is not taken for the work of other code."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

PACKAGE = "unseen"


@lru_cache(maxsize=64)
def code_hash(*modules: str) -> str:
    """Hash of modules of the project and of all that they import of it, directly or not.

    Comments, docstrings and layout play no part; imports inside functions count.

    Args:
        modules: Full names.

    >>> code_hash("unseen.errors") == code_hash("unseen.errors"), len(code_hash("unseen.errors"))
    (True, 32)
    """
    hasher = hashlib.blake2b(digest_size=16)
    for name in sorted(imported_by(*modules)):
        hasher.update(f"{name}:{_digest(name)};".encode())
    return hasher.hexdigest()


def imported_by(*modules: str) -> set[str]:
    """The modules and all modules of the project that they import, directly or not.

    >>> sorted(imported_by("unseen.files"))
    ['unseen.errors', 'unseen.files']
    """
    found, left = set[str](), list(modules)
    while left:
        name = left.pop()
        if name not in found and _source(name) is not None:
            found.add(name)
            left += _imports(name)
    return found


@lru_cache(maxsize=1024)
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


@lru_cache(maxsize=1024)
def _tree(module: str) -> ast.Module:
    return ast.parse(_source(module) or "")


@lru_cache(maxsize=1024)
def _imports(module: str) -> tuple[str, ...]:
    return tuple(_named_in(_tree(module)))


def _named_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@lru_cache(maxsize=1024)
def _digest(module: str) -> str:
    tree = ast.parse(_source(module) or "")
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.blake2b(ast.dump(tree).encode(), digest_size=16).hexdigest()


__all__ = ["code_hash", "imported_by"]
