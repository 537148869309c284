"""What readers share: factors from free-form records, content hashes, a choice among metrics."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.columns import ROLES, SPLITS

# Above this share of distinct values a text names its rows; it is no factor and only costs memory.
MAX_TEXT_SHARE = 0.5
MAX_TEXT = 200
# Metrics that mean "right or wrong", the plainest first; used where a log has several and the user named none.
PREFERRED = (
    "acc", "exact_match", "quasi_exact_match", "em", "accuracy", "acc_norm", "extractive_match", "pass@1", "f1",
    "f1_score", "mcc", "bleu", "rougeL", "rouge_l",
)  # fmt: skip
# Smaller is better for these, whatever the log says.
LOSSES = frozenset({
    "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "loss", "nll", "brier_score", "wer", "cer", "ter",
    "toxicity", "noise_sensitivity", "noise_sensitivity_relevant", "noise_sensitivity_irrelevant", "hallucination",
})  # fmt: skip


def content_key(*parts: Any) -> str:
    """A short hash of texts, whatever their white space.

    >>> content_key("2 + 2", "4") == content_key(" 2 +  2 ", "4")
    True
    """
    text = "\x1f".join(" ".join(str(p).split()) for p in parts if p is not None)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def text(value: Any) -> str | None:
    """A value as one text: lists of one become that one, chat messages their contents."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        if all(isinstance(m, dict) and "content" in m for m in value) and value:
            return "\n".join(
                filter(None, (text(m["content"]) for m in value if m.get("role") in (None, "user", "system")))
            )
        if all(isinstance(m, dict) and "text" in m for m in value) and value:
            return "\n".join(str(m["text"]) for m in value)
        return text(value[0]) if len(value) == 1 else "; ".join(text(v) or "" for v in value)
    if isinstance(value, dict):
        return text(value["text"]) if "text" in value else str(value)
    return str(value)


def softmax_max(logs: Sequence[float]) -> tuple[int, float]:
    """Index and probability of the likeliest of some log-probabilities, made to sum to one.

    >>> softmax_max([-1.0, -1.0])
    (0, 0.5)
    """
    top = max(logs)
    # Logs that are all -inf, or NaN, give no probability.
    return logs.index(top), 1.0 / sum(math.exp(v - top) for v in logs) if math.isfinite(top) else math.nan


class NoMetric(BadInput):
    """A log has no metric of the name that was asked for; another log may."""


def choose(found: Iterable[str], wanted: str | None) -> str | None:
    """The metric to read: the one asked for, else the plainest known one, else the first; None where it is not there."""
    names = list(found)
    if wanted is not None:
        return wanted if wanted in names else None
    return next((p for p in PREFERRED if p in names), names[0] if names else None)


def factor_columns(
    records: Sequence[Mapping[str, Any]], keep: Iterable[str] = (), prefix: str = "doc_"
) -> dict[str, pl.Series]:
    """Columns from free-form records: scalars and lists of texts that group rows.

    Texts that differ in most records and nested objects are left out, unless they are named in ``keep``.

    Args:
        records: One mapping a row; keys may be missing.
        keep: Names that the user asked for.
        prefix: Put before a name that has a meaning of its own here (a field called ``score``).

    >>> list(factor_columns([{"site": "a", "text": "x"}, {"site": "a", "text": "y"}, {"site": "b", "text": "z"}]))
    ['site']
    """
    wanted = set(keep)
    names = dict.fromkeys(name for record in records for name in record)
    columns: dict[str, pl.Series] = {}
    for name in names:
        values = [record.get(name) for record in records]
        public = f"{prefix}{name}" if name in ROLES and not (name == "split" and _says_sides(values)) else str(name)
        series = _factor_column(public, values, wanted=bool({name, public} & wanted))
        if series is not None:
            columns[public] = series
    return columns


def _says_sides(values: list[Any]) -> bool:
    """Whether a field called ``split`` means what our column of that name does, not a part of a data set ("test")."""
    held = {v for v in values if v is not None} if all(v is None or isinstance(v, str) for v in values) else set[Any]()
    return bool(held & {"seen", "unseen"}) and held <= {*SPLITS}


def _factor_column(name: str, values: list[Any], *, wanted: bool) -> pl.Series | None:
    # An integer beyond 64 bits is a name, not a number.
    values = [str(v) if isinstance(v, int) and abs(v) >= 2**63 else v for v in values]
    types = {type(v) for v in values if v is not None}
    if not types:
        return None
    if types <= {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if types <= {int, float, bool}:
        return pl.Series(
            name, [None if v is None else float(v) for v in values] if types != {int} else values, strict=False
        )
    if types <= {list}:
        lists = [None if v is None else [str(e) for e in v] for v in values]
        if any(isinstance(e, list | dict) for v in values for e in v or ()):
            return None
        distinct = {e for v in lists for e in v or ()}
        # Choices and passages are lists too, but their elements hardly ever come back.
        total = sum(len(v or ()) for v in lists)
        return (
            pl.Series(name, lists, dtype=pl.List(pl.String)) if wanted or len(distinct) <= max(2, total / 3) else None
        )
    if types & {dict, list} and not wanted:
        return None
    texts = [None if v is None else str(v) for v in values]
    present = [t for t in texts if t is not None]
    levels = set(present)
    if not wanted and (len(levels) > max(2, MAX_TEXT_SHARE * len(present)) or any(len(t) > MAX_TEXT for t in levels)):
        return None
    return pl.Series(name, texts, dtype=pl.String)


def listed(names: Iterable[str], limit: int = 6) -> str:
    """Names for a sentence, shortened."""
    all_names = list(names)
    return ", ".join(all_names[:limit]) + (f" and {len(all_names) - limit} more" if len(all_names) > limit else "")


__all__ = ["LOSSES", "PREFERRED", "choose", "content_key", "factor_columns", "listed", "softmax_max", "text"]
