"""U203: who loses more from seen to unseen items, or across a factor, than the other models do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.checks._constant import ConstantCell, constant_cells
from unseen.checks._floor import Floors, floors
from unseen.checks._irt import Grid, grid
from unseen.checks.base import About, Check, Outcome, Settings, Subject
from unseen.checks.blame import Blame, Condition, Term, rows_in
from unseen.checks.details.models import Dropped, ExtraLoss, ExtraLossAt, ExtraLosses, MantelHaenszel
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.difficulty.dif import EquatedLoss, equated_losses, mantel_haenszel
from unseen.estimates.difficulty.rasch import Patterns, RaschFit, fit_rasch
from unseen.estimates.intervals.means import t_quantile, two_sided_t

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MAX_LEVELS = 12
# Of more models, only those with a gap are compared in a second way.
MAX_COMPARED = 30


class EquatedGaps(Check):
    """Compares models at equal difficulty: each model's loss beyond the loss that all share."""

    code = "U203"
    title = "gaps at equal difficulty"
    question = (
        "Which models lose more from seen to unseen items (or across the levels of a factor) than difficulty explains?"
    )
    null = "Every model loses as much on the logit scale as the others do."
    interest = "An extra loss of at least smallest_gap of the mean score on the unseen side."
    method = (
        "A Rasch model with random item difficulties is fitted to each side; extra loss = (ability on seen − ability "
        "on unseen) − its mean over models (mean–mean equating), with CR2 errors and Satterthwaite's degrees of "
        "freedom over the influences of items, translated into mean score on the unseen side. Where models guess, a "
        "scale without a floor lets gaps shrink with difficulty: P(right) = c + (1 − c)·σ, with c = 1 / options where "
        "a column or the targets tell, and 0 only if the likelihood says so; else every c that a 95 % profile "
        "interval allows is tried and the interval spans them all. Factors: the same between each level and all other "
        "items, Bonferroni over cells. A cell that U002 names is left out of both. Beside it the Mantel–Haenszel "
        "delta with its ETS class, matched on the other models' answers."
    )
    assumptions = (
        "Difficulty acts on all models alike on the logit scale, and items of either side tell models apart alike. What "
        "all models lose alike counts as difficulty: a weakness that they share can't be told from harder items. Needs "
        "two models that are right and wrong on either side."
    )
    sources = (
        "Lord (1980), Applications of item response theory to practical testing problems, ch. 14.",
        "Holland & Thayer (1988), Differential item performance and the Mantel–Haenszel procedure.",
        "Birnbaum (1968), in Lord & Novick, ch. 17 (lower asymptote); Bell & McCaffrey (2002) (CR2).",
        "Swaminathan & Rogers (1990), Detecting differential item functioning using logistic regression procedures.",
    )
    example = (
        "small-lm loses 0.11 [0.06, 0.15] more from seen to unseen items than the other models, at equal difficulty."
    )
    needs = ("responses", "several models")
    studies = ("cross-difficulty",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model for the split, and one a factor."""
        g, answers = grid(subject), subject.answers
        outcomes: list[Outcome] = []
        names = [n for n in answers.factors.of_kind("categorical") if 2 <= len(answers.codes(n).levels) <= MAX_LEVELS]
        if not names and not answers.has("split"):
            return [
                self.not_applicable(
                    f"There is neither a split nor a categorical factor with 2 to {MAX_LEVELS} levels to compare.",
                    "Say what is unseen (--unseen 'digits > 2'), or name a factor (--factor domain:categorical).",
                    unlocks=("split", "factors"),
                )
            ]
        allowed = floors(subject, g)
        if answers.has("split"):
            split = answers.codes("split")
            outcomes += self._split(g, _by_item(g, split.codes), split.levels, allowed, settings)
        for name in names:
            coded = answers.codes(name)
            level = _by_item(g, coded.codes)
            odd = constant_cells(subject, name, settings.min_units)
            outcomes.append(self._factor(g, name, level, coded.levels, odd, allowed, settings))
        return outcomes

    def _split(
        self, g: Grid, side: IntArray, levels: tuple[Any, ...], allowed: Floors, settings: Settings
    ) -> list[Outcome]:
        names = [str(level) for level in levels]
        about = About("data", "seen and unseen")
        if "seen" not in names or "unseen" not in names:
            return [
                self.not_applicable(
                    "Only one side of the split is present.", "Give seen and unseen items.", about=about
                )
            ]
        seen, unseen = side == names.index("seen"), side == names.index("unseen")
        try:
            found, dropped = _gaps(g, seen, unseen, allowed.values)
        except (TooFewUnits, Undefined) as error:
            return [
                self.not_applicable(str(error), "Add models or items with mixed answers on both sides.", about=about)
            ]
        outcomes: list[Outcome] = []
        for m, gap in found.items():
            name, (estimate, p) = g.models[m], gap.at(settings.level)
            text = f"{name} loses {estimate.format(2)} more from seen to unseen items than the models do on average"
            if g.solved:
                text = _less_often("From seen to unseen items", name, g, estimate)
            outcomes.append(
                self.decide(
                    about=About("model", name), estimate=estimate, p_value=p,
                    found=f"{text}, at equal difficulty ({allowed.said()}).",
                    clear=f"{text}: what difficulty leaves is too small to matter.",
                    next_step="Difficulty does not explain this: look at U102 and U104 for where this model's gap "
                    "opens.",
                    settings=settings,
                    blames=Blame((name,), rows_in("unseen"), rows_in("seen"), measure="excess"),
                    details=ExtraLoss(
                        model=name, extra_logits=gap.logits, floors=tuple(allowed.values),
                        mantel_haenszel=_companion(g, m, seen, unseen)
                        if len(found) <= MAX_COMPARED or p <= settings.fdr else None,
                    ),
                )
            )  # fmt: skip
        for m, why in dropped.items():
            outcomes.append(
                self.not_applicable(
                    f"{g.models[m]} has {why}, so that its loss has no finite value on this scale; the others are "
                    "compared without it.",
                    "Add items of which it solves some and not others.", about=About("model", g.models[m]),
                )
            )  # fmt: skip
        return outcomes

    def _factor(
        self, g: Grid, name: str, level: IntArray, levels: tuple[Any, ...], odd: list[ConstantCell], allowed: Floors,
        settings: Settings,
    ) -> Outcome:  # fmt: skip
        whole = _without(g, [(level == c.level, c.model) for c in odd])
        rows: list[dict[str, Any]] = []
        gaps: list[_Gap] = []
        left_out: list[dict[str, str]] = []
        for k, label in enumerate(levels):
            here, elsewhere = level == k, (level >= 0) & (level != k)
            try:
                found, dropped = _gaps(whole, elsewhere, here, allowed.values[:1])
            except (TooFewUnits, Undefined) as error:
                left_out.append({"level": str(label), "model": "all", "why": str(error)})
                continue
            gaps += found.values()
            rows += [
                {"level": str(label), "at": k, "m": m, "model": g.models[m], "extra_logits": gap.logits}
                for m, gap in found.items()
            ]
            named = {c.model: _why_odd(g, right=c.right) for c in odd if c.level == k}
            left_out += [
                {"level": str(label), "model": g.models[m], "why": named.get(m, why)} for m, why in dropped.items()
            ]
        about = About("factor", name)
        if not rows:
            why = f": {left_out[0]['why']}" if left_out else "."
            return self.not_applicable(
                f"No level of {name} has enough items on which two models are both right and wrong{why}",
                "Add models or items.", about=about, details=Dropped(dropped=tuple(left_out)),
            )  # fmt: skip
        # The worst cell is picked among all of them: its p-value and its interval pay for the choice.
        each = [gap.at(settings.level) for gap in gaps]
        at = min(range(len(rows)), key=lambda i: (each[i][1] if each[i][0].value > 0 else 2.0, rows[i]["level"], i))
        worst, gap = rows[at], gaps[at]
        if len(allowed.values) > 1:
            here, elsewhere = level == worst["at"], (level >= 0) & (level != worst["at"])
            gap = _gaps(whole, elsewhere, here, allowed.values)[0].get(worst["m"], gap)
        estimate, p = gap.at(1 - (1 - settings.level) / len(rows))
        estimate = replace(estimate, level=settings.level, method=f"{estimate.method}, Bonferroni over {len(rows)}")
        p = min(1.0, p * len(rows))
        text = (
            f"{worst['model']} loses {estimate.format(2)} more on items with {name} = {worst['level']} than the "
            f"models do on average"
        )
        if g.solved:
            text = _less_often(f"On items with {name} = {worst['level']}", worst["model"], g, estimate)
        without = _left_out(left_out)
        cells = tuple(
            ExtraLossAt(r["level"], r["model"], q, r["extra_logits"], e) for r, (e, q) in zip(rows, each, strict=True)
        )
        return self.decide(
            about=about, estimate=estimate, p_value=p,
            found=f"{text}, at equal difficulty ({allowed.said()}).{without}",
            clear=f"{text}, the largest of {len(rows)} such gaps: too small to matter.{without}",
            next_step=f"Look at the answers of {worst['model']} to items with {name} = {worst['level']}.",
            settings=settings,
            blames=Blame((worst["model"],), _level(name, worst["level"]), measure="excess"),
            details=ExtraLosses(
                factor=name, cells=cells, dropped=tuple(left_out), floors=tuple(allowed.values)
            ),
        )  # fmt: skip


def _less_often(where: str, model: str, g: Grid, estimate: Estimate) -> str:
    """The same of a loss: what is compared is how often it stays small."""
    return f"{where} {model} {g.solved} less often than the models do on average, by {estimate.format(2)}"


def _level(name: str, level: str) -> Condition:
    return Condition((Term(name, "levels", f"{name} = {level}", levels=(level,)),))


@dataclass(frozen=True, slots=True)
class _Gap:
    """A model's extra loss under each floor that the data allow."""

    losses: tuple[EquatedLoss, ...]
    focal: tuple[RaschFit, ...]
    model: int

    @property
    def logits(self) -> float:
        return self.losses[0].value

    def at(self, level: float) -> tuple[Estimate, float]:
        """The loss in mean score on the focal side with an interval that spans all floors, and its p-value."""
        ends: list[FloatArray] = []
        p: list[float] = []
        for loss, fit in zip(self.losses, self.focal, strict=True):
            half = t_quantile((1 - level) / 2, loss.dof) * loss.error
            # Where the model would stand on this side, had it lost no more than the others.
            at = float(fit.ability[self.model]) + loss.value
            limits = np.array([loss.value, loss.value - half, loss.value + half])
            ends.append(fit.mean_success([at]) - fit.mean_success(at - limits))
            p.append(two_sided_t(loss.value / loss.error, loss.dof))
        value, low, high = ends[0].tolist()
        low, high = min(low, *(float(e[1]) for e in ends)), max(high, *(float(e[2]) for e in ends))
        turned = len({loss.value > 0 for loss in self.losses}) > 1
        method = "Rasch on either side, mean–mean equating, CR2, t"
        return Estimate(value, low, high, self.losses[0].units, method, level), 1.0 if turned else max(p)


def _gaps(
    g: Grid, reference: NDArray[np.bool_], focal: NDArray[np.bool_], values: tuple[float, ...]
) -> tuple[dict[int, _Gap], dict[int, str]]:
    """Extra losses of the models that have one under some floor, and why the others have none.

    A floor under which a model is no better than guessing has no finite loss for it, and is left out for that model.
    """
    losses: dict[int, list[EquatedLoss]] = {}
    fits: dict[int, list[RaschFit]] = {}
    dropped: dict[int, str] = {}
    for c in values[:1] + tuple(c for c in values[1:] if _reached(g, (reference, focal), c)):
        sides = _fit(g, reference, c), _fit(g, focal, c)
        for m, loss in equated_losses(*sides).items():
            if loss.error > 1e-9:
                losses.setdefault(m, []).append(loss)
                fits.setdefault(m, []).append(sides[1])
        for fit, mask in zip(sides, (reference, focal), strict=True):
            for m in np.flatnonzero(~np.isfinite(fit.ability)).tolist():
                dropped.setdefault(m, _why(g, m, mask, c))
    found = {m: _Gap(tuple(losses[m]), tuple(fits[m]), m) for m in sorted(losses)}
    return found, {m: why for m, why in dropped.items() if m not in found}


def _reached(g: Grid, sides: tuple[NDArray[np.bool_], ...], floor: float) -> bool:
    """Whether no model is right on a side less often than this floor allows (three standard errors below it)."""
    for items in sides:
        right, trials = g.right[items].sum(axis=0), g.trials[items].sum(axis=0)
        if (right < trials * floor - 3 * np.sqrt(trials * floor * (1 - floor))).any():
            return False
    return True


def _why(g: Grid, m: int, items: NDArray[np.bool_], floor: float) -> str:
    right, trials = float(g.right[items, m].sum()), float(g.trials[items, m].sum())
    if trials == 0:
        return "no answers on one side"
    all_right, all_wrong, share = ("solved", "unsolved", "solved") if g.solved else ("right", "wrong", "right")
    if right == trials:
        return f"all of {trials:,.0f} answers {all_right} on one side"
    if right == 0:
        return f"all of {trials:,.0f} answers {all_wrong} on one side"
    return f"{right / trials:.2f} {share} on one side, no more than guessing ({floor:.2f})"


def _why_odd(g: Grid, *, right: bool) -> str:
    if g.solved:
        return "all solved" if right else "none solved"
    return "all right" if right else "all wrong"


def _left_out(cells: list[dict[str, str]], most: int = 5) -> str:
    if not cells:
        return ""
    named = ", ".join(f"{c['model']} at {c['level']} ({c['why'].rstrip('.')})" for c in cells[:most])
    return f" Left out: {named}{f' and {len(cells) - most} more' if len(cells) > most else ''}."


def _without(g: Grid, cells: list[tuple[NDArray[np.bool_], int]]) -> Grid:
    """The grid without these cells (items, model)."""
    if not cells:
        return g
    right, trials = g.right.copy(), g.trials.copy()
    for items, m in cells:
        right[items, m] = trials[items, m] = 0.0
    return Grid(right, trials, g.models, g.row, g.cluster, g.note, g.solved)


def _by_item(g: Grid, codes: NDArray[np.int32]) -> IntArray:
    return np.where(g.row >= 0, codes[np.maximum(g.row, 0)], -1).astype(np.int64)


def _fit(g: Grid, items: NDArray[np.bool_], floor: float) -> RaschFit:
    whole = g.patterns
    weight = np.bincount(whole.of_item[items], minlength=len(whole.weight)).astype(np.float64)
    kept = np.flatnonzero(weight > 0)
    renumbered = np.cumsum(weight > 0) - 1
    part = Patterns(
        whole.right[kept], whole.trials[kept], weight[kept], renumbered[whole.of_item[items]].astype(np.int64)
    )
    return fit_rasch(part, cluster=None if g.cluster is None else g.cluster[items], floor=floor)


def _companion(g: Grid, m: int, seen: NDArray[np.bool_], unseen: NDArray[np.bool_]) -> MantelHaenszel:
    """Mantel–Haenszel delta of one model, matched on the share of the others that is right."""
    data = g.patterns
    others = np.arange(data.right.shape[1]) != m
    rest = data.right[:, others].sum(axis=1) / np.maximum(data.trials[:, others].sum(axis=1), 1)
    stratum = np.round(rest * 20).astype(np.int64)
    binary = (data.trials[:, m] > 0) & ((data.right[:, m] == 0) | (data.right[:, m] == data.trials[:, m]))
    right, kept = (data.right[:, m] > 0).astype(np.float64), np.flatnonzero(binary)
    size = len(data.weight)
    weights = [np.bincount(data.of_item[side], minlength=size)[kept] for side in (seen, unseen)]
    try:
        mh = mantel_haenszel(
            np.tile(right[kept], 2),
            np.repeat([0.0, 1.0], len(kept)),
            np.tile(stratum[kept], 2),
            np.concatenate(weights),
        )
    except Undefined:
        return MantelHaenszel(None)
    return MantelHaenszel(mh.delta, mh.p_value, mh.ets)
