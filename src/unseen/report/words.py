"""Sentences about a whole audit that several formats share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from unseen.auditing import CHANGE
from unseen.plain_text import counted
from unseen.report import accepted
from unseen.report.baseline import lead

Document = Mapping[str, Any]


def headline(document: Document) -> str:
    """What the audit came to, in a few words."""
    counts = Counter(f["outcome"] for f in document["findings"])
    if "baseline" in document:
        told = lead(document)
        if told:
            return told.removesuffix(".")
        worse = f"{counted(counts['found'], 'finding')} got worse" if counts["found"] else "nothing got worse"
        if CHANGE in document.get("unjudged", {}):
            beside = "beside that" if counts["found"] else "of the findings"
            return f"No score could be compared with the baseline; {beside} {worse}"
        return worse[:1].upper() + worse[1:]
    if counts["found"]:
        checks = len({f["code"] for f in document["findings"] if f["outcome"] == "found"})
        return f"{counted(counts['found'], 'finding')} by {counted(checks, 'check')}"
    if counts["undecided"]:
        return f"Nothing found, {counted(counts['undecided'], 'question')} undecided"
    if counts["clear"]:
        return "No score was judged" if document["verdict"]["kind"] == "unjudged" else "Nothing found"
    inside = {c["subject"]["name"] for c in document.get("context", ()) if c["code"].startswith("U9")}
    return "What is inside was measured, and nothing judged" if inside else "Nothing could be judged"


def subtitle(document: Document) -> str:
    """How much was audited, and what became of the other questions and of what was accepted."""
    return f"{_audited(document)} {accepted.beside(document)}".rstrip()


def _audited(document: Document) -> str:
    counts = Counter(f["outcome"] for f in document["findings"])
    if "baseline" in document:
        others = counted(document["baseline"]["left_out"], "other outcome")
        return f"Compared with the baseline; {others} did not get worse."
    rest = f"{counts['undecided']:,} undecided, {counts['clear']:,} clear, {counts['not_applicable']:,} not judged."
    if not document["responses"]:
        return rest
    return f"{'' if 'learner' in document else 'In '}{what(document)}. Beside that, {rest}"


def what(document: Document) -> str:
    """What was audited, in a few words: a learner under shifts, or answers of models; "" where it is neither."""
    responses, learner = document["responses"], document.get("learner")
    if learner:
        shifts, refits = counted(len(learner["shifts"]), "shift"), counted(learner["refits"], "refit")
        return f"{learner['name']} on {counted(learner['rows'], 'row')}, {refits} under {shifts}"
    if not responses:
        return ""
    models, items = counted(len(responses["models"]), "model"), counted(responses["items"], "item")
    unlabelled = responses.get("unlabelled") or 0
    without = f", {unlabelled:,} without a score" if unlabelled else ""
    return f"{counted(responses['rows'], 'answer')} of {models} to {items}{without}"


def one_line(document: Document) -> str:
    """The whole audit in one line: the verdict, what was found by which checks, and what became of the other questions."""
    codes = list(dict.fromkeys(f["code"] for f in document["findings"] if f["outcome"] == "found"))
    said, counts = str(document["verdict"]["sentence"]), headline(document)
    # Where nothing was found the verdict says so itself.
    found = ""
    if codes:
        # Beside a baseline verdict and headline are one sentence.
        found = f" {'Worse' if said.startswith(counts) else counts}: {', '.join(codes)}."
    return f"{said}{found} {subtitle(document)}"


def expectations(document: Document) -> list[str]:
    """What to expect beyond the data, as sentences of the checks that say so, whatever they found.

    >>> expectations({"findings": [{"details": {"expectation": "Expect 0.7."}}, {"details": {}}]})
    ['Expect 0.7.']
    """
    return [str(f["details"]["expectation"]) for f in document["findings"] if f["details"].get("expectation")]


def by_check(findings: Iterable[dict[str, Any]], outcome: str) -> dict[str, list[dict[str, Any]]]:
    """Findings with this outcome by their check, in the order in which the checks first appear (the heaviest first)."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for finding in findings:
        if finding["outcome"] == outcome:
            groups.setdefault(finding["code"], []).append(finding)
    return groups


def joined_step(findings: Iterable[Mapping[str, Any]]) -> str | None:
    """The next step of findings that all have the same one.

    >>> joined_step([{"next_step": "a"}, {"next_step": "a"}]), joined_step([{"next_step": "a"}, {"next_step": "b"}])
    ('a', None)
    """
    steps = {f["next_step"] for f in findings}
    return steps.pop() if len(steps) == 1 else None


def title_case(text: str) -> str:
    """The first letter large.

    >>> title_case("seen to unseen gap")
    'Seen to unseen gap'
    """
    return text[:1].upper() + text[1:]


__all__ = ["by_check", "headline", "joined_step", "one_line", "subtitle", "title_case", "what"]
