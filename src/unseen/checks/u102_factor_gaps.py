"""U102: how much the score differs between the levels of each factor, alone and given the other factors."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.checks._levels import MAX_ROWS, Levels, all_levels, sample_rows, singletons
from unseen.checks._rows import scored
from unseen.checks.base import About, Check, Outcome, Settings, Subject
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.curve import Curve, curve
from unseen.estimates.logistic import Fit, regress
from unseen.estimates.means import t_quantile, two_sided_t

FloatArray = NDArray[np.float64]


class FactorGaps(Check):
    """Gaps between the levels of a factor."""

    code = "U102"
    title = "gaps between factor levels"
    question = "Which properties of an item does the score depend on, and how much, given the others?"
    null = "All levels of the factor have the same mean score (given the other factors)."
    interest = "A gap of at least smallest_gap between two levels."
    method = (
        "Marginal: means per level. Adjusted: average marginal effects, the mean over rows of σ(x'β) "
        "with the factor set "
        "to each level in turn, from a logistic (scores not binary: linear) regression on all factors "
        "with cluster-robust "
        "covariance and delta-method errors; separated levels get Firth's penalty. Ordered factors enter as at most 5 "
        "levels. The gap is that of the two levels whose difference has the largest |t|; its interval and p-value are "
        "Bonferroni-corrected over all pairs of levels, so the choice is paid for. Where a factor is determined by the "
        "others only the marginal gap is given. Models with more than 20,000 rows are adjusted on a random part of the "
        "clusters."
    )
    assumptions = (
        "Clusters are independent; effects of factors add up on the scale of the regression; no claim "
        "that changing the "
        "factor would change the score."
    )
    sources = (
        "Williams (2012), Using the margins command, Stata Journal 12(2)",
        "Bell & McCaffrey (2002), Bias reduction in standard errors for linear regression with multi-stage samples",
        "Firth (1993), Bias reduction of maximum likelihood estimates",
    )
    example = (
        "model A: 0.41 [0.33, 0.49] lower at digits = 3 than at digits = 1 given the other factors (0.45 without)."
    )
    needs = ("responses", "factors")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each model and factor."""
        rows, factors = scored(subject), all_levels(subject)
        if not factors:
            return [self.not_applicable("No factor has two levels.", "Add columns that describe the items.")]
        outcomes: list[Outcome] = []
        for model, part in rows.each():
            score, cluster = rows.score[part], rows.cluster[part]
            used = [f for f in factors if len(np.unique(f.codes[part][:: max(1, len(score) // 20_000)])) > 1]
            fit = self._fit(used, part, score, cluster, settings, model)
            single = singletons(cluster)
            for position, factor in enumerate(used):
                outcomes.append(self._factor(model, factor, position, part, score, cluster, single, fit, settings))
        return outcomes or [self.not_applicable("No factor varies within a model.", "Add columns that vary.")]

    def _fit(
        self, used: list[Levels], part: slice, score: FloatArray, cluster: NDArray[np.integer], settings: Settings,
        model: str,
    ) -> Fit | str:  # fmt: skip
        if len(used) < 2:
            return "There is no other factor to adjust for."
        chosen = sample_rows(cluster, MAX_ROWS, self.rng(settings, model))
        codes = [f.codes[part] if chosen is None else f.codes[part][chosen] for f in used]
        y, c = (score, cluster) if chosen is None else (score[chosen], cluster[chosen])
        try:
            return regress(codes, [f.size for f in used], y, c)
        except (TooFewUnits, Undefined) as error:
            return f"No adjustment: {error}"

    def _factor(
        self, model: str, factor: Levels, position: int, part: slice, score: FloatArray,
        cluster: NDArray[np.integer], single: bool, fit: Fit | str, settings: Settings,
    ) -> Outcome:  # fmt: skip
        about = About("factor", f"{model} · {factor.name}")
        codes = factor.codes[part]
        if factor.missing is not None:
            codes = np.where(codes == factor.missing, np.int32(-1), codes)
        try:
            means = curve(np.arange(len(factor.real), dtype=np.float64), codes, score, cluster, singletons=single)
        except TooFewUnits as error:
            return self.not_applicable(str(error), "Collect items at other levels of this factor.", about=about)
        means = means.take(means.units >= settings.min_units)
        if len(means) < 2:
            return self.not_applicable(
                f"Fewer than 2 levels of {factor.name} have {settings.min_units} independent units.",
                "Collect more items per level.", about=about,
            )  # fmt: skip
        try:
            marginal, p, pair = _largest(means, settings.level)
        except Undefined as error:
            return self.not_applicable(str(error), "Nothing to compare: scores do not vary.", about=about)
        levels = means.x.astype(int).tolist()
        adjusted, note = None, fit if isinstance(fit, str) else ""
        if isinstance(fit, Fit):
            try:
                adjusted, p_adjusted, pair_adjusted = _adjusted(fit, position, factor, levels, settings.level)
                p, pair = p_adjusted, pair_adjusted
            except Undefined as error:
                note = f"Not adjusted: {error}"
        shown = adjusted or marginal
        high, low = factor.labels[levels[pair[0]]], factor.labels[levels[pair[1]]]
        where = f"at {factor.name} = {low} than at {factor.name} = {high}"
        given = " given the other factors" if adjusted else ""
        details: dict[str, Any] = {
            "factor": factor.name, "model": model, "best": high, "worst": low, "note": note,
            "levels": [
                {**point, "level": factor.labels[int(point["level"])]} for point in means.points(settings.level)
            ],
            "marginal": marginal.to_dict(), "adjusted": adjusted.to_dict() if adjusted else None,
            "separated": isinstance(fit, Fit) and fit.firth,
        }  # fmt: skip
        also = f" (the largest difference is {marginal.value:.2f} without adjustment)" if adjusted else ""
        return self.decide(
            about=about, estimate=shown, p_value=p, settings=settings, scale=scale_of(score), details=details,
            found=f"{model}: the score is {shown} lower {where}{given}{also}.{' ' + note if note else ''}",
            clear=f"{model}: the score does not depend on {factor.name} by an amount that matters{given}.",
            next_step=f"Report the score per level of {factor.name}; collect or train on more items at {low}.",
        )  # fmt: skip


def scale_of(score: FloatArray) -> float:
    """Range of scores that lie within 0 and 1 is 1, else their span."""
    low, high = float(score.min()), float(score.max())
    return 1.0 if low >= 0 and high <= 1 else max(high - low, 1e-12)


def _largest(means: Curve, level: float) -> tuple[Estimate, float, tuple[int, int]]:
    pairs = list(combinations(range(len(means)), 2))
    variance = means.covariance.diagonal()
    best: tuple[float, float, float, tuple[int, int]] | None = None
    for i, j in pairs:
        gap = float(means.mean[i] - means.mean[j])
        se = float(np.sqrt(max(0.0, variance[i] + variance[j] - 2 * means.covariance[i, j])))
        if se <= 0:
            continue
        if best is None or abs(gap) / se > best[0]:
            best = (abs(gap) / se, abs(gap), se, (i, j) if gap >= 0 else (j, i))
    if best is None:
        raise Undefined("all scores at all levels are equal: no interval exists.")
    t, gap, se, pair = best
    dof = max(1.0, float(min(means.units[pair[0]], means.units[pair[1]])) - 1)
    half = t_quantile((1 - level) / 2 / len(pairs), dof) * se
    method = f"largest of {len(pairs)} differences of level means, cluster-robust, Bonferroni"
    return Estimate(gap, gap - half, gap + half, means.clusters, method, level), min(
        1.0, two_sided_t(t, dof) * len(pairs)
    ), pair  # fmt: skip


def _adjusted(
    fit: Fit, position: int, factor: Levels, levels: list[int], level: float
) -> tuple[Estimate, float, tuple[int, int]]:
    values, gradients = fit.level_means(position, [] if factor.missing is None else [factor.missing])
    pairs = list(combinations(range(len(levels)), 2))
    narrow = 1 - (1 - level) / len(pairs)
    best: tuple[float, Estimate, float, tuple[int, int]] | None = None
    undefined = Undefined("no two levels can be compared.")
    for i, j in pairs:
        a, b = (i, j) if values[levels[i]] >= values[levels[j]] else (j, i)
        gap = float(values[levels[a]] - values[levels[b]])
        try:
            estimate, p = fit.effect(gap, gradients[levels[a]] - gradients[levels[b]], narrow)
        except Undefined as error:
            undefined = error
            continue
        t = gap / estimate.width
        if best is None or t > best[0]:
            best = (t, estimate, p, (a, b))
    if best is None:
        raise undefined
    _, e, p, pair = best
    method = f"largest of {len(pairs)}: {e.method}, Bonferroni"
    return Estimate(e.value, e.low, e.high, e.units, method, level), min(1.0, p * len(pairs)), pair
