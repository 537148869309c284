"""U807: which property of a domain goes with a low score on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._domains import Loss, blamed, losses, score_word, under_shift
from unseen.checks._groups import domains, none_held_out
from unseen.checks.base import About, Check, Found, Outcome, Settings, Subject
from unseen.checks.details.learner import DomainProperties, DomainProperty, PropertyOf
from unseen.engine.seeds import numpy_generator
from unseen.errors import TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.meta import between_variance
from unseen.estimates.testing.multiplicity import benjamini_hochberg
from unseen.learners.preprocessing import input_table, preprocessing
from unseen.refitting import Case, UnderShift

FloatArray = NDArray[np.float64]
MIN_DOMAINS = 8
MAX_NUMBERS = 15
# Rows and random Fourier features for the distance of a domain from the others.
DISTANCE_ROWS, FEATURES = 4000, 200
PERMUTATIONS = 4999
# The effect of a property is the change of the score between these shares of the domains.
ENDS = (0.1, 0.9)


class ExplainedGaps(Check):
    """What explains the gaps between domains."""

    code = "U807"
    title = "what explains gaps between domains"
    question = "Which property of a domain goes with a low score on it when it was not seen?"
    null = "The score on a domain does not depend on the property (over domains)."
    interest = "A change of the score of at least smallest_gap from low to high values of the property."
    method = (
        "Properties of each domain: its size, the share of the most common class (or mean and spread of the target), the "
        "share of missing values, means and spreads of numeric columns, and its distance from the other domains "
        "(MMD with random Fourier features). Each is held against the score of fits that did not see the domain: a "
        "straight line weighted by 1/(sampling variance + variance between domains), and the weighted rank correlation, "
        "tested by permutation. Intervals by bootstrap over domains; p-values of all properties are corrected "
        "(Benjamini-Hochberg)."
    )
    assumptions = (
        "Domains are independent. A property that goes with the score need not be its cause: with few domains many "
        "properties go together."
    )
    sources = (
        "Thompson & Higgins (2002), How should meta-regression analyses be undertaken and interpreted?",
        "Higgins & Thompson (2004), Controlling the risk of spurious findings from meta-regression (permutation test)",
        "Gretton et al. (2012), A kernel two-sample test; Rahimi & Recht (2007), Random features for kernel machines",
    )
    example = (
        "held-out site: accuracy is lower by 0.08 [0.04, 0.12] where the share of missing values is high (rank "
        "correlation -0.61 over 22 domains)."
    )
    needs = ("learner",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a property that is found, else one a shift."""
        under = under_shift(subject)
        families = [d.family for d in domains(under)]
        if not families:
            return [none_held_out(self, MIN_DOMAINS)]
        found = losses(subject, kinds=("held-out",))
        outcomes: list[Outcome] = []
        for family in families:
            own, about = found.get(family, []), About("factor", family)
            if len(own) < MIN_DOMAINS:
                outcomes.append(
                    self.not_applicable(
                        f"{family}: what sets domains apart is judged over {MIN_DOMAINS} of them or more; these are "
                        f"{len(own)}.",
                        "Collect more domains, or choose a finer factor.", about=about,
                    )
                )  # fmt: skip
                continue
            outcomes += self._family(under, settings, family, own)
        return outcomes

    def _family(self, under: UnderShift, settings: Settings, family: str, own: list[Loss]) -> list[Outcome]:
        properties = properties_of(under, [x.held.rows for x in own], own[0].held.case.factors)
        score = np.array([x.unseen for x in own])
        variance = np.array([x.unseen_variance for x in own])
        weight = 1 / (variance + between_variance(score, variance))
        loss = np.array([x.value for x in own])
        rows: list[_Property] = []
        for name, values in properties.items():
            if len(np.unique(values)) < 4:
                continue
            rng = numpy_generator(settings.seed, self.code, family, name)
            told = _judged(name, values, score, loss, weight, settings, rng)
            each = tuple(PropertyOf(x.name, float(v), float(s)) for x, v, s in zip(own, values, score, strict=True))
            rows.append(_Property(told, each))
        if not rows:
            raise TooFewUnits(f"{family}: no property differs between the {len(own)} domains.")
        adjusted = benjamini_hochberg([r.told.p_value for r in rows]).tolist()
        rows = [replace(r, told=replace(r.told, adjusted=p)) for r, p in zip(rows, adjusted, strict=True)]
        return self._said(under, settings, family, rows, own)

    def _said(
        self, under: UnderShift, settings: Settings, family: str, rows: list[_Property], own: list[Loss],
    ) -> list[Outcome]:  # fmt: skip
        scale, word, k = under.problem.scale, score_word(under), len(own)
        worse = "lower" if under.problem.how.perfect is None else "higher"
        found: list[Outcome] = []
        summary = tuple(row.told for row in rows)
        for row in rows:
            told, estimate, p = row.told, row.told.change, row.told.adjusted
            if p <= settings.fdr and estimate.value >= settings.smallest_gap * scale and estimate.low > 0:
                said = (
                    f"{family}: {word} is {worse} by {estimate.format(2)} where {told.property} is {told.worse} (rank "
                    f"correlation {told.correlation:.2f} over {k} domains)."
                )
                common: dict[str, Any] = {
                    "code": self.code, "about": About("factor", f"{told.property}, {family}"), "statement": said,
                    "estimate": estimate, "p_value": p, "effect": min(1.0, estimate.value / scale),
                    "details": DomainProperties(
                        family=family, domains=row.domains, properties=summary, about=blamed(under, row.worse(own))
                    ),
                }  # fmt: skip
                otherwise = self.unless_found(
                    settings.gap_that_matters * scale, settings=settings, next_step="Collect more domains.", **common
                )  # fmt: skip
                found.append(
                    Found(
                        next_step=f"Look at the domains where {told.property} is {told.worse}; collect more like them, "
                        "or let the learner know of it.",
                        otherwise=otherwise, **common,
                    )
                )  # fmt: skip
        if found:
            return found
        best = rows[int(np.argmin([row.told.adjusted for row in rows]))]
        details = DomainProperties(family=family, domains=best.domains, properties=summary)
        said = (
            f"{family}: none of {len(rows)} properties goes with the score beyond chance over {k} domains (nearest: "
            f"{best.told.property}, rank correlation {best.told.correlation:.2f})"
        )
        common = {
            "code": self.code, "about": About("factor", family), "estimate": best.told.change, "details": details,
            "p_value": best.told.adjusted, "effect": min(1.0, abs(best.told.change.value) / scale),
        }  # fmt: skip
        highest = max(row.told.change.high for row in rows)
        return [
            self.unless_found(
                settings.gap_that_matters * scale, settings=settings, high=highest, clear=f"{said}.",
                undecided=f"{said}; too few domains to tell.", next_step="Collect more domains.", **common,
            )
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Property:
    """A property of domains: what is told of it, and its value on each domain."""

    told: DomainProperty
    domains: tuple[PropertyOf, ...]

    def worse(self, own: list[Loss]) -> list[Case]:
        """The domains on the side where scores are worse: beyond the middle of its values."""
        values = np.array([d.value for d in self.domains])
        sign = 1.0 if self.told.worse == "high" else -1.0
        there = sign * values > sign * np.median(values)
        return [loss.held.case for loss, inside in zip(own, there, strict=True) if inside]


def _judged(
    name: str, values: FloatArray, score: FloatArray, loss: FloatArray, weight: FloatArray, settings: Settings,
    rng: np.random.Generator,
) -> DomainProperty:  # fmt: skip
    """One property: its correlation with a permutation p-value, and what it costs, with a bootstrap interval."""
    k = len(values)
    low, high = (float(v) for v in np.quantile(values, ENDS))
    r = _rank_correlation(values, score[None], weight)[0]
    # Score and weight belong together: both are dealt out anew.
    order = np.argsort(rng.random((PERMUTATIONS, k)), axis=1)
    drawn = _rank_correlation(values, score[order], weight[order])
    p = (1 + int((np.abs(drawn) >= abs(r) - 1e-12).sum())) / (PERMUTATIONS + 1)
    change = _slope(values[None], score[None], weight[None])[0] * (high - low)
    pick = rng.integers(0, k, (settings.n_resamples, k))
    some = pick[(np.ptp(values[pick], axis=1) > 0)]
    slopes = _slope(values[some], score[some], weight[some]) * (high - low)
    ends = np.quantile(slopes, [(1 - settings.level) / 2, (1 + settings.level) / 2])
    sign = 1.0 if change > 0 else -1.0
    a, b = sorted((sign * float(ends[0]), sign * float(ends[1])))
    value = abs(float(change))
    method = f"change of the score from the {ENDS[0]:.0%} to the {ENDS[1]:.0%} quantile, bootstrap over domains"
    estimate = Estimate(value, min(a, value - 1e-9), max(b, value + 1e-9), k, method, settings.level)
    correlations = _rank_correlation_each(values[some], score[some], weight[some])
    ends = np.quantile(correlations, [(1 - settings.level) / 2, (1 + settings.level) / 2])
    return DomainProperty(
        name, r, float(ends[0]), float(ends[1]), estimate, p, "low" if change > 0 else "high", low, high,
        correlation_with_loss=_rank_correlation(values, loss[None], weight)[0], adjusted=p,
    )  # fmt: skip


def _ranks(values: FloatArray) -> FloatArray:
    """Mid-ranks along the last axis."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values, axis=-1), dtype=np.float64)


def _rank_correlation(values: FloatArray, scores: FloatArray, weight: FloatArray) -> list[float]:
    """Weighted rank correlation of one property with each row of scores, shape (draws, domains)."""
    return _rank_correlation_each(np.broadcast_to(values, scores.shape), scores, weight).tolist()


def _rank_correlation_each(values: FloatArray, scores: FloatArray, weight: FloatArray) -> FloatArray:
    """Weighted Pearson correlation of ranks, row by row; 0 where a side is constant."""
    x, y = _ranks(values), _ranks(scores)
    w = np.broadcast_to(weight, scores.shape)
    w = w / w.sum(-1, keepdims=True)
    x = x - (w * x).sum(-1, keepdims=True)
    y = y - (w * y).sum(-1, keepdims=True)
    spread = np.sqrt((w * x * x).sum(-1) * (w * y * y).sum(-1))
    return np.where(spread > 0, (w * x * y).sum(-1) / np.where(spread > 0, spread, 1), 0.0)


def _slope(values: FloatArray, scores: FloatArray, weight: FloatArray) -> FloatArray:
    """Weighted least-squares slope, row by row."""
    w = weight / weight.sum(-1, keepdims=True)
    x = values - (w * values).sum(-1, keepdims=True)
    return (w * x * scores).sum(-1) / (w * x * x).sum(-1)


def properties_of(under: UnderShift, parts: list[np.ndarray], factors: tuple[str, ...]) -> Mapping[str, FloatArray]:
    """What sets domains apart: name → one number a domain.

    Args:
        under: The problem.
        parts: Row numbers of each domain.
        factors: Columns that are no property: those that make the domains.
    """
    problem, table = under.problem, under.problem.examples.table
    found: dict[str, list[float]] = {"its size": [float(np.log10(len(rows))) for rows in parts]}
    target = table[problem.target]
    if problem.regression:
        found["the mean target"] = [_mean(target[rows]) for rows in parts]
        found["the spread of the target"] = [_spread(target[rows]) for rows in parts]
    elif len(problem.classes) == 2:
        found[f"the share of {problem.classes[1]}"] = [_mean(target[rows] == problem.classes[1]) for rows in parts]
        common = [float(target[rows].value_counts(sort=True)["count"][0]) / len(rows) for rows in parts]
        found["the share of its most common class"] = common
    else:
        common = [float(target[rows].value_counts(sort=True)["count"][0]) / len(rows) for rows in parts]
        found["the share of its most common class"] = common
    inputs = table.select(problem.examples.inputs)
    if any(inputs.null_count().row(0)):
        gone = (inputs.select(pl.mean_horizontal(pl.all().is_null().cast(pl.Float64)))).to_series()
        found["the share of missing values"] = [_mean(gone[rows]) for rows in parts]
    numeric = [
        c for c in dict.fromkeys([*problem.examples.inputs, *problem.examples.factors])
        if c not in (*factors, problem.target, problem.cluster) and table.schema[c].is_numeric()
    ]  # fmt: skip
    for name in numeric[:MAX_NUMBERS]:
        found[f"the mean of {name}"] = [_mean(table[name][rows]) for rows in parts]
        found[f"the spread of {name}"] = [_spread(table[name][rows]) for rows in parts]
    made = {name: np.array(values) for name, values in found.items() if np.isfinite(values).all()}
    return made | {"the distance from other domains": distances(under, parts)}


def _mean(column: pl.Series) -> float:
    value = column.cast(pl.Float64).fill_nan(None).mean()
    return float(value) if isinstance(value, float) else float("nan")


def _spread(column: pl.Series) -> float:
    value = column.cast(pl.Float64).fill_nan(None).std()
    return float(value) if isinstance(value, float) else float("nan")


def distances(under: UnderShift, parts: list[np.ndarray]) -> FloatArray:
    """Unbiased squared MMD of each domain from all others together, by random Fourier features, shape (domains,).

    Source: Gretton et al. (2012), equation 3; Rahimi & Recht (2007), section 3. The width is the median distance.
    """
    rng = numpy_generator(under.plan.seed, "U807", "distance")
    each = max(20, DISTANCE_ROWS // len(parts))
    parts = [np.sort(rng.permutation(rows)[:each]) for rows in parts]
    examples = under.problem.examples.take(np.concatenate(parts))
    y = examples.column(under.problem.target)
    x = np.asarray(preprocessing(examples).fit_transform(input_table(examples), y), dtype=np.float64)
    x = np.nan_to_num(x[:, np.ptp(x, axis=0) > 0])
    if not x.shape[1]:
        return np.zeros(len(parts))
    some = x[rng.permutation(len(x))[:400]]
    gaps = ((some[:, None] - some[None]) ** 2).sum(-1) if x.shape[1] <= 200 else 2 * x.var(0).sum() * np.ones((2, 2))
    width = float(np.sqrt(np.median(gaps[np.triu_indices(len(gaps), 1)]))) or 1.0
    angles = x @ (rng.normal(size=(x.shape[1], FEATURES)) / width)
    z = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / FEATURES**0.5
    where = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
    total = z.sum(0)
    out = np.empty(len(parts))
    for k in range(len(parts)):
        a, n, m = z[where == k].sum(0), int((where == k).sum()), int((where != k).sum())
        b = total - a
        # Every feature vector has length 1, so the terms of a row with itself are known.
        out[k] = (a @ a - n) / (n * (n - 1)) + (b @ b - m) / (m * (m - 1)) - 2 * (a @ b) / (n * m)
    return out
