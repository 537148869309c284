"""Findings that are known and accepted: a TOML file with a reason and a date, and what became of them since."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unseen.auditing import all_checks
from unseen.errors import BadInput
from unseen.estimates.intervals.means import normal_quantile, two_sided_z
from unseen.estimates.testing.multiplicity import benjamini_hochberg
from unseen.files import write_atomically
from unseen.plain_text import names
from unseen.plain_text import value as shown
from unseen.report.baseline import alone, difference, key_of, signed

Document = dict[str, Any]
# An acceptance without a date would be for ever.
DAYS = 90
HEAD = """\
# Findings that are known and accepted. Audits that are given this file (accepted = "FILE" in [tool.unseen], or --accepted FILE)
# show them as accepted and do not fail for them, until one grows beyond what stands here or its date has passed.
# Take out the tables [[accepted]] of what you do not accept, or name what you do: --only CODE:SUBJECT.
version = 1
"""
NUMBERS = ("value", "low", "high")
KNOWN = ("code", "kind", "name", "reason", "expires", "effect", "statement", "level", *NUMBERS)


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted finding.

    Attributes:
        code: Code of its check.
        kind: Kind of its subject.
        name: Name of its subject.
        reason: Why it is accepted.
        expires: The last day on which it is.
        effect: Its size as a share of the score's range.
        estimate: Value, interval and level of then; None where the finding was a fact.
        statement: Its sentence, for readers of the file.
    """

    code: str
    kind: str
    name: str
    reason: str
    expires: dt.date
    effect: float
    estimate: Mapping[str, float] | None = None
    statement: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is told by."""
        return self.code, self.kind, self.name


@dataclass(frozen=True, slots=True)
class Accepted:
    """The entries of a file.

    Attributes:
        entries: Accepted findings.
        source: Name of the file.
    """

    entries: tuple[Entry, ...]
    source: str = ""


def read(path: str | Path, *, filled: bool = True) -> Accepted:
    """Read a file of accepted findings.

    Args:
        path: The file.
        filled: Whether every entry must have a reason.

    Raises:
        BadInput: The file is missing or malformed; the message names the entry, the value and what to do.
    """
    import tomllib

    path = Path(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file. Write one with: unseen audit LOGS --accept {path}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(f"{path}: not valid TOML ({shown(error)}).") from None
    unknown = sorted(set(document) - {"version", "accepted"})
    if unknown:
        raise BadInput(f"{path}: no key {shown(unknown[0])!r}; the file holds version and [[accepted]] entries.")
    if document.get("version") != 1 or isinstance(document.get("version"), bool):
        raise BadInput(f"{path}: version is {shown(document.get('version'))!r}, this version reads 1.")
    rows = document.get("accepted", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput(f"{path}: accepted must be a list of tables, each begun with [[accepted]].")
    entries = tuple(_entry(row, f"{path}, entry {n}", filled=filled) for n, row in enumerate(rows, 1))
    seen: dict[tuple[str, str, str], int] = {}
    for n, entry in enumerate(entries, 1):
        first = seen.setdefault(entry.key, n)
        if first != n:
            raise BadInput(
                f"{path}: entries {first} and {n} are both {entry.code} of {shown(entry.name)}. Leave one of them out."
            )
    return Accepted(entries, str(path))


def _entry(row: Mapping[str, Any], where: str, *, filled: bool) -> Entry:
    unknown = sorted(set(row) - set(KNOWN))
    if unknown:
        raise BadInput(f"{where}: no key {shown(unknown[0])!r}; the keys are {', '.join(KNOWN)}.")
    for name in ("code", "kind", "name", "reason"):
        if not isinstance(row.get(name), str):
            raise BadInput(f"{where}: {name} must be a text, got {shown(row.get(name))!r}.")
    where = f"{where} ({shown(row['code'], 10)} of {shown(row['name'], 60)})"
    if row["code"] not in all_checks():
        raise BadInput(f"{where}: {shown(row['code'], 20)!r} is no code of a check.")
    if filled and not row["reason"].strip():
        raise BadInput(f'{where}: has no reason. Write why it is accepted: reason = "…".')
    effect = _number(row.get("effect"), where, "effect")
    given = [name for name in NUMBERS if name in row]
    if given and len(given) < len(NUMBERS):
        raise BadInput(f"{where}: has {', '.join(given)} only; value, low and high go together.")
    estimate = {name: _number(row[name], where, name) for name in given}
    if estimate:
        estimate["level"] = _number(row.get("level", 0.95), where, "level")
        if not (estimate["low"] <= estimate["value"] <= estimate["high"] and 0 < estimate["level"] < 1):
            raise BadInput(f"{where}: needs low ≤ value ≤ high and a level between 0 and 1, got {dict(estimate)}.")
    return Entry(
        row["code"], row["kind"], row["name"], row["reason"], _date(row.get("expires"), where), effect, estimate or None,
        str(row.get("statement", "")),
    )  # fmt: skip


def _number(given: Any, where: str, name: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise BadInput(f"{where}: {name} must be a number, got {shown(given)!r}.")
    return float(given)


def _date(given: Any, where: str) -> dt.date:
    if isinstance(given, dt.datetime):
        return given.date()
    if isinstance(given, dt.date):
        return given
    try:
        return dt.date.fromisoformat(given)
    except (TypeError, ValueError):
        raise BadInput(f"{where}: expires must be a date, as in expires = 2027-01-31, got {shown(given)!r}.") from None


def taken(
    document: Mapping[str, Any], *, reason: str = "", expires: dt.date | None = None, today: dt.date | None = None,
    before: Accepted | None = None, only: Sequence[str] = (),
) -> Accepted:  # fmt: skip
    """Accept what a document has found.

    Args:
        document: The audit.
        reason: Why; left to be filled in where it is empty.
        expires: The last day; ``DAYS`` days from today by default.
        today: The day of today.
        before: A file that is written anew: its reasons and dates stay, where the finding is still there.
        only: Findings to accept, each as CODE or CODE:SUBJECT (any part of the subject's name); what ``before`` holds
            beside them stays as it is. All that is found where none is named.

    Raises:
        BadInput: Nothing that is found is called so.
    """
    last = expires or (today or dt.date.today()) + dt.timedelta(days=DAYS)
    known = {e.key: e for e in (before.entries if before else ())}
    found = [f for f in document["findings"] if f["outcome"] == "found"]
    entries: list[Entry] = []
    for f in _named(found, only) if only else found:
        e = f["estimate"] or {}
        whole = all(e.get(k) is not None for k in NUMBERS)
        numbers = {**{k: float(e[k]) for k in NUMBERS}, "level": float(e["level"])} if whole else None
        # What became of it since a baseline is no part of what is accepted: the file is read for months.
        said = alone(f if "accepted" not in f else {**f, "statement": f["accepted"]["statement"]})
        entry = Entry(
            f["code"],
            f["subject"]["kind"],
            f["subject"]["name"],
            reason,
            last,
            float(f["effect"] or 0.0),
            numbers,
            said,
        )
        old = known.get(entry.key)
        if old is not None:
            entry = replace(entry, reason=reason or old.reason, expires=expires or old.expires)
        entries.append(entry)
    new = {e.key: e for e in entries}
    return Accepted(tuple(({**known, **new} if only else new).values()))


def _named(found: Sequence[Mapping[str, Any]], only: Sequence[str]) -> list[Mapping[str, Any]]:
    """Findings that are named, in their order."""
    called = [(f["code"], f["subject"]["name"].casefold()) for f in found]
    taken: set[int] = set()
    for one in only:
        code, _, subject = one.partition(":")
        code, part = code.strip().upper(), subject.strip().casefold()
        own = [i for i, (c, name) in enumerate(called) if c == code and part in name]
        # A name that is meant whole is no part of longer ones.
        own = [i for i in own if called[i][1] == part] or own
        if not own:
            there = [f"{f['code']}:{f['subject']['name']}" for f in found]
            near = [t for t in there if t.startswith(f"{code}:")] or there
            raise BadInput(
                f"--only {shown(one)!r}: nothing of that name is found. Found is {names([repr(t) for t in near], 6)}."
                if near else f"--only {shown(one)!r}: nothing is found, so that there is nothing to accept."
            )  # fmt: skip
        taken |= {*own}
    return [found[i] for i in sorted(taken)]


def write(
    path: str | Path, document: Mapping[str, Any], *, reason: str = "", expires: dt.date | None = None,
    only: Sequence[str] = (),
) -> Accepted:  # fmt: skip
    """Accept what a document has found in a file; reasons and dates that it holds already stay.

    Args:
        path: The file.
        document: The audit.
        reason: Why; left to be filled in where it is empty.
        expires: The last day; ``DAYS`` days from today by default.
        only: As in ``taken``.

    Returns:
        What stands in the file now.

    Raises:
        BadInput: The file is there and malformed, or can't be written; or nothing that is found is called as ``only`` says.
    """
    path = Path(path)
    before = read(path, filled=False) if path.exists() else None
    made = replace(taken(document, reason=reason, expires=expires, before=before, only=only), source=str(path))
    write_atomically(path, to_toml(made))
    return made


def to_toml(accepted: Accepted) -> str:
    """The text of the file."""
    return HEAD + "".join("\n[[accepted]]\n" + "".join(_lines(entry)) for entry in accepted.entries)


def _lines(entry: Entry) -> Iterable[str]:
    todo = "" if entry.reason else "  # write why this is accepted"
    yield f"code = {_text(entry.code)}\n"
    yield f"kind = {_text(entry.kind)}\n"
    yield f"name = {_text(entry.name)}\n"
    yield f"reason = {_text(entry.reason)}{todo}\n"
    yield f"expires = {entry.expires.isoformat()}\n"
    yield f"effect = {entry.effect!r}\n"
    for name, number in (entry.estimate or {}).items():
        yield f"{name} = {float(number)!r}\n"
    yield f"statement = {_text(entry.statement)}\n"


def _text(words: str) -> str:
    # A JSON string is a basic string of TOML, but for the delete character.
    return json.dumps(words.encode("utf-8", "replace").decode(), ensure_ascii=False).replace("\x7f", "\\u007f")


def applied(document: Document, accepted: Accepted, *, today: dt.date | None = None) -> Document:
    """The document with what is accepted marked so: ``accepted.state`` is accepted, grown or expired.

    A finding has grown where its effect is larger by at least ``smallest_gap`` and the interval of the growth, as if the
    two audits were independent (Zou & Donner 2008), excludes zero, corrected over all accepted findings
    (Benjamini–Hochberg at the false discovery rate of the audit). Comparing the new value with the accepted upper limit
    instead would take one unchanged finding in twelve for grown: the new value has an error of its own. A fact, which
    has no interval, has grown where its effect has by at least ``smallest_gap``.

    Args:
        document: The audit.
        accepted: What is accepted.
        today: The day of today.
    """
    day = today or dt.date.today()
    entries = {e.key: e for e in accepted.entries}
    found = {key_of(f): f for f in document["findings"] if f["outcome"] == "found" and key_of(f) in entries}
    smallest, fdr = (float(document["settings"].get(k, d)) for k, d in (("smallest_gap", 0.02), ("fdr", 0.05)))
    grown = dict(zip(found, _grown([(entries[k], f) for k, f in found.items()], smallest, fdr), strict=True))
    findings = [
        _marked(f, entries[key_of(f)], grown[key_of(f)], day) if f["outcome"] == "found" and key_of(f) in found else f
        for f in document["findings"]
    ]
    asked = {key_of(f) for f in document["findings"]}
    gone = [
        {"code": e.code, "subject": {"kind": e.kind, "name": e.name}}
        for k, e in entries.items()
        if k in asked - set(found)
    ]
    states = [f["accepted"]["state"] for f in findings if "accepted" in f]
    counts = {state: states.count(state) for state in ("accepted", "grown", "expired")}
    return {
        **document,
        "findings": findings,
        "accepted": {"source": accepted.source, **counts, "no_longer_found": gone},
    }


def _grown(pairs: Sequence[tuple[Entry, Mapping[str, Any]]], smallest: float, fdr: float) -> list[bool]:
    """Whether each finding is larger than what was accepted, all of them corrected for together."""
    p_values = [growth_p(entry.estimate, f["estimate"]) for entry, f in pairs]
    tested = [p for p in p_values if p is not None]
    adjusted = iter(benjamini_hochberg(tested).tolist())
    larger = [float(f["effect"] or 0.0) - entry.effect >= smallest for entry, f in pairs]
    return [more and (p is None or next_p <= fdr) for more, p, next_p in _with(larger, p_values, adjusted)]


def _with(
    larger: list[bool], p_values: list[float | None], adjusted: Any
) -> Iterable[tuple[bool, float | None, float]]:
    for more, p in zip(larger, p_values, strict=True):
        yield more, p, 1.0 if p is None else next(adjusted)


def growth_p(then: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> float | None:
    """One-sided p-value that an estimate has not grown, from the two intervals; None where one has no number.

    >>> e = lambda v, h: {"value": v, "low": v - h, "high": v + h, "level": 0.95}
    >>> round(growth_p(e(0.1, 0.05), e(0.3, 0.05)), 5), growth_p(e(0.3, 0.05), e(0.3, 0.05))
    (0.0, 0.5)
    """
    change = difference({"estimate": then} if then else None, {"estimate": now})
    if change is None or then is None:
        return None
    reach = change["value"] - change["low"]
    if reach <= 0:
        return 0.0 if change["value"] > 0 else 1.0
    z = change["value"] / reach * normal_quantile((1 - float(then["level"])) / 2)
    tail = two_sided_z(z) / 2
    return tail if z >= 0 else 1 - tail


def _marked(finding: Mapping[str, Any], entry: Entry, grown: bool, today: dt.date) -> Document:
    state = "expired" if entry.expires < today else "grown" if grown else "accepted"
    then = None if entry.estimate is None else {**entry.estimate}
    change = difference({"estimate": then} if then else None, finding)
    growth = f" ({signed(change)} since)" if change else ""
    said = {
        "accepted": f"Accepted until {entry.expires}: {entry.reason}",
        "grown": f"It has grown beyond what was accepted{growth}: {entry.reason}",
        "expired": f"It was accepted until {entry.expires}, which has passed: {entry.reason}",
    }[state]
    return {
        **finding,
        "statement": f"{finding['statement']} {said.rstrip('.')}.",
        "accepted": {
            "state": state, "reason": entry.reason, "expires": entry.expires.isoformat(), "effect": entry.effect, "estimate": then,
            "growth": change, "statement": finding["statement"],
        },
    }  # fmt: skip


def beside(document: Mapping[str, Any]) -> str:
    """What became of the accepted findings, in one sentence; "" where none were given."""
    told = document.get("accepted")
    if told is None:
        return ""
    parts = [f"{told['accepted']:,} known and accepted"]
    parts += [f"{told[s]:,} {s}" for s in ("grown", "expired") if told[s]]
    gone = told["no_longer_found"]
    if gone:
        names = ", ".join(f"{g['code']} of {g['subject']['name']}" for g in gone[:3])
        parts.append(
            f"{len(gone):,} no longer found ({names}{' …' if len(gone) > 3 else ''}): take them out of {told['source']}"
        )
    return f"Of what {told['source']} accepts: {', '.join(parts)}."


__all__ = ["DAYS", "Accepted", "Entry", "applied", "beside", "growth_p", "read", "taken", "to_toml", "write"]
