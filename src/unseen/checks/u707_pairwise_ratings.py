"""U707: ratings of models from comparisons of their answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from unseen.checks.base import About, Check, Clear, Context, Found, Outcome, Settings, Subject, Undecided, guarded
from unseen.checks.details.models import PairwiseRatings as Ratings
from unseen.checks.details.models import RatedModel, WinRates
from unseen.errors import TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import t_quantile, two_sided_t
from unseen.estimates.models.concordance import largest_flip
from unseen.estimates.models.pairwise_ratings import PairwiseRatings, pairwise_ratings, tiers
from unseen.estimates.models.ratings import CENTRE, POINTS

MAX_FACTORS, MAX_LEVELS, MAX_MODELS, MAX_LISTED = 10, 6, 200, 8
FEWEST_DOF = 2.0


@dataclass(frozen=True)
class Matches:
    """Comparisons, each once.

    Attributes:
        models: Names.
        first: Index of the model shown first, shape (n,).
        second: Index of the other, shape (n,).
        score: Of the first, shape (n,).
        cluster: Shape (n,).
        rows: Row of the table, shape (n,).
    """

    models: tuple[str, ...]
    first: np.ndarray
    second: np.ndarray
    score: np.ndarray
    cluster: np.ndarray
    rows: np.ndarray

    def fit(self, kept: np.ndarray, *, order: bool = True) -> PairwiseRatings:
        """Ratings from some of the comparisons; the models that have none there stand at the mean."""
        return pairwise_ratings(
            self.first[kept],
            self.second[kept],
            self.score[kept],
            self.cluster[kept],
            models=len(self.models),
            order=order,
        )

    def dof(self, kept: np.ndarray) -> float:
        """Clusters as if they were of one size, less one."""
        sizes = np.bincount(np.unique(self.cluster[kept], return_inverse=True)[1]).astype(np.float64)
        return float(sizes.sum() ** 2 / (sizes**2).sum()) - 1


class PairwiseRatingsCheck(Check):
    """Rates models by who won against whom."""

    code = "U707"
    title = "ratings from comparisons"
    question = (
        "Which models are better by direct comparison, does the order flip by factor, and does the first place win?"
    )
    null = "No pair of models changes its order between two sides; the answer that is shown first has no advantage."
    interest = (
        "A pair whose order is significant on both sides, and opposite, by at least smallest_gap on either; an advantage of "
        "the first place of at least smallest_gap. Both in win rate against an equal opponent. Ratings and tiers are context."
    )
    method = (
        "Bradley–Terry: log-odds of a win = difference of ratings + advantage of the first place, ties as half a win, by "
        "maximum likelihood with one drawn game of each model against an average one. Covariance: sandwich over clusters (the "
        "question, unless a column names another), each with its leverage taken out. Ratings are in Elo points (400 are odds "
        "of ten to one), their mean is 1500. Tiers: a model begins a new one where it is worse than the first of the tier, all "
        "pairs compared together (Holm). Flips: as U702, on ratings fitted on both sides (seen and unseen, halves of an "
        "ordered factor, each level of a categorical one of up to six against the rest), with their joint covariance."
    )
    assumptions = (
        "Clusters are independent; one dimension of strength within a side; every model is linked to every other through "
        "comparisons. Who meets whom does not depend on the answers."
    )
    sources = (
        "Bradley & Terry (1952), Rank analysis of incomplete block designs.",
        "Davidson & Beaver (1977), On extending the Bradley–Terry model to incorporate within-pair order effects.",
        "Chiang et al. (2024), Chatbot Arena: an open platform for evaluating LLMs by human preference.",
    )
    example = "4 models, 800 comparisons: tier 1: a (1612 [1590, 1634]); tier 2: b (1520 [1498, 1542]), c (1508 [1487, 1529])."
    needs = ("responses", "opponent", "several models")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """The ratings; one outcome for the first place; one a comparison of two sides."""
        matches = _matches(subject)
        everything = np.ones(len(matches.score), dtype=bool)
        dof, units = matches.dof(everything), len(np.unique(matches.cluster))
        if units < settings.min_units or dof < FEWEST_DOF:
            raise TooFewUnits(
                f"ratings need {settings.min_units} independent questions, got {units} (they count as {dof + 1:.1f})."
            )
        # The advantage of the first place can be told only where models stand on both places.
        both = set(matches.first.tolist()) & set(matches.second.tolist())
        order = len(both) > 0 and np.linalg.matrix_rank(_design(matches)) == len(matches.models)
        whole = matches.fit(everything, order=order)
        yield self._ratings(matches, whole, dof, settings)
        if order:
            yield self._first_place(whole, dof, settings)
        for name, side in _sides(subject, matches):
            about = About("ranking", name)
            yield guarded(self, about, lambda n=name, s=side, o=order: self._flip(n, s, matches, o, settings))

    def _ratings(self, matches: Matches, fit: PairwiseRatings, dof: float, settings: Settings) -> Outcome:
        rating = CENTRE + POINTS * fit.rating
        half = POINTS * np.sqrt(np.maximum(np.diag(fit.covariance), 0)) * t_quantile((1 - settings.level) / 2, dof)
        tier = tiers(fit.rating, fit.covariance, dof, level=settings.level)
        ranked = np.argsort(-rating, kind="stable").tolist()
        games = np.bincount(matches.first, minlength=len(rating)) + np.bincount(matches.second, minlength=len(rating))
        rows = [
            RatedModel(
                matches.models[k], float(rating[k]), float(rating[k] - half[k]), float(rating[k] + half[k]), tier[k],
                int(games[k]), len(np.unique(matches.cluster[(matches.first == k) | (matches.second == k)])),
            )
            for k in ranked
        ]  # fmt: skip
        shown = rows[:MAX_LISTED]
        parts = [
            f"tier {t}: "
            + ", ".join(f"{r.model} ({r.rating:.0f} [{r.low:.0f}, {r.high:.0f}])" for r in shown if r.tier == t)
            for t in dict.fromkeys(r.tier for r in shown)
        ]
        more = f" and {len(rows) - len(shown)} more" if len(rows) > len(shown) else ""
        best = rows[0]
        estimate = Estimate(
            best.rating, best.low, best.high, fit.units, "Bradley–Terry, cluster-robust, t", settings.level
        )
        alone = sum(t == 1 for t in tier)
        said = "One model stands above all others." if alone == 1 else f"The first {alone} can't be told apart."
        return Context(
            code=self.code, about=About("data", "all"), estimate=estimate,
            statement=f"{len(rows)} models, {len(matches.score):,} comparisons: {'; '.join(parts)}{more}. {said}",
            next_step="Read ratings with their intervals; within a tier the order is not settled.",
            details=Ratings(ratings=tuple(rows), unit="Elo points, mean 1500", units=fit.units),
        )  # fmt: skip

    def _first_place(self, fit: PairwiseRatings, dof: float, settings: Settings) -> Outcome:
        width = fit.first_se * t_quantile((1 - settings.level) / 2, dof)
        value, low, high = (_win_rate(v) for v in (fit.first, fit.first - width, fit.first + width))
        where = "first" if value >= 0 else "second"
        if value < 0:
            value, low, high = -value, -high, -low
        estimate = Estimate(value, low, high, fit.units, "Bradley–Terry with order, cluster-robust, t", settings.level)
        return self.decide(
            about=About("data", "order of the answers"), estimate=estimate, settings=settings,
            p_value=two_sided_t(fit.first / max(fit.first_se, 1e-12), dof),
            found=f"The answer shown {where} wins {50 + 100 * value:.1f} % against an equal one ({estimate.format(2)} above half).",
            clear=f"The order in which answers are shown moves the win rate by {estimate.format(2)}.",
            next_step="Judge each pair in both orders, and count it only where both agree.",
        )  # fmt: skip

    def _flip(self, name: str, side: np.ndarray, matches: Matches, order: bool, settings: Settings) -> Outcome:
        one, other = name.split(" / ")
        parts = [side == 0, side == 1]
        present = [set(matches.first[p].tolist()) | set(matches.second[p].tolist()) for p in parts]
        shared = sorted(present[0] & present[1])[:MAX_MODELS]
        if len(shared) < 2:
            raise TooFewUnits(f"{name}: {len(shared)} models lie on both sides.")
        units = [len(np.unique(matches.cluster[p])) for p in parts]
        dof = (matches.dof(parts[0]), matches.dof(parts[1]))
        if min(units) < settings.min_units or min(dof) < FEWEST_DOF:
            raise TooFewUnits(f"{name}: the smaller side has {min(units)} questions, {settings.min_units} are needed.")
        fits = [_restricted(matches, p, present[k], order) for k, p in enumerate(parts)]
        # The same question may stand on both sides, so that errors go together.
        influence = np.zeros((int(matches.cluster.max()) + 1, 2 * len(shared)))
        means = np.empty(2 * len(shared))
        for k, (fit, index, clusters) in enumerate(fits):
            at = [index[m] for m in shared]
            means[k * len(shared) : (k + 1) * len(shared)] = fit.rating[at]
            influence[clusters, k * len(shared) : (k + 1) * len(shared)] = fit.influence[:, at]
        flip = largest_flip(means, influence.T @ influence, dof, units=min(units), level=settings.level)
        a, b = (matches.models[shared[i]] for i in flip.pair)
        i, j = flip.pair
        m = len(shared)
        chances = [0.5 + _win_rate(float(means[k + i] - means[k + j])) for k in (0, m)]
        size = flip.size
        size = Estimate(
            _win_rate(size.value), _win_rate(size.low), _win_rate(size.high), size.units, size.method, size.level
        )
        said = f"{a} beats {b} in {chances[0]:.0%} on {one} and in {chances[1]:.0%} on {other}"
        common: dict[str, Any] = {
            "code": self.code, "about": About("ranking", name), "estimate": size, "p_value": flip.p_value,
            "effect": min(1.0, max(0.0, size.value)),
            "details": WinRates(sides=(one, other), pair=(a, b), win_rates=tuple(chances)),
        }  # fmt: skip
        matters = settings.gap_that_matters
        otherwise: Clear | Undecided
        if size.high < matters:
            otherwise = Clear(
                statement=f"{one} and {other}: no two models change their order by a win rate of {matters:.3g} or more on both "
                f"sides (at most {max(size.high, 0.0):.2f}).", next_step="Nothing to do.", **common,
            )  # fmt: skip
        else:
            otherwise = self.undecided(
                settings=settings, matters=matters, **common,
                statement=f"{one} and {other}: not decided whether the order of two models flips. "
                + (f"The largest change is: {said}." if size.value > 0 else "No pair changes its order in these data.")
                + f" A flip by {max(size.high, 0.0):.2f} on both sides is not excluded.",
            )  # fmt: skip
        if flip.p_value <= settings.fdr and size.value >= settings.smallest_gap:
            return Found(
                statement=f"{said}, so that their order flips.", otherwise=otherwise, **common,
                next_step=f"Do not publish one rating: choose the model on the side you will use, {one} or {other}.",
            )  # fmt: skip
        return otherwise


def _matches(subject: Subject) -> Matches:
    answers = subject.answers
    table = answers.table
    models = answers.models
    index = {m: k for k, m in enumerate(models)}
    first = (
        np.flatnonzero(table["shown_first"].fill_null(value=False).to_numpy())
        if answers.has("shown_first")
        else np.arange(len(table))
    )
    opponents = [index.get(str(o), -1) for o in table["opponent"].gather(first).to_list()]
    # An opponent without a row of its own can't be rated.
    known = np.array(opponents) >= 0
    rows = first[known]
    return Matches(
        models,
        answers.codes("model").codes[rows],
        np.array(opponents)[known],
        answers.score[rows],
        answers.cluster[rows],
        rows,
    )


def _design(matches: Matches) -> np.ndarray:
    """Distinct rows of the regression: which pairs met in which order, and a column of ones."""
    pairs = np.unique(np.stack([matches.first, matches.second], axis=1), axis=0)
    design = np.zeros((len(pairs), len(matches.models) + 1))
    design[np.arange(len(pairs)), pairs[:, 0]] = 1
    design[np.arange(len(pairs)), pairs[:, 1]] = -1
    design[:, -1] = 1
    return design


def _restricted(
    matches: Matches, kept: np.ndarray, present: set[int], order: bool
) -> tuple[PairwiseRatings, dict[int, int], np.ndarray]:
    """A fit of the models of one side, where each stands in it, and the clusters of its influence."""
    names = sorted(present)
    index = {m: k for k, m in enumerate(names)}
    side = Matches(
        tuple(matches.models[m] for m in names), np.array([index[m] for m in matches.first[kept].tolist()]),
        np.array([index[m] for m in matches.second[kept].tolist()]), matches.score[kept], matches.cluster[kept], matches.rows[kept],
    )  # fmt: skip
    free = order and np.linalg.matrix_rank(_design(side)) == len(names)
    return side.fit(np.ones(len(side.score), dtype=bool), order=free), index, np.unique(side.cluster)


def _sides(subject: Subject, matches: Matches) -> Iterator[tuple[str, np.ndarray]]:
    """Named comparisons: 0 and 1 for both sides of each comparison, -1 for neither."""
    answers = subject.answers
    if answers.has("split"):
        seen, unseen = (answers.is_split(s)[matches.rows] for s in ("seen", "unseen"))
        if seen.any() and unseen.any():
            yield "seen / unseen", np.where(seen, 0, np.where(unseen, 1, -1))
    for name in answers.factors.of_kind("ordered", "categorical")[:MAX_FACTORS]:
        coded = answers.codes(name)
        codes, levels = coded.codes[matches.rows], coded.levels
        present = np.unique(codes[codes >= 0])
        if len(present) < 2:
            continue
        if answers.factors[name].kind == "ordered":
            cut = max(math.ceil(float(np.median(codes[codes >= 0]))), int(present[0]) + 1)
            yield f"{name} < {levels[cut]} / {name} ≥ {levels[cut]}", np.where(codes < 0, -1, codes >= cut)
        elif len(present) <= MAX_LEVELS:
            for k in present[: len(present) if len(present) > 2 else 1].tolist():
                label = str(levels[k]).replace(" / ", "/")
                yield f"{name} = {label} / other {name}", np.where(codes < 0, -1, codes != k)


def _win_rate(logits: float) -> float:
    """What a difference in log-odds adds to an even chance."""
    return 0.5 * math.tanh(logits / 2) if math.isfinite(logits) else math.copysign(0.5, logits)


__all__ = ["PairwiseRatingsCheck"]
