"""U909: whether the gap survives reasonable choices of settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from unseen.checks._multiverse import ROW, Choices, Table, adjusted, choices_of, outcomes_over, side_codes
from unseen.checks.base import About, Check, Context, Found, Outcome, Settings, Subject
from unseen.checks.blame import Blame, side
from unseen.checks.details.multiverse import Chosen, OverSettings, UnderSetting
from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.multiverse.grid import Answer, Multiverse
from unseen.estimates.multiverse.null import CurveTest, Rows, curve_test

GAP = "U101"
# A choice that goes with less of the variance than this is not said to move anything.
MOVES = 0.05


class ReasonableSettings(Check):
    """Asks a conclusion anew under every combination of reasonable choices, and tests the whole curve."""

    code = "U909"
    title = "gap over reasonable settings"
    question = "Does the gap survive other choices that I could have made?"
    null = "Sides tell nothing of the scores, whichever settings are chosen."
    interest = "A median gap over all settings of at least smallest_gap of the score's range."
    method = (
        "Every choice that these answers leave open is made in each reasonable way, and the gap (U101) is asked anew under all "
        "combinations: what counts as independent (the cluster as given, each counting once, each item alone), missing answers "
        "(left out, as wrong), the cut-off of a score by degrees, guessing taken off where the number of options is known, one "
        "level more or less on the unseen side of an ordered factor, repeats, rewritten items, abstentions, the level and the "
        "correction over models. The specification curve orders the answers; the conclusion holds where the gap is found, or not, "
        "as under the settings that were used. What a choice moves is its main effect's share of the variance (analysis of "
        "variance over the grid). The p-value is that of the median gap over its clustered error, against permutations of the "
        "sides (within clusters that lie on both, else of whole clusters), in which all settings are worked out anew; the interval "
        "holds the medians that this test does not refuse. The ways of each choice, and other checks, can be named."
    )
    assumptions = (
        "All settings are reasonable, and none is better than the others: a choice that is plainly wrong does not belong in the "
        "grid. What no choice here varies (prompts, models, data that were not collected) is not covered."
    )
    sources = (
        "Simonsohn, Simmons & Nelson (2020), Specification curve analysis, Nature Human Behaviour 4.",
        "Steegen, Tuerlinckx, Gelman & Vanpaemel (2016), Increasing transparency through a multiverse analysis.",
        "Bell, Kampman, Dodge & Lawrence (2022), Modeling the machine learning multiverse.",
        "Saltelli et al. (2008), Global sensitivity analysis.",
    )
    example = (
        "small-lm: the gap holds in 46 of 48 reasonable settings: 0.09 to 0.17; the choice of clusters moves it most."
    )
    needs = ("responses", "seen", "unseen", "multiverse")
    studies = ("ml-multiverse",)
    judged_by = GAP

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model, and one a subject of any other check that is asked anew."""
        from unseen.checks.registry import all_checks

        choices = choices_of(subject, settings)
        known = all_checks()
        if strange := [
            c for c in choices.checks if c not in known or c == self.code or not known[c].needs[:1] == ("responses",)
        ]:
            raise BadInput(f"multiverse: {strange[0]!r} is no check of answers whose conclusion could be asked anew.")
        made = list(outcomes_over(choices, [known[c] for c in choices.checks], settings))
        tables = [table for table, _ in made]
        asked = list(dict.fromkeys((o.code, o.about) for _, own in made for o in own if o.estimate is not None))
        if not asked:
            why = next((o.statement for _, own in made for o in own), "")
            return [self.not_applicable(f"No setting has an answer. {why}".strip(), "Collect more independent units.")]
        sides = side_codes(tables, len(choices.universe)) if GAP in choices.checks else None
        told: list[Outcome] = []
        for code, about in asked:
            curve = self._over(choices, made, code, about, settings)
            tested = self._tested(subject, choices, tables, sides, about, curve, settings) if code == GAP else None
            told.append(self._told(choices, code, about, curve, tested, settings))
        return told

    def beside(self, outcome: Outcome, judged: Outcome) -> Outcome:
        """The outcome beside that of U101: one that all checks' correction takes is told to be taken."""
        details = outcome.details
        if not isinstance(details, OverSettings) or details.used < 0 or isinstance(judged, Found):
            return outcome
        if not details.curve[details.used].found:
            return outcome
        said = f"{outcome.statement} Corrected for the whole audit, it is not found under the settings used (U101)."
        return replace(outcome, statement=said)

    def _over(
        self, choices: Choices, made: Sequence[tuple[Table, list[Outcome]]], code: str, about: About, settings: Settings
    ) -> Multiverse:
        """The answers about one subject under every setting, in shares of the score's range."""
        answers: list[Answer] = []
        at = iter(choices.grid)
        for table, outcomes in made:
            own = [o for o in outcomes if o.code == code and o.p_value is not None and o.estimate is not None]
            one = next((o for o in outcomes if o.code == code and o.about == about and o.estimate is not None), None)
            place = next((i for i, o in enumerate(own) if o is one), -1)
            why = next((o.statement for o in outcomes if o.code == code and o.estimate is None), "")
            for level, how in choices.decisions():
                if one is None or one.estimate is None:
                    answers.append(Answer(next(at), None, None, why))
                    continue
                estimate = one.estimate.scaled(1 / table.range)
                if place < 0:
                    found = estimate.low > 0
                else:
                    p = adjusted([o.p_value or 0.0 for o in own], how)[place]
                    found = bool(p <= level and estimate.value >= settings.smallest_gap)
                answers.append(Answer(next(at), estimate, found))
        return Multiverse(choices.grid, tuple(answers))

    def _tested(
        self, subject: Subject, choices: Choices, tables: Sequence[Table], sides: Any, about: About, curve: Multiverse,
        settings: Settings,
    ) -> CurveTest | None:  # fmt: skip
        """The whole curve of one model against the null; None where no null can be drawn."""
        if subject.answers.has("human_score"):
            return None
        universe = choices.universe
        place = len(choices.decisions())
        kept = [t for t, a in zip(tables, curve.answers[::place], strict=True) if a.estimate is not None]
        rows = [_rows_of(table, about.name) for table in kept]
        units = universe.cluster.astype(np.int64)
        items = universe.codes("item").codes.astype(np.int64)
        used = np.unique(np.concatenate([r.row for r in rows]))
        where = np.full(len(universe), -1)
        where[used] = np.arange(len(used))
        rows = [Rows(where[r.row], r.score, r.cluster, r.split, r.once) for r in rows]
        try:
            return curve_test(
                units[used], items[used], sides[used], rows, draws=settings.n_resamples, level=settings.level,
                alpha=settings.fdr, rng=self.rng(settings, about.name),
            )  # fmt: skip
        except (TooFewUnits, Undefined):
            return None

    def _told(
        self, choices: Choices, code: str, about: About, curve: Multiverse, tested: CurveTest | None, settings: Settings
    ) -> Outcome:
        n = len(curve.answered)
        low, high = curve.range
        moved = most_moving(curve)
        across = f"{low:.2f} to {high:.2f}{moved}"
        statement = f"{about.name}: {held(curve, 'the gap' if code == GAP else f'what {code} says')}: {across}."
        details = _details(choices, code, about, curve, tested)
        step = next_step(curve)
        if tested is None:
            return Context(code=self.code, about=about, statement=statement, next_step=step, details=details)
        estimate = tested.median
        common: dict[str, Any] = {
            "about": about, "estimate": estimate, "p_value": tested.p_value, "effect": min(1.0, abs(estimate.value)),
            "details": details,
        }  # fmt: skip
        otherwise = self.unless_found(
            settings.gap_that_matters, settings=settings, clear=statement, undecided=statement, if_clear=step, **common
        )
        if n and tested.p_value <= settings.fdr and estimate.value >= settings.smallest_gap:
            return Found(
                code=self.code, statement=statement, next_step=step, otherwise=otherwise,
                blames=Blame((about.name,), side("unseen"), side("seen")), **common,
            )  # fmt: skip
        return otherwise


def held(curve: Multiverse, what: str) -> str:
    """In how many settings a conclusion holds, as a sentence without its end.

    >>> from unseen.estimates import Estimate
    >>> from unseen.estimates.multiverse.grid import explored
    >>> def gap(at):
    ...     return Estimate(at["by"], at["by"] - 0.1, at["by"] + 0.1, 9, "t")
    >>> held(explored({"by": [0.2, 0.3, 0.05]}, gap), "the gap")
    'the gap holds in 2 of 3 reasonable settings'
    """
    n = len(curve.answered)
    settings = f"{n:,} reasonable setting{'s' * (n != 1)}"
    if curve.used.found:
        return f"{what} holds in {'all' if curve.holds == n else f'{curve.holds:,} of'} {settings}"
    if not curve.found:
        return f"{what} is found in none of {settings}"
    return f"{what} is found in {curve.found:,} of {settings}, not in the one that was used"


def most_moving(curve: Multiverse) -> str:
    """Which choice moves the answers most, as the end of a sentence; "" where none does."""
    first = next(iter(curve.influence), None)
    if first is not None and first.share >= MOVES:
        return f"; the choice of {first.axis} moves it most"
    decided = [i for i in curve.influence if i.found is not None]
    if decided and (one := max(decided, key=lambda i: i.found or 0.0)).found:
        return f"; whether it is found hangs on the {one.axis} most" if one.axis in ("level", "correction") else (
            f"; whether it is found hangs on the choice of {one.axis} most"
        )  # fmt: skip
    return ""


def next_step(curve: Multiverse) -> str:
    """What to do with what the curve shows."""
    n = len(curve.answered)
    if curve.holds == n:
        return "Report it with its range over the settings."
    decided = [i for i in curve.influence if i.found]
    if not decided:
        return "Report it with its range over the settings, and say which were used."
    one = max(decided, key=lambda i: i.found or 0.0)
    return (
        f"Settle the choice of {one.axis} before the next look, and report in how many settings it holds: more than any other "
        "it decides whether the gap is found."
    )


def _rows_of(table: Table, model: str) -> Rows:
    """The scored rows of a model under a setting, in shares of the score's range."""
    rows = table.rows
    models = rows.codes("model")
    score = rows.score
    own = np.flatnonzero((models.codes == models.levels.index(model)) & ~np.isnan(score))
    own = own[(rows.is_split("seen") | rows.is_split("unseen"))[own]]
    return Rows(
        rows.table[ROW].to_numpy()[own].astype(np.int64), score[own] / table.range, rows.cluster[own].astype(np.int64),
        table.split, table.once,
    )  # fmt: skip


def _details(
    choices: Choices, code: str, about: About, curve: Multiverse, tested: CurveTest | None
) -> Mapping[str, Any]:
    ways = {a.name: a.choices for a in curve.grid.axes}
    used = next((i for i, a in enumerate(curve.curve) if a is curve.used), -1)
    return OverSettings(
        judged=code, model=about.name,
        choices=tuple(Chosen(i.axis, ways[i.axis], i.share, i.found, dict(i.means)) for i in curve.influence),
        curve=tuple(_row(curve, a) for a in curve.curve), used=used, holds=curve.holds, found_in=curve.found,
        settings=len(curve.answered), unanswered=len(curve.answers) - len(curve.answered), together=curve.together,
        significant=tested.share if tested else None, p_significant=tested.p_share if tested else None,
        p_together=tested.p_together if tested else None, across=curve.range, left_out=choices.left_out,
    )  # fmt: skip


def _row(curve: Multiverse, answer: Answer) -> UnderSetting:
    estimate = answer.estimate
    assert estimate is not None  # noqa: S101
    order = [[a.name for a in curve.grid.axes].index(i.axis) for i in curve.influence]
    plain = estimate.to_dict()
    return UnderSetting(
        tuple(answer.at[k] for k in order), estimate.value, plain["low"], plain["high"], bool(answer.found)
    )
