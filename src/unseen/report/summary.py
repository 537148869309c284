"""An audit as one JSON document, from which every format is written (``schema.json`` is its schema)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import polars as pl

from unseen.auditing import CHANGE, REMEDIES, AuditResult, all_checks, weight
from unseen.checks._unit import PLAIN, Unit, answers_unit, unit_of
from unseen.checks.base import Check, Clear, Context, Found, NotApplicable, Outcome, Settings, Subject, Undecided
from unseen.checks.registry import packages
from unseen.checks.u705_baseline_change import changes_on, kept_scores
from unseen.engine.collecting import no_search_for_cycles
from unseen.plain_text import counted
from unseen.refitting import UnderShift
from unseen.refitting.decided import decided
from unseen.report.answers import name_items
from unseen.report.baseline import changes, lead, worse
from unseen.report.plain import plain, share, slug
from unseen.responses import Responses
from unseen.responses.notes import doubts_of
from unseen.stories import Telling, tell
from unseen.stories.verdict import MOST_UNREAD, unread

SCHEMA_VERSION = 2
# In the order in which they are shown.
OUTCOMES: dict[str, type[Outcome]] = {
    "found": Found, "undecided": Undecided, "clear": Clear, "not_applicable": NotApplicable,
}  # fmt: skip
FAMILIES = {
    "U0": "Can these data carry a conclusion",
    "U1": "The gap from seen to unseen",
    "U2": "Difficulty",
    "U3": "Composition",
    "U4": "Robustness",
    "U5": "Memorisation",
    "U6": "Confidence",
    "U7": "Comparison",
    "U8": "The learner under shift",
    "U9": "Inside the network",
}
CHECK_FIELDS = (
    "title", "question", "null", "interest", "method", "assumptions", "sources", "example", "needs", "studies",
)  # fmt: skip


def summarise(result: AuditResult, *, sources: Iterable[str] = (), telling: Telling | None = None) -> dict[str, Any]:
    """The JSON document of an audit: plain data, strict JSON, equal for equal input.

    Args:
        result: What ``unseen.auditing.run`` returned.
        sources: Names of the files or tables that were audited.
        telling: Verdict, scores and stories, where they are known already.
    """
    telling = telling or tell(result)
    document = of_outcomes(
        result.outcomes,
        responses=result.subject.responses,
        settings=result.settings,
        sources=sources,
        q_values=result.q_values,
        context=result.context,
        telling=telling,
        kept=_kept(result.subject),
        unit=PLAIN if result.subject.responses is None else unit_of(result.subject),
    )
    if result.subject.baseline is not None:
        document["stories"] = _stories_since(document["stories"], telling, result)
    learner = result.subject.learner
    return {**document, "learner": describe_learner(learner)} if isinstance(learner, UnderShift) else document


def describe_learner(under: UnderShift) -> dict[str, Any]:
    """What was refitted, on what, and how often."""
    return {
        "name": under.runner.learner.name,
        "target": under.problem.target,
        "rows": len(under.problem),
        "inputs": list(under.problem.examples.inputs),
        "measure": under.problem.measure,
        "shifts": list(under.plan.families()),
        "refits": len(under.plan.pieces),
        "notes": list(under.problem.notes),
        "decided": decided(under),
    }


@no_search_for_cycles()
def of_outcomes(
    outcomes: Sequence[Outcome],
    *,
    responses: Responses | None = None,
    settings: Settings | None = None,
    sources: Iterable[str] = (),
    q_values: Mapping[int, float] | None = None,
    checks: Mapping[str, Check] | None = None,
    context: Sequence[Context] = (),
    telling: Telling | None = None,
    kept: Mapping[str, Any] | None = None,
    unit: Unit = PLAIN,
) -> dict[str, Any]:
    """The same document from its parts.

    Args:
        outcomes: What the checks answered, sorted.
        responses: What was audited.
        settings: The settings of the audit.
        sources: Names of what was read.
        q_values: Adjusted p-values by position in ``outcomes``.
        checks: Check of each code, for titles and methods; the registered ones by default.
        context: What helps to read the outcomes and judges nothing.
        telling: Verdict, scores and stories; by default only the heaviest finding is told.
        kept: Scores per item, packed, so that the report is a baseline too; None where there are none.
        unit: What users know scores as; details are told in it.
    """
    from unseen.version import __version__

    known = all_checks() if checks is None else checks
    adjusted = q_values or {}
    findings = [_finding(o, adjusted.get(i), known.get(o.code), unit) for i, o in enumerate(outcomes)]
    _name(findings)
    answers = name_items(findings, responses)
    return {
        "schema_version": SCHEMA_VERSION,
        "unseen_version": __version__,
        "sources": [str(s) for s in sources],
        **_told(telling, findings),
        "families": _families(findings),
        "findings": findings,
        "answers": answers,
        "context": [_context(o, known.get(o.code), unit) for o in context],
        "unlock": _unlock(findings),
        "unjudged": _unjudged(findings),
        "responses": None if responses is None else describe_responses(responses),
        "kept": None if kept is None else dict(kept),
        "settings": plain(settings or Settings()),
        "checks": {code: _check(known[code]) for code in _codes(findings, context) if code in known},
    }


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The new document with the change of each model (U705), and of the other findings those that got worse.

    Args:
        old: The baseline, a document.
        new: The document to judge; its ``smallest_gap`` says which growth is worth reporting.

    Returns:
        A document of the same schema with ``baseline`` beside the findings. Each finding says what changed, and
        ``details["baseline"]`` holds the outcome, estimate and effect of then and the difference with an interval.
    """
    own = [f for f in new["findings"] if f["code"] == CHANGE]
    others = [f for f in new["findings"] if f["code"] != CHANGE]
    then = (old.get("responses") or {}).get("models")
    grown = worse(old["findings"], others, float(new["settings"].get("smallest_gap", 0.0)), then)
    kept = {f["id"]: f for f in (*own, *grown)}
    # In the order of weight, as before.
    findings = [kept[f["id"]] for f in new["findings"] if f["id"] in kept]
    ids = {f["id"] for f in findings}
    baseline = {
        "unseen_version": old["unseen_version"],
        "sources": old["sources"],
        "left_out": len(new["findings"]) - len(findings),
    }
    codes = {f["code"] for f in findings} | {c["code"] for c in new["context"]}
    return {
        **new,
        "verdict": _since(new) or new["verdict"],
        "stories": [
            {**s, "findings": [i for i in s["findings"] if i in ids]}
            for s in new["stories"]
            if ids & set(s["findings"]) or s.get("since")
        ],
        "findings": findings,
        "families": _families(findings),
        "unlock": _unlock(findings),
        "checks": {code: check for code, check in new["checks"].items() if code in codes},
        "baseline": baseline,
    }


def _since(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The verdict where scores were compared with a baseline."""
    told = changes(document)
    return {"sentence": lead(document), "kind": "change", "estimate": told[0]["estimate"]} if told else None


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the document.

    >>> schema()["properties"]["schema_version"]["const"]
    2
    """
    return json.loads((files("unseen.report") / "schema.json").read_text(encoding="utf-8"))


def _finding(outcome: Outcome, q_value: float | None, check: Check | None, unit: Unit) -> dict[str, Any]:
    kind = next(name for name, of in OUTCOMES.items() if isinstance(outcome, of))
    return {
        "id": "",
        "code": outcome.code,
        "title": unit.titled(check.title) if check else outcome.code,
        "family": outcome.code[:2],
        "outcome": kind,
        "subject": {"kind": outcome.about.kind, "name": str(outcome.about.name)},
        "estimate": None if outcome.estimate is None else plain(outcome.estimate.to_dict()),
        "p_value": share(outcome.p_value),
        "q_value": share(q_value),
        "weight": share(weight(outcome, q_value)),
        "effect": share(outcome.effect),
        "statement": outcome.statement,
        "next_step": outcome.next_step,
        "unlocks": list(outcome.unlocks) if isinstance(outcome, NotApplicable) else [],
        "blames": plain(outcome.blames.to_dict()) if isinstance(outcome, Found) and outcome.blames else None,
        "details": plain(unit.told_of(outcome.details)),
    }


def _told(telling: Telling | None, findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Verdict, scores and stories, with findings by their identifiers."""
    if telling is None:
        return {"verdict": None, "scores": None, "stories": []}
    told = plain(telling.to_dict())
    stories = [
        {"id": f"story-{n}", **story, "findings": [findings[i]["id"] for i in story["findings"]]}
        for n, story in enumerate(told["stories"], 1)
    ]
    return {"verdict": told["verdict"], "scores": told["scores"], "stories": stories}


def _context(outcome: Context, check: Check | None, unit: Unit) -> dict[str, Any]:
    return {
        "code": outcome.code,
        "title": unit.titled(check.title) if check else outcome.code,
        "subject": {"kind": outcome.about.kind, "name": str(outcome.about.name)},
        "estimate": None if outcome.estimate is None else plain(outcome.estimate.to_dict()),
        "statement": outcome.statement,
        "next_step": outcome.next_step,
        "details": plain(unit.told_of(outcome.details)),
    }


def _codes(findings: Iterable[Mapping[str, Any]], context: Iterable[Context]) -> list[str]:
    return sorted({f["code"] for f in findings} | {o.code for o in context})


def _name(findings: Iterable[dict[str, Any]]) -> None:
    """Give each finding an identifier that stays the same from one audit to the next."""
    used: Counter[str] = Counter()
    for finding in findings:
        subject = finding["subject"]
        base = slug(f"{finding['code']} {subject['kind']} {subject['name']}")
        used[base] += 1
        finding["id"] = base if used[base] == 1 else f"{base}--{used[base]}"


def _families(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    grouped: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for finding in findings:
        grouped[finding["family"]].append(finding)
    return [_family(code, grouped[code]) for code in sorted(grouped)]


def _family(code: str, findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = Counter(f["outcome"] for f in findings)
    titles = Counter(f["title"] for f in findings if f["outcome"] == "found")
    checks = {kind: len({f["code"] for f in findings if f["outcome"] == kind}) for kind in counts}
    if counts["found"]:
        verdict = "; ".join(f"{title} ({n})" if n > 1 else title for title, n in titles.items())
    elif counts["clear"]:
        verdict = f"Clear by {counted(checks['clear'], 'check')}"
    elif counts["undecided"]:
        verdict = f"Not decided: {counted(counts['undecided'], 'question')}"
    else:
        verdict = "Could not be judged"
    if counts["undecided"] and (counts["found"] or counts["clear"]):
        verdict += f" · {counts['undecided']} undecided"
    if counts["not_applicable"] and len(counts) > 1:
        verdict += f" · {counts['not_applicable']} not judged"
    return {
        "family": code,
        "title": FAMILIES.get(code, f"Checks {code} of other packages"),
        # A family is clear only where nothing in it is left open by the data that are there.
        "status": next((kind for kind in OUTCOMES if counts[kind]), "not_applicable"),
        "verdict": verdict[:1].upper() + verdict[1:],
        **{kind: counts[kind] for kind in OUTCOMES},
    }


def _unlock(findings: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each missing input with the checks it would help, most helpful first, and how to give it."""
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for finding in findings:
        for name in finding["unlocks"]:
            codes[name].add(finding["code"])
    ordered = sorted(codes.items(), key=lambda kv: (-len(kv[1]), kv[0]))
    return [
        {"input": name, "how": REMEDIES.get(name, f"Give {name}."), "checks": sorted(found)} for name, found in ordered
    ]


def _unjudged(findings: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Checks that judged nothing, each with the first reason."""
    reasons: dict[str, str] = {}
    judged: set[str] = set()
    for finding in findings:
        if finding["outcome"] == "not_applicable":
            reasons.setdefault(finding["code"], finding["statement"])
        else:
            judged.add(finding["code"])
    return {code: reason for code, reason in sorted(reasons.items()) if code not in judged}


def score_described(responses: Responses) -> dict[str, Any]:
    """The kind of score, its ends, whether it has degrees, and where answers carry minus a loss, what that loss is called."""
    kind, unit = responses.score_kind, answers_unit(responses)
    named: dict[str, Any] = {"loss": unit.word} if unit.lower else {}
    named |= {"graded": True} if unit.graded else {}
    return {"kind": kind.name, "low": plain(kind.low), "high": plain(kind.high), **named}


def describe_responses(responses: Responses) -> dict[str, Any]:
    """What was read: counts, splits, kind of score, factors with their kinds, notes."""
    table = responses.table
    splits: dict[str, int] = {}
    if "split" in table.columns:
        counts = table["split"].drop_nulls().value_counts()
        splits = {str(name): int(count) for name, count in sorted(counts.iter_rows())}
    return {
        "rows": len(responses),
        "unlabelled": table["score"].null_count(),
        "models": list(responses.models),
        "items": responses.n_items,
        "clusters": responses.n_levels(responses.cluster_column),
        "cluster_column": responses.cluster_column,
        "splits": splits,
        "score": score_described(responses),
        "factors": [
            {"name": f.name, "kind": f.kind, "levels": responses.n_levels(f.name), "why": f.why}
            for f in responses.factors.values()
        ],
        "notes": list(responses.notes),
        **({"doubts": doubts} if (doubts := [*doubts_of(responses.notes), *_unread(responses)]) else {}),
    }


def _stories_since(
    stories: Sequence[Mapping[str, Any]], telling: Telling, result: AuditResult
) -> list[dict[str, Any]]:  # fmt: skip
    """Stories with the change since the baseline of their models on the rows that they blame."""
    subject, told = result.subject, list[dict[str, Any]]()
    for document, story in zip(stories, telling.stories, strict=True):
        since: list[dict[str, Any]] = []
        if story.condition is not None:
            since = changes_on(subject, story.condition.mask(subject.answers), story.models, result.settings)
        told.append({**document, "since": plain(since)} if since else dict(document))
    return told


def _kept(subject: Subject) -> dict[str, Any] | None:
    """Scores per item and model, packed; None where there are none to compare later."""
    if subject.responses is None or subject.responses.has("opponent") or not len(subject.answers):
        return None
    return kept_scores(subject).to_plain()


def _check(check: Check) -> dict[str, Any]:
    package = packages().get(check.code)
    return {name: plain(getattr(check, name)) for name in CHECK_FIELDS} | ({"package": package} if package else {})


__all__ = [
    "FAMILIES",
    "SCHEMA_VERSION",
    "compare",
    "describe_responses",
    "of_outcomes",
    "schema",
    "summarise",
]


# A share of answers that could not be read below which they change no verdict to speak of.
FEW_UNREAD = 0.05


def _unread(responses: Responses) -> list[str]:
    """That many answers could not be read, where the table says so: they count as wrong, which the model may not be."""
    if unread(responses) == 0 or unread(responses) >= MOST_UNREAD:
        # Nothing to say, or the verdict itself.
        return []
    shares = (
        responses.table.group_by(pl.col("model").cast(pl.String))
        .agg(pl.col("unparsable").mean())
        .sort("unparsable", "model")
    )
    name, share = shares.row(-1)
    if share is None or share < FEW_UNREAD:
        return []
    whose = f" of {name}" if shares.height > 1 else ""
    return [f"{100 * share:.0f} % of the answers{whose} could not be read and count as wrong (column raw_answer)"]
