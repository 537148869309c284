"""U104: how far along an ordered factor a model holds, and where it breaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from unseen.checks._levels import Levels, ordered_levels, ordered_values, singletons, split_codes
from unseen.checks._rows import Scored, scored
from unseen.checks._unit import Unit
from unseen.checks.base import About, Check, Outcome, Settings, Subject
from unseen.checks.blame import Blame, Condition
from unseen.checks.details.gaps import Break as BreakAt
from unseen.checks.details.gaps import Ends, LevelOfSide
from unseen.checks.details.gaps import Frontier as Along
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.contrasts.breakpoint import FLAT, Break, broken_line
from unseen.estimates.contrasts.curve import Curve, curve
from unseen.estimates.contrasts.largest_gap import LevelMeans, largest_gaps, level_means
from unseen.estimates.contrasts.monotone import crossing

BINS = 12
# Numbers of rows times factors, over the models whose falls are judged at once.
AT_ONCE = 2_000_000


class Frontier(Check):
    """The frontier along an ordered factor."""

    code = "U104"
    title = "frontier along an ordered factor"
    question = "Up to which length, depth or size does the model hold, and how far is that past what it has seen?"
    null = "The mean score past the reference levels equals that at the reference levels."
    interest = "A fall of at least smallest_gap."
    method = (
        "Means per level m(x) (at most 12) with cluster-robust covariance. The fall is the mean over rows at the reference "
        "levels minus that over the others, with the interval and p-value of U102's gaps; the reference is the range seen "
        "(levels of rows with split = seen, or of the training examples), else the lower half of the levels. The break is "
        "the better fit of a hinge m(x) = a + b·x + c·max(x − ψ, 0) and a step a + b·x + c·[x > ψ] between two levels, "
        "tested against a straight line by the maximum over all of both; its interval is the profile, with a critical "
        "value simulated from t. It is named where that test rejects, the score falls there, and the interval spans at "
        "most half of the range; within the range seen it is read from seen rows alone, so that a fall that only unseen rows "
        "of those levels have is none. Half point: where the falling monotone (PAVA) fit first drops to half of its level at the "
        "reference, with a parametric bootstrap interval, named under the same rule."
    )
    assumptions = "Clusters are independent; other factors may differ along this one."
    sources = (
        "Muggeo (2003), Estimating regression models with unknown break-points",
        "Andrews (1993), Tests for parameter instability and structural change with unknown change point",
        "Robertson, Wright & Dykstra (1988), Order restricted statistical inference",
    )
    example = "model A falls by 0.61 [0.55, 0.67] past digits = 2. It drops by 0.58 between digits = 2 and digits = 3."
    needs = ("responses", "ordered factor")
    studies = ("chomsky-hierarchy", "rasp-length-gen", "task-hinting")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each model and ordered factor."""
        rows, (seen, unseen) = scored(subject), split_codes(subject)
        outcomes: list[Outcome] = []
        names = subject.answers.factors.of_kind("ordered")
        known = {name: _seen_values(subject, name, seen, unseen) for name in names}
        levels = (ordered_levels(subject, name, bins=BINS, ends=known[name]) for name in names)
        found = [f for f in levels if f is not None]
        kind = subject.answers.score_kind
        bounds = None if kind.name == "unbounded" else (kind.low, kind.high)
        asked: list[_Asked] = []
        room = AT_ONCE
        for model, part in rows.each():
            score, cluster = rows.score[part], rows.cluster[part]
            single = singletons(cluster)
            alongs: dict[str, _Along | TooFewUnits | Undefined] = {}
            falls: dict[str, tuple[LevelMeans, list[int]]] = {}
            bends: dict[str, tuple[Curve, Callable[[], NDArray[np.float64]]]] = {}
            for factor in found:
                codes = factor.codes[part]
                if factor.missing is not None:
                    codes = np.where(codes == factor.missing, -1, codes)
                try:
                    means = curve(factor.x[factor.real], codes, score, cluster, singletons=single)
                    means = means.take(means.units >= settings.min_units)
                    if len(means) < 2:
                        raise TooFewUnits(
                            f"{len(means)} levels have {settings.min_units} independent units; 2 are needed."
                        )
                    along = _Along.of(factor, means, known[factor.name])
                    side = along.side(codes)
                    sides = level_means(side, 2, score, cluster, bounds=bounds, singletons=single)
                    bend = means
                    left_out = unseen[part] & (side == 0) & (codes >= 0) if along.seen_range else None
                    if left_out is not None and left_out.any():
                        kept = np.where(left_out, -1, codes)
                        bend = curve(factor.x[factor.real], kept, score, cluster, singletons=single)
                        bend = bend.take(bend.units >= settings.min_units)
                except (TooFewUnits, Undefined) as error:
                    alongs[factor.name] = error
                    continue
                alongs[factor.name], falls[factor.name] = along, (sides, [0, 1])
                bends[factor.name] = bend, partial(_held, seen[part], codes, score, factor.size)
            asked.append(_Asked(model, alongs, falls, bends))
            room -= len(score) * len(found)
            if room <= 0:
                outcomes += self._answered(asked, rows, settings)
                asked, room = [], AT_ONCE
        outcomes += self._answered(asked, rows, settings)
        return outcomes or [self.not_applicable("No ordered factor varies.", "Add a column that orders the items.")]

    def _answered(self, asked: Sequence[_Asked], rows: Scored, settings: Settings) -> Iterator[Outcome]:
        """The outcomes of some models, whose falls are judged at once."""
        # Mean at the reference minus mean at the other levels.
        gaps = iter(largest_gaps(
            [fall for one in asked for fall in one.falls.values()], level=settings.level,
            what="difference of mean scores along a factor",
        ))  # fmt: skip
        for one in asked:
            judged = {name: next(gaps) for name in one.falls}
            for name, along in one.alongs.items():
                about, answer = About("factor", f"{one.model} · {name}"), judged.get(name)
                if isinstance(along, _Along) and isinstance(answer, tuple):
                    gap, p, pair = answer
                    fall = (gap if pair == (0, 1) else -gap, p)
                    bend, held = one.bends[name]
                    yield self._judge(one.model, along, bend, fall, about, rows, settings, held)
                else:
                    error = answer if isinstance(along, _Along) else along
                    yield self.not_applicable(
                        f"{one.model}, {name}: {error}", "Collect items at more levels.", about=about
                    )

    def _judge(
        self, model: str, along: _Along, bend: Curve, fall: tuple[Estimate, float], about: About, rows: Scored,
        settings: Settings, held: Callable[[], NDArray[np.float64]],
    ) -> Outcome:  # fmt: skip
        name, (drop, p), unit = along.factor.name, fall, rows.unit
        found, half = self._break(along, bend, model, settings)
        half = half if half is None or along.halved_when_seen(half, held) else None
        sign = -1 if along.flipped else 1
        place = None if found is None else _ends(found.point, sign)
        details = Along(
            factor=name, model=model, seen_range=along.seen_range, edge=along.edge,
            levels=tuple(
                LevelOfSide.of(row, None if along.seen_range is None else "seen" if along.inside[i] else "unseen")
                for i, row in enumerate(along.means.points(settings.level))
            ),
            break_=None if found is None or place is None else BreakAt(
                place.value, place.low, place.high, found.kind, found.either, found.jump
            ),
            half=None if half is None else _ends(half, sign),
        )  # fmt: skip
        where = f"{'below' if along.flipped else 'past'} {name} = {along.edge}"
        reference = (
            "" if along.seen_range else " (no other range is known to be seen: half of the levels is the reference)"
        )
        # Half of a loss is no place: only a score can halve.
        half = None if unit.lower else half
        rises = f"'s {unit.word} rises" if unit.lower else " falls"
        return self.decide(
            about=about, estimate=drop, p_value=p, settings=settings, scale=rows.scale, details=details,
            blames=along.blamed(model, found),
            found=f"{model}{rises} by {drop} {where}{reference}.{along.breaks(found, unit)}{along.halves(half)}",
            clear=f"{model} holds {where}{reference}: no {'rise' if unit.lower else 'fall'} that matters ({drop}).",
            next_step=f"Do not rely on {model} {along.until(found) or where}; train or test on items there.",
        )  # fmt: skip

    def _break(
        self, along: _Along, bend: Curve, model: str, settings: Settings
    ) -> tuple[Break | None, Estimate | None]:
        rng = self.rng(settings, model, along.factor.name)
        means, inside = along.read()
        found = half = None
        if len(bend) >= 4:
            try:
                read = _flipped(bend) if along.flipped else bend
                found = broken_line(read, level=settings.level, rng=rng, n_draws=400, alpha=settings.fdr)
            except Undefined:
                found = None
            if found is not None and (found.flat or not found.falls):
                found = None
        try:
            half = crossing(means, inside, share=0.5, level=settings.level, n_draws=500, rng=rng)
        except Undefined:
            return found, None
        flat = half.width > FLAT * (means.x[-1] - means.x[0])
        return found, None if flat or means.mean.min() < 0 else half


@dataclass(frozen=True, eq=False)
class _Along:
    """A factor's means with the levels that form the reference.

    Attributes:
        factor: The factor.
        means: Mean of each level that has enough units.
        index: Level of the factor of each of them.
        inside: Which of them form the reference.
        seen_range: Lowest and highest value seen, where the reference is the range seen.
    """

    factor: Levels
    means: Curve
    index: NDArray[np.int64]
    inside: NDArray[np.bool_]
    seen_range: tuple[float, float] | None

    @classmethod
    def of(cls, factor: Levels, means: Curve, seen: tuple[float, float] | None) -> _Along:
        index = np.searchsorted(factor.x[factor.real], means.x - 1e-9)
        inside = np.zeros(len(means), dtype=bool)
        if seen is not None:
            inside = (means.x >= seen[0] - 1e-9) & (means.x <= seen[1] + 1e-9)
            if inside.any() and not inside.all():
                return cls(factor, means, index, inside, seen)
        # Levels that were all seen, or none, say nothing of what is beyond them.
        inside = np.arange(len(means)) < (len(means) + 1) // 2
        return cls(factor, means, index, inside, None)

    @cached_property
    def flipped(self) -> bool:
        """Where what is unseen lies below the range seen, the factor is read from high to low."""
        return bool(self.means.x[self.inside].mean() > self.means.x[~self.inside].mean())

    @cached_property
    def edge(self) -> str:
        """The value at which the reference ends."""
        return self.last(int(np.flatnonzero(self.inside)[0 if self.flipped else -1]), up=not self.flipped)

    def last(self, position: int, *, up: bool) -> str:
        """Highest or lowest value of one level."""
        return self.factor.labels[int(self.index[position])].split(" to ")[-1 if up else 0]

    def side(self, codes: NDArray[np.integer]) -> NDArray[np.int64]:
        """0 for rows at the reference, 1 for rows at other levels, -1 for the rest."""
        lookup = np.full(self.factor.size + 1, -1, dtype=np.int64)
        lookup[self.index] = ~self.inside
        return lookup[codes]

    def read(self) -> tuple[Curve, NDArray[np.bool_]]:
        """The means in the direction in which the score is expected to fall."""
        return (_flipped(self.means), self.inside[::-1]) if self.flipped else (self.means, self.inside)

    def blamed(self, model: str, found: Break | None) -> Blame:
        """The rows beyond the reference, against those at it; also those beyond the break."""
        levels = self.index[self.inside]
        reference = self.factor.rows_of(int(levels[0]), int(levels[-1]))
        return Blame((model,), self._beyond(int(levels[0] if self.flipped else levels[-1])), reference, also=tuple(
            self._beyond(int(self.index[at])) for at in self._before(found)
        ))  # fmt: skip

    def _beyond(self, level: int) -> Condition:
        last = self.factor.real[-1]
        return self.factor.rows_of(0, level - 1) if self.flipped else self.factor.rows_of(level + 1, last)

    def _before(self, found: Break | None) -> list[int]:
        """Position of the last level before the break, in the direction in which the score falls."""
        if found is None:
            return []
        at = -found.point.value if self.flipped else found.point.value
        before = np.flatnonzero(self.means.x >= at if self.flipped else self.means.x <= at)
        ends = before[:1] if self.flipped else before[-1:]
        last = 0 if self.flipped else len(self.means.x) - 1
        return [int(i) for i in ends if i != last]

    @property
    def dated(self) -> bool:
        """Whether the factor is a time: its levels are called by their dates."""
        return re.match(r"\d{4}-\d\d-\d\d", self.factor.labels[0]) is not None

    def place(self, at: Estimate) -> str:
        """A place along the factor with its interval, in the factor's own unit."""
        one = -at if self.flipped else at
        if not self.dated:
            return one.format(2)
        day, low, high = (str(np.datetime64(int(v), "s"))[:10] for v in (one.value, one.low, one.high))
        return f"{day} [{low}, {high}]"

    def breaks(self, found: Break | None, unit: Unit) -> str:
        """The break in a sentence."""
        if found is None:
            return ""
        name, x = self.factor.name, self.read()[0].x
        if found.kind == "step" and not found.either:
            low, high = (int(np.argmin(np.abs(x - end))) for end in (found.point.low, found.point.high))
            if self.flipped:
                low, high = len(x) - 1 - low, len(x) - 1 - high
            first, second = self.last(low, up=not self.flipped), self.last(high, up=self.flipped)
            return f" It {'rises' if unit.lower else 'drops'} by {-found.jump:.2f} between {name} = {first} and {name} = {second}."
        told = ", in a step or a slope" if found.either else ""
        return f" It breaks at {name} {self.place(found.point)}{told}."

    def halved_when_seen(self, half: Estimate, held: Callable[[], NDArray[np.float64]]) -> bool:
        """Whether a half point within the range seen is one of seen rows too, not only of unseen rows of that length.

        Args:
            half: The half point, in the direction in which the score falls.
            held: Gives rows and sum of the scores of seen rows at each level, shape (2, levels).
        """
        at = -half.value if self.flipped else half.value
        if self.seen_range is None or not self.seen_range[0] <= at <= self.seen_range[1]:
            return True
        rows, total = held()[:, self.index]
        past = (self.means.x < at if self.flipped else self.means.x > at) & self.inside
        before = ~past & self.inside
        if not rows[past].sum() or not rows[before].sum():
            return False
        return bool(total[past].sum() / rows[past].sum() <= 0.5 * total[before].sum() / rows[before].sum())

    def until(self, found: Break | None) -> str:
        """Past which level the score breaks, as far as the data tell; empty without a break."""
        before = self._before(found)
        if not before:
            return ""
        last = self.last(before[0], up=not self.flipped)
        return f"{'below' if self.flipped else 'past'} {self.factor.name} = {last}"

    def halves(self, half: Estimate | None) -> str:
        """Where half of the score is left, in a sentence."""
        if half is None:
            return ""
        text = f" Its score halves at {self.place(half)}"
        if self.seen_range is None or self.dated:
            return f"{text}."
        past = half.value - (-self.seen_range[0] if self.flipped else self.seen_range[1])
        return text + (f", {past:.2g} past the range seen." if past > 0 else ", within the range seen.")


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What is judged of one model.

    Attributes:
        model: Its name.
        alongs: For each factor its means, or why there are none.
        falls: For each factor that has them the means at and past the reference.
        bends: For the same the means in which a break is looked for, and what gives the seen rows of each level.
    """

    model: str
    alongs: Mapping[str, _Along | TooFewUnits | Undefined]
    falls: Mapping[str, tuple[LevelMeans, list[int]]]
    bends: Mapping[str, tuple[Curve, Callable[[], NDArray[np.float64]]]]


def _held(
    seen: NDArray[np.bool_], codes: NDArray[np.integer], score: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """Rows and sum of the scores of seen rows at each level, shape (2, levels)."""
    kept = seen & (codes >= 0)
    return np.stack([
        np.bincount(codes[kept], minlength=size), np.bincount(codes[kept], weights=score[kept], minlength=size)
    ]).astype(np.float64)  # fmt: skip


def _ends(estimate: Estimate, sign: int) -> Ends:
    one = estimate if sign > 0 else -estimate
    return Ends(one.value, one.low, one.high)


def _flipped(means: Curve) -> Curve:
    back = means.take(np.arange(len(means))[::-1])
    return Curve(-back.x, back.mean, back.covariance, back.rows, back.units, back.clusters, back.binary)


def _seen_values(
    subject: Subject, name: str, seen: NDArray[np.bool_], unseen: NDArray[np.bool_]
) -> tuple[float, float] | None:
    """Lowest and highest value seen, or None where nothing is known of it."""
    train = subject.train
    if train is not None and name in train.table.columns and train.table[name].dtype.is_numeric():
        values = train.table[name].drop_nulls().to_numpy().astype(np.float64)
    elif seen.any() and unseen.any():
        values = ordered_values(subject, name)[seen]
    else:
        return None
    values = values[~np.isnan(values)]
    return (float(values.min()), float(values.max())) if len(values) else None
