"""Two audits compared: the change of each model (U705), and findings that got worse."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unseen.auditing import CHANGE
from unseen.errors import BadInput, UnseenError
from unseen.plain_text import counted
from unseen.report import stored
from unseen.report.plain import interval
from unseen.responses import Responses
from unseen.responses.kept import KeptScores

Finding = Mapping[str, Any]
# Outcomes that are no answer, and how that is said.
OPEN = {"undecided": "is undecided", "not_applicable": "can't be judged"}
BEFORE = {"clear": "was clear", "undecided": "was undecided", "not_applicable": "could not be judged"}


# A report begins with its version, as a number; logs of other tools write theirs as a text.
MARK = re.compile(r'"unseen_version"|"schema_version"\s*:\s*(\d|true|false|null)')
PEEKED = 4096
# What ``_marked`` adds to a statement.
ADDED = re.compile(
    r" (?:It was clear in the baseline and |The baseline (?:does not have it|did not ask this)\.$|In the baseline it |"
    r"It grew since the baseline).*$",
    re.DOTALL,
)


@dataclass(frozen=True)
class Baseline:
    """What an audit is compared with.

    Attributes:
        document: The earlier report; that of a log is made by the same audit.
        scores: Scores per item; without items where the report keeps none.
    """

    document: Mapping[str, Any]
    scores: KeptScores


def resolve(
    given: Any, *, read: Callable[[Any], Responses], audited: Callable[[Responses], Mapping[str, Any]],
    name: str = "the baseline",
) -> Baseline:  # fmt: skip
    """A baseline from whatever was given.

    Args:
        given: A report (path, document or audit), or answers: a path, folder or glob of logs, a data frame, responses.
        read: Reads what is no report.
        audited: The document of the same audit of other answers.
        name: What it is called in messages.

    Raises:
        BadInput: It can't be read; the message says why.
    """
    document: Any = getattr(given, "document", None)
    if document is None and isinstance(given, Mapping) and "findings" in given:
        document = stored.checked(given, name)
    if document is None and isinstance(given, str | Path) and is_report(given):
        document = stored.load(given)
    if document is None:
        try:
            document = audited(read(given))
        except UnseenError as error:
            # Only a path may be either of the two.
            either = " can't be read as a report, nor as a log" if isinstance(given, str | Path) else ""
            raise BadInput(f"{name}{either}: {error}") from error
    if "findings" not in document:
        raise BadInput(f"{given}: is the report of a plan or of a search for remedies. A baseline is that of an audit.")
    kept = document.get("kept")
    where = str(given) if isinstance(given, str | Path) else name
    return Baseline(document, KeptScores.nothing() if kept is None else KeptScores.from_plain(kept, where))


def is_report(path: str | Path) -> bool:
    """Whether a file is a JSON report of ours, seen from its beginning, or whole where its keys were sorted."""
    path = Path(path)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(PEEKED).decode("utf-8", "replace")
    if not head.lstrip("\ufeff \n\r\t").startswith("{"):
        return False
    if MARK.search(head):
        return True
    if path.suffix.lower() != ".json":
        return False
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError):
        return False
    return isinstance(whole, dict) and {"findings", "families"} <= set(whole)


def worse(
    old: Sequence[Finding], new: Sequence[Finding], smallest: float, models: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Findings of the new audit that are worse than in the old one, with the difference in words and in details.

    A finding is worse where it was not found before, or where it was and its effect grew by at least ``smallest``; in both
    cases the interval of the change excludes zero, where there is one: another number of tests, or noise, moves a finding
    over a threshold too. It is worse where it was clear and is open now. What is said of models that the baseline does not
    have is new, not worse.

    Args:
        old: Findings of the earlier document.
        new: Findings of the later one.
        smallest: Growth of the effect (a share of the score's range) that is worth reporting.
        models: Models of the earlier audit; None where that is not known.
    """
    before = {key_of(f): f for f in old}
    strangers = (lambda f: False) if models is None else _about_others(frozenset(models))
    asked = {f["code"] for f in old}
    told = ((f, _change(before.get(key_of(f)), f, smallest, asked)) for f in new if not strangers(f))
    return [_marked(f, *change) for f, change in told if change is not None]


def difference(old: Finding | None, new: Finding) -> dict[str, float] | None:
    """New minus old value with an interval, as if the two audits were independent; None where one has no number.

    The same items in both make the true interval narrower: the rule errs towards not reporting.

    Source: Zou & Donner (2008), Construction of confidence limits about effect measures (MOVER).

    >>> e = lambda v, l, h: {"estimate": {"value": v, "low": l, "high": h}}
    >>> {k: round(v, 3) for k, v in difference(e(0.1, 0.06, 0.14), e(0.3, 0.27, 0.33)).items()}
    {'value': 0.2, 'low': 0.15, 'high': 0.25}
    """
    a, b = (old or {}).get("estimate"), new.get("estimate")
    if not a or not b or any(e[k] is None for e in (a, b) for k in ("value", "low", "high")):
        return None
    change = b["value"] - a["value"]
    return {
        "value": change,
        "low": change - math.hypot(b["value"] - b["low"], a["high"] - a["value"]),
        "high": change + math.hypot(b["high"] - b["value"], a["value"] - a["low"]),
    }


def _about_others(models: frozenset[str]) -> Callable[[Finding], bool]:
    """Whether a finding is about other models than these alone."""

    def others(finding: Finding) -> bool:
        about = (finding.get("blames") or {}).get("models") or [finding["details"].get("model")]
        named = {m for m in about if isinstance(m, str)}
        return bool(named) and not named & models

    return others


def key_of(finding: Finding) -> tuple[str, str, str]:
    """What a finding is told by from one audit to the next: code, kind and name of its subject."""
    return finding["code"], finding["subject"]["kind"], finding["subject"]["name"]


def _change(
    old: Finding | None, new: Finding, smallest: float, asked: Collection[str]
) -> tuple[str, dict[str, Any]] | None:
    """What to say of the change and the data behind it; None where nothing got worse. ``asked``: codes of the baseline."""
    is_open = new["outcome"] in OPEN
    if new["outcome"] == "clear" or (is_open and (old or {}).get("outcome") != "clear"):
        return None
    record: dict[str, Any] = {
        "outcome": None if old is None else old["outcome"],
        "estimate": None if old is None else old["estimate"],
        "effect": None if old is None else old["effect"],
        "difference": difference(old, new),
    }
    if is_open:
        return f"It was clear in the baseline and {OPEN[new['outcome']]} now.", record
    if old is None:
        # An audit of fewer checks (--select) can't tell whether this is new.
        return "The baseline does not have it." if new["code"] in asked else "The baseline did not ask this.", record
    if old["outcome"] != "found":
        moved = record["difference"]
        if moved is not None and moved["low"] <= 0.0 <= moved["high"]:
            return None
        said = BEFORE[old["outcome"]]
        return f"In the baseline it {said}{_numbers(old, record)}.", record
    grown = (new["effect"] or 0.0) - (old["effect"] or 0.0)
    change = record["difference"]
    if grown < smallest or (change is not None and change["low"] <= 0.0 <= change["high"]):
        return None
    return f"It grew since the baseline{_numbers(old, record)}.", record


def _numbers(old: Finding, record: Mapping[str, Any]) -> str:
    change = record["difference"]
    if change is None:
        return ""
    return f": {interval(old['estimate'])} then, a change of {'+' if change['value'] > 0 else ''}{interval(change)}"


def _marked(finding: Finding, words: str, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **finding,
        "statement": f"{finding['statement']} {words}",
        "details": {**finding["details"], "baseline": dict(record)},
    }


def alone(finding: Finding) -> str:
    """What a finding says by itself, without what an audit with a baseline adds of then and now.

    >>> alone({"statement": "m loses 0.2. The baseline does not have it.", "details": {"baseline": {}}})
    'm loses 0.2.'
    """
    said = str(finding["statement"])
    return ADDED.sub("", said) if "baseline" in finding["details"] else said


def changes(document: Mapping[str, Any]) -> list[Finding]:
    """The change of each model over all shared items, the heaviest loss first; empty without a baseline."""
    own = [
        f for f in document["findings"] if f["code"] == CHANGE and f["details"].get("side") == "all" and f["estimate"]
    ]
    return sorted(own, key=lambda f: (f["outcome"] != "found", -f["estimate"]["value"]))


def sides(document: Mapping[str, Any], model: str) -> dict[str, Finding]:
    """The change of a model on seen and on unseen items, where each was compared."""
    own = (
        f for f in document["findings"] if f["code"] == CHANGE and f["details"].get("model") == model and f["estimate"]
    )
    return {f["details"]["side"]: f for f in own if f["details"]["side"] != "all"}


def lead(document: Mapping[str, Any]) -> str:
    """What became of the models since the baseline, in one sentence; "" where no scores were compared."""
    told = changes(document)
    if not told:
        return ""
    fell = [f for f in told if f["outcome"] == "found"]
    scores = document.get("scores") or {}
    fallen = f"got a higher {scores.get('measure') or 'loss'}" if scores.get("lower") else "lost score"
    first = (fell or told)[0]
    d = first["details"]
    number = f"{d['then']:.2f} then, {d['now']:.2f} now ({signed(d['change'])} on {d['items']:,} shared items)"
    if fell:
        whole = "Both" if len(told) == 2 else f"All {len(told)}"
        lost = f"{whole if len(fell) == len(told) else f'{len(fell)} of {len(told)}'} models {fallen}"
        if len(told) == 1:
            return f"{d['model']} {fallen} since the baseline: {number}."
        return f"{lost} since the baseline. {d['model']}: {number}."
    rose = [f for f in told if f["estimate"]["high"] is not None and f["estimate"]["high"] < 0]
    gains = f", {len(rose)} gained" if rose else ""
    open_ = sum(f["outcome"] == "undecided" for f in told)
    unsure = (
        f"; for {open_} of them a {'rise' if scores.get('lower') else 'loss'} that matters is not excluded"
        if open_
        else ""
    )
    return f"No model is shown to have {fallen} since the baseline ({len(told)} compared{gains}){unsure}."


def headings(document: Mapping[str, Any]) -> tuple[str, ...]:
    """What the cells of ``rows`` are called."""
    turned = ("→ wrong", "→ right") if of_right_and_wrong(document) else ("→ worse", "→ better")
    return (*HEADINGS[:6], *turned, HEADINGS[-1])


def of_right_and_wrong(document: Mapping[str, Any]) -> bool:
    """Whether answers are right or wrong, and not better or worse: a score of 0 and 1 that is no error.

    >>> of_right_and_wrong({}), of_right_and_wrong({"responses": {"score": {"kind": "bounded", "graded": True}}})
    (True, False)
    """
    score = (document.get("responses") or {}).get("score") or {}
    return not (document.get("scores") or {}).get("lower") and not score.get("graded")


HEADINGS = ("model", "then", "now", "change", "on seen", "on unseen", "→ wrong", "→ right", "since")


def rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The change of each model as cells under ``headings``; the last cell says what it came to."""
    told: list[tuple[str, ...]] = []
    for f in changes(document):
        d, own = f["details"], sides(document, f["details"]["model"])
        parts = (signed(own[s]["details"]["change"]) if s in own else "–" for s in ("seen", "unseen"))
        told.append(
            (
                d["model"] if d["model"] == d["was"] else f"{d['model']} (was {d['was']})", f"{d['then']:.3f}",
                f"{d['now']:.3f}", signed(d["change"]), *parts, f"{d['to_wrong']:,}", f"{d['to_right']:,}",
                _came_to(f),
            )
        )  # fmt: skip
    return told


def _sign(document: Mapping[str, Any]) -> float:
    """-1 where scores are the negative of a loss, which is what users know, else 1."""
    return -1.0 if (document.get("scores") or {}).get("lower") and "learner" not in document else 1.0


def _moved(change: Mapping[str, Any], sign: float) -> str:
    """A change with its sign and interval, in the unit that users know."""
    if sign > 0:
        return signed(change)
    ends = {"low": change["high"], "high": change["low"], "value": change["value"]}
    return signed({name: None if end is None else -end for name, end in ends.items()})


def of_stories(document: Mapping[str, Any]) -> list[str]:
    """The change of each model on the rows of each story; not tested, since these answers chose the rows."""
    told: list[str] = []
    for story in document.get("stories", ()):
        since = sorted(story.get("since", ()), key=lambda one: one["change"]["value"])
        sure = [one for one in since if one["change"]["low"] > 0 or one["change"]["high"] < 0]
        if sure:
            parts = [f"{one['model']} {_moved(one['change'], _sign(document))}" for one in sure[:3]]
            rest = len(since) - len(parts)
            parts += (
                [f"{counted(rest, 'other')} not beyond chance" if len(sure) <= 3 else f"and {rest:,} more"]
                if rest
                else []
            )
            told.append(f"{story['title']}, since the baseline: {', '.join(parts)}.")
    return told


def _came_to(finding: Finding) -> str:
    high = finding["estimate"]["high"]
    if finding["outcome"] == "clear":
        return "gained" if high is not None and high < 0 else "clear"
    return {"found": "lost"}.get(finding["outcome"], "undecided")


def beside(document: Mapping[str, Any]) -> list[str]:
    """What to know of the comparison: items that are not shared, models that are missing or new."""
    items = [c["statement"] for c in document.get("context", ()) if c["code"] == CHANGE]
    return [
        *of_stories(document),
        *items,
        *(f["statement"] for f in document["findings"] if f["code"] == CHANGE and not f["estimate"]),
    ]


def signed(estimate: Mapping[str, Any]) -> str:
    """A change with its sign and interval.

    >>> signed({"value": 0.12, "low": 0.05, "high": 0.2})
    '+0.120 [0.050, 0.200]'
    """
    value = estimate.get("value")
    return f"{'+' if value is not None and value > 0 else ''}{interval(estimate)}"


__all__ = [
    "Baseline",
    "alone",
    "beside",
    "changes",
    "difference",
    "headings",
    "is_report",
    "lead",
    "resolve",
    "sides",
    "signed",
    "worse",
]
