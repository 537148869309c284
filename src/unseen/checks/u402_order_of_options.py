"""U402: what the order of options does to the choice among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from unseen.checks._forms import FormRows, Forms, disagreement, forms, of_changes, share_of
from unseen.checks._rows import percent
from unseen.checks._unit import Unit, unit_of
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.details.models import AtPlace, PlacesOfOptions
from unseen.errors import TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.codes import dense, distinct
from unseen.estimates.intervals.means import cluster_robust, mean_estimate, t_quantile, two_sided_t
from unseen.plain_text import counted

FloatArray = NDArray[np.float64]


class OrderOfOptions(Check):
    """Asks whether a choice stays with its option when the options move, and which place draws it."""

    code = "U402"
    title = "order and position of options"
    question = "Does a model choose an option for what it says, or for where it stands?"
    null = (
        "Choice: two orders of the same options get different choices in at most smallest_gap of cases. Place: which option is "
        "chosen does not depend on where it stands."
    )
    interest = (
        "A share of choices that change with the order above smallest_gap; and at least smallest_gap of all choices drawn to a "
        "place beyond what its options explain."
    )
    method = (
        "Items that were asked with the same options in two orders or more. Choice: share of pairs of orders in which the "
        "chosen options differ, less that of pairs of repeats in one order, averaged over items; Wilson's interval with one "
        "coin an item (clustered: at the effective size) and a one-sided test, the larger p-value of score and binomial tail. "
        "Place: choices at place p beyond those expected if the item's choices had fallen on its orders at random, "
        "as a share of all; the place with the most, "
        "intervals at level 1 − α/places (CR2, t), tested by permuting the choices of each item over its orders, the largest "
        "place each time."
    )
    assumptions = (
        "Answers at temperature zero, or several to each order: else what changes by chance counts as change by order. No "
        "option speaks of others or of its place. Choices that could not be read are left out and counted."
    )
    sources = (
        "Zheng et al. (2024), Large language models are not robust multiple choice selectors.",
        "Pezeshkpour & Hruschka (2024), Large language models sensitivity to the order of options in multiple-choice questions.",
        "Phipson & Smyth (2010), Permutation p-values should never be zero.",
    )
    example = (
        "small-lm: two orders of the same options get different choices in 74 % [68 %, 79 %] of cases (240 items); right where "
        "the key stands at A 0.98, B 0.04, C 0.00, D 0.01."
    )
    needs = ("responses", "variant_of", "prediction", "choices")
    studies = ("generalization-stress-test",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """Two outcomes a model: choices that change, and the place that draws them."""
        outcomes: list[Outcome] = []
        unit = unit_of(subject)
        for one in forms(subject):
            moved = [m for item in one.items if (m := Moved.of(item)) is not None]
            if moved:
                outcomes += [
                    guarded(self, About("model", one.model), lambda o=one, m=moved: self._choice(o, m, unit, settings)),
                    guarded(self, _places(one), lambda o=one, m=moved: self._place(o, m, settings)),
                ]
        return outcomes or [
            self.not_applicable(
                "No model was asked the same options in two orders.",
                "Ask them so: unseen probe LOG --model MODEL --variants order; or give options in a column choices.",
                unlocks=("variant_of", "choices"),
            )
        ]

    def _choice(self, one: Forms, moved: Sequence[Moved], unit: Unit, settings: Settings) -> Outcome:
        self._require(one, moved, settings)
        each = [m.changes() for m in moved]
        share = share_of(
            [c for c, _ in each], [m.cluster for m in moved], repeated=any(r for _, r in each), at_most=settings.smallest_gap,
            level=settings.level, what="the share of choices that change",
        )  # fmt: skip
        details = _details(one, moved, share.estimate, settings)
        said = (
            f"{one.model}: two orders of the same options get different choices in {percent(share.estimate)} of cases "
            f"({counted(len(moved), 'item')}{' with options' * bool(one.bare)})"
        )
        right = ", ".join(f"{p.place} {unit.shown(p.right.value):.2f}" for p in details.places if p.right is not None)
        right = f"; {unit.word if unit.lower else 'right'} where the key stands at {right}" if right else ""
        missed, shown = one.optioned
        unread = f"; {missed:,} of {shown:,} answers name no option" if missed else ""
        return self.decide(
            about=About("model", one.model),
            estimate=share.estimate,
            p_value=share.p_value,
            found=f"{said}{right}{unread}.",
            clear=f"{said}: choices stay with their options{unread}.",
            next_step="Score each item over all rotations of its options, or compare the probabilities of the options' texts; "
            "report the mean over orders beside that of one order.",
            settings=settings,
            blames=of_changes(one.model),
            shared="two orders of the same options get different choices in {} of cases",
            details=details,
        )  # fmt: skip

    def _place(self, one: Forms, moved: Sequence[Moved], settings: Settings) -> Outcome:
        self._require(one, moved, settings)
        excess, cluster = np.array([m.excess() for m in moved]), np.array([m.cluster for m in moved])
        # Items of two options lack the third place; a place that few items have is no place of this test.
        there = np.array([m.size for m in moved])[:, None] > np.arange(excess.shape[1])[None]
        places = [p for p in range(excess.shape[1]) if there[:, p].mean() >= 0.5]
        means = excess[:, places].mean(axis=0)
        best = int(np.argmax(means))
        at = ascii_uppercase[places[best]]
        estimate = _interval(excess[:, places[best]], cluster, 1 - (1 - settings.level) / len(places))
        p = self._chance(moved, places, excess[:, places], best, settings, one.model)
        chosen = Counter(int(place) for m in moved for place in m.place)
        share = chosen[places[best]] / sum(chosen.values())
        said = (
            f"{one.model} chooses what stands at {at} in {100 * share:.0f} % of answers, {percent(estimate)} of all beyond what "
            "its options explain"
        )
        return self.decide(
            about=_places(one),
            estimate=estimate,
            p_value=p,
            found=f"{said}.",
            clear=f"{one.model}: no place draws choices to an extent that matters (most: {at}, {percent(estimate)} of all).",
            next_step="Rotate the options of each item, so that the key stands at each place equally often; take the prior of the "
            "labels off the probabilities (PriDe).",
            settings=settings,
            blames=of_changes(one.model),
            shared="one place draws {} of all choices beyond what its options explain",
            details=_details(one, moved, estimate, settings, place=at),
        )  # fmt: skip

    def _chance(
        self, moved: Sequence[Moved], places: list[int], excess: FloatArray, best: int, settings: Settings, name: str
    ) -> float:
        """p-value of the place with the most: the larger of the permutations' and that of its interval, over places.

        Permutations alone would take preferences that differ from item to item for one of all items. Where none of them
        is as extreme, the interval's alone tells how small the p-value is.
        """
        rng = self.rng(settings, name)
        # Items whose choices are all one option are the same in every permutation.
        mixed = [m for m in moved if len(set(m.choice.tolist())) > 1]
        if not mixed:
            return 1.0
        draws, seen = settings.n_resamples, float(excess[:, best].mean())
        total = np.zeros((draws, len(places)))
        for m in mixed:
            total += m.permuted(rng, draws)[:, places]
        hits = int(np.sum((total / len(moved)).max(axis=1) >= seen - 1e-12))
        value, variance, dof, _ = cluster_robust(excess[:, best], dense(np.array([m.cluster for m in moved]))[0])
        by_t = min(1.0, len(places) * two_sided_t(value / variance**0.5, dof)) if variance > 0 else float(value == 0)
        return by_t if not hits else max((hits + 1) / (draws + 1), by_t)

    def _require(self, one: Forms, moved: Sequence[Moved], settings: Settings) -> None:
        units = distinct(np.array([m.cluster for m in moved]))
        if units < settings.min_units:
            raise TooFewUnits(
                f"{one.model} has {counted(units, 'independent item')} with options in two orders, not {settings.min_units}."
            )


@dataclass(frozen=True, eq=False)
class Moved:
    """One item with the same options in several orders.

    Attributes:
        cluster: Sampling unit.
        order: Integer of the order of each row, shape (n,).
        choice: Integer of the chosen option, in the order of the first row, shape (n,).
        place: Where it stood, shape (n,).
        places: Place of each option in each row, shape (n, options).
        score: Shape (n,); NaN in unlabelled rows.
        key: Place of the right option of each row, -1 where it is not known, shape (n,).
    """

    cluster: int
    order: NDArray[np.int64]
    choice: NDArray[np.int64]
    place: NDArray[np.int64]
    places: NDArray[np.int64]
    score: FloatArray
    key: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Number of options."""
        return self.places.shape[1]

    @classmethod
    def of(cls, item: FormRows) -> Moved | None:
        """The rows that hold the same options and whose answer is one of them; None without two orders."""
        first = next((c for c in item.choices if len(c) > 1), ())
        wanted = sorted(first)
        if len(set(first)) < len(first) or not first or len(first) > len(ascii_uppercase):
            return None
        rows = [
            i for i, (c, a) in enumerate(zip(item.choices, item.answer, strict=True)) if sorted(c) == wanted and a in c
        ]
        # Of other labels or words the change is another check's question.
        rows = [i for i in rows if item.kind[i] in ("", "original", "order")] if any(item.kind) else rows
        orders = {c: n for n, c in enumerate(dict.fromkeys(item.choices[i] for i in rows))}
        if len(orders) < 2:
            return None
        places = np.array([[item.choices[i].index(o) for o in first] for i in rows], dtype=np.int64)
        choice = np.array([first.index(item.answer[i]) for i in rows], dtype=np.int64)
        at = np.arange(len(rows))
        score = item.score[rows]
        keys = {item.target[i] for i in rows}
        right = first.index(key) if len(keys) == 1 and (key := next(iter(keys))) in first else None
        return cls(
            item.cluster, np.array([orders[item.choices[i]] for i in rows], dtype=np.int64), choice, places[at, choice],
            places, score, places[:, right] if right is not None else np.full(len(rows), -1),
        )  # fmt: skip

    def changes(self) -> tuple[float, bool]:
        """Share of pairs of orders with different choices; see ``disagreement``."""
        return disagreement([str(c) for c in self.choice], self.order)

    def excess(self) -> FloatArray:
        """Share of choices at each place beyond that expected if choices fell on orders at random, shape (26,)."""
        return self._at(self.place[None])[0] - self.expected()

    def permuted(self, rng: np.random.Generator, draws: int) -> FloatArray:
        """``excess`` with choices permuted over rows, shape (draws, 26)."""
        n = len(self.choice)
        mixed = rng.permuted(np.broadcast_to(self.choice, (draws, n)), axis=1)
        return self._at(self.places[np.arange(n)[None], mixed]) - self.expected()

    def _at(self, place: NDArray[np.int64]) -> FloatArray:
        draws, n = place.shape
        counts = np.zeros((draws, len(ascii_uppercase)))
        np.add.at(counts, (np.repeat(np.arange(draws), n), place.reshape(-1)), 1.0 / n)
        return counts

    def expected(self) -> FloatArray:
        """Share of choices at each place if they fell on the orders at random, shape (26,)."""
        n = len(self.choice)
        expected = np.zeros(len(ascii_uppercase))
        np.add.at(expected, self.places[:, self.choice].reshape(-1), 1.0 / n**2)
        return expected


def _places(one: Forms) -> About:
    return About("factor", f"{one.model}: place of the option")


def _interval(values: FloatArray, cluster: NDArray[np.integer], level: float) -> Estimate:
    """A mean excess with its interval; where no item has any, what hides among so many items is bounded."""
    unit = dense(cluster)[0]
    value, variance, dof, units = cluster_robust(values, unit)
    if variance <= 0:
        bound = mean_estimate(np.zeros(len(values)), unit, level=level, binary=True)
        room = bound.high
        return Estimate(
            value, max(-1.0, value - room), min(1.0, value + room), units, "Wilson bound on unseen choices", level
        )
    half = t_quantile((1 - level) / 2, dof) * variance**0.5
    return Estimate(
        value, max(-1.0, value - half), min(1.0, value + half), units, "cluster-robust (CR2), t, over places", level
    )  # fmt: skip


def _details(
    one: Forms, moved: Sequence[Moved], share: Estimate, settings: Settings, place: str | None = None
) -> PlacesOfOptions:
    """Choices and right answers by place."""
    most = max(m.size for m in moved)
    rows = sum(len(m.place) for m in moved)
    told: list[AtPlace] = []
    for p in range(most):
        chosen = sum(int(np.sum(m.place == p)) for m in moved)
        expected = sum(float(m.expected()[p]) * len(m.place) for m in moved)
        at_key = [(s, m.cluster) for m in moved for s in m.score[m.key == p] if not np.isnan(s)]
        right = None
        if len({c for _, c in at_key}) > 1:
            # A cell where all is right or all wrong has an interval too, as scores of 0 and 1 have.
            scores, clusters = np.array([s for s, _ in at_key]), dense([c for _, c in at_key])[0]
            right = mean_estimate(
                scores, clusters, level=settings.level, binary=bool(np.all((scores >= 0) & (scores <= 1)))
            )
        told.append(
            AtPlace(
                place=ascii_uppercase[p], chosen=chosen / rows, expected=expected / rows, right=right, rows=len(at_key)
            )
        )
    return PlacesOfOptions(
        model=one.model, questions=len(moved), answers=rows, unread=one.optioned[0], places=tuple(told), share=share, drawn_to=place
    )  # fmt: skip
