"""Whether a JSON document is a report of ours, node by node, before anything is made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from unseen.errors import BadInput
from unseen.plain_text import value as shown

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float), "null": (type(None),),
    "boolean": (bool,),
}  # fmt: skip


@cache
def schema() -> dict[str, Any]:
    """The schema of an audit's document, as it is delivered."""
    return json.loads((Path(__file__).parent / "schema.json").read_text(encoding="utf-8"))


def fault(document: Any) -> str:
    """What is wrong with an audit's document, with the place; "" where nothing is.

    Only what the schema says of types, required keys and allowed words is looked at: enough to read the document.

    >>> fault({"schema_version": 2})
    "'unseen_version' is missing"
    """
    return _fault(document, schema(), "")


def load(path: str | Path) -> dict[str, Any]:
    """Read a JSON report back.

    Raises:
        BadInput: It is not a report of a known schema version.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise BadInput(
            f"{path}: can't be read as a report (it nests too deeply). Write one with --format json."
        ) from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise BadInput(f"{path}: can't be read as a report ({error}). Write one with --format json.") from None
    return checked(document, str(path))


def checked(document: Any, where: str) -> dict[str, Any]:
    """A document that is a report of ours.

    Args:
        document: What was read.
        where: Its name in messages.

    Raises:
        BadInput: It is none, or of another version.
    """
    from unseen.report import improvement
    from unseen.report import plan as plans

    kinds = {"improvement": improvement.SCHEMA_VERSION, "plan": plans.SCHEMA_VERSION}
    own = schema()["properties"]["schema_version"]["const"]
    known = isinstance(document, dict)
    version = document.get("schema_version") if known else None
    kind = str(document.get("kind")) if known else ""
    reads = kinds.get(kind, own)
    if version != reads or isinstance(version, bool):
        raise BadInput(
            f"{where}: schema_version is {version!r}, this version reads {reads}. Write the report again with --format json."
        )
    told = "" if kind in kinds else fault(document)
    if told:
        raise BadInput(f"{where}: is no report of unseen: {told}. Write the report again with --format json.")
    return document


def _fault(node: Any, rule: Mapping[str, Any], place: str) -> str:
    if "$ref" in rule:
        rule = {**schema()["$defs"][rule["$ref"].rsplit("/", 1)[1]], **{k: v for k, v in rule.items() if k != "$ref"}}
    if "oneOf" in rule or "anyOf" in rule:
        found = [_fault(node, option, place) for option in rule.get("oneOf") or rule["anyOf"]]
        # The last one is told: the first of ours is always null.
        return "" if "" in found else found[-1]
    named = rule.get("type", [])
    allowed = [named] if isinstance(named, str) else named
    at = place or "the document"
    if allowed and not any(_is(node, name) for name in allowed):
        return f"{at} is {shown(repr(node), 60)}, not {' or '.join(allowed)}"
    if "enum" in rule and node not in rule["enum"]:
        return f"{at} is {shown(repr(node), 60)}, not one of {', '.join(map(str, rule['enum']))}"
    if "pattern" in rule and isinstance(node, str) and not re.search(rule["pattern"], node):
        return f"{at} is {shown(repr(node), 60)}, which is not written so"
    if isinstance(node, dict):
        return _object_fault(node, rule, place)
    if isinstance(node, list) and "items" in rule:
        faults = (_fault(part, rule["items"], f"{place}[{i}]") for i, part in enumerate(node))
        return next((f for f in faults if f), "")
    return ""


def _object_fault(node: dict[str, Any], rule: Mapping[str, Any], place: str) -> str:
    lacking = next((name for name in rule.get("required", ()) if name not in node), None)
    if lacking is not None:
        return f"{f'{place}.{lacking}' if place else repr(lacking)} is missing"
    other = rule.get("additionalProperties")
    for name, part in node.items():
        inner = rule.get("properties", {}).get(name, other if isinstance(other, Mapping) else {})
        told = _fault(part, inner, f"{place}.{shown(name, 60)}" if place else shown(name, 60))
        if told:
            return told
    return ""


def _is(node: Any, name: str) -> bool:
    # True is a whole number to Python, and none to JSON.
    return isinstance(node, TYPES[name]) and (name == "boolean" or not isinstance(node, bool))


__all__ = ["checked", "fault", "load", "schema"]
