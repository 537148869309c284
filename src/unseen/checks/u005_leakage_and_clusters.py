"""U005: near-identical questions on both sides of a split, and clusters that nobody declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from unseen.checks._rows import first_positions, item_means, scored, texts
from unseen.checks._similar import near_pairs
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject, Undecided
from unseen.checks.details.data import Alike, Leaked
from unseen.data.units import unit_columns
from unseen.estimates import Estimate
from unseen.plain_text import counted
from unseen.responses.columns import ROLES

SHOWN, SAMPLE, THRESHOLD = 10, 1500, 0.8
MIN_LEVELS, MIN_CORRELATION = 20, 0.2
# Of a column that names units: how much larger variances are where it is left out.
MIN_INFLATION = 1.2
EXCHANGES = 199


class LeakageAndClusters(Check):
    """Looks for the same question on both sides of the split and for strong undeclared grouping."""

    code = "U005"
    title = "leakage across the split, undeclared clusters"
    question = "Are seen and unseen questions truly different, and are the rows as independent as is assumed?"
    null = "Questions: none, a count. Grouping: scores within a group are no more alike than between groups."
    interest = (
        f"Any pair with similarity ≥ {THRESHOLD}; a group correlation of at least {MIN_CORRELATION}, or variances "
        f"{MIN_INFLATION} times as large where a column names units that repeat."
    )
    method = (
        "Questions become sets of three-word shingles; MinHash (64 values, 16 bands) proposes pairs across the split, and "
        f"their exact Jaccard similarity decides. Beyond {SAMPLE:,} questions a side, a random sample is compared. "
        f"Grouping: the one-way intraclass correlation of item means over each categorical factor with {MIN_LEVELS} "
        "levels or more, and over each column that names units which repeat (patient_id, session), (F − 1)/(F + k − 1), "
        "with its exact F interval. A p-value of F within the level counts only where exchanging the scores over the groups "
        f"({EXCHANGES} times) bears it out: scores near 0 and 1 in uneven groups are no normal ones. Groups that lie within "
        "the declared clusters are covered by these."
    )
    assumptions = (
        "Similar words mean similar questions: a paraphrase in other words is missed. Groups are of similar size."
    )
    sources = (
        "Broder (1997), On the resemblance and containment of documents.",
        "Shrout & Fleiss (1979), Intraclass correlations; McGraw & Wong (1996), table 7.",
    )
    example = "12 of 300 unseen questions have a near-identical seen one (similarity ≥ 0.8)."
    needs = ("responses",)
    studies = ("text-to-sql-evaluation",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for the questions, one for each large grouping."""
        return [self._questions(subject, settings), *self._groupings(subject, settings)]

    def _questions(self, subject: Subject, settings: Settings) -> Outcome:
        answers, about = subject.answers, About("data", "questions on both sides")
        if not answers.has("question", "split"):
            return self.not_applicable(
                "Questions cannot be compared across the split without their text and a split.",
                "Give the columns question and split (or --unseen).", about=about, unlocks=("question", "split"),
            )  # fmt: skip
        items = answers.codes("item").codes
        first = first_positions(items, int(items.max(initial=-1)) + 1)
        rng, sides, totals = self.rng(settings), list[np.ndarray](), list[int]()
        for split in ("seen", "unseen"):
            found = first[answers.is_split(split)[first]]
            totals.append(len(found))
            sides.append(found if len(found) <= SAMPLE else np.sort(rng.choice(found, SAMPLE, replace=False)))
        names, words = ([texts(answers, c, rows) for rows in sides] for c in ("item", "question"))
        pairs = near_pairs(*([w or "" for w in side] for side in words), threshold=THRESHOLD)
        # One item on both sides is the same question by declaration (repeats, variants), and still a leak.
        leaked = len({j for _, j, _ in pairs})
        sampled = " in a sample" if max(totals) > SAMPLE else ""
        compared = (
            f"{counted(len(sides[1]), 'unseen question')} compared with {counted(len(sides[0]), 'seen one')}{sampled}"
        )
        examples = [
            {"seen": names[0][i], "unseen": names[1][j], "similarity": s, "question_seen": words[0][i],
             "question_unseen": words[1][j]}
            for i, j, s in pairs[:SHOWN]
        ]  # fmt: skip
        details = Leaked(leaked=leaked, seen=totals[0], unseen=totals[1], examples=tuple(examples))
        if not leaked:
            return Clear(
                code=self.code, about=about, details=details, next_step="Nothing to do.",
                statement=f"No unseen question is near-identical to a seen one ({compared}).",
            )  # fmt: skip
        return Found(
            code=self.code, about=about, details=details, effect=leaked / max(1, len(sides[1])),
            statement=f"{leaked:,} unseen questions are near-identical to a seen one (similarity ≥ {THRESHOLD}; {compared}).",
            next_step="Read the pairs below; move near-identical questions to one side, or give them one cluster.",
        )  # fmt: skip

    def _groupings(self, subject: Subject, settings: Settings) -> Iterator[Outcome]:
        answers, means = subject.answers, item_means(subject)
        rows = scored(subject)
        size = int(rows.item.max(initial=-1)) + 1
        total, count = np.zeros(size), np.zeros(size)
        for m in means.values():
            total[m.item] += m.mean
            count[m.item] += 1
        present = np.flatnonzero(count)
        score = total[present] / count[present]
        at = rows.row[first_positions(rows.item, size)[present]] if size else present
        # Texts of questions stay where they are: only columns that may name units are gathered.
        others = [c for c in answers.table.columns if c not in ROLES]
        units = {name for name, _ in unit_columns(answers.table.select(others)[at])} if others else set[str]()
        large = [n for n in answers.factors.of_kind("categorical") if len(answers.codes(n).levels) >= MIN_LEVELS]
        for name in dict.fromkeys([*large, *sorted(units)]):
            group = answers.codes(name).codes[at]
            if name == answers.cluster_column or (answers.has("cluster") and _within(group, answers.cluster[at])):
                continue
            known = group >= 0
            found = intraclass(score[known], group[known], settings.level)
            if found is not None:
                rho, p, groups = found
                if p <= settings.fdr:
                    p = exchanged(score[known], group[known], p, self.rng(settings, name))
                yield self._grouping(name, rho, p, groups, settings, unit=name in units)

    def _grouping(
        self, name: str, rho: Estimate, p: float, size: float, settings: Settings, *, unit: bool
    ) -> Outcome:  # fmt: skip
        about = About("factor", name)
        inflation = max(1.0, 1 + (size - 1) * rho.value)
        # How alike items must be to matter: where a column names units, by what that does to intervals.
        least = min(MIN_CORRELATION, (MIN_INFLATION - 1) / (size - 1)) if unit and size > 1 else MIN_CORRELATION
        clear_below = least if unit else max(MIN_CORRELATION, settings.gap_that_matters)
        numbers = f"correlation {rho.format(2)} over {rho.units:,} groups of {size:.1f} items on average"
        clear = f"Items of one {name} are not alike enough to change intervals ({numbers})."
        details = Alike(factor=name, correlation=rho, design_effect=inflation)
        otherwise: Clear | Undecided
        if rho.high < clear_below:
            otherwise = Clear(
                code=self.code, about=about, estimate=rho, p_value=p, details=details, statement=clear,
                next_step="Nothing to do.",
            )  # fmt: skip
        else:
            otherwise = self.undecided(
                about=about, estimate=rho, p_value=p, details=details, settings=settings,
                statement=f"Whether items of one {name} are alike enough to change intervals is not decided ({numbers}).",
                next_step=f"If {name} was sampled as a whole, declare it: --cluster {name}. More groups would decide it.",
            )  # fmt: skip
        if p <= settings.fdr and rho.value >= least:
            return Found(
                code=self.code, about=about, estimate=rho, p_value=p, details=details, effect=min(1.0, rho.value),
                statement=f"Items of one {name} are answered alike ({numbers}): variances are {inflation:.1f} times what "
                "independent items would give.",
                otherwise=otherwise, next_step=f"Declare it, if {name} was sampled as a whole: --cluster {name}.",
            )  # fmt: skip
        return otherwise


def _within(group: np.ndarray, cluster: np.ndarray) -> bool:
    """Whether each group lies in a single cluster."""
    known = group >= 0
    pairs = np.unique(np.stack([group[known], cluster[known]]), axis=1)
    return pairs.shape[1] == len(np.unique(group[known]))


def exchanged(score: np.ndarray, group: np.ndarray, p: float, rng: np.random.Generator) -> float:
    """The p-value of F, or that of exchanging the scores over the groups where this is larger.

    Exchanges that never reach what was measured leave the p-value as it is: so few can't tell how small it is.
    """
    sizes = np.maximum(np.bincount(group), 1)

    def between(values: np.ndarray) -> float:
        return float(np.sum(np.bincount(group, weights=values) ** 2 / sizes))

    # The total is the same in every exchange, so that the sum of squares between groups orders them as F does.
    least = between(score) * (1 - 1e-12)
    reached = sum(between(rng.permutation(score)) >= least for _ in range(EXCHANGES))
    return p if reached == 0 else max(p, (reached + 1) / (EXCHANGES + 1))


def intraclass(score: np.ndarray, group: np.ndarray, level: float) -> tuple[Estimate, float, float] | None:
    """One-way intraclass correlation with its F interval, its p-value and the mean group size.

    None where there are fewer than two groups, no group with two items, or no variation.
    """
    import scipy.special

    sizes = np.bincount(group) if len(group) else np.zeros(0, dtype=np.int64)
    kept = sizes > 0
    sizes, n, groups = sizes[kept].astype(np.float64), len(group), int(kept.sum())
    if groups < 2 or n <= groups:
        return None
    sums = np.bincount(group, weights=score)[kept]
    between = float(np.sum(sums**2 / sizes) - score.sum() ** 2 / n) / (groups - 1)
    within = max(0.0, float(np.sum(score**2) - np.sum(sums**2 / sizes))) / (n - groups)
    if within <= 1e-12 * max(between, 1e-300):
        return None
    k, ratio = float(n - np.sum(sizes**2) / n) / (groups - 1), between / within
    tail, dof = (1 - level) / 2, (groups - 1, n - groups)
    ends = ratio / float(scipy.special.fdtri(*dof, 1 - tail)), ratio / float(scipy.special.fdtri(*dof, tail))
    value, low, high = ((f - 1) / (f + k - 1) for f in (ratio, *ends))
    estimate = Estimate(value, low, high, groups, "intraclass correlation, one-way, F interval", level)
    return estimate, float(scipy.special.fdtrc(*dof, ratio)), n / groups
