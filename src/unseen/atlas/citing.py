"""Directed citations: what a study says about the check or remedy that names it, and how far that stands."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

Direction = Literal["supports", "limits", "contradicts"]
DIRECTIONS = get_args(Direction)
STALE = (
    "Stale: the study, or code that it runs, has changed since its result was stored, which then counts for nothing until "
    "it is run again."
)


@cache
def citations() -> Mapping[str, Mapping[str, tuple[Direction, str]]]:
    """Direction and sentence by who cites (``U703``, ``remedy:divdis``) and slug."""
    text = (files("unseen") / "atlas" / "citations.toml").read_text(encoding="utf-8")
    return {who: {slug: (d, s) for slug, (d, s) in cited.items()} for who, cited in tomllib.loads(text).items()}


def cited(who: str, slugs: Iterable[str]) -> list[dict[str, Any]]:
    """What a check or remedy cites, with the state of the evidence.

    Args:
        who: Code of a check, or ``remedy:NAME``.
        slugs: Its studies.

    >>> found = cited("U703", ["showing-your-work"])[0]
    >>> found["slug"], found["direction"]
    ('showing-your-work', 'supports')
    """
    from unseen.atlas.ledger import state_of

    known = citations().get(who, {})
    made = list[dict[str, Any]]()
    for slug in slugs:
        direction, sentence = known.get(slug, (None, ""))
        state = state_of(slug)
        kept = ("state", "verdict", "fidelity", "effect", "claimed", "refuted", "unit", "why")
        made.append({"slug": slug, "direction": direction, "sentence": sentence, **{k: state.get(k) for k in kept}})
    return made


def citing_lines(study: Mapping[str, Any]) -> str:
    """A citation in a sentence or two: slug, direction, what is claimed, and how that fared here.

    >>> citing_lines({"slug": "x", "direction": "limits", "sentence": "It fades.", "state": "planned"})
    'x limits it: It fades. Evidence here: none, the study is planned.'
    """
    said = f"{study['slug']} {study['direction']} it: {study['sentence']}" if study.get("direction") else study["slug"]
    return f"{said} Evidence here: {evidence_words(study)}"


def citing_text(studies: Iterable[Mapping[str, Any]]) -> str:
    """Citations a line each; what stale means is said once, below them.

    >>> old = {"direction": "limits", "sentence": "It fades.", "state": "stale"}
    >>> print(citing_text([{"slug": slug, **old} for slug in "ab"]))  # doctest: +ELLIPSIS
    a limits it: It fades. Evidence here: stale.
    b limits it: It fades. Evidence here: stale.
    Stale: the study, or code that it runs, has changed since its result was stored...
    """
    listed = list(studies)
    lines = [citing_lines(study) for study in listed]
    return "\n".join([*lines, STALE] if any(study["state"] == "stale" for study in listed) else lines)


def evidence_words(study: Mapping[str, Any]) -> str:
    """How far the claim of a study stands, in words."""
    if study["state"] == "planned":
        return "none, the study is planned."
    if study["state"] == "stale":
        return "stale."
    return f"{study['verdict']} (fidelity {study['fidelity']})."


def citers() -> dict[str, list[str]]:
    """Checks and remedies that rest on each study, by slug."""
    found = dict[str, list[str]]()
    for who, slugs in citations().items():
        for slug in slugs:
            found.setdefault(slug, []).append(who)
    return found
