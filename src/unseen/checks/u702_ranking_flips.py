"""U702: rankings that flip between splits or levels of a factor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

import numpy as np

from unseen.checks._rows import Scored, scored
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject, Undecided, guarded
from unseen.errors import TooFewUnits
from unseen.estimates.concordance import ranking_concordance
from unseen.estimates.means import two_sided_z
from unseen.estimates.power import detectable_from_error

MAX_FACTORS, MAX_LEVELS, MAX_MODELS, DRAWS = 10, 6, 40, 500


class RankingFlips(Check):
    """Compares the ranking of the models on two sides of the data."""

    code = "U702"
    title = "rankings that flip"
    question = "Does the order of the models change between seen and unseen, or between levels of a factor?"
    null = "No pair of models truly changes its order between the two sides."
    interest = "A pair whose order is significant on both sides, and opposite."
    method = (
        "Means per model and side with their joint cluster-robust covariance. A pair flips where its difference has "
        "opposite signs, p = max(p of one side, p of the other), times the number of pairs (Bonferroni). Kendall's "
        "tau-b between both rankings has an interval from draws of the means. Sides: seen and unseen; both halves of "
        "an ordered factor; each level of a categorical one (up to six) against the rest."
    )
    assumptions = "Clusters are independent and numerous enough for normal means; each side has rows of all models."
    sources = (
        "Kendall (1945), The treatment of ties in ranking problems.",
        "Gail & Simon (1985), Testing for qualitative interactions.",
    )
    example = "a against b: 0.90 to 0.85 on seen, 0.40 to 0.52 on unseen, so that their order flips."
    needs = ("responses", "several models")
    studies = ("concurrence",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a comparison of two sides."""
        rows = scored(subject)
        outcomes = [
            guarded(self, About("ranking", name), lambda n=name, s=side: self._judge(n, s, rows, settings))
            for name, side in _sides(subject, rows)
        ]
        return outcomes or [
            self.not_applicable(
                "There is neither a split nor a factor with few levels to compare rankings over.",
                "Say what is unseen (--unseen …), or name a factor (--factor domain).",
                unlocks=("split",),
            )
        ]

    def _judge(self, name: str, side: np.ndarray, rows: Scored, settings: Settings) -> Outcome:
        models, means, cov, units = _means(rows, side)
        if len(models) < 2 or units < settings.min_units:
            raise TooFewUnits(f"{name}: {len(models)} models lie on both sides, the smaller has {units} units.")
        m = len(models)
        draws = self.rng(settings, name).multivariate_normal(
            means, cov, size=DRAWS, method="eigh", check_valid="ignore"
        )
        tau = ranking_concordance(means[:m], means[m:], draws[:, :m], draws[:, m:], units=units, level=settings.level)
        p, pair, error = _worst_pair(means, cov, m)
        a, b = models[pair[0]], models[pair[1]]
        values = [float(means[i]) for i in (pair[0], pair[1], m + pair[0], m + pair[1])]
        one, other = name.split(" / ")
        rankings = {
            where: [models[i] for i in np.argsort(-part, kind="stable")]
            for where, part in ((one, means[:m]), (other, means[m:]))
        }
        details = {
            "sides": [one, other], "rankings": rankings, "pair": [a, b], "values": values, "tau": tau.to_dict(),
            "means": {one: dict(zip(models, means[:m].tolist(), strict=True)),
                      other: dict(zip(models, means[m:].tolist(), strict=True))},
        }  # fmt: skip
        tail = f"tau between both rankings is {tau.format(2)}"
        common: dict[str, Any] = {
            "code": self.code,
            "about": About("ranking", name),
            "estimate": tau,
            "details": details,
        }
        common["p_value"] = p
        clear = f"No pair of models changes its order for certain between {one} and {other}; {tail}."
        smallest = detectable_from_error(error) / rows.scale
        otherwise: Clear | Undecided
        if smallest <= settings.gap_that_matters or tau.low > 0:
            otherwise = Clear(statement=clear, next_step="Nothing to do.", **common)
        else:
            otherwise = self.undecided(
                settings=settings, statement=f"{clear} Differences below {smallest:.2f} could not be seen.",
                next_step=f"Collect about {(smallest / settings.gap_that_matters) ** 2:.1f} times as many units on both "
                "sides.", **common,
            )  # fmt: skip
        if p <= settings.fdr:
            change = min(abs(values[0] - values[1]), abs(values[2] - values[3])) / rows.scale
            return Found(
                statement=f"{a} against {b}: {values[0]:.2f} to {values[1]:.2f} on {one}, {values[2]:.2f} to "
                f"{values[3]:.2f} on {other}, so that their order flips; {tail}.",
                otherwise=otherwise, effect=min(1.0, change), **common,
                next_step=f"Do not publish one ranking: choose the model on the side you will use, {one} or {other}.",
            )  # fmt: skip
        return otherwise


def _sides(subject: Subject, rows: Scored) -> Iterator[tuple[str, np.ndarray]]:
    """Named comparisons: 0 and 1 for both sides of each labelled row, -1 for neither."""
    answers = subject.answers
    if answers.has("split"):
        seen, unseen = rows.take(answers.is_split("seen")), rows.take(answers.is_split("unseen"))
        if seen.any() and unseen.any():
            yield "seen / unseen", np.where(seen, np.int8(0), np.where(unseen, np.int8(1), np.int8(-1)))
    for name in answers.factors.of_kind("ordered", "categorical")[:MAX_FACTORS]:
        coded = answers.codes(name)
        codes, levels = rows.take(coded.codes), coded.levels
        # The last place counts the rows without a value.
        counts = np.bincount(codes if codes.min(initial=0) >= 0 else codes % (len(levels) + 1))[: len(levels)]
        if np.count_nonzero(counts) < 2:
            continue
        if answers.factors[name].kind == "ordered":
            # The cut lies below the median level, or above the lowest where that is the median.
            cut = max(int(_median(counts)), int(np.flatnonzero(counts)[0]) + 1)
            sides = _two_sides(codes >= cut, codes)
            yield f"{name} < {levels[cut]} / {name} ≥ {levels[cut]}", sides
        elif len(levels) <= MAX_LEVELS:
            for i in range(len(levels) if len(levels) > 2 else 1):
                label = str(levels[i]).replace(" / ", "/")
                yield f"{name} = {label} / other {name}", _two_sides(codes != i, codes)


def _median(counts: np.ndarray) -> float:
    """Median of integers from how often each occurs."""
    below, n = np.cumsum(counts), int(counts.sum())
    return float(np.searchsorted(below, [(n - 1) // 2, n // 2], side="right").mean())


def _two_sides(second: np.ndarray, codes: np.ndarray) -> np.ndarray:
    sides = second.view(np.int8)
    if codes.min(initial=0) < 0:
        sides[codes < 0] = -1
    return sides


def _means(rows: Scored, side: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray, int]:
    """Models on both sides, their means (first side, then second), the covariance, units of the smaller side."""
    units = int(rows.cluster.max(initial=-1)) + 1
    kept: list[str] = []
    columns: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    means: tuple[list[float], list[float]] = ([], [])
    smallest = units
    for name, part in rows.each():
        cluster, score, where = rows.cluster[part], rows.score[part], side[part]
        if len(kept) == MAX_MODELS:
            continue
        # One count of side and unit for both sides; rows of neither land behind them.
        key = (where % 3).astype(np.int64) * units + cluster
        counts = np.bincount(key, minlength=2 * units)[: 2 * units].reshape(2, units)
        if not counts.any(axis=1).all():
            continue
        totals = np.bincount(key, weights=score, minlength=2 * units)[: 2 * units].reshape(2, units)
        kept.append(name)
        for k, (count, total) in enumerate(zip(counts, totals, strict=True)):
            mean, n = float(total.sum() / count.sum()), int(np.count_nonzero(count))
            smallest = min(smallest, n)
            means[k].append(mean)
            columns[k].append((total - mean * count) / count.sum() * np.sqrt(n / max(n - 1, 1)))
    if not kept:
        return kept, np.empty(0), np.empty((0, 0)), 0
    influence = np.stack([*columns[0], *columns[1]])
    return kept, np.array([*means[0], *means[1]]), influence @ influence.T, smallest


def _worst_pair(means: np.ndarray, cov: np.ndarray, m: int) -> tuple[float, tuple[int, int], float]:
    """p-value of "no pair flips", the pair with the strongest flip, and the median error of a difference."""
    best, chosen, errors = 2.0, (0, 1), list[float]()
    pairs = list(combinations(range(m), 2))
    for i, j in pairs:
        gaps = [float(means[k + i] - means[k + j]) for k in (0, m)]
        spread = [float(max(0.0, cov[k + i, k + i] + cov[k + j, k + j] - 2 * cov[k + i, k + j])) ** 0.5 for k in (0, m)]
        errors += spread
        if gaps[0] * gaps[1] >= 0 or min(spread) <= 0:
            continue
        p = max(two_sided_z(g / s) for g, s in zip(gaps, spread, strict=True))
        if p < best:
            best, chosen = p, (i, j)
    return min(1.0, best * len(pairs)), chosen, float(np.median(errors))
