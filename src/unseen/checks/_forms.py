"""Answers to forms of one item, per model, for the checks of order (U402) and of rewrites (U405)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from string import ascii_uppercase

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._parts import above
from unseen.checks.base import Subject
from unseen.checks.blame import Blame, several_forms
from unseen.estimates import Estimate
from unseen.estimates.intervals.codes import dense
from unseen.estimates.intervals.means import cluster_robust, mean_estimate, two_sided_t
from unseen.responses import Responses
from unseen.responses.table import code

# Answers that are whole texts differ in some word each time: that says nothing of what they come to.
LONG = 80


@dataclass(frozen=True, eq=False)
class FormRows:
    """Rows of the forms of one item that one model answered.

    Attributes:
        root: Name of the original item.
        cluster: Its sampling unit.
        form: Integer of the form of each row, shape (n,); equal numbers are repeats.
        answer: Answer of each row, in one spelling, shape (n,).
        score: Shape (n,); NaN in unlabelled rows.
        kind: Kind of variant of each row; empty where the table does not say.
        choices: Options of each row, in their order; empty tuples where there are none.
        target: The right answer of each row, in one spelling; empty where it is not known.
        original: Whether a row is of the original itself, shape (n,).
    """

    root: str
    cluster: int
    form: NDArray[np.int64]
    answer: tuple[str, ...]
    score: NDArray[np.float64]
    kind: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...]
    target: tuple[str, ...]
    original: NDArray[np.bool_]

    def take(self, rows: Sequence[int]) -> FormRows:
        """Some of the rows."""
        at = np.asarray(rows, dtype=np.intp)
        return FormRows(
            root=self.root,
            cluster=self.cluster,
            form=self.form[at],
            answer=tuple(self.answer[i] for i in rows),
            score=self.score[at],
            kind=tuple(self.kind[i] for i in rows),
            choices=tuple(self.choices[i] for i in rows),
            target=tuple(self.target[i] for i in rows),
            original=self.original[at],
        )


@dataclass(frozen=True, eq=False)
class Forms:
    """What one model answered to items that were asked in several forms.

    Attributes:
        model: The model.
        items: Items with at least two rows that could be read.
        unread: Rows without an answer.
        rows: Rows in all.
        optioned: The same of rows that show options: without an answer, and in all.
        bare: Items of which no form has options.
    """

    model: str
    items: tuple[FormRows, ...]
    unread: int
    rows: int
    optioned: tuple[int, int] = (0, 0)
    bare: int = 0


def of_changes(model: str) -> Blame:
    """What a share of answers that change with the form blames: at most one of two different ones is right, so half is lost."""
    return Blame((model,), several_forms(), measure="other", part=0.5)


def spelt(answer: str) -> str:
    """An answer in one spelling: case, spaces and marks around it do not count, and numbers are told by their value.

    >>> spelt(" **Paris**. "), spelt("1,000.0"), spelt("1e3")
    ('paris', '1000', '1000')
    """
    plain = " ".join(answer.casefold().split()).strip(" *_`\"'.!()")
    if not plain[-1:].isdigit():
        return plain
    try:
        value = Decimal(re.sub(r"(?<=\d),(?=\d{3}\b)", "", plain.lstrip("$€")))
    except InvalidOperation:
        return plain
    return format(value.normalize(), "f") if value.is_finite() and abs(value.adjusted()) < 50 else plain


def forms(subject: Subject) -> tuple[Forms, ...]:
    """Forms of items, per model, the unlabelled rows included; computed once."""
    return subject.shared("forms", lambda: tuple(_forms(subject.responses)) if subject.responses is not None else ())


def _forms(answers: Responses) -> Iterator[Forms]:
    if not answers.has("variant_of", "prediction"):
        return
    own = ["item", "variant_of", "prediction"]
    told = [c for c in ("choices", "variant", "target") if c in answers.table.columns]
    table = answers.table.select(
        pl.col("model").cast(pl.String), *(pl.col(c).cast(pl.String) for c in own), *told, pl.col("score").cast(pl.Float64),
        pl.Series("cluster", answers.cluster),
    ).with_columns(root=pl.coalesce("variant_of", "item"))  # fmt: skip
    if "choices" in told and not isinstance(table.schema["choices"], pl.List):
        table = table.drop("choices")
    several = table.filter(pl.col("item").n_unique().over("model", "root") > 1)
    read = several.filter(pl.col("prediction").is_not_null() & (pl.col("prediction").str.strip_chars() != ""))
    rows_of = dict(several.group_by("model", maintain_order=True).len().iter_rows())
    read = read.sort("model", "root", maintain_order=True)
    asked = read["model"] + "\0" + read["root"]
    starts = np.flatnonzero(asked.ne_missing(asked.shift(1)).to_numpy())
    models, item = read["model"].to_list(), _items(read)
    by_model: dict[str, list[FormRows]] = {name: [] for name in rows_of}
    unread = dict(rows_of)
    for start, end in zip(starts, [*starts[1:], read.height], strict=True):
        name = models[start]
        unread[name] -= int(end - start)
        if end - start > 1:
            by_model[name].append(item(slice(int(start), int(end))))
    options = _options(several)
    for name, items in by_model.items():
        missed, shown, bare = options.get(name, (0, 0, 0))
        yield Forms(name, tuple(items), unread[name], rows_of[name], (missed, shown), bare)


def _options(several: pl.DataFrame) -> dict[str, tuple[int, int, int]]:
    """Of each model: rows with options and no answer, rows with options, items of which no form has options."""
    if "choices" not in several.columns:
        return {}
    several = several.with_columns(
        shown=pl.col("choices").list.len().fill_null(0) > 1,
        read=pl.col("prediction").is_not_null() & (pl.col("prediction").str.strip_chars() != ""),
    )
    counts = several.group_by("model").agg(
        (pl.col("shown") & ~pl.col("read")).sum().alias("missed"), pl.col("shown").sum(),
    )  # fmt: skip
    items = several.group_by("model", "root").agg(pl.col("shown").any())
    bare = dict(items.group_by("model").agg((~pl.col("shown")).sum()).iter_rows())
    return {model: (missed, shown, bare[model]) for model, missed, shown in counts.iter_rows()}


def _items(read: pl.DataFrame) -> Callable[[slice], FormRows]:
    """The rows of one item by their place, of rows that could be read, sorted by model and original item."""
    n = read.height
    words = {p: spelt(p) for p in read["prediction"].unique().to_list()}
    known = set(read.columns)
    listed: list[list[str] | None] = read["choices"].to_list() if "choices" in known else [None] * n
    choices = [tuple(spelt(str(c)) for c in row or ()) for row in listed]
    kinds = read["variant"].cast(pl.String).fill_null("").to_list() if "variant" in known else [""] * n
    targets = read["target"].cast(pl.String).fill_null("").to_list() if "target" in known else [""] * n
    answer = [_chosen(words[p], row) for p, row in zip(read["prediction"].to_list(), choices, strict=True)]
    target = [_chosen(spelt(t), row) for t, row in zip(targets, choices, strict=True)]
    form, score = code(read["item"]), read["score"].fill_null(float("nan")).to_numpy()
    root, cluster = read["root"].to_list(), read["cluster"].to_numpy()
    original = (read["item"] == read["root"]).to_numpy()

    def item(at: slice) -> FormRows:
        return FormRows(
            root[at.start], int(cluster[at.start]), form.codes[at].astype(np.int64), tuple(answer[at]), score[at],
            tuple(kinds[at]), tuple(choices[at]), tuple(target[at]), original[at],
        )  # fmt: skip

    return item


def _chosen(answer: str, choices: Sequence[str]) -> str:
    """The option that an answer names by its letter; the answer where it names none so."""
    if answer in choices or len(answer) != 1:
        return answer
    at = ascii_uppercase.find(answer.upper())
    return choices[at] if 0 <= at < len(choices) else answer


def disagreement(answer: Sequence[str], form: NDArray[np.integer]) -> tuple[float, bool]:
    """How much more often answers to two different forms differ than two answers to one form.

    Args:
        answer: Shape (n,).
        form: Shape (n,); equal numbers are repeats of one form.

    Returns:
        The share of pairs of rows of different forms that differ, less that of pairs of rows of one form where there
        are such; and whether there are. NaN without two forms.

    >>> disagreement(["x", "x", "y"], np.array([0, 1, 2])), disagreement(["x", "y", "x", "y"], np.array([0, 0, 1, 1]))
    ((0.666..., False), (-0.5, True))
    """
    number = {a: i for i, a in enumerate(dict.fromkeys(answer))}
    codes = np.array([number[a] for a in answer])
    first, second = np.triu_indices(len(codes), 1)
    differ, other = codes[first] != codes[second], form[first] != form[second]
    if not other.any():
        return float("nan"), False
    between = float(differ[other].mean())
    return (between - float(differ[~other].mean()), True) if (~other).any() else (between, False)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of pairs that differ, over items.

    Attributes:
        estimate: With its interval.
        p_value: One-sided, of "at most so much".
    """

    estimate: Estimate
    p_value: float


def share_of(
    values: Sequence[float], cluster: Sequence[int], *, repeated: bool, at_most: float, level: float, what: str
) -> Share:
    """Mean over items of a share, with an interval and a test of "at most so much".

    A share of pairs lies between 0 and 1 and varies no more than a coin with its mean, so that Wilson's interval with one coin
    an item holds at least its level, also where hardly any pair differs. From what differs between repeats being taken off,
    it may fall below zero: then the interval is t on cluster-robust errors.

    Raises:
        TooFewUnits: Fewer than 2 clusters.
        Undefined: All items have one value and repeats were taken off.
    """
    x, unit = np.asarray(values, np.float64), dense(cluster)[0]
    estimate = mean_estimate(x, unit, level=level, binary=not repeated, what=what)
    if not repeated:
        return Share(estimate, max(above(x, unit, at_most), _binomial_tail(x, unit, at_most)))
    value, variance, dof, _ = cluster_robust(x, unit)
    half = two_sided_t((value - at_most) / variance**0.5, dof) / 2
    return Share(estimate, half if value > at_most else 1 - half)


def _binomial_tail(x: NDArray[np.float64], unit: NDArray[np.int64], at_most: float) -> float:
    """Chance of as large a sum among so many coins: exact where values are 0 and 1, and far from normal where few are 1.

    Of clustered values so many coins as give the variance of their mean.
    """
    from scipy import special

    value, variance, _, units = cluster_robust(x, unit)
    size = float(len(x))
    if units < size:
        size = min(size, value * (1 - value) / variance) if variance > 0 else float(units)
    total = value * size
    return 1.0 if total <= 0 else float(special.betainc(total, size - total + 1, at_most))
