"""U103: the combinations of conditions under which a model is weakest, confirmed on items the search did not see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unseen.checks._levels import (
    Levels,
    cluster_half,
    count_units,
    describing_levels,
    sample_rows,
    side_levels,
    singletons,
)
from unseen.checks._rows import Scored, scored
from unseen.checks.base import About, Check, Outcome, Settings, Subject
from unseen.checks.blame import Blame, Condition
from unseen.checks.details.gaps import SliceBelow, SlicesBelow
from unseen.estimates import Estimate
from unseen.estimates.contrasts.largest_gap import LevelMeans, largest_gaps, level_means
from unseen.estimates.contrasts.slices import MAX_CHOICES, Axis, Search, Slice
from unseen.estimates.intervals.codes import distinct
from unseen.estimates.testing.multiplicity import holm

SEARCH_ROWS = 20_000
CONFIRM_ROWS = 60_000
# Slices that are proposed for a model.
MOST = 8


class WeakestSlices(Check):
    """Weakest slices, searched for and confirmed."""

    code = "U103"
    title = "weakest slices"
    question = "Under which combination of conditions is the model weakest?"
    null = "No slice that the search proposes has a lower mean score than the other rows."
    interest = "A gap of at least smallest_gap between a slice and the rows outside it."
    method = (
        "Clusters are halved at random. On one half every conjunction of up to three conditions (factor "
        "= level, and runs "
        "of levels of ordered factors; also a side of the split with one of these, where no factor tells the side) is "
        "counted; those with the largest z = gap/√(s²(1/n_in + 1/n_out)) are kept, at "
        "most 8, nested ones merged. On the other half each gap, mean outside minus mean inside, is estimated and tested "
        "as U102's gaps are: limits that stay within the range of the score and hold for small slices near its ends, and "
        "errors clustered where rows are; p-values are Holm-adjusted, intervals Bonferroni-corrected. Clear speaks of the "
        "slices that were proposed, and only where the interval of each excludes a gap that matters. Of larger tables "
        "random clusters of about 20,000 rows are searched and 60,000 held out, per model. Of more than "
        f"{MAX_CHOICES:,} pairs or triples of factors those are counted whose members have the largest z so far."
    )
    assumptions = "Clusters are independent. Half of the data pays for the search, so small weak slices can be missed."
    sources = (
        "Chung et al. (2019), Slice Finder: automated data slicing for model validation",
        "Holm (1979), A simple sequentially rejective multiple test procedure",
        "Cox (1975), A note on data-splitting for the evaluation of significance levels",
    )
    example = "model A is weakest where digits ≥ 3 and operation = mul: 0.02 there, 0.48 [0.41, 0.55] below the rest."
    needs = ("responses", "factors")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each model."""
        rows, factors = scored(subject), describing_levels(subject)
        if not factors:
            return [self.not_applicable("No factor has two levels.", "Add columns that describe the items.")]
        # A side alone is what U101 asks about.
        split = side_levels(subject)
        factors = factors if split is None else [*factors, split]
        alone = None if split is None else len(factors) - 1
        half = cluster_half(rows.cluster, self.rng(settings))
        kind = subject.answers.score_kind
        bounds = None if kind.name == "unbounded" else (kind.low, kind.high)
        outcomes: dict[str, Outcome] = {}
        asked: list[_Model] = []
        search: Search | None = None

        def answer() -> None:
            if search is not None and asked:
                scores = [one.score[one.searched] for one in asked]
                best = search.best_of(scores, smallest_gap=settings.smallest_gap * rows.scale, n_best=MOST + 1)
                proposed = [[s for s in of if [axis for axis, *_ in s.conditions] != [alone]][:MOST] for of in best]
                confirmed = self._confirm(asked, proposed, factors, bounds, settings)
                for one, listed, tested in zip(asked, proposed, confirmed, strict=True):
                    outcomes[one.name] = self._outcome(
                        one, len(listed), tested, search.narrowed, len(factors), rows, settings
                    )
            asked.clear()

        for model, part in rows.each():
            one = self._halved(model, part, rows.score[part], rows.cluster[part], half[part], settings)
            if isinstance(one, Outcome):
                outcomes[model] = one
                continue
            axes = [_axis(f, part, one.searched) for f in factors]
            # Models that answered the same items share the tables of counts, and are searched at once.
            if search is None or not search.same_rows(axes):
                answer()
                search = Search(
                    axes, min_rows=max(2 * settings.min_units, 20), in_pairs=() if alone is None else (alone,)
                )
            asked.append(one)
        answer()
        return [outcomes[model] for model, _ in rows.each()]

    def _halved(
        self, model: str, part: slice, score: Any, cluster: Any, half: Any, settings: Settings
    ) -> _Model | Outcome:  # fmt: skip
        """The rows of a model that are searched and those that are held out; refused where they are too few."""
        searched, held = np.flatnonzero(half), np.flatnonzero(~half)
        if min(count_units(cluster[searched]), count_units(cluster[held])) < 2 * settings.min_units:
            return self.not_applicable(
                f"{model}: searching and confirming need {4 * settings.min_units} independent units, got "
                f"{distinct(cluster)}.",
                "Collect more items or clusters.", about=About("model", model),
            )  # fmt: skip
        drawn = sample_rows(cluster[searched], SEARCH_ROWS, self.rng(settings, model))
        if drawn is not None:
            searched = searched[drawn]
        drawn = sample_rows(cluster[held], CONFIRM_ROWS, self.rng(settings, model, "held"))
        if drawn is not None:
            held = held[drawn]
        return _Model(model, part, score, cluster, searched, held)

    def _outcome(
        self, one: _Model, proposed: int, tested: list[dict[str, Any]], narrowed: Mapping[int, int], factors: int,
        rows: Scored, settings: Settings,
    ) -> Outcome:  # fmt: skip
        scale, unit = rows.scale, rows.unit
        about, model = About("model", one.name), one.name
        if not tested:
            return self._none(about, model)
        confirmed = [
            t for t in tested if t["p"] <= settings.fdr and t["estimate"].value >= settings.smallest_gap * scale
        ]
        # Where none is confirmed, the slice whose gap could still be largest speaks for all.
        worst = max(confirmed, key=lambda t: t["estimate"].low) if confirmed else max(tested, key=_highest)
        estimate = worst["estimate"]
        details = SlicesBelow(
            model=model, searched=proposed, slices=tuple(_below(t) for t in tested),
            narrowed={str(depth): most for depth, most in narrowed.items()},
        )  # fmt: skip
        where = str(worst["where"])
        more = f" {len(confirmed)} of {proposed} proposed slices were confirmed." if proposed > 1 else ""
        partly = _partly(narrowed, factors)
        return self.decide(
            about=about, estimate=estimate, p_value=worst["p"], settings=settings, scale=scale, details=details,
            blames=Blame((model,), worst["where"], also=tuple(t["where"] for t in confirmed if t is not worst)),
            found=f"{model} is weakest where {where}: mean {unit.shown(worst['value']):.2f} there, {estimate} "
            f"{'above' if unit.lower else 'below'} "
            f"the rest.{more}{partly}",
            clear=f"{model}: {_none_of(len(tested), proposed)} is weaker by an amount that matters on held-out items "
            f"(at most {worst['estimate'].high:.2f}, where {where}).{partly}",
            next_step=f"Look at the failing items where {where}; report this slice beside the overall {unit.word}.",
        )  # fmt: skip

    def _confirm(
        self, asked: Sequence[_Model], proposed: Sequence[Sequence[Slice]], factors: Sequence[Levels],
        bounds: tuple[float, float] | None, settings: Settings,
    ) -> list[list[dict[str, Any]]]:  # fmt: skip
        """What the held-out rows of each model say of the slices proposed for it; all are judged at once."""
        judged: list[tuple[int, _Judged]] = []
        for k, (one, listed) in enumerate(zip(asked, proposed, strict=True)):
            judged += [(k, known) for known in _held_means(one, listed, factors, bounds, settings)]
        levels = [1 - (1 - settings.level) / max(len(proposed[k]), 1) for k, _ in judged]
        gaps = largest_gaps(
            [(known.means, [0, 1]) for _, known in judged], level=levels, what="mean outside minus mean inside"
        )
        tested: list[list[dict[str, Any]]] = [[] for _ in asked]
        for (k, known), answer in zip(judged, gaps, strict=True):
            if not isinstance(answer, tuple):
                continue
            gap, p, pair = answer
            gap, conditions = gap if pair == (0, 1) else -gap, known.slice.conditions
            tested[k].append({
                "conditions": [factors[a].condition(first, last) for a, first, last in conditions],
                "where": Condition(tuple(factors[a].term(first, last) for a, first, last in conditions)),
                "value": known.value, "units": known.units, "rows": known.rows, "estimate": gap,
                "p": p if gap.value > 0 else 1.0,
            })  # fmt: skip
        for own, listed in zip(tested, proposed, strict=True):
            # Holm over all that were proposed: a slice too small to confirm still was a choice.
            adjusted = holm([t["p"] for t in own] + [1.0] * (len(listed) - len(own)))
            for t, p in zip(own, adjusted.tolist(), strict=False):
                t["p"] = p
        return tested

    def _none(self, about: About, model: str) -> Outcome:
        return self.not_applicable(
            f"{model}: the search half of the items proposes no weak slice, so that none was judged.",
            "Add factors that describe the items, or more items: a small slice is not seen in few of them.",
            about=about, details=SlicesBelow(model=model, searched=0, slices=()),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """The rows of one model, halved.

    Attributes:
        name: The model.
        part: Its rows.
        score: Their scores.
        cluster: Their clusters.
        searched: Positions of those that are searched.
        held: Positions of those that confirm.
    """

    name: str
    part: slice
    score: Any
    cluster: Any
    searched: Any
    held: Any


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """A slice on held-out rows: mean score, units and rows in it, and the means outside and inside."""

    slice: Slice
    value: float
    units: int
    rows: int
    means: LevelMeans


def _held_means(
    one: _Model, proposed: Sequence[Slice], factors: Sequence[Levels], bounds: tuple[float, float] | None,
    settings: Settings,
) -> Iterator[_Judged]:  # fmt: skip
    """The slices proposed for a model that have enough held-out units in them and outside."""
    axes, score, cluster = [_axis(f, one.part, one.held) for f in factors], one.score[one.held], one.cluster[one.held]
    single = singletons(cluster)
    if not single:
        # Dense numbers keep the sums per cluster as short as the held-out part.
        cluster = np.unique(cluster, return_inverse=True)[1]
    for candidate in proposed:
        inside = candidate.mask(axes)
        units, others = _units(inside, cluster, single=single)
        if min(units, others) >= settings.min_units:
            means = level_means(inside.view(np.int8), 2, score, cluster, bounds=bounds, singletons=single)
            yield _Judged(candidate, float(score[inside].mean()), units, int(np.count_nonzero(inside)), means)


def _units(inside: Any, cluster: Any, *, single: bool) -> tuple[int, int]:
    """Independent units in a slice and outside it."""
    if single:
        rows = int(np.count_nonzero(inside))
        return rows, len(inside) - rows
    return count_units(cluster[inside]), count_units(cluster[~inside])


def _axis(factor: Levels, part: slice, rows: Any) -> Axis:
    skip = () if factor.missing is None else (factor.missing,)
    return Axis(factor.codes[part][rows], factor.size, factor.ordered, skip)


def _highest(tested: dict[str, Any]) -> float:
    return tested["estimate"].high


def _none_of(tested: int, proposed: int) -> str:
    """How many slices a negative answer speaks of."""
    if proposed == 1:
        return "not even the one slice that the search proposed"
    judged = "" if tested == proposed else f" ({tested} could be judged)"
    return f"none of the {proposed} slices that the search proposed{judged}"


def _partly(narrowed: Mapping[int, int], factors: int) -> str:
    """Which conjunctions were not counted.

    >>> _partly({2: 77, 3: 26}, 200)
    ' Of 200 factors, pairs of 77 and triples of 26 were searched, those whose conditions look weakest.'
    """
    words = " and ".join(f"{'pairs' if depth == 2 else 'triples'} of {most}" for depth, most in narrowed.items())
    return f" Of {factors} factors, {words} were searched, those whose conditions look weakest." if words else ""


def _below(tested: dict[str, Any]) -> SliceBelow:
    gap: Estimate = tested["estimate"]
    return SliceBelow(
        tuple(tested["conditions"]), tested["value"], tested["units"], tested["rows"], gap.value, gap.low, gap.high,
        tested["p"],
    )  # fmt: skip
