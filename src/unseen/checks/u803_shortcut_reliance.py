"""U803: columns that the learner relies on where it was trained, and that do not carry to what it has not seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from unseen.checks._domains import OVERLAP, blamed, score_word, under_shift
from unseen.checks._groups import domains, drawn, names_of
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject
from unseen.checks.details.learner import GainOn, ShuffledColumn, ShuffledColumns
from unseen.engine.seeds import numpy_generator, spawn
from unseen.errors import Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import cluster_robust, normal_quantile, t_interval, two_sided_t, two_sided_z
from unseen.estimates.intervals.meta import MIN_DOMAINS, random_effects
from unseen.estimates.testing.multiplicity import benjamini_hochberg, holm
from unseen.refitting import Case, Piece, Refitted, UnderShift
from unseen.refitting.design import FOLDS

MAX_COLUMNS = 20
# Columns that are screened at all, and the training rows on which they are.
MAX_SCREENED, SCREENED_ROWS = 200, 500
MAX_SETS, TRAIN_ROWS, SIDE_ROWS = 12, 8000, 4000
# Seen rows are shuffled within their own domain; domains with fewer held-back rows are left aside.
MIN_SIDE, MAX_SIDES = 20, 12
# Shuffling a column that hardly varies in the held-out set costs nothing there, whatever the learner makes of it.
LEAST_SPREAD = 0.5


@dataclass(frozen=True)
class _Fall:
    """What shuffling one column costs in one refit: on seen rows, on the held-out set, and the variances."""

    seen: float
    unseen: float
    variance: float
    unseen_variance: float
    rows: int


@dataclass(frozen=True)
class _There:
    """What shuffling one column brings on one held-out set: above zero, the column misleads there.

    Attributes:
        column: The column.
        name: Of the held-out set.
        gain: Mean rise of the score.
        error: Its standard error, over rows.
        p: One-sided, that the column does not mislead there, corrected (Holm) over all columns and sets.
        estimate: The gain, with an interval that holds for all columns and sets together.
    """

    column: str
    name: str
    gain: float
    error: float
    p: float
    estimate: Estimate

    @property
    def gains(self) -> GainOn:
        """The same for tables."""
        return GainOn(self.name, self.gain, self.error, self.p)


class ShortcutReliance(Check):
    """Reliance on shortcuts."""

    code = "U803"
    title = "reliance on a shortcut"
    question = (
        "Which columns does the learner rely on where it was trained that do not help it on what it has not seen?"
    )
    null = (
        "Shuffling a column costs as much on the held-out domains as on held-back rows of the seen ones, on average; and on "
        "no domain does shuffling it help."
    )
    interest = (
        "A column whose shuffling costs at least smallest_gap on seen rows, and at least smallest_gap less on unseen ones; or "
        "one whose shuffling gains at least smallest_gap on a domain: there it misleads."
    )
    method = (
        "Randomised-feature accuracy: each column is shuffled among the rows of one domain at a time, and the fall of the "
        "score is taken on held-back rows of the seen domains and on the held-out one. The difference of the two falls is "
        "summed up over held-out domains by random effects (t, Hartung-Knapp), or over rows and refits where there are "
        f"fewer than {MIN_DOMAINS}. At most {MAX_COLUMNS} columns are judged, those that matter most on training rows; "
        "their p-values are corrected for each other (Benjamini-Hochberg). A set in which a column varies less than half "
        "as much as within seen domains is left out for that column. Beside the mean, each domain is tested by itself (z over "
        "rows, Holm over all columns and domains): a column that helps at most domains and misleads at some is told with their "
        "names. Clear is said only where the mean and every single domain exclude an effect that matters."
    )
    assumptions = (
        "Columns are shuffled one at a time: a shortcut that two columns carry together shows in neither. A fall that "
        "differs may also come from another strength of the column, not from a shortcut."
    )
    sources = (
        "Shah et al. (2020), The pitfalls of simplicity bias in neural networks, section 3 (randomised accuracy)",
        "Breiman (2001), Random forests, section 10 (permutation importance)",
        "Fisher, Rudin & Dominici (2019), All models are wrong, but many are useful, section 3",
    )
    example = "held-out site: shuffling scanner costs 0.21 of accuracy on seen sites and -0.04 on sites not seen."
    needs = ("learner",)
    studies = ("simplicity-bias",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a column that is found, else one a shift."""
        under = under_shift(subject)
        inputs = under.problem.examples.inputs
        if len(inputs) < 2:
            only = under.problem.examples.table.select(inputs)
            if any(isinstance(t, pl.Array | pl.List) for t in only.dtypes):
                return [
                    self.not_applicable(
                        f"The only input, {', '.join(inputs)}, is an array: there are no columns to shuffle one by one.",
                        "Give parts of it as columns of their own (halves of an image, blocks of channels).",
                    )
                ]
            return [
                self.not_applicable(
                    f"The only input is {', '.join(inputs)}: a shortcut is a column relied on beside others.",
                    "Give all inputs.",
                )
            ]
        columns = self._columns(under)
        outcomes: list[Outcome] = []
        for family in dict.fromkeys(case.family for case in under.plan.cases):
            try:
                outcomes += self._family(under, settings, family, columns)
            except Undefined as error:
                outcomes.append(self.not_applicable(str(error), "See U800.", about=About("factor", family)))
        return outcomes or [self.not_applicable("No held-out set was judged.", "See U800.")]

    def _columns(self, under: UnderShift) -> list[str]:
        """All inputs, or the most important ones on training rows of one refit."""
        inputs = list(under.problem.examples.inputs)
        if len(inputs) <= MAX_COLUMNS:
            return inputs
        rng = numpy_generator(under.plan.seed, self.code, "screen")
        train = drawn(under.plan.cases[0].inside, TRAIN_ROWS, rng)
        some, seed = drawn(train, SCREENED_ROWS, rng), spawn(under.plan.seed, self.code, "screen")
        piece = Piece(
            "importance of the columns", train, {"train": some}, seed, options={"shuffle": inputs[:MAX_SCREENED]}
        )
        found = under.runner.run([piece])[0].shuffled
        return sorted(found, key=lambda c: -found[c]["train"][0])[:MAX_COLUMNS] or inputs[:MAX_COLUMNS]

    def _family(self, under: UnderShift, settings: Settings, family: str, columns: list[str]) -> list[Outcome]:
        cases = sorted((c for c in under.plan.cases if c.family == family), key=lambda c: -len(c.beyond))[:MAX_SETS]
        refits = under.plan.refits if len(cases) < MIN_DOMAINS else 1
        code = next((d.code for d in domains(under) if d.family == family), np.full(len(under.problem), -1))
        pieces = [_piece(under, c, i, r, code, columns) for i, c in enumerate(cases) for r in range(refits)]
        results = under.runner.run(pieces)
        rows, kept = list[ShuffledColumn](), list[tuple[str, str, list[_Fall]]]()
        for column in columns:
            found = [
                (
                    case,
                    [f for x in results[i * refits : (i + 1) * refits] if (f := _fall(under, x, column)) is not None],
                )
                for i, case in enumerate(cases)
                if _varies(under, case, pieces[i * refits], column)
            ]
            judged = [case for case, falls in found if falls]
            by_case = [falls for _, falls in found if falls]
            if not by_case or (len(cases) >= MIN_DOMAINS and len(by_case) < MIN_DOMAINS):
                continue
            estimate, p = _over(by_case, settings.level)
            kept += [(column, case.name, falls) for case, falls in zip(judged, by_case, strict=True)]
            seen = float(np.mean([f.seen for falls in by_case for f in falls]))
            unseen = float(np.mean([f.unseen for falls in by_case for f in falls]))
            rows.append(ShuffledColumn(column, seen, unseen, estimate, p, len(by_case), (), p))
        if not rows:
            failed = next((x.failed for x in results if x.failed), "")
            raise Undefined(
                f"{family}: no column can be judged"
                + (f" ({failed})." if failed else ": each varies far less in the held-out sets than in the seen ones.")
            )
        adjusted = benjamini_hochberg([row.p_value for row in rows]).tolist()
        there = _by_domain(kept, settings.level)
        rows = [
            replace(row, adjusted=q, domains=tuple(t.gains for t in there if t.column == row.column))
            for row, q in zip(rows, adjusted, strict=True)
        ]
        return self._said(under, settings, family, tuple(rows), there)

    def _misleads(
        self, under: UnderShift, family: str, row: ShuffledColumn, hurt: list[_There], there: list[_There], word: str,
        settings: Settings, scale: float, rows: tuple[ShuffledColumn, ...],
    ) -> Found:  # fmt: skip
        """A column that helps where it was learnt and misleads on some domains."""
        own = [c for c in under.plan.cases if c.family == family]
        worst, column = max(hurt, key=lambda t: t.gain), row.column
        of = sum(t.column == column for t in there)
        named = names_of([t.name for t in sorted(hurt, key=lambda t: -t.gain)])
        said = (
            f"{family}: {column} helps on seen rows (shuffling it costs {row.seen:.2f} of {word}) and not on "
            f"{len(hurt)} of {of} domains not seen: there it misleads ({named}; shuffling it gains "
            f"{worst.estimate.format(2)} on {worst.name})."
        )
        common: dict[str, Any] = {
            "code": self.code, "about": About("factor", f"{column}, {family}"), "statement": said,
            "estimate": worst.estimate, "p_value": worst.p, "effect": min(1.0, worst.gain / scale),
            "details": ShuffledColumns(
                family=family, columns=rows, misleads=tuple(t.name for t in hurt),
                about=blamed(under, [c for c in own if c.name in {t.name for t in hurt}]),
            ),
        }  # fmt: skip
        otherwise = self.unless_found(settings.gap_that_matters * scale, settings=settings, next_step=MORE, **common)
        return Found(
            next_step=f"Ask what {column} stands for on {named}; refit without it (--drop {column}) and compare the worst "
            "domains, or try unseen improve --judge worst with this shift.",
            otherwise=otherwise, **common,
        )  # fmt: skip

    def _said(
        self, under: UnderShift, settings: Settings, family: str, rows: tuple[ShuffledColumn, ...],
        there: list[_There],
    ) -> list[Outcome]:  # fmt: skip
        scale, word = under.problem.scale, score_word(under)
        own = [c for c in under.plan.cases if c.family == family]
        least = settings.smallest_gap * scale
        found: list[Outcome] = []
        matters = settings.gap_that_matters * scale
        for row in rows:
            hurt = [t for t in there if t.column == row.column and t.p <= settings.fdr and t.gain >= least]
            if hurt and row.seen >= least:
                found.append(self._misleads(under, family, row, hurt, there, word, settings, scale, rows))
        told = {o.about.name for o in found}
        for row in rows:
            if f"{row.column}, {family}" in told:
                continue
            seen, unseen, estimate, p = row.seen, row.unseen, row.difference, row.adjusted
            if p <= settings.fdr and estimate.value >= least and seen >= least:
                hurts = ": there it misleads" if unseen < -least / 2 else ""
                said = (
                    f"{family}: shuffling {row.column} costs {seen:.2f} of {word} on seen rows and {unseen:.2f} on "
                    f"rows not seen{hurts}; the difference is {estimate.format(2)}."
                )
                common: dict[str, Any] = {
                    "code": self.code, "about": About("factor", f"{row.column}, {family}"), "statement": said,
                    "estimate": estimate, "p_value": p, "effect": min(1.0, estimate.value / scale),
                    "details": ShuffledColumns(family=family, columns=rows, about=blamed(under, own)),
                }  # fmt: skip
                otherwise = self.unless_found(
                    settings.gap_that_matters * scale, settings=settings, next_step=MORE, **common
                )  # fmt: skip
                found.append(
                    Found(
                        next_step=f"Ask whether {row.column} will mean the same in the next domain; refit without it "
                        "(--drop) and compare, or try unseen improve with this shift.",
                        otherwise=otherwise, **common,
                    )
                )  # fmt: skip
        if found:
            return found
        most = max(rows, key=lambda row: row.seen)
        about = About("factor", family)
        ahead = (
            f"{family}: none of {len(rows)} columns is relied on where seen and fails where not (most relied on: "
            f"{most.column}, {most.seen:.2f} on seen rows, {most.unseen:.2f} on rows not seen)."
        )
        details = ShuffledColumns(family=family, columns=rows)
        unsure = {t.column for t in there if t.estimate.high >= matters}
        open_ = [row for row in rows if row.difference.high >= matters or row.column in unsure]
        least_p = min(row.adjusted for row in rows)
        judged: dict[str, Any] = {"code": self.code, "about": about, "p_value": least_p, "details": details}
        if open_:
            # What could not be judged is never clear; the column that is relied on most speaks for those.
            worst = max(open_, key=lambda row: row.seen)
            judged |= {"estimate": worst.difference, "effect": min(1.0, abs(worst.difference.value) / scale)}
            named = names_of([row.column for row in open_])
            return [
                self.undecided(
                    settings=settings, next_step=MORE, **judged,
                    statement=f"{family}: not enough data to say whether reliance on {named} carries over (difference for "
                    f"{worst.column}: {worst.difference.format(2)}).",
                )
            ]  # fmt: skip
        judged |= {"estimate": most.difference, "effect": min(1.0, abs(most.difference.value) / scale)}
        return [Clear(statement=ahead, next_step="Nothing to do.", **judged)]


def _by_domain(kept: list[tuple[str, str, list[_Fall]]], level: float) -> list[_There]:
    """Each column on each held-out set by itself; refits share the rows, so that they do not add to the certainty."""
    gains = [-float(np.mean([f.unseen for f in falls])) for _, _, falls in kept]
    errors = [float(np.mean([f.unseen_variance for f in falls])) ** 0.5 for _, _, falls in kept]
    adjusted = holm([two_sided_z(g / e) / 2 if g > 0 else 1.0 for g, e in zip(gains, errors, strict=True)]).tolist()
    quantile = normal_quantile((1 - level) / 2 / max(1, len(kept)))
    return [
        _There(
            column, name, g, e, p,
            Estimate(
                g, g - quantile * e, g + quantile * e, min(f.rows for f in falls),
                f"gain of shuffling, simultaneous over {len(kept)} columns and sets (Bonferroni)", level,
            ),
        )
        for (column, name, falls), g, e, p in zip(kept, gains, errors, adjusted, strict=True)
    ]  # fmt: skip


MORE = "Collect more domains, or more rows in each."


def _piece(under: UnderShift, case: Case, number: int, refit: int, code: np.ndarray, columns: Sequence[str]) -> Piece:
    """A refit that shuffles; another fold is held back for each set, so that seen rows are not the same ones."""
    rng = numpy_generator(under.plan.seed, "U803", case.family, case.name, refit)
    back = under.plan.folds[refit][case.inside] == number % FOLDS
    seen = case.inside[back]
    own = code[seen]
    sides: dict[str, np.ndarray] = {"unseen": drawn(case.beyond, SIDE_ROWS, rng)}
    sizes = np.bincount(own[own >= 0], minlength=1)
    groups = [int(k) for k in np.argsort(-sizes, kind="stable")[:MAX_SIDES] if sizes[k] >= MIN_SIDE]
    for k in groups:
        sides[f"seen {k}"] = drawn(seen[own == k], SIDE_ROWS // len(groups) + 1, rng)
    if not groups:
        sides["seen"] = drawn(seen, SIDE_ROWS, rng)
    return Piece(
        f"{case.family}: {case.name}, columns shuffled, refit {refit + 1}", drawn(case.inside[~back], TRAIN_ROWS, rng),
        sides, spawn(under.plan.seed, "U803", case.family, case.name, refit),
        options={**case.options, "shuffle": list(columns)},
    )  # fmt: skip


def _fall(under: UnderShift, result: Refitted, column: str) -> _Fall | None:
    """The falls of one column; seen sides are weighted by their rows."""
    sides = result.shuffled.get(column, {})
    if result.failed or "unseen" not in sides or len(sides) < 2:
        return None
    value, variance = dict[str, float](), dict[str, float]()
    for side, (mean, se, n) in sides.items():
        value[side] = mean
        # Rows that a column never moves have no spread; some could have moved.
        least = under.problem.least_variance(result.piece.tests[side][:n])
        variance[side] = max(se * se, least) * _design(under, result, side)
    seen = [s for s in sides if s != "unseen"]
    weight = np.array([sides[s][2] for s in seen], dtype=float)
    weight /= weight.sum()
    return _Fall(
        float(weight @ [value[s] for s in seen]), value["unseen"],
        float(weight**2 @ [variance[s] for s in seen]) + variance["unseen"], variance["unseen"],
        min(v[2] for v in sides.values()),
    )  # fmt: skip


def _design(under: UnderShift, result: Refitted, side: str) -> float:
    """Variance of the mean score with clusters over that without; 1 where rows are independent."""
    if under.problem.cluster is None:
        return 1.0
    answers = result.answers[side]
    plain = float(np.var(answers.score)) / len(answers.rows)
    if plain <= 0:
        return 1.0
    clustered = cluster_robust(answers.score, under.problem.clusters()[answers.rows], what=side)[1]
    return max(1.0, clustered / plain)


def _varies(under: UnderShift, case: Case, piece: Piece, column: str) -> bool:
    """Whether a column varies in the held-out set at least half as much as within the seen domains."""
    values = under.problem.examples.table[column]
    unseen = _spread(values[case.beyond])
    sides = [rows for side, rows in piece.tests.items() if side != "unseen"]
    seen = float(np.average([_spread(values[rows]) for rows in sides], weights=[len(r) for r in sides]))
    return seen <= 0 or unseen >= LEAST_SPREAD * seen


def _spread(values: pl.Series) -> float:
    """Standard deviation of numbers, Gini's diversity of categories; 1 for what has neither."""
    if isinstance(values.dtype, pl.Array | pl.List):
        return 1.0
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        numbers = values.to_physical().cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
        return float(numbers.std()) if len(numbers) else 0.0
    counts = values.value_counts()["count"].to_numpy() / max(len(values), 1)
    return float(1 - counts @ counts)


def _over(by_case: list[list[_Fall]], level: float) -> tuple[Estimate, float]:
    """Difference of the falls, seen minus unseen, over held-out sets; its p-value is two-sided."""
    value = [float(np.mean([f.seen - f.unseen for f in falls])) for falls in by_case]
    rows = [float(np.mean([f.variance for f in falls])) for falls in by_case]
    if len(by_case) >= MIN_DOMAINS:
        summary = random_effects(value, rows, level=level)
        return summary.mean, summary.p_value
    several = [float(np.var([f.seen - f.unseen for f in falls], ddof=1)) for falls in by_case if len(falls) > 1]
    refits = min(len(falls) for falls in by_case)
    between = (1 / refits + OVERLAP) * float(np.mean(several)) if several else 0.0
    within, k = float(np.sum(rows)) / len(rows) ** 2, len(by_case)
    variance, mean = within + between / k, float(np.mean(value))
    few = min(f.rows for falls in by_case for f in falls) - 1
    dof = variance**2 / (within**2 / few + (between / k) ** 2 / max(1, sum(len(f) - 1 for f in by_case)))
    estimate = Estimate(
        mean,
        *t_interval(mean, variance, dof, level),
        few + 1,
        "difference of falls, rows and refits, t (Nadeau-Bengio)",
        level,
    )
    return estimate, two_sided_t(mean / variance**0.5, dof)
