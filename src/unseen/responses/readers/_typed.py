"""Nodes of a log in the type that its format says, or an error that names the place; never a guess, never a traceback."""

from __future__ import annotations

from typing import Any

from unseen.errors import BadInput
from unseen.plain_text import value as shown

MAX_SHOWN = 60


def as_object(node: Any, what: str, where: str) -> dict[str, Any]:
    """An object; a missing one is empty.

    Args:
        node: What the log holds.
        what: Its name in the log.
        where: File, and line, sample or entry.

    Raises:
        BadInput: It is something else.

    >>> as_object([1], "metadata", "x.json, sample 3")
    Traceback (most recent call last):
    ...
    unseen.errors.BadInput: x.json, sample 3: metadata is [1], not an object ({…}).
    """
    if node is None or isinstance(node, dict):
        return node or {}
    raise BadInput(f"{where}: {what} is {_quoted(node)}, not an object ({{…}}).")


def as_list(node: Any, what: str, where: str) -> list[Any]:
    """A list; a missing one is empty.

    Raises:
        BadInput: It is something else.
    """
    if node is None or isinstance(node, list):
        return node or []
    raise BadInput(f"{where}: {what} is {_quoted(node)}, not a list.")


def as_number(node: Any, what: str, where: str, hint: str = "") -> float | None:
    """A number or a truth value as a float; missing is None.

    Raises:
        BadInput: It is something else, or a whole number beyond 10**308.
    """
    if node is None:
        return None
    if isinstance(node, bool | int | float):
        try:
            return float(node)
        except OverflowError:
            raise BadInput(f"{where}: {what} is a number of {len(str(node))} digits, too large to work with.") from None
    raise BadInput(f"{where}: {what} is {_quoted(node)}, not a number.{' ' + hint if hint else ''}")


def as_name(node: Any, what: str, where: str) -> str:
    """A name that a log writes as a text or a number.

    Raises:
        BadInput: It is missing or something else.
    """
    if isinstance(node, str) or (isinstance(node, int | float) and not isinstance(node, bool)):
        return str(node)
    raise BadInput(f"{where}: {what} is {_quoted(node)}, not a name.")


def object_or_empty(node: Any) -> dict[str, Any]:
    """An object, or an empty one for anything else: for what is no answer and may be left out."""
    return node if isinstance(node, dict) else {}


def list_or_empty(node: Any) -> list[Any]:
    """A list, or an empty one for anything else."""
    return node if isinstance(node, list) else []


def text_or_none(node: Any) -> str | None:
    """A text, or None for anything else."""
    return node if isinstance(node, str) else None


def _quoted(node: Any) -> str:
    return "missing" if node is None else shown(repr(node), MAX_SHOWN)


__all__ = ["as_list", "as_name", "as_number", "as_object", "list_or_empty", "object_or_empty", "text_or_none"]
