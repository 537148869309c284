"""Shifts in words, as a command line gives them: ``held-out carrier``, ``later month=9``, ``beyond distance``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.shifts.base import Shift
from unseen.shifts.by_domain import LeaveEachOut, SpuriousBroken
from unseen.shifts.by_factor import HeldOutCombination, HeldOutLevel, RandomShift
from unseen.shifts.by_order import Extrapolated, LaterThan, ordered_column, threshold_in
from unseen.shifts.changed import LabelNoise, Perturbed, known_perturbation
from unseen.shifts.declared import Declared
from unseen.shifts.reweighted import CovariateReweighted

PHRASES: Mapping[str, str] = {
    "held-out COLUMN": "each level of a column left out in turn",
    "held-out COLUMN=LEVEL[,LEVEL]": "these levels left out together",
    "held-out COLUMN x COLUMN": "some combinations of levels left out, while every level stays known",
    "held-out COLUMN=LEVEL x COLUMN=LEVEL": "one combination left out",
    "later COLUMN": "the last fifth of a time",
    "later COLUMN=VALUE": "everything after a time",
    "beyond COLUMN[=VALUE]": "the upper fifth of an ordered column, or all above a value",
    "below COLUMN[=VALUE]": "the lower fifth of an ordered column, or all below a value",
    "where CONDITION": "all rows in which it holds: where year > 2017 and site in ['A', 'B']",
    "reweighted COLUMN[=PULL]": "larger values of a number more often: exp(pull · standard deviations), by default 1",
    "broken COLUMN": "a cue that agrees with the target in 95 % of the training rows and in half of the unseen",
    "label noise[=SHARE]": "a fifth of the training targets is wrong",
    "perturbed NAME[=SEVERITY]": "unseen inputs are changed: gaussian-noise, rotation, missing, scaled, typos …",
    "random": "no shift: the baseline",
}


@dataclass(frozen=True)
class NamedShifts:
    """What a phrase stands for.

    Attributes:
        phrase: The phrase as it was given.
        shifts: Name → shift; one, unless the phrase leaves out each level in turn.
        refused: Name → why that level can't be left out.
        in_turn: Whether the shifts are the levels of one factor, left out in turn.
        factor: That factor.
    """

    phrase: str
    shifts: Mapping[str, Shift]
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    in_turn: bool = False
    factor: str | None = None


def parse_shift(text: str, examples: Examples, *, min_rows: int = 30) -> NamedShifts:
    """Read a shift from words.

    Args:
        text: One of ``PHRASES``, with columns and levels of the examples.
        examples: Give the columns, and the types of levels and times.
        min_rows: Levels and combinations with fewer rows are not left out.

    Raises:
        BadInput: An unknown phrase (the message lists all), column or level (near ones and what there is), or a value
            that does not fit its column.

    >>> table = pl.DataFrame({"x": range(90), "site": ["a", "b", "c"] * 30, "target": [0, 0, 0, 1, 1, 1] * 15})
    >>> data = Examples(table, ("x",), "target")
    >>> list(parse_shift("held-out site", data).shifts)
    ['held-out site=a', 'held-out site=b', 'held-out site=c']
    >>> parse_shift("later x=60", data).shifts["later x=60"]
    LaterThan(factor='x', threshold='60', quantile=0.8, whole=None, seen_share=0.2)
    """
    phrase = " ".join(text.split())
    head, rest = _verb(phrase)
    if head == "held-out":
        parts = re.split(r"\s+[x×]\s+", rest)
        if len(parts) > 1:
            return _combinations(phrase, parts, examples, min_rows)
        column, level = _assigned(rest)
        _known(column, examples)
        if level is None:
            return _each(phrase, column, examples, min_rows)
        return NamedShifts(phrase, {phrase: HeldOutLevel(column, _levels(column, level, examples))})
    return NamedShifts(phrase, {phrase: _single(head, rest, examples)})


def _single(head: str, rest: str, examples: Examples) -> Shift:
    """The shift of a phrase that stands for one."""
    if head == "random":
        return RandomShift()
    if head == "label noise":
        return LabelNoise(noise=_number(rest.removeprefix("="), "label noise", 0, 1) if rest else 0.2)
    if head == "where":
        shift = Declared(rest)
        shift.unseen_rows(examples, np.random.default_rng(0))
        return shift
    name, value = _assigned(rest)
    if head == "perturbed":
        known_perturbation(name)
        return Perturbed(perturbation=name, severity=0.5 if value is None else _number(value, name, 0, 1))
    _known(name, examples)
    if head == "broken":
        return SpuriousBroken(name)
    if head == "reweighted":
        return CovariateReweighted({name: 1.0 if value is None else _number(value, name, -np.inf, np.inf)})
    column = ordered_column(examples, name, what="a time" if head == "later" else "an order")
    if value is not None:
        threshold_in(value, column)
    if head == "later":
        return LaterThan(name, threshold=value)
    end: Literal["upper", "lower"] = "upper" if head == "beyond" else "lower"
    return Extrapolated(name, end, threshold=value)


def _verb(phrase: str) -> tuple[str, str]:
    for verb in (
        "held-out",
        "held out",
        "later",
        "beyond",
        "below",
        "reweighted",
        "broken",
        "perturbed",
        "where",
        "label noise",
    ):
        alone = verb == "label noise"
        if re.match(rf"{verb}($|[ =])" if alone else rf"{verb} .", phrase, re.IGNORECASE):
            return verb.replace(" o", "-o"), phrase[len(verb) :].strip()
    if phrase.lower() == "random":
        return "random", ""
    near = _nearest(phrase)
    raise BadInput(
        f"no shift reads {phrase!r}{f': did you mean {near!r}?' if near else '.'} The shifts are:\n"
        + "\n".join(f"  {p}: {why}" for p, why in PHRASES.items())
    )


def _nearest(phrase: str) -> str:
    """The phrase with its first words as the nearest shift spells them; "" where none is near."""
    verbs = list(dict.fromkeys(re.split(r"[ \[=](?=[A-Z])|\[", p)[0].removesuffix(" ") for p in PHRASES))
    words = phrase.split()
    for count in (2, 1):
        if near := get_close_matches(" ".join(words[:count]).lower(), verbs, 1, 0.75):
            return " ".join([near[0], *words[count:]])
    return ""


def _assigned(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    return name.strip(), value.strip() if equals else None


def _known(column: str, examples: Examples) -> None:
    """BadInput unless a shift can go along this column."""
    columns = [
        name
        for name, dtype in examples.table.schema.items()
        if name not in (examples.target, "item", "cluster") and not isinstance(dtype, pl.Array)
    ]
    if column == examples.target:
        raise BadInput(f"{column!r} is the target: a shift goes along a column that is known beforehand.")
    if column not in columns:
        near = get_close_matches(column, columns, 3, 0.5)
        hint = f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
        raise BadInput(f"no column {column!r} for a shift{hint}; the columns are {', '.join(columns)}.")


def _levels(column: str, text: str, examples: Examples) -> list[Any]:
    """The levels that a text names, in the type of the column."""
    values = examples.table[column]
    values = values.explode() if isinstance(values.dtype, pl.List) else values
    known = {_written(v): v for v in values.drop_nulls().unique(maintain_order=True).to_list()}
    names = [text] if text in known else [part.strip() for part in text.split(",")]
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 3, 0.5)
            some = sorted(known)[:20]
            raise BadInput(
                f"column {column!r} has no level {name!r}{f' (did you mean {near[0]!r}?)' if near else ''}; it has "
                f"{', '.join(some)}{f' … ({len(known)} levels)' if len(known) > len(some) else ''}."
            )
    return [known[name] for name in names]


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _each(phrase: str, column: str, examples: Examples, min_rows: int) -> NamedShifts:
    found = LeaveEachOut(column, min_rows).over(examples)
    shifts: dict[str, Shift] = {f"{phrase}={_written(level)}": shift for level, shift in found.shifts.items()}
    refused = {f"{phrase}={_written(level)}": why for level, why in found.refused.items()}
    return NamedShifts(phrase, shifts, refused, in_turn=True, factor=column)


def _combinations(phrase: str, parts: list[str], examples: Examples, min_rows: int) -> NamedShifts:
    assigned = [_assigned(part) for part in parts]
    for column, _ in assigned:
        _known(column, examples)
    named = [level is not None for _, level in assigned]
    if any(named) and not all(named):
        raise BadInput(f"{phrase!r} names a level of one column and not of the other; name all or none.")
    if all(named):
        combination = {column: _levels(column, str(level), examples)[0] for column, level in assigned}
        return NamedShifts(phrase, {phrase: HeldOutCombination([combination])})
    columns = [column for column, _ in assigned]
    return NamedShifts(phrase, {phrase: HeldOutCombination(chosen_combinations(examples, columns, min_rows=min_rows))})


def chosen_combinations(
    examples: Examples, columns: list[str], *, share: float = 0.2, min_rows: int = 30, seed: int = 0
) -> list[dict[str, Any]]:
    """Combinations of levels that together hold about a share of the rows, while every level keeps half of its rows.

    Args:
        examples: Give the combinations.
        columns: At least two.
        share: Share of the rows aimed at; never exceeded by more than a quarter.
        min_rows: Smaller combinations are not chosen.
        seed: Order in which they are tried.

    Raises:
        BadInput: No combination can be left out.
    """
    table = examples.table.select(columns).drop_nulls()
    counts = table.group_by(columns).len().sort(columns)
    totals = {c: dict(table[c].value_counts().iter_rows()) for c in columns}
    taken: dict[tuple[str, Any], int] = {}
    chosen: list[dict[str, Any]] = []
    rows = 0
    rank = np.random.default_rng(seed).permutation(counts.height)
    ordered = counts[rank].iter_rows()
    for *levels, n in ordered:
        pairs = list(zip(columns, levels, strict=True))
        fits = rows + n <= 1.25 * share * table.height and n >= min_rows
        if (
            rows >= share * table.height
            or not fits
            or any(taken.get((c, v), 0) + n > 0.5 * totals[c][v] for c, v in pairs)
        ):
            continue
        rows += n
        chosen.append(dict(pairs))
        for pair in pairs:
            taken[pair] = taken.get(pair, 0) + n
    if not chosen:
        raise BadInput(
            f"no combination of {' and '.join(columns)} has {min_rows} rows and leaves its levels known: "
            f"there are {counts.height} combinations. Name one (held-out A=… x B=…), or take coarser columns."
        )
    return chosen


def _number(text: str, what: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not low <= value <= high:
        raise BadInput(f"{what!r} takes a number from {low:g} to {high:g}, got {text!r}.")
    return value
