"""U104: how far along an ordered factor a model holds, and where it breaks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.checks._levels import Levels, ordered_levels, singletons, split_codes
from unseen.checks._rows import scored
from unseen.checks.base import About, Check, Outcome, Settings, Subject
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.breakpoint import broken_line
from unseen.estimates.curve import Curve, contrast_estimate, curve
from unseen.estimates.monotone import crossing

BINS = 12


class Frontier(Check):
    """The frontier along an ordered factor."""

    code = "U104"
    title = "frontier along an ordered factor"
    question = "Up to which length, depth or size does the model hold, and how far is that past what it has seen?"
    null = "The mean score past the reference levels equals that at the reference levels."
    interest = "A fall of at least smallest_gap."
    method = (
        "Means per level m(x) (at most 12) with cluster-robust covariance. The fall is the mean over "
        "rows at the reference "
        "levels minus that over the others; the reference is the range seen (levels of rows with split = "
        "seen, or of the "
        "training examples), else the lower half of the levels. The break is ψ in m(x) = a + b·x + c·max(x − ψ, 0), by "
        "generalised least squares with a profile interval. Half point: where the falling monotone "
        "(PAVA) fit first drops "
        "to half of its level at the reference, with a parametric bootstrap interval."
    )
    assumptions = (
        "Clusters are independent; levels are many enough for a normal approximation; other factors may differ."
    )
    sources = (
        "Muggeo (2003), Estimating regression models with unknown break-points",
        "Robertson, Wright & Dykstra (1988), Order restricted statistical inference",
    )
    example = "model A falls by 0.61 [0.55, 0.67] past digits = 2; it breaks at 2.1 [1.9, 2.6]."
    needs = ("responses", "ordered factor")
    studies = ("chomsky-hierarchy", "rasp-length-gen", "task-hinting")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each model and ordered factor."""
        rows, (seen, unseen) = scored(subject), split_codes(subject)
        outcomes: list[Outcome] = []
        names = subject.answers.factors.of_kind("ordered")
        found = [f for f in (ordered_levels(subject, name, bins=BINS) for name in names) if f is not None]
        known = {f.name: _seen_levels(subject, f, seen, unseen) for f in found}
        for model, part in rows.each():
            score, cluster = rows.score[part], rows.cluster[part]
            single = singletons(cluster)
            for factor in found:
                about = About("factor", f"{model} · {factor.name}")
                codes = np.where(
                    factor.codes[part] == (-9 if factor.missing is None else factor.missing), -1, factor.codes[part]
                )
                try:
                    means = curve(factor.x[factor.real], codes, score, cluster, singletons=single)
                    means = means.take(means.units >= settings.min_units)
                    outcomes.append(self._judge(model, factor, means, known[factor.name], about, rows.scale, settings))
                except (TooFewUnits, Undefined) as error:
                    outcomes.append(
                        self.not_applicable(
                            f"{model}, {factor.name}: {error}", "Collect items at more levels.", about=about
                        )
                    )
        return outcomes or [self.not_applicable("No ordered factor varies.", "Add a column that orders the items.")]

    def _judge(
        self, model: str, factor: Levels, means: Curve, seen: NDArray[np.float64] | None, about: About, scale: float,
        settings: Settings,
    ) -> Outcome:  # fmt: skip
        if len(means) < 2:
            raise TooFewUnits(f"{len(means)} levels have {settings.min_units} independent units; 2 are needed.")
        inside, seen_range = _reference(means, seen)
        # Where what is unseen lies below the range seen, the factor is read from high to low.
        weights = np.where(inside, means.rows, 0) / means.rows[inside].sum()
        weights = weights - np.where(~inside, means.rows, 0) / means.rows[~inside].sum()
        drop, p = contrast_estimate(
            means, weights, level=settings.level, method="difference of mean scores along a factor, cluster-robust, t"
        )
        flipped = bool(means.x[inside].mean() > means.x[~inside].mean())
        along = _flipped(means) if flipped else means
        point, half = self._break(along, inside[::-1] if flipped else inside, factor, model, settings)
        if flipped:
            point, half = (None if e is None else -e for e in (point, half))
        edge = seen_range[0 if flipped else 1] if seen_range else float(means.x[inside].max())
        text = f" It breaks at {factor.name} {point.format(2)}." if point else ""
        text += f" Its score halves at {half.format(2)}" if half else ""
        if half:
            past = (edge - half.value) if flipped else (half.value - edge)
            where = f", {past:.2g} past the range seen." if past > 0 else ", within the range seen."
            text += where if seen_range else "."
        details: dict[str, Any] = {
            "factor": factor.name, "model": model, "seen_range": seen_range,
            "levels": [
                {**row, "split": None if seen is None else "seen" if inside[i] else "unseen"}
                for i, row in enumerate(means.points(settings.level))
            ],
            "break": None if point is None else {"value": point.value, "low": point.low, "high": point.high},
            "half": None if half is None else {"value": half.value, "low": half.low, "high": half.high},
        }  # fmt: skip
        side = "below" if flipped else "past"
        return self.decide(
            about=about, estimate=drop, p_value=p, settings=settings, scale=scale, details=details,
            found=f"{model} falls by {drop} {side} {factor.name} = {edge:.4g}.{text}",
            clear=f"{model} holds {side} {factor.name} = {edge:.4g}: no fall that matters ({drop}).",
            next_step=f"Do not rely on {model} {side} {factor.name} = {edge:.4g}; train or test on items there.",
        )  # fmt: skip

    def _break(
        self, means: Curve, inside: NDArray[np.bool_], factor: Levels, model: str, settings: Settings
    ) -> tuple[Estimate | None, Estimate | None]:
        rng = self.rng(settings, model, factor.name)
        point = half = None
        if len(means) >= 4:
            broken = broken_line(means, level=settings.level, rng=rng, n_draws=200)
            point = broken.point if broken.p_value <= settings.fdr else None
        try:
            half = crossing(means, inside, share=0.5, level=settings.level, n_draws=500, rng=rng)
        except Undefined:
            half = None
        return point, half if means.mean.min() >= 0 else None


def _flipped(means: Curve) -> Curve:
    back = means.take(np.arange(len(means))[::-1])
    return Curve(-back.x, back.mean, back.covariance, back.rows, back.units, back.clusters, back.binary)


def _seen_levels(
    subject: Subject, factor: Levels, seen: NDArray[np.bool_], unseen: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """Lowest and highest level seen, or None where nothing is known of it."""
    train = subject.train
    if train is not None and factor.name in train.table.columns and train.table[factor.name].dtype.is_numeric():
        values = train.table[factor.name].drop_nulls().to_numpy().astype(np.float64)
        return np.array([values.min(), values.max()]) if len(values) else None
    if not (seen.any() and unseen.any()):
        return None
    real = np.bincount(factor.codes[seen], minlength=factor.size)[factor.real] > 0
    return np.array([factor.x[factor.real][real].min(), factor.x[factor.real][real].max()]) if real.any() else None


def _reference(means: Curve, seen: NDArray[np.float64] | None) -> tuple[NDArray[np.bool_], list[float] | None]:
    if seen is not None:
        inside = (means.x >= seen[0] - 1e-9) & (means.x <= seen[1] + 1e-9)
        if inside.any() and not inside.all():
            return inside, [float(seen[0]), float(seen[1])]
    inside = np.zeros(len(means), dtype=bool)
    inside[: (len(means) + 1) // 2] = True
    return inside, None if seen is None else [float(seen[0]), float(seen[1])]
