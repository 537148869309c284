"""U303: unseen combinations of seen levels, against what the levels' separate effects let expect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from unseen.checks._levels import MAX_ROWS, Levels, describing_levels, sample_rows, split_codes
from unseen.checks._rows import scored
from unseen.checks._unit import Unit
from unseen.checks.base import About, Check, Outcome, Settings, Subject
from unseen.checks.details.gaps import NewCombinations
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.contrasts.logistic import Fit, one_hot, regress
from unseen.estimates.intervals.codes import distinct
from unseen.estimates.intervals.means import t_quantile, two_sided_t

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class UnseenCombinations(Check):
    """Unseen combinations against the additive expectation."""

    code = "U303"
    title = "unseen combinations of seen levels"
    question = "Does the model fail on new combinations of conditions it has each seen before?"
    null = "New combinations are scored as the separate effects of their levels, fitted on seen items, let expect."
    interest = "A shortfall of at least smallest_gap."
    method = (
        "A row is a new combination if all its levels occur among the seen rows but some pair of them "
        "never does. On the "
        "seen rows a regression with main effects only is fitted (logistic for scores with a lowest and a highest value, "
        "partial credit too: effects add up on the logit, and no expectation leaves the range; else linear). The "
        "shortfall is the mean predicted minus the mean observed score of the new combinations; its "
        "variance adds the delta-method variance of the prediction to the clustered variance of the observed residuals."
    )
    assumptions = (
        "Without interactions among seen levels the expectation is right; seen rows stand for what was trained on."
    )
    sources = (
        "Keysers et al. (2020), Measuring compositional generalization (atoms and compounds)",
        "Lake & Baroni (2018), Generalization without systematicity (SCAN)",
        "Papke & Wooldridge (1996), Econometric methods for fractional response variables (partial credit)",
    )
    example = "model A: new combinations of seen levels score 0.31, 0.22 [0.15, 0.29] below the additive expectation."
    needs = ("responses", "seen", "unseen", "factors")
    studies = (
        "data4comp",
        "gcog",
        "gotu-min-degree",
        "instruction-diversity",
        "only-if",
        "unobserved-local-structures",
    )

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each model."""
        rows, factors, (seen, unseen) = scored(subject), describing_levels(subject), split_codes(subject)
        novel, pairs, known = novel_rows(factors, seen, unseen)
        if not novel.any():
            return [
                self.not_applicable(
                    "No unseen row combines levels that were each seen, but never together.",
                    "Hold out combinations (for instance domain A with length 3) whose parts stay on the seen side.",
                )
            ]
        outcomes: list[Outcome] = []
        kind = subject.answers.score_kind
        span = _Span(rows.scale, None if kind.name == "unbounded" else (kind.low, kind.high))
        for model, part in rows.each():
            about = About("model", model)
            arrays = (rows.score[part], rows.cluster[part], seen[part] & known[part], novel[part])
            try:
                outcomes.append(self._judge(model, about, factors, part, arrays, pairs, span, rows.unit, settings))
            except (TooFewUnits, Undefined) as error:
                outcomes.append(self.not_applicable(f"{model}: {error}", "Collect more such items.", about=about))
        return outcomes

    def _judge(
        self, model: str, about: About, factors: list[Levels], part: slice,
        arrays: tuple[FloatArray, NDArray[np.integer], BoolArray, BoolArray], pairs: list[str], span: _Span,
        unit: Unit, settings: Settings,
    ) -> Outcome:  # fmt: skip
        score, cluster, seen, novel = arrays
        units = distinct(cluster[novel])
        if units < settings.min_units:
            raise TooFewUnits(f"{units} independent units are new combinations; {settings.min_units} are needed.")
        base, new = np.flatnonzero(seen), np.flatnonzero(novel)
        rng = self.rng(settings, model)
        if (drawn := sample_rows(cluster[base], MAX_ROWS, rng)) is not None:
            base = base[drawn]
        if (drawn := sample_rows(cluster[new], MAX_ROWS, rng)) is not None:
            new = new[drawn]
        used = [f for f in factors if len(np.unique(f.codes[part][base])) > 1]
        share = span.shares(score)
        fit = regress(
            [f.codes[part][base] for f in used], [f.size for f in used], share[base], cluster[base],
            shares=span.ends is not None,
        )  # fmt: skip
        codes = np.stack([f.codes[part][new] for f in used], axis=1)
        shortfall, p, expected = self._shortfall(fit, codes, share[new], cluster[new], settings.level, span)
        observed = float(score[new].mean())
        have, do = (f"have a mean {unit.word} of", "do") if unit.lower else ("score", "score")
        # The shortfall is on the scale of the score; what adds up, on that of the regression.
        added = " (effects add up on the logit)" if fit.link == "logit" else ""
        scale_name = "logit" if fit.link == "logit" else unit.word
        details = NewCombinations(
            model=model, expected=expected, observed=observed, units=units, combinations=tuple(pairs),
            scale=scale_name, firth=fit.firth,
        )  # fmt: skip
        return self.decide(
            about=about, estimate=shortfall, p_value=p, settings=settings, scale=span.scale, details=details,
            found=f"{model}: new combinations of seen levels ({'; '.join(pairs[:3])}) {have} "
            f"{unit.shown(observed):.2f}, {shortfall} "
            f"{'above' if unit.lower else 'below'} the additive expectation{added}.",
            clear=f"{model}: new combinations of seen levels {do} as their parts let expect ({unit.shown(observed):.2f} against "
            f"{unit.shown(expected):.2f}).",
            next_step="Train on some of these combinations, and hold out others to see whether the "
            "ability carries over.",
        )  # fmt: skip

    def _shortfall(
        self, fit: Fit, codes: NDArray[np.integer], score: FloatArray, cluster: NDArray[np.integer], level: float,
        span: _Span,
    ) -> tuple[Estimate, float, float]:  # fmt: skip
        x = one_hot(codes, fit.sizes, fit.offsets)
        eta = x @ fit.beta
        mu = 1 / (1 + np.exp(-np.clip(eta, -40, 40))) if fit.link == "logit" else eta
        slope = mu * (1 - mu) if fit.link == "logit" else np.ones(len(mu))
        prediction, _ = fit.effect(float(mu.mean()), (slope / len(mu)) @ x, level)
        _, dense = np.unique(cluster, return_inverse=True)
        groups = int(dense.max()) + 1
        residual = score - mu
        centred = np.bincount(dense, weights=residual - residual.mean()) / len(score)
        variance = float(centred @ centred) * groups / (groups - 1)
        if fit.link == "logit":
            # Where all answers agree, only the expectation tells how much they could have varied.
            variance = max(variance, float(np.sum(slope)) / len(score) ** 2 if variance <= 1e-15 else 0.0)
        dof = min(groups, fit.clusters) - 1
        predicted_se = prediction.width / 2 / t_quantile((1 - level) / 2, max(fit.clusters - 1, 1))
        se = float(np.sqrt(variance + predicted_se**2))
        half = t_quantile((1 - level) / 2, dof) * se
        value = float(-residual.mean())
        expected, p = float(mu.mean()), two_sided_t(value / se, dof)
        least, most = (-np.inf, np.inf) if span.ends is None else (-1.0, 1.0)
        method = f"expected minus observed, {fit.method}, delta method"
        value, low, high = (span.unit * v for v in (value, max(value - half, least), min(value + half, most)))
        return Estimate(value, low, high, groups, method, level), p, span.score(expected)


@dataclass(frozen=True, slots=True)
class _Span:
    """The range of the score, and scores as shares of it.

    Attributes:
        scale: What effects are counted in.
        ends: Lowest and highest possible score; None where there are none.
    """

    scale: float
    ends: tuple[float, float] | None

    @property
    def unit(self) -> float:
        """Score of one share."""
        return 1.0 if self.ends is None else self.ends[1] - self.ends[0]

    def shares(self, score: FloatArray) -> FloatArray:
        """Scores as shares of the way from the lowest to the highest, where there are such."""
        return score if self.ends is None else (score - self.ends[0]) / self.unit

    def score(self, share: float) -> float:
        """A share as a score."""
        return share if self.ends is None else self.ends[0] + share * self.unit


def novel_rows(factors: list[Levels], seen: BoolArray, unseen: BoolArray) -> tuple[BoolArray, list[str], BoolArray]:
    """Unseen rows that combine seen levels anew, the commonest such pairs in words, and rows of seen levels only."""
    known = np.ones(len(seen), dtype=bool)
    old = np.flatnonzero(seen)
    before = [factor.codes[old] for factor in factors]
    for factor, codes in zip(factors, before, strict=True):
        met = np.bincount(codes, minlength=factor.size) > 0
        if not met.all():
            known &= met[factor.codes]
    fresh = np.zeros(len(seen), dtype=bool)
    counted: list[tuple[int, str]] = []
    candidates = np.flatnonzero(unseen & known)
    held = [(f, codes, f.codes[candidates]) for f, codes in zip(factors, before, strict=True)]
    for (a, a_old, a_new), (b, b_old, b_new) in combinations(held, 2):
        together = np.zeros(a.size * b.size, dtype=bool)
        together[a_old * b.size + b_old] = True
        theirs = a_new * b.size + b_new
        new = ~together[theirs]
        if not new.any():
            continue
        fresh[candidates[new]] = True
        for combination, rows in enumerate(np.bincount(theirs[new], minlength=a.size * b.size).tolist()):
            if rows:
                i, j = divmod(combination, b.size)
                counted.append((rows, f"{a.name} = {a.labels[i]} with {b.name} = {b.labels[j]}"))
    counted.sort(key=lambda c: (-c[0], c[1]))
    return fresh, [text for _, text in counted[:10]], known
