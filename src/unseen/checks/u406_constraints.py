"""U406: what the number and the order of constraints cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._forms import disagreement, share_of
from unseen.checks._numbers import invalid_steps
from unseen.checks._rows import percent, scored
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.blame import Blame
from unseen.checks.details.models import AtNumber, ByConstraints, OrdersOfConstraints
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.contrasts.beyond_product import BeyondProduct, beyond_product
from unseen.estimates.intervals.codes import dense, distinct
from unseen.estimates.intervals.means import cluster_robust, mean_estimate, t_interval
from unseen.plain_text import counted

FloatArray = NDArray[np.float64]
# A kind that is asked alone less often has no rate of its own.
LEAST_ALONE = 5


@dataclass(frozen=True, eq=False)
class Asked:
    """Rows of one model with their constraints.

    Attributes:
        model: Its name.
        kinds: Constraints of each row in their order; numbers alone have the same name each.
        met: 1 where all are met, shape (n,).
        score: Shape (n,), as a share of its range.
        cluster: Integer of the sampling unit, shape (n,).
        item: Name of each item.
        root: Name of the item that it comes from.
    """

    model: str
    kinds: tuple[tuple[str, ...], ...]
    met: FloatArray
    score: FloatArray
    cluster: NDArray[np.integer]
    item: tuple[str, ...]
    root: tuple[str, ...]


class Constraints(Check):
    """Holds items of several constraints against single ones, and orders of the same constraints against each other."""

    code = "U406"
    title = "number and order of constraints"
    question = (
        "Asked for several things at once, does a model do worse than each of them alone lets expect, and does their order "
        "matter?"
    )
    null = (
        "Items of several constraints are met as often as the product of the rates of each alone; two orders of the same "
        "constraints get different scores in at most smallest_gap of cases."
    )
    interest = "A share met that lies below the product, or of pairs of orders that differ, by at least smallest_gap."
    method = (
        "An item is met where its score is the highest possible (or all of constraints_met are true). Expected of an item: the "
        "product over its constraints of the model's rates on items that ask each alone; excess = mean over items of two or "
        "more of expected less actual. Its variance holds the sampling of single items (by the slope of the product) and of the "
        "whole ones, summed by cluster (CR2, t); a kind that is always met gets the variance of one more success and one more "
        "failure. Orders: share of pairs of orders of one item's constraints whose scores differ, less that of repeats, as in "
        "U402; beside it the score of the harder first less that of the easier first, by the rates alone."
    )
    assumptions = (
        "Single items ask the constraint as the whole ones do, of items as hard. Items that differ in how hard they are for all "
        "their constraints raise the whole above the product: an excess is then understated. Where constraints are a number, "
        "each is taken for a draw from the same ones. Orders: answers at temperature zero, or several to each order."
    )
    sources = (
        "Zhou et al. (2023), Instruction-following evaluation for large language models.",
        "Zeng et al. (2025), Order matters: investigate the position bias in multi-constraint instruction following.",
        "Jaroslawicz et al. (2025), How many instructions can LLMs follow at once?",
    )
    example = (
        "small-lm meets all constraints in 0.12 less [0.07, 0.17] of the items of several than each alone lets expect (240 items): "
        "1 0.91, 2 0.74 (expected 0.83), 4 0.41 (0.68)."
    )
    needs = ("responses", "constraints")
    studies = ("constraint-order-bias", "wildifeval", "r-constraintbench")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model on the number, and one on the order where there are several."""
        if subject.answers.score_kind.name == "unbounded":
            return [
                self.not_applicable(
                    "Scores have no highest value, so that it can't be told whether all constraints are met.",
                    "Give the range of the score (--range LOW:HIGH).",
                )
            ]
        made: list[Outcome] = []
        for one in asked(subject):
            about = About("slice", f"{one.model}: number of constraints")
            made.append(guarded(self, about, lambda o=one, a=about: self._number(o, a, settings)))
            if orders := _orders(one):
                about = About("slice", f"{one.model}: order of constraints")
                made.append(guarded(self, about, lambda o=one, a=about, s=orders: self._order(o, s, a, settings)))
        return made or [
            self.not_applicable(
                "No labelled answer names its constraints.",
                "Fill in constraints where there is a score.",
                unlocks=("constraints",),
            )
        ]

    def _number(self, one: Asked, about: About, settings: Settings) -> Outcome:
        known, several, alone, left_out = _compared(one)
        for what, rows in (("of one constraint", alone), ("of several that are asked alone too", several)):
            units = distinct(one.cluster[rows]) if len(rows) else 0
            if units < settings.min_units:
                raise TooFewUnits(
                    f"{one.model} has {counted(units, 'independent item')} {what}, not {settings.min_units}."
                )
        number = {k: i for i, k in enumerate(known)}
        count = np.zeros((len(several), len(known)), dtype=np.int64)
        for row, i in enumerate(several):
            for kind in one.kinds[i]:
                count[row, number[kind]] += 1
        fit = beyond_product(
            one.met[alone], [number[one.kinds[i][0]] for i in alone], one.cluster[alone],
            one.met[several], count, one.cluster[several], level=settings.level,
        )  # fmt: skip
        levels = _levels(one, alone, several, fit, settings)
        told = ", ".join(
            f"{v.constraints} {v.right.value:.2f}"
            + ("" if v.expected is None or v.constraints < 2 else f" (expected {v.expected:.2f})")
            for v in levels
        )
        missing = f"; {left_out:,} items with a constraint that is asked alone nowhere are left out" if left_out else ""
        n, e = counted(len(several), "item"), fit.excess
        said = f"{one.model} meets all constraints in {e.format(2)} less of the items of several than each alone lets expect"
        if e.value < 0:
            said = f"{one.model} meets all constraints in {(-e).format(2)} more of the items of several than each alone lets expect"
        return self.decide(
            about=about,
            estimate=e,
            p_value=fit.p_value,
            found=f"{said} ({n}): {told}{missing}.",
            clear=f"{one.model} meets several constraints no less often than each alone lets expect, or too little less to matter "
            f"(excess {e.format(2)}; {n}): {told}{missing}.",
            next_step="Ask for fewer things at a time, or let the model check its answer against each of them.",
            settings=settings,
            blames=Blame((one.model,), measure="other"),
            shared="all constraints are met in {} less of the items of several than each alone lets expect",
            details=ByConstraints(
                model=one.model, factor="constraints", numbers=tuple(levels), excess=e, left_out=left_out
            ),
        )  # fmt: skip

    def _order(self, one: Asked, orders: Sequence[Sequence[int]], about: About, settings: Settings) -> Outcome:
        unit = [int(one.cluster[rows[0]]) for rows in orders]
        if (units := len(set(unit))) < settings.min_units:
            raise TooFewUnits(
                f"{one.model} has {counted(units, 'independent set')} of constraints in two orders, not {settings.min_units}."
            )
        pairs = [
            disagreement([f"{one.score[i]:.6g}" for i in rows], _places([one.kinds[i] for i in rows])) for rows in orders
        ]  # fmt: skip
        share = share_of(
            [p for p, _ in pairs], unit, repeated=any(again for _, again in pairs), at_most=settings.smallest_gap,
            level=settings.level, what="the share of orders that differ",
        )  # fmt: skip
        lean = _hard_first(one, orders, settings)
        direction = "" if lean is None else (
            f"; the harder constraints first score {abs(lean.value):.2f} {'more' if lean.value > 0 else 'less'} than last "
            f"[{lean.low:.2f}, {lean.high:.2f}]"
        )  # fmt: skip
        said = (
            f"Two orders of the same constraints get {one.model} different scores in {percent(share.estimate)} of cases"
        )
        sets = counted(len(orders), "set")
        return self.decide(
            about=about,
            estimate=share.estimate,
            p_value=share.p_value,
            found=f"{said} ({sets}{direction}).",
            clear=f"{said} ({sets}{direction}).",
            next_step="Score each item in several orders, and report the mean with its spread; put first what is hardest if "
            "that scores more.",
            settings=settings,
            blames=Blame((one.model,), measure="other"),
            shared="two orders of the same constraints get different scores in {} of cases",
            details=OrdersOfConstraints(model=one.model, questions=len(orders), differing=share.estimate, hard_first=lean),
        )  # fmt: skip


def asked(subject: Subject) -> list[Asked]:
    """The labelled rows of each model with their constraints."""
    answers, rows = subject.answers, scored(subject)
    named = _named(answers.table["constraints"])
    texts = {
        c: answers.table[c].cast(pl.String).to_list() for c in ("item", "variant_of") if c in answers.table.columns
    }
    low, span = answers.score_kind.low, answers.score_kind.high - answers.score_kind.low
    every = (
        invalid_steps(answers.table["constraints_met"]) if answers.has("constraints_met") else np.full(len(answers), np.nan)
    )  # fmt: skip
    found: list[Asked] = []
    for name, part in rows.each():
        places = [int(i) for i in rows.row[part]]
        kept = [(p, j) for j, p in enumerate(places) if named[p]]
        if not kept:
            continue
        at, mine = np.array([p for p, _ in kept]), np.array([j for _, j in kept])
        score = (rows.score[part][mine] - low) / span
        met = np.where(np.isnan(every[at]), score >= 1 - 1e-9, every[at] == 0).astype(np.float64)
        origin = texts.get("variant_of")
        item = tuple(str(texts["item"][p]) for p in at)
        root = tuple(str((origin[p] if origin else None) or texts["item"][p]) for p in at)
        found.append(Asked(name, tuple(named[p] for p in at), met, score, rows.cluster[part][mine], item, root))
    return found


def _named(column: pl.Series) -> list[tuple[str, ...]]:
    """Constraints of each row in their order: members of a list, what stands between semicolons, of a number so many."""
    if isinstance(column.dtype, pl.List):
        return [tuple(str(v) for v in row or () if v is not None) for row in column.to_list()]
    if column.dtype.is_numeric():
        return [() if v is None or not v >= 1 else ("a constraint",) * round(v) for v in column.to_list()]
    return [tuple(w.strip() for w in (v or "").split(";") if w.strip()) for v in column.cast(pl.String).to_list()]


def _compared(one: Asked) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64], int]:
    """Kinds that are asked alone, rows of several of these, rows of one of them, and how many rows of several are left out."""
    often: defaultdict[str, int] = defaultdict(int)
    for kinds in one.kinds:
        if len(kinds) == 1:
            often[kinds[0]] += 1
    known = [k for k, n in sorted(often.items()) if n >= LEAST_ALONE]
    have = set(known)
    several = [i for i, kinds in enumerate(one.kinds) if len(kinds) > 1]
    kept = [i for i in several if have.issuperset(one.kinds[i])]
    alone = [i for i, kinds in enumerate(one.kinds) if len(kinds) == 1 and kinds[0] in have]
    return known, np.array(kept, dtype=np.int64), np.array(alone, dtype=np.int64), len(several) - len(kept)


def _levels(
    one: Asked, alone: NDArray[np.int64], several: NDArray[np.int64], fit: BeyondProduct, settings: Settings
) -> list[AtNumber]:
    """Share met by number of constraints, with what is expected."""
    at = np.concatenate([alone, several])
    size = np.array([len(one.kinds[i]) for i in at])
    expected = np.concatenate([np.full(len(alone), np.nan), fit.expected])
    made: list[AtNumber] = []
    for n in np.unique(size):
        rows = size == n
        try:
            right = mean_estimate(one.met[at[rows]], one.cluster[at[rows]], level=settings.level, binary=True)
        except (TooFewUnits, Undefined):
            continue
        made.append(AtNumber(int(n), int(rows.sum()), right, None if n == 1 else float(expected[rows].mean())))
    return made


def _orders(one: Asked) -> list[list[int]]:
    """Rows of each item whose constraints were asked in two orders or more."""
    sets: defaultdict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
    for i, kinds in enumerate(one.kinds):
        if len(set(kinds)) > 1:
            sets[one.root[i], tuple(sorted(kinds))].append(i)
    return [rows for rows in sets.values() if len({one.kinds[i] for i in rows}) > 1]


def _places(orders: Sequence[tuple[str, ...]]) -> NDArray[np.int64]:
    """Orders as integers, shape (n,)."""
    number = {order: i for i, order in enumerate(dict.fromkeys(orders))}
    return np.array([number[order] for order in orders], dtype=np.int64)


def _hard_first(one: Asked, orders: Sequence[Sequence[int]], settings: Settings) -> Estimate | None:
    """Mean over sets of the score of the order that comes nearest to hard first, less that of the nearest to easy first."""
    rates: defaultdict[str, list[float]] = defaultdict(list)
    for kinds, met in zip(one.kinds, one.met, strict=True):
        if len(kinds) == 1:
            rates[kinds[0]].append(float(met))
    rate = {k: float(np.mean(v)) for k, v in rates.items()}
    change: list[float] = []
    unit: list[int] = []
    for rows in orders:
        if not all(k in rate for k in one.kinds[rows[0]]):
            continue
        # Share of pairs of constraints whose harder one stands first (CDDI).
        index = [
            np.mean([0.5 if rate[a] == rate[b] else float(rate[a] < rate[b]) for a, b in combinations(one.kinds[i], 2)])
            for i in rows
        ]
        if max(index) > min(index):
            ends = [
                np.mean([one.score[i] for i, v in zip(rows, index, strict=True) if v == e])
                for e in (max(index), min(index))
            ]
            change.append(float(ends[0] - ends[1]))
            unit.append(int(one.cluster[rows[0]]))
    if len(set(unit)) < settings.min_units:
        return None
    value, variance, dof, units = cluster_robust(change, dense(unit)[0])
    if variance <= 0 or dof < 2:
        return None
    low, high = t_interval(value, variance, dof, settings.level)
    return Estimate(value, low, high, units, "paired difference by set, cluster-robust (CR2), t", settings.level)
