"""Remedies on the columns that a learner sees: stable ones kept, domains brought to one scale, intercepts, directions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.engine.once import once
from unseen.errors import BadInput
from unseen.learners.frames import reads_frames
from unseen.learners.preprocessing import MANY_LEVELS, input_table, preprocessing
from unseen.remedies.base import DOMAIN, Call, Remedy, foresee

LEVEL = 0.05
# A set of columns is refused as not invariant below this; the choice among sets is validated on other domains anyway.
INVARIANCE_LEVEL = 0.01
# Subsets of more columns than these are too many to test one by one; they are then dropped one at a time.
ALL_SUBSETS = 8
# Rows a domain needs for each effect that is estimated in it.
ROWS_PER_EFFECT = 5
MAX_INTERCEPTS = 40
INTERCEPT = "(domain) "


class OnChanged:
    """A learner that sees changed examples, in fitting and in answering.

    Args:
        learner: Unfitted.
        change: (examples, whether they are fitted to) to changed examples.
        how: Added to its name.
    """

    def __init__(self, learner: Any, change: Callable[[Examples, bool], Examples], how: str) -> None:
        self.learner, self.change = learner, change
        self.name = f"{learner.name}, {how}"

    def fit(self, examples: Examples, rng: np.random.Generator) -> OnChanged:
        """Fit to the changed examples."""
        self.learner = self.learner.fit(self.change(examples, True), rng)
        return self

    def __getattr__(self, name: str) -> Any:
        if name in {"learner", "change"}:
            raise AttributeError(name)
        return getattr(self.learner, name)

    def probabilities(self, examples: Examples) -> np.ndarray:
        """Probabilities of the classes, shape (n, classes)."""
        return self.learner.probabilities(self._changed(examples))

    def foresee(self, parts: Sequence[Examples]) -> None:
        """Compute the answers to several parts in one call, where the learner can; each part is changed by itself."""
        foresee(self.learner, [self._changed(one) for one in parts])

    def respond(self, examples: Examples) -> Any:
        """Answers on the changed examples."""
        return self.learner.respond(self._changed(examples))

    def _changed(self, examples: Examples) -> Examples:
        return once("changed", (self, examples), lambda: self.change(examples, False))


def with_inputs(examples: Examples, table: pl.DataFrame, inputs: Sequence[str]) -> Examples:
    """The same examples with another table and other inputs."""
    return Examples(table, tuple(inputs), examples.target, examples.factors)


def effects_table(examples: Examples) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Columns as numbers whose effects can be compared: numbers in standard deviations, one column a level of few levels.

    Args:
        examples: Columns of text with many levels and arrays are left out.

    Returns:
        Shape (n, p); the number of the column that each of the p stands for, shape (p,); names of these columns.
    """
    parts: list[np.ndarray] = []
    owners: list[int] = []
    names: list[str] = []
    for name in examples.inputs:
        column = examples.table[name]
        if isinstance(column.dtype, pl.Array | pl.List):
            continue
        if column.dtype.is_numeric() or column.dtype.is_temporal() or column.dtype == pl.Boolean:
            physical = column.to_physical() if column.dtype.is_temporal() else column
            values = physical.cast(pl.Float64).fill_nan(None)
            filled = values.fill_null(values.median() or 0.0).to_numpy()
            made = [(filled - filled.mean()) / (filled.std() or 1.0)]
        else:
            levels, codes = np.unique(column.cast(pl.String).fill_null("").to_numpy().astype(str), return_inverse=True)
            if not 2 <= len(levels) <= MANY_LEVELS:
                continue
            # All levels but the first: together they say all.
            made = [(codes == k).astype(float) for k in range(1, len(levels))]
        owners += [len(names)] * len(made)
        parts += made
        names.append(name)
    if not parts:
        raise BadInput(
            "no column of numbers or of few levels is there, whose effect could be compared between domains."
        )
    return np.stack(parts, 1), np.array(owners), tuple(names)


def outcomes(call: Call) -> np.ndarray:
    """The target as numbers, shape (n, k): itself in standard deviations, or one column a class (one for two classes)."""
    y = call.labels
    if call.train.table.schema[call.train.target or ""].is_numeric():
        values = y.astype(float)
        return ((values - values.mean()) / (values.std() or 1.0))[:, None]
    classes = np.unique(y.astype(str))
    shown = classes[1:] if len(classes) == 2 else classes
    return (y.astype(str)[:, None] == shown[None, :]).astype(float)


def domain_effects(x: np.ndarray, y: np.ndarray, domains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Effect of each column in each domain, the others held, and its standard error robust to unequal variances (HC1).

    Args:
        x: Shape (n, p).
        y: Shape (n,).
        domains: Shape (n,).

    Returns:
        Effects and errors, each of shape (domains, p); NaN where a column does not vary or rows are too few.
    """
    names = np.unique(domains)
    effects, errors = np.full((len(names), x.shape[1]), np.nan), np.full((len(names), x.shape[1]), np.nan)
    for d, name in enumerate(names):
        rows = domains == name
        varies = np.flatnonzero(x[rows].std(0) > 1e-9)
        n = int(rows.sum())
        if not len(varies) or y[rows].std() < 1e-12 or n < ROWS_PER_EFFECT * (len(varies) + 1):
            continue
        own = np.column_stack([np.ones(n), x[rows][:, varies]])
        inverse = np.linalg.pinv(own.T @ own)
        slope = inverse @ own.T @ y[rows]
        left = y[rows] - own @ slope
        spread = inverse @ (own.T * np.square(left)) @ own @ inverse * n / max(n - own.shape[1], 1)
        effects[d, varies] = slope[1:]
        errors[d, varies] = np.sqrt(np.maximum(np.diag(spread)[1:], 1e-18))
    return effects, errors


def changes_sign(effects: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """p-value, for each column, that its effect is positive in some domains and negative in others, shape (p,).

    Both directions must be shown, each corrected for the number of domains.

    Source: Gail & Simon (1985), Testing for qualitative interactions, section 2, with the intersection–union rule for
    the two directions in place of their likelihood ratio.
    """
    from scipy.stats import norm

    z = np.where(np.isnan(effects), 0.0, effects / errors)
    count = np.maximum((~np.isnan(effects)).sum(0), 1)
    up, down = norm.sf(z.max(0)) * count, norm.sf(-z.min(0)) * count
    return np.minimum(np.maximum(up, down), 1.0)


def sign_changing(call: Call) -> list[str]:
    """Input columns whose effect changes sign between the training domains, corrected for the number of columns."""
    x, owners, names = effects_table(call.train)
    smallest = np.ones(len(names))
    targets = outcomes(call)
    for k in range(targets.shape[1]):
        p = changes_sign(*domain_effects(x, targets[:, k], call.domains))
        np.minimum.at(smallest, owners, p)
    return [n for n, p in zip(names, smallest, strict=True) if p < LEVEL / (x.shape[1] * targets.shape[1])]


def invariance_p(x: np.ndarray, y: np.ndarray, domains: np.ndarray) -> float:
    """p-value of "the residuals of the pooled fit have one mean and one variance in all domains".

    Each domain is compared with all others, means by Welch's t and variances by Levene's test; Bonferroni over both and
    over the domains.

    Source: Peters, Bühlmann & Meinshausen (2016), section 3.1.2 (Method II), with Levene's test for their F test, which
    would take a class for a normal number.
    """
    from scipy.stats import levene, ttest_ind

    own = np.column_stack([np.ones(len(x)), x])
    left = y - own @ np.linalg.lstsq(own, y, rcond=None)[0]
    smallest, count = 1.0, 0
    for name in np.unique(domains):
        inside, outside = left[domains == name], left[domains != name]
        if len(inside) < 10 or inside.std() < 1e-12:
            continue
        count += 1
        smallest = min(smallest, _p_of(ttest_ind(inside, outside, equal_var=False)), _p_of(levene(inside, outside)))
    return min(1.0, 2 * count * smallest)


def _p_of(found: Any) -> float:
    return float(found.pvalue)


def invariant_columns(call: Call) -> list[str]:
    """The set of columns that explains the target best among those under which all domains are alike.

    Where none is, the set under which they are most alike. Up to eight columns all sets are tried, beyond that columns
    are dropped one at a time. Columns that can't be compared (text, arrays) are kept.

    Source: Peters, Bühlmann & Meinshausen (2016); among invariant sets the best predicting one is taken, after
    Rojas-Carulla, Schölkopf, Turner & Peters (2018), Algorithm 1.
    """
    x, owners, names = effects_table(call.train)
    targets = outcomes(call)
    found: list[tuple[bool, float, float, tuple[int, ...]]] = []

    def tried(kept: tuple[int, ...]) -> float:
        some = x[:, np.isin(owners, kept)]
        p = min(1.0, targets.shape[1] * min(invariance_p(some, t, call.domains) for t in targets.T))
        own = np.column_stack([np.ones(len(some)), some])
        left = targets - own @ np.linalg.lstsq(own, targets, rcond=None)[0]
        explained = 1 - float(np.square(left).sum() / np.square(targets - targets.mean(0)).sum())
        alike = p > INVARIANCE_LEVEL
        found.append((alike, explained if alike else p, explained, kept))
        return p

    everything = tuple(range(len(names)))
    if len(names) <= ALL_SUBSETS:
        for size in range(1, len(names) + 1):
            for kept in combinations(everything, size):
                tried(kept)
    else:
        kept = everything
        while tried(kept) <= INVARIANCE_LEVEL and len(kept) > 1:
            kept = max((tuple(c for c in kept if c != out) for out in kept), key=tried)
    best = max(found)[-1]
    return [names[i] for i in everything if i not in best]


def stable_columns(call: Call, *, by: str = "sign") -> Any:
    """Fit without the columns whose effect changes between domains.

    Args:
        call: Learner and training rows.
        by: "sign" drops columns whose effect is positive in some domains and negative in others; "invariance" keeps the
            set of columns under which domains are alike.

    Raises:
        BadInput: Every column would go.
    """
    gone = sign_changing(call) if by == "sign" else invariant_columns(call)
    if not set(call.train.inputs) - set(gone):
        raise BadInput(f"the effect of every column changes between domains ({', '.join(gone[:5])}).")
    return without_columns(call, gone)


def without_columns(call: Call, gone: Sequence[str]) -> Any:
    """Fit without columns; a pipeline that names its columns finds them constant instead of missing."""
    learner = call.make()
    if not gone:
        return learner.fit(call.train, call.rng)
    middle = {name: _typical(call.train.table[name]) for name in gone}
    frames = reads_frames(getattr(learner, "estimator", None))

    def change(examples: Examples, _: bool) -> Examples:
        if not frames:
            return with_inputs(examples, examples.table, [c for c in examples.inputs if c not in middle])
        held = [pl.lit(v, dtype=examples.table.schema[name]).alias(name) for name, v in middle.items()]
        return with_inputs(examples, examples.table.with_columns(held), examples.inputs)

    return OnChanged(learner, change, f"without {', '.join(gone)}").fit(call.train, call.rng)


def _typical(column: pl.Series) -> Any:
    """The most frequent value, the smallest of several."""
    return column.drop_nulls().mode().sort()[0]


def numbers_of(examples: Examples) -> list[str]:
    """Input columns that hold numbers.

    >>> numbers_of(Examples(pl.DataFrame({"a": [1.0], "b": ["x"]}), ("a", "b"), None))
    ['a']
    """
    return [c for c in examples.inputs if examples.table.schema[c].is_numeric()]


def standardised(examples: Examples, *, scale: bool) -> Examples:
    """Numbers minus their mean in the row's own domain, in its standard deviations; a lone row becomes 0."""
    names = numbers_of(examples)
    domain = [DOMAIN] if DOMAIN in examples.table.columns else []

    def over(expression: pl.Expr) -> pl.Expr:
        return expression.over(domain) if domain else expression

    changed: list[pl.Expr] = []
    for name in names:
        value = pl.col(name).cast(pl.Float64).fill_nan(None)
        centred = value - over(value.mean())
        spread = over(value.std(ddof=0)).fill_null(0.0)
        scaled = pl.when(spread > 1e-12).then(centred / spread).otherwise(0.0) if scale else centred
        changed.append(pl.when(value.is_null()).then(None).otherwise(scaled).alias(name))
    return with_inputs(examples, examples.table.with_columns(changed), examples.inputs)


def within_domains(call: Call, *, scale: bool = True) -> Any:
    """Fit to numbers standardised within each domain; rows to be answered are standardised among those of their domain."""
    how = "standardised within domains" if scale else "centred within domains"
    return OnChanged(call.make(), lambda examples, _: standardised(examples, scale=scale), how).fit(
        call.train, call.rng
    )


def domain_intercepts(call: Call, *, answer: str = "none") -> Any:
    """Fit with one column a domain beside the inputs; a new domain has none of them, or the mean over all.

    Args:
        call: Learner and training rows.
        answer: "none": all these columns are 0; "mean": answers averaged over the training domains.
    """
    names, counts = np.unique(call.domains, return_counts=True)
    shown = names[np.argsort(-counts, kind="stable")][:MAX_INTERCEPTS].tolist()
    added = [f"{INTERCEPT}{i + 1}" for i in range(len(shown))]

    def change(examples: Examples, fitting: bool) -> Examples:
        code = pl.col(DOMAIN).cast(pl.String)
        made = [
            (code == name).cast(pl.Float64).alias(column) if fitting else pl.lit(0.0).alias(column)
            for name, column in zip(shown, added, strict=True)
        ]
        return with_inputs(examples, examples.table.with_columns(made), [*examples.inputs, *added])

    fitted = OnChanged(call.make(), change, "with domain intercepts").fit(call.train, call.rng)
    if answer == "none":
        return fitted
    from unseen.remedies.data import SeveralFits

    members: list[Any] = []
    for chosen in added:

        def answered(examples: Examples, _: bool, chosen: str = chosen) -> Examples:
            made = [pl.lit(float(c == chosen)).alias(c) for c in added]
            return with_inputs(examples, examples.table.with_columns(made), [*examples.inputs, *added])

        members.append(OnChanged(fitted.learner, answered, chosen))
    return SeveralFits(members, "mean over domain intercepts")


def directions(call: Call) -> dict[str, int]:
    """Columns of numbers whose effect has one direction in all domains that show one: +1 or −1.

    The direction must be shown over all domains, by the sum of their z values, and contradicted in none.
    """
    from scipy.stats import norm

    x, owners, names = effects_table(call.train)
    numbers = set(numbers_of(call.train))
    effects, errors = domain_effects(x, outcomes(call)[:, 0], call.domains)
    z = np.where(np.isnan(effects), 0.0, effects / errors)
    bar = norm.isf(LEVEL / 2 / x.shape[1])
    found: dict[str, int] = {}
    for j, owner in enumerate(owners):
        total = z[:, j].sum() / math.sqrt(max((~np.isnan(effects[:, j])).sum(), 1))
        against = (z[:, j] * np.sign(total)).min()
        if names[owner] in numbers and abs(total) > bar and against > -norm.isf(LEVEL / len(z)):
            found[names[owner]] = int(np.sign(total))
    return found


def monotone(call: Call) -> Any:
    """Fit trees that may only rise, or only fall, in the columns whose effect has one direction in all domains.

    Raises:
        BadInput: There is no such column, or the target has more than two classes.
    """
    if outcomes(call).shape[1] > 1:
        raise BadInput("a direction needs two classes or a number; there are more classes.")
    found = directions(call)
    if not found:
        raise BadInput("no column has an effect of one direction in all domains.")
    learner = call.make()
    name = constraint_of(learner.estimator)
    assert name is not None, "only tried where there is one"  # noqa: S101
    head = call.train.take(np.arange(min(500, len(call.train))))
    prepare = preprocessing(call.train, trees=type(learner.estimator).__name__.startswith("HistGradientBoosting"))
    table = input_table(call.train)
    width = np.asarray(
        prepare.fit(input_table(head), head.column(head.target or "")).transform(input_table(head))
    ).shape[1]
    signs = [0] * width
    # Numbers come first in what a learner of tables sees, in their order.
    for i, column in enumerate(c for c in table.columns if table.schema[c].is_numeric()):
        signs[i] = found.get(column, 0)
    learner.estimator = learner.estimator.__class__(**{**learner.estimator.get_params(deep=False), name: signs})
    return learner.fit(call.train, call.rng)


def constraint_of(estimator: Any) -> str | None:
    """The parameter by which an estimator takes directions, or None; pipelines have columns of their own."""
    if estimator is None or hasattr(estimator, "steps") or not hasattr(estimator, "get_params"):
        return None
    known = estimator.get_params(deep=False)
    return next((n for n in ("monotonic_cst", "monotone_constraints") if n in known), None)


REMEDIES: tuple[Remedy, ...] = (
    Remedy(
        "stable-columns", "data", "columns that change their effect are dropped",
        "Estimates the effect of every column in each training domain, and drops those that help in some and mislead in "
        "others (or keeps the set of columns under which the domains are alike). What is left means the same everywhere.",
        ("domains", "columns"), ({}, {"by": "invariance"}), "one fit, and a regression in each domain",
        "What causes the answer acts alike in all domains, a shortcut does not, and training holds domains of both kinds.",
        ("Peters, Bühlmann & Meinshausen (2016), Causal inference by using invariant prediction, section 3.1.2",
         "Rojas-Carulla et al. (2018), Invariant models for causal transfer learning, Algorithm 1",
         "Gail & Simon (1985), Testing for qualitative interactions between treatment effects, section 2"),
        fit=stable_columns,
    ),
    Remedy(
        "within-domains", "test-time", "numbers standardised within each domain",
        "Subtracts from each number its mean in the row's domain (and divides by its deviation there), in training and "
        "when answering. It needs unlabelled rows of the new domain, for its own means.",
        ("domains", "number columns"), ({}, {"scale": False}), "one fit",
        "Domains differ by a shift or scale of their measurements, not by what is measured, and rows of the new domain "
        "come in numbers.",
        ("Johnson, Li & Rabinovic (2007), Adjusting batch effects in microarray expression data, section 3.1",
         "Mundlak (1978), On the pooling of time series and cross section data, section 2"),
        fit=within_domains,
    ),
    Remedy(
        "domain-intercepts", "data", "an intercept for each domain",
        "Gives every training domain a column of its own, so that its level is not explained by the inputs; a new domain "
        "gets the level of none, or the mean answer over all.",
        ("domains", "estimator", "numbers"), ({}, {"answer": "mean"}), "one fit; answers as often as domains for the mean",
        "Domains differ in the level of the answer, and their levels go with the inputs (else nothing changes).",
        ("Robinson (1991), That BLUP is a good thing: the estimation of random effects, section 2",
         "Hajjem, Bellavance & Larocque (2014), Mixed-effects random forest for clustered data, section 2"),
        fit=domain_intercepts,
    ),
    Remedy(
        "monotone", "data", "directions that all domains share are imposed",
        "Lets trees only rise, or only fall, in the columns whose effect has the same direction in all training domains. "
        "Bends that one domain has by chance are gone.",
        ("domains", "number columns", "directions"), ({},), "one fit", "Directions hold at the next domain too.",
        ("Gupta et al. (2016), Monotonic calibrated interpolated look-up tables, section 3",
         "Friedman (2001), Greedy function approximation: a gradient boosting machine (the trees)"),
        fit=monotone,
    ),
)  # fmt: skip
