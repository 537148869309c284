"""Values as strict JSON and as short text: no NaN, no library types, the same bytes for the same audit."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

import numpy as np

from unseen.checks.details.record import Record

_EASY = frozenset((type(None), bool, int, str))
# Of a number in a JSON report: sorting, comparing and adding up keep nine of them.
DIGITS = 10


def plain(value: Any) -> Any:
    """A value as what JSON knows: numbers that are finite, text, booleans, None, lists, objects with text keys.

    NaN and infinities become None; arrays, series and sets become lists (sets sorted); estimates and other data
    classes become objects; everything else becomes its text.

    >>> plain({"a": (1, float("nan")), 2: {"y", "x"}})
    {'a': [1, None], '2': ['x', 'y']}
    """
    # Reports hold hundreds of thousands of these: exact types first.
    if type(value) in _EASY:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else None
    if type(value) is dict:
        return {
            k if type(k) is str else str(k): v
            if (kind := type(v)) in _EASY or (kind is float and -inf < v < inf)
            else plain(v)
            for k, v in value.items()
        }
    if type(value) is list or type(value) is tuple:
        return [v if (kind := type(v)) in _EASY or (kind is float and -inf < v < inf) else plain(v) for v in value]
    if isinstance(value, Record):
        return value.plain(told=plain)
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return [plain(v) for v in sorted(value, key=str)]
    if hasattr(value, "to_dict") and dataclasses.is_dataclass(value):
        return plain(value.to_dict())  # pyright: ignore[reportAttributeAccessIssue]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    for name in ("to_dicts", "to_list"):  # polars frames and series
        if hasattr(value, name):
            return plain(getattr(value, name)())
    if isinstance(value, list | tuple) or (isinstance(value, Iterable) and not isinstance(value, bytes)):
        return [plain(v) for v in value]
    if isinstance(value, dt.date | dt.datetime | dt.time):
        return value.isoformat()
    return str(value)


def to_json(content: Any) -> str:
    r"""Plain data as strict JSON text; numbers to ten digits, enough to compute with, so that 0.1 + 0.2 reads 0.3.

    >>> to_json({"a": 1, "b": [0.1 + 0.2, 1e-300 / 3]})
    '{\n "a": 1,\n "b": [\n  0.3,\n  3.333333333e-301\n ]\n}\n'
    """
    return json.dumps(_rounded(content), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _rounded(content: Any) -> Any:
    if type(content) is float:
        # NaN and infinities are left to the encoder, which refuses them.
        return float(f"{content:.{DIGITS}g}")
    if isinstance(content, Mapping):
        return {key: value if type(value) in _EASY else _rounded(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [value if type(value) in _EASY else _rounded(value) for value in content]
    return content


def share(value: Any) -> float | None:
    """A probability or a share of the whole, held inside [0, 1]; None where there is none.

    >>> share(1.0000001), share(float("nan"))
    (1.0, None)
    """
    if type(value) is float and 0.0 <= value <= 1.0:
        return value
    known = plain(value)
    return None if known is None else min(1.0, max(0.0, float(known)))


def number(value: float | None, digits: int = 3) -> str:
    """A number for reading: ``digits`` decimals below 10, fewer above, thousands set apart; a dash where there is none.

    >>> number(0.12345), number(1234.4), number(7), number(None), number(-0.0001)
    ('0.123', '1,234', '7', '–', '0.000')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if float(value).is_integer() and (isinstance(value, int) or abs(value) >= 10):
        return f"{int(value):,}"
    size = abs(value)
    decimals = digits if size < 10 else 1 if size < 1000 else 0
    text = f"{value:,.{decimals}f}"
    return text[1:] if re.fullmatch(r"-0(\.0*)?", text) else text


def interval(estimate: Mapping[str, Any] | None) -> str:
    """Value and interval of an estimate: ``0.120 [0.050, 0.200]``; an end that is not finite is written ∞.

    >>> interval({"value": 0.12, "low": 0.05, "high": None})
    '0.120 [0.050, ∞]'
    """
    if not estimate:
        return ""
    low, high = estimate.get("low"), estimate.get("high")
    ends = f"{'-∞' if low is None else number(low)}, {'∞' if high is None else number(high)}"
    return f"{number(estimate.get('value'))} [{ends}]"


def chance(p: float | None) -> str:
    """A p- or q-value for reading.

    >>> chance(0.00001), chance(0.0312), chance(None)
    ('<0.001', '0.031', '–')
    """
    if p is None:
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def page(heading: str, sections: Iterable[tuple[str, str]], *, hanging: str = "  ") -> str:
    """A page of named sections, wrapped at 96 columns.

    Args:
        heading: First line.
        sections: Name and text; lines of the text are paragraphs.
        hanging: Indent of the further lines of a paragraph.

    >>> print(page("U101  gap", [("Needs", "scores")]))
    U101  gap
    <BLANKLINE>
    Needs
      scores
    """
    import textwrap

    lines = [heading, ""]
    for name, text in sections:
        lines.append(name)
        for paragraph in text.split("\n"):
            lines += textwrap.wrap(paragraph, 96, initial_indent="  ", subsequent_indent=hanging) or [""]
        lines.append("")
    return "\n".join(lines).rstrip()


def slug(text: str) -> str:
    """Text that can stand in an address: letters, digits and hyphens.

    >>> slug("U101 model a/b <c>")
    'u101-model-a-b-c'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80] or "x"


__all__ = ["chance", "interval", "number", "plain", "share", "slug"]
