"""U002: floor, ceiling and constant scores."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from unseen.checks._constant import ConstantCell, constant_cells
from unseen.checks._rows import Scored, scored
from unseen.checks._unit import Unit
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject, guarded
from unseen.checks.details.data import ConstantLevel, Spread
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import mean_estimate
from unseen.plain_text import counted

# Within this share of an end of the range, a mean leaves too little room for a gap to show.
MARGIN = 0.02


class ConstantScores(Check):
    """Looks for models whose scores have no room to move."""

    code = "U002"
    title = "floor, ceiling, constant scores"
    question = "Do the scores of a model leave room for a difference to show?"
    null = "none: a fact about the range"
    interest = (
        f"A mean within {MARGIN:.0%} of an end of the range, a constant score, or a model with all right (or all wrong) at "
        "one level of a factor where the other models are not."
    )
    method = (
        "The mean of each model with its interval (Wilson where binary, clustered where needed), against the ends of "
        f"the score's range: floor where mean ≤ low + {MARGIN}·range, ceiling where mean ≥ high − {MARGIN}·range. A "
        "model's scores at one level of a categorical factor are named where all lie at one end and the chance of such "
        "a run, given the other models there and this model elsewhere, is below 1 % over all cells of the factor."
    )
    assumptions = "The range of the score is known (binary and bounded scores); unbounded scores can only be constant."
    sources = ("Franco, Little, Louis & Slud (2019), Comparative study of confidence intervals for proportions.",)
    example = "tiny-lm is at the floor: its mean score is 0.01 [0.00, 0.02] over 480 independent units."
    needs = ("responses",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        rows, kind = scored(subject), subject.answers.score_kind
        ends = None if kind.name == "unbounded" else (kind.low, kind.high)
        outcomes = [
            guarded(self, About("model", name), lambda n=name, p=part: self._judge(n, rows, p, ends, settings))
            for name, part in rows.each()
        ]
        for factor in subject.answers.factors.of_kind("categorical"):
            for cell in constant_cells(subject, factor, settings.min_units):
                outcomes.append(self._cell(factor, cell, rows, str(subject.answers.codes(factor).levels[cell.level])))
        return outcomes or [self.not_applicable("No row has a score.", "Give scores.", unlocks=("score",))]

    def _cell(self, factor: str, cell: ConstantCell, rows: Scored, level: str) -> Outcome:
        name, (low, high) = rows.models[cell.model], cell.others
        unit = rows.unit
        there, of_others = "right" if cell.right else "wrong", "of them right"
        if unit.lower:
            worst, best = (f"{unit.a_word} of {unit.shown(end or 0.0):g}" for end in (unit.low, unit.high))
            there, of_others = f"at {best if cell.right else worst}", f"of the way from {worst} to {best}"
        return Found(
            code=self.code, about=About("slice", f"{name}, {factor} = {level}"),
            effect=min(1.0, 1 - high if cell.right else low),
            statement=f"{name} has all {counted(cell.rows, 'row')} with {factor} = {level} {there}; the other models have "
            f"{low:.2f} to {high:.2f} {of_others}. The chance of such a run is at most {cell.chance:.1g}.",
            next_step="Check how these answers came about: leaked or copied keys, a scorer or parser that fails, missing "
            "answers filled in. Comparisons by this factor leave the cell out.",
            details=ConstantLevel(
                model=name, factor=factor, level=level, where="all right" if cell.right else "all wrong",
                rows=cell.rows, units=cell.units, others_low=low, others_high=high, chance=cell.chance,
            ),
        )  # fmt: skip

    def _judge(
        self, name: str, rows: Scored, part: slice, ends: tuple[float, float] | None, settings: Settings
    ) -> Outcome:
        score, about = rows.score[part], About("model", name)
        low, high = float(score.min()), float(score.max())
        if low == high and (ends is None or low not in ends):
            return Found(
                code=self.code, about=about, effect=1.0,
                statement=f"{name} has the {rows.unit.word} {rows.unit.shown(low):g} in all of its {counted(len(score), 'row')}.",
                next_step="Check the scorer and the column: a constant score tells nothing apart.",
                details=_spread(name, "constant", None, rows.unit, low, high),
            )  # fmt: skip
        mean = mean_estimate(
            score, rows.cluster[part], level=settings.level, binary=rows.binary, what=f"the mean of {name}"
        )
        where = _where(mean.value, ends)
        unit = rows.unit
        mean = unit.mean(mean)
        details = _spread(name, where, mean, unit, low, high)
        called = unit.word if unit.word.startswith("mean ") else f"mean {unit.word}"
        units = f"{mean.format(2)} over {counted(mean.units, 'independent unit')}"
        if where is None:
            return Clear(
                code=self.code, about=about, estimate=mean, details=details, next_step="Nothing to do.",
                statement=f"{name} has room both ways: its {called} is {units}.",
            )  # fmt: skip
        harder = "easier" if where == "floor" else "harder"
        end = where if not unit.lower else "worst end" if where == "floor" else "best end"
        return Found(
            code=self.code, about=about, estimate=mean, details=details, effect=1 - 2 * MARGIN,
            statement=f"{name} is at the {end}: its {called} is {units}.",
            next_step=f"Gaps of this model are bounded by the {end}: add {harder} items, or check the scorer.",
        )  # fmt: skip


def _spread(name: str, where: str | None, mean: Estimate | None, unit: Unit, low: float, high: float) -> Spread:
    """Where the scores of a model lie, its lowest and highest one as users know them."""
    lowest, highest = sorted((unit.shown(low), unit.shown(high)))
    return Spread(model=name, where=where, mean=mean, lowest=lowest, highest=highest)


def _where(mean: float, ends: tuple[float, float] | None) -> str | None:
    if ends is None:
        return None
    margin = MARGIN * float(np.subtract(ends[1], ends[0]))
    return "floor" if mean <= ends[0] + margin else "ceiling" if mean >= ends[1] - margin else None
