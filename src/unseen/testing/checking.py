"""Fail a test where an audit has found what must not be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from unseen.checks.registry import codes_in, selected
from unseen.errors import BadInput
from unseen.plain_text import counted, line
from unseen.report.failing import UNDECIDED, failures, unasked

# Findings beyond these are counted in the message.
TOLD = 10


def check(audit: Any, fail_on: str | Iterable[str] = "U", *, fail_gap: float | None = None) -> None:
    """Raise an AssertionError where the audit has found what must not be there.

    Args:
        audit: What ``unseen.audit`` returned, or its document.
        fail_on: Codes or prefixes that fail when found ("U1,U501"), all by default; with the word ``undecided``, also where
            they are left open. Accepted findings pass until they grow or expire.
        fail_gap: Only effects of at least this size fail, as a share of the score's range.

    Raises:
        AssertionError: With the sentence and the next step of each finding; or a check named by its whole code judged nothing.
        BadInput: A code does not exist.

    >>> import unseen
    >>> right = [1] * 40 + [0] * 40
    >>> rows = {"model": "m", "item": range(80), "score": right, "split": ["seen"] * 40 + ["unseen"] * 40}
    >>> check(unseen.audit(rows, select="U101"), fail_on="U5")
    >>> check(unseen.audit(rows, select="U101"), fail_on="U101")
    Traceback (most recent call last):
    ...
    AssertionError: 1 finding that must not be there:
    U101 m: m scores 1.00 ...
    """
    __tracebackhide__ = True
    codes = tuple(UNDECIDED if code.upper() == UNDECIDED else code for code in codes_in(fail_on))
    selected([c for c in codes if c != UNDECIDED])
    document = getattr(audit, "document", audit)
    if not isinstance(document, Mapping) or "findings" not in document:
        raise BadInput(f"check needs what unseen.audit returned, or its document; got {type(audit).__name__}.")
    failed, missing = failures(document, codes, fail_gap), unasked(document, codes)
    told = [f"{counted(len(failed), 'finding')} that must not be there:"] if failed else []
    told += [_told(f) for f in failed[:TOLD]]
    more = len(failed) - TOLD
    if more > 0:
        told.append(f"… and {more:,} more.")
    # What no gate holds for comes last: a finding must not hide behind it.
    told += [line(sentence) for sentence in missing]
    if told:
        raise AssertionError("\n".join(told))


def _told(finding: Mapping[str, Any]) -> str:
    left = " (undecided)" if finding["outcome"] == "undecided" else ""
    return line(
        f"{finding['code']} {finding['subject']['name']}{left}: {finding['statement']} Next: {finding['next_step']}"
    )


__all__ = ["check"]
