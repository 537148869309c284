"""U108: pairs of factors that hurt more together than the sum of what each does alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.checks._levels import Levels, cluster_half, describing_levels, singletons
from unseen.checks._rows import Scored, scored
from unseen.checks.base import About, Check, Outcome, Settings, Subject
from unseen.checks.blame import Blame, Condition
from unseen.checks.details.gaps import Compounding, Level
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.contrasts.curve import Curve, contrast_estimate, curve
from unseen.estimates.testing.multiplicity import holm

FloatArray = NDArray[np.float64]
TESTED = 5
SEARCH_ROWS = 20_000
WEIGHTS = np.array([-1.0, 1.0, 1.0, -1.0])


class CompoundingPairs(Check):
    """Compounding pairs of factors."""

    code = "U108"
    title = "factor pairs that compound"
    question = "Which two difficulties hurt more together than their separate effects add up to?"
    null = "On the probability (score) scale the effects of the two factors add up, or the pair does better than that."
    interest = "A shortfall of at least smallest_gap against the additive expectation."
    method = (
        "Each factor is cut in two: hard and easy levels. With m_ab the mean at hardness a of one and b "
        "of the other, the "
        "shortfall is m_10 + m_01 − m_00 − m_11, on the scale of the score, not of the logit. The cut "
        "(the level or run of "
        "levels with the lowest mean on one half of the clusters) and the 5 pairs with the largest shortfall over its "
        "error come from that half; estimate and test from the other half, clustered, Holm-adjusted. "
        "Told are pairs that score below each of the two alone by at least smallest_gap, of which neither helps by "
        "itself beyond chance."
    )
    assumptions = (
        "Clusters are independent. On the score scale a floor hides compounding: scores already near 0 cannot fall."
    )
    sources = (
        "VanderWeele & Knol (2014), A tutorial on interaction, section 3",
        "Cox (1975), A note on data-splitting for the evaluation of significance levels",
    )
    example = "model A: digits ≥ 3 and format = words together cost 0.12 [0.05, 0.19] more than the sum of both."
    needs = ("responses", "factors")
    studies = ("data4comp", "gcog")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """The pairs tested on held-out clusters, for each model."""
        rows, factors = scored(subject), describing_levels(subject)
        if len(factors) < 2:
            return [self.not_applicable("A pair needs two factors.", "Add columns that describe the items.")]
        half = cluster_half(rows.cluster, self.rng(settings))
        outcomes: list[Outcome] = []
        for model, part in rows.each():
            arrays = (rows.score[part], rows.cluster[part], half[part])
            outcomes += self._model(model, part, factors, arrays, rows, settings)
        return outcomes

    def _model(
        self, model: str, part: slice, factors: list[Levels],
        arrays: tuple[FloatArray, NDArray[np.integer], NDArray[np.bool_]], scores: Scored, settings: Settings,
    ) -> list[Outcome]:  # fmt: skip
        score, cluster, half = arrays
        least = max(settings.min_units, 10)
        rows = np.flatnonzero(half)
        searched = rows, score[rows]
        cuts = [c for f in factors if (c := _cut(f, f.codes[part], *searched, least)) is not None]
        pairs = _ranked(cuts, score, half, least)[:TESTED]
        held, single = np.flatnonzero(~half), singletons(cluster)
        held_score, held_cluster = score[held], cluster[held]
        tested: list[tuple[_Cut, _Cut, Estimate, float, Any]] = []
        for i, j in pairs:
            a, b = cuts[i], cuts[j]
            codes = np.where(a.known[held] & b.known[held], 2 * a.hard[held] + b.hard[held], -1)
            try:
                means = curve(np.arange(4.0), codes, held_score, held_cluster, singletons=single)
                if len(means) < 4 or means.units.min() < settings.min_units:
                    continue
                estimate, p = contrast_estimate(
                    means, WEIGHTS, level=1 - (1 - settings.level) / len(pairs),
                    method="interaction contrast on the score scale, held-out clusters, Bonferroni",
                )  # fmt: skip
            except (TooFewUnits, Undefined):
                continue
            # What would be found for a reason that is no compounding is not judged; it was paid for all the same.
            if estimate.low > 0 and not _compounds(means, settings.smallest_gap * scores.scale):
                continue
            tested.append((a, b, estimate, p if estimate.value > 0 else 1.0, means))
        if not tested:
            return [self._none(model, settings, len(cuts))]
        adjusted = holm([t[3] for t in tested] + [1.0] * (len(pairs) - len(tested)))
        return [
            self._outcome(model, a, b, replace(e, level=settings.level), p, m, scores, settings)
            for (a, b, e, _, m), p in zip(tested, adjusted.tolist(), strict=False)
        ]

    def _none(self, model: str, settings: Settings, cuts: int) -> Outcome:
        about = About("model", model)
        if cuts >= 2:
            return self.not_applicable(
                f"{model}: the search half of the data proposes no pair that compounds, so that none was judged.",
                "Collect items in which the conditions are crossed.", about=about,
            )  # fmt: skip
        return self.not_applicable(
            f"{model}: no two factors have {settings.min_units} independent units in all four combinations.",
            "Collect items in which the conditions are crossed.", about=about,
        )  # fmt: skip

    def _outcome(
        self, model: str, a: _Cut, b: _Cut, estimate: Estimate, p: float, means: Any, rows: Scored, settings: Settings
    ) -> Outcome:
        word = rows.unit.word
        points = zip(means.points(settings.level), ("neither", b.name, a.name, "both"), strict=True)
        details = Compounding(
            model=model, scale=word, conditions=(a.name, b.name),
            cells=tuple(Level.of(point, label) for point, label in points),
            expected=float(means.mean[1] + means.mean[2] - means.mean[0]), observed=float(means.mean[3]),
        )  # fmt: skip
        return self.decide(
            about=About("factor", f"{model} · {a.factor} × {b.factor}"), estimate=estimate, p_value=p,
            settings=settings,
            scale=rows.scale, details=details, blames=Blame((model,), Condition((a.term, b.term))),
            found=f"{model}: {a.name} and {b.name} together cost {estimate} more than the sum of both.",
            clear=f"{model}: {a.name} and {b.name} do not compound by an amount that matters ({word} scale).",
            next_step=f"Test and train on items with both {a.name} and {b.name}: tests of one at a time miss this.",
        )  # fmt: skip


class _Cut:
    """A factor in two parts: which rows are known, and which are hard."""

    def __init__(self, factor: Levels, codes: NDArray[np.int32], first: int, last: int) -> None:
        self.factor, self.name, self.term = factor.name, factor.condition(first, last), factor.term(first, last)
        self.known = codes != (-9 if factor.missing is None else factor.missing)
        self.hard = ((codes >= first) & (codes <= last) & self.known).astype(np.int32)


def _compounds(means: Curve, gap: float) -> bool:
    """Whether the pair scores below each member alone, and no member helps by itself beyond chance."""
    neither, b, a, both = means.mean.tolist()
    if both > min(a, b) - gap:
        return False
    cov = means.covariance
    errors = [float(np.sqrt(max(cov[i, i] + cov[0, 0] - 2 * cov[0, i], 0.0))) for i in (1, 2)]
    return all(alone - neither <= 2 * error for alone, error in zip((b, a), errors, strict=True))


def _cut(
    factor: Levels, codes: NDArray[np.int32], rows: NDArray[np.intp], score: FloatArray, least: int
) -> _Cut | None:
    searched = codes[rows]
    n = np.bincount(searched, minlength=factor.size)[factor.real].astype(np.float64)
    y = np.bincount(searched, weights=score, minlength=factor.size)[factor.real]
    last = len(n) - 1
    runs = [(i, last) for i in range(1, last + 1)] + [(0, i) for i in range(last)]
    options = runs if factor.ordered else [(i, i) for i in range(last + 1)]
    if not options:
        return None
    first, end = np.array(options).T
    upto, summed = (np.concatenate([[0.0], np.cumsum(each)]) for each in (n, y))
    inside, within = upto[end + 1] - upto[first], summed[end + 1] - summed[first]
    rest = upto[-1] - inside
    fits = np.minimum(inside, rest) >= 2 * least
    if not fits.any():
        return None
    inside, rest = np.maximum(inside, 1.0), np.maximum(rest, 1.0)
    z = ((summed[-1] - within) / rest - within / inside) / np.sqrt(1 / inside + 1 / rest)
    return _Cut(factor, codes, *options[int(np.argmax(np.where(fits, z, -np.inf)))])


def _ranked(cuts: list[_Cut], score: FloatArray, half: NDArray[np.bool_], least: int) -> list[tuple[int, int]]:
    # What is only proposed needs no more rows than this; rows come in no order of the score.
    rows = np.flatnonzero(half)
    rows = rows[:: max(1, len(rows) // SEARCH_ROWS)]
    y = score[rows]
    variance = float(y.var())
    if len(cuts) < 2:
        return []
    hard, known = (
        np.stack(each).astype(np.float64) for each in ([c.hard[rows] for c in cuts], [c.known[rows] for c in cuts])
    )
    # Rows with neither, the second, the first and both conditions of each pair, and their summed scores.
    n, total = (
        np.stack([neither - first - second + both, second - both, first - both, both])
        for both, first, second, neither in (
            (hard @ h.T, hard @ k.T, known @ h.T, known @ k.T) for h, k in ((hard, known), (hard * y, known * y))
        )
    )
    i, j = np.triu_indices(len(cuts), 1)
    n, total = n[:, i, j], total[:, i, j]
    usable = n.min(axis=0) >= least
    n = np.maximum(n, 1.0)
    means = total / n
    z = WEIGHTS @ means / np.sqrt(max(variance, 1e-12) * np.sum(1 / n, axis=0))
    kept = np.flatnonzero(usable & (means[3] < np.minimum(means[1], means[2])) & (z > 0))
    found = zip(z[kept].tolist(), i[kept].tolist(), j[kept].tolist(), strict=True)
    return [(first, second) for _, first, second in sorted(found, reverse=True)]
