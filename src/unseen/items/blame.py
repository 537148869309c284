"""Which answers a finding blames: models, terms on columns, or items by name; read from its entry in the document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from unseen.checks.details import Details, read
from unseen.checks.details.data import ConstantLevel
from unseen.checks.details.gaps import Compounding, FactorLevels, Frontier, GapPeak, SlicesBelow
from unseen.checks.details.models import ExtraLossAt, ExtraLosses, TwoRankings

# What makes an answer bad for a finding: its score; a confidence that misses it; the other model's score; the score
# on its original; the scores on its parts (or a right whole without them); a human's score; a P(True) or P(IK) that misses it;
# an invalid step behind a right answer.
Measure = Literal["score", "confidence", "pair", "variant", "parts", "whole", "human", "p_true", "p_ik", "steps"]
MEASURES: dict[str, Measure] = {
    "U006": "human", "U301": "parts", "U302": "whole", "U304": "steps",
    "U401": "variant", "U403": "variant", "U404": "variant", "U501": "variant",
    "U601": "confidence", "U602": "confidence", "U603": "confidence", "U604": "confidence",
    "U605": "p_true", "U606": "p_ik", "U607": "confidence",
    "U701": "pair", "U702": "pair",
    "U704": "pair",
}  # fmt: skip
# Findings about how much there is, not about what was answered.
NOT_OF_ANSWERS = ("U003", "U800", "U804", "U805", "U806")
ON_UNSEEN = ("U101", "U105", "U107", "U203", "U303", "U603", "U604", "U801", "U802", "U803", "U807", "U808")
_CONDITION = re.compile(r"^(?P<name>.+?) (?P<sign>=|≥|≤) (?P<level>.*)$", re.DOTALL)
_RANGE = re.compile(r"^(?P<low>\S+) to (?P<high>\S+)$")
# Labels of numbers have four digits.
_ROUNDED = 5e-4
Term = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Blamed:
    """The rows of a table of answers that a finding is about.

    Attributes:
        models: Names; all where empty.
        terms: Conditions that must all hold, each with ``column``, ``kind`` (range, levels, member, split, variant,
            original, whole) and ``low``, ``high``, ``levels``, ``excluded`` as the kind needs.
        items: Names of items; None where they are not named.
        measure: What makes an answer bad.
    """

    models: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    items: tuple[str, ...] | None = None
    measure: Measure = "score"


def blamed_by(finding: Mapping[str, Any]) -> Blamed | None:
    """What a finding (its entry in the document of an audit) blames; None where it is not about answers.

    >>> blamed_by({"code": "U101", "subject": {"kind": "model", "name": "m"}, "details": {}}).terms
    ({'column': 'split', 'kind': 'split', 'levels': ['unseen']},)
    """
    code, details, subject = finding["code"], finding["details"], finding["subject"]
    measure = MEASURES.get(code, "score")
    if (
        code in NOT_OF_ANSWERS
        or details.get("without_answers")
        or (subject["kind"] == "ranking" and code not in MEASURES)
    ):
        return None
    models = _models(details, subject, measure)
    # Details are read where they matter: of thousands of findings nearly all say what they blame.
    record = read(details) if details.get("pair") else None
    if isinstance(record, TwoRankings) and len(record.pair) == 2:
        return _fallen_behind(record)
    told = finding.get("blames")
    if told and (told.get("condition") or told.get("models")):
        named = tuple(str(m) for m in told.get("models") or ())
        # A pair is ordered: the one ahead first.
        models = models if measure == "pair" else named or models
        return Blamed(models, tuple((told.get("condition") or {}).get("terms", ())), None, measure)
    items = _named_items(details)
    if items is not None:
        return Blamed(models, (), items, measure)
    record = read(details) if record is None else record
    cell = _worst_cell(record) if isinstance(record, ExtraLosses) else None
    terms = tuple(_objects(details.get("blamed"))) or _terms(record)
    side = details.get("split") if details.get("split") in ("seen", "unseen") else ""
    if not side and code in ON_UNSEEN and not (code == "U203" and terms):
        side = "unseen"
    if side:
        terms = ({"column": "split", "kind": "split", "levels": [side]}, *terms)
    return Blamed(models if cell is None else (cell.model,), terms, None, measure)


def _fallen_behind(flip: TwoRankings) -> Blamed:
    """Where the order of two models flips: answers, on the second side, of the one that is ahead on the first and behind there."""
    ahead, behind = flip.pair if flip.scores[0] >= flip.scores[1] else flip.pair[::-1]
    side = flip.sides[1]
    term = {"column": "split", "kind": "split", "levels": [side]} if side in ("seen", "unseen") else term_of(side)
    return Blamed((behind, ahead), () if term is None else (term,), None, "pair")


def term_of(text: str) -> Term | None:
    """A condition as checks write it ("digits ≥ 2", "operation = mul") as a term; None where it can't be read.

    >>> term_of("digits = 2 to 5")["low"], term_of("skills has a = no")["excluded"]
    (1.999, True)
    """
    found = _CONDITION.match(text)
    if found is None:
        return None
    name, sign, level = found["name"], found["sign"], found["level"].strip()
    if " has " in name and level in ("yes", "no"):
        column, _, member = name.partition(" has ")
        return {"column": column, "kind": "member", "levels": [member], "excluded": level == "no"}
    ends = _RANGE.match(level)
    try:
        low, high = (float(ends[k]) for k in ("low", "high")) if ends else (float(level), float(level))
    except ValueError:
        return {"column": name, "kind": "levels", "levels": [level]} if sign == "=" else None
    low, high = low - _ROUNDED * abs(low), high + _ROUNDED * abs(high) + 1e-9
    return {
        "column": name, "kind": "range", "low": None if sign == "≤" else low, "high": None if sign == "≥" else high,
    }  # fmt: skip


def pair_of(details: Mapping[str, Any], subject: Mapping[str, Any]) -> tuple[str, ...]:
    """The two models of a finding about a pair: as its details name them, else from its name ("a / b")."""
    if "a" in details and "b" in details:
        return str(details["a"]), str(details["b"])
    return tuple(part.strip() for part in str(subject["name"]).split(" / "))


def _models(details: Mapping[str, Any], subject: Mapping[str, Any], measure: str) -> tuple[str, ...]:
    pair = details.get("pair")
    if isinstance(pair, list | tuple) and len(pair) == 2:
        return tuple(str(m) for m in pair)
    if measure == "pair" and subject["kind"] == "pair":
        return pair_of(details, subject)
    if details.get("model"):
        return (str(details["model"]),)
    return (str(subject["name"]),) if subject["kind"] == "model" else ()


def _named_items(details: Mapping[str, Any]) -> tuple[str, ...] | None:
    for key in ("examples", "items"):
        names = [
            str(row[k])
            for row in _objects(details.get(key))
            for k in ("item", "seen", "unseen")
            if isinstance(row.get(k), str)
        ]
        if names:
            return tuple(dict.fromkeys(names))
    return None


def _terms(record: Details | None) -> tuple[Term, ...]:
    return tuple(term for term in map(term_of, _written(record)) if term is not None)


def _written(record: Details | None) -> Iterable[str]:
    """The conditions on rows that details name, as checks write them."""
    match record:
        case SlicesBelow():
            return record.slices[0].conditions if record.slices else ()
        case Compounding():
            return record.conditions
        case FactorLevels():
            return [f"{record.factor} = {record.worst}"]
        case GapPeak():
            return [f"{record.factor} = {record.critical.low:g} to {record.critical.high:g}"]
        case Frontier():
            return _past(record)
        case ConstantLevel():
            return [f"{record.factor} = {record.level}"]
        case ExtraLosses():
            cell = _worst_cell(record)
            return [] if cell is None else [f"{record.factor} = {cell.level}"]
        case _:
            return []


def _past(record: Frontier) -> Iterable[str]:
    """The levels past the reference of a frontier."""
    levels = [e.level for e in record.levels]
    try:
        edge = float(record.edge)
    except ValueError:
        return []
    low, high = record.seen_range or (min(levels, default=edge), edge)
    past, below = [v for v in levels if v > high], [v for v in levels if v < low]
    if len(below) > len(past):
        return [f"{record.factor} ≤ {max(below):g}"]
    return [f"{record.factor} ≥ {min(past):g}"] if past else []


def _worst_cell(record: ExtraLosses) -> ExtraLossAt | None:
    """The model and level with the largest extra loss at equal difficulty."""
    return max(record.cells, key=lambda c: c.gap.value, default=None)


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """A list of objects of the details; empty where it is none."""
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []


__all__ = ["Blamed", "Measure", "blamed_by", "pair_of", "term_of"]
