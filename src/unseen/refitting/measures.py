"""How answers are scored: what each measure reads, in which direction it is better, and its score of every row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from unseen.errors import BadInput
from unseen.estimates.intervals.pseudo_rows import auroc_rows, average_precision_rows, determination_rows, recall_rows

# A class with fewer rows in a domain has no rate there that an interval could be put around.
LEAST_OF_CLASS = 5
Reads = Literal["class", "probabilities", "number"]


@dataclass(frozen=True)
class Answered:
    """What was answered on rows, as a measure reads it.

    Attributes:
        truth: Number of the true class (−1 for one that was not learnt), or the true number, shape (n,).
        prediction: Number of the class answered, or the number, shape (n,).
        chances: Probability of each class, shape (n, classes); None where the learner gives none.
        positive: Number of the class whose rows are sought (average precision with two classes).
        shares: Share of each class in all rows, shape (classes,).
    """

    truth: np.ndarray
    prediction: np.ndarray
    chances: np.ndarray | None
    positive: int = 1
    shares: Sequence[float] = ()

    def part(self, own: np.ndarray) -> Answered:
        """The same on some of the rows."""
        chances = None if self.chances is None else self.chances[own]
        return replace(self, truth=self.truth[own], prediction=self.prediction[own], chances=chances)

    @property
    def given(self) -> np.ndarray:
        """Probabilities, of a learner that has them."""
        assert self.chances is not None, "measures that read probabilities are refused before"  # noqa: S101
        return self.chances


@dataclass(frozen=True)
class Measure:
    """One way to score answers; scores are higher where answers are better.

    Attributes:
        name: As a user asks for it.
        word: What a mean score is called.
        unit: What a difference of scores is counted in.
        what: How a row, or a set of rows, is scored.
        reads: What it needs of a learner: the class, probabilities of all classes, or a number.
        rows: Scores of rows. Their mean is the measure on these rows, also where the measure is no mean of row scores:
            they are then pseudo-values (``unseen.estimates.intervals.pseudo_rows``), good for these rows together alone.
        of_sets: Whether rows are scored together: a domain by itself.
        lower: Whether scores are minus an error that has no upper end.
        perfect: Score of an answer without error, where users know the measure as an error (lower is better): the error is
            this minus the score. None where they know it as the score is.
        bounds: Of a score, where it has any.
        by_class: Whether the measure compares or averages classes: rows of both kinds are then needed.
    """

    name: str
    word: str
    unit: str
    what: str
    reads: Reads
    rows: Callable[[Answered], np.ndarray]
    of_sets: bool = False
    lower: bool = False
    perfect: float | None = None
    bounds: tuple[float, float] | None = None
    by_class: bool = False

    @property
    def numbers(self) -> bool:
        """Whether it is for a target of numbers."""
        return self.reads == "number"

    @property
    def shown_word(self) -> str:
        """The unit, said so that more of it is better."""
        return self.unit if self.perfect is None else f"lower {self.unit}"

    @property
    def limits(self) -> tuple[float, float]:
        """Range of a mean score: an error is not below 0, its score therefore not above."""
        if self.bounds is not None:
            return self.bounds
        return -math.inf, 0.0 if self.lower else 1.0

    def shown(self, score: float) -> float:
        """A mean score as users know the number.

        >>> MEASURES["log-loss"].shown(-0.4), MEASURES["brier"].shown(0.75), MEASURES["accuracy"].shown(0.9)
        (0.4, 0.25, 0.9)
        """
        return score if self.perfect is None else self.perfect - score


def _right(a: Answered) -> np.ndarray:
    return (a.prediction == a.truth).astype(np.float64)


def _truth_chance(a: Answered) -> np.ndarray:
    known = a.truth >= 0
    return np.where(known, a.given[np.arange(len(a.truth)), np.maximum(a.truth, 0)], 0.0)


def _brier(a: Answered) -> np.ndarray:
    truth = _truth_chance(a)
    return 1 - 0.5 * (np.square(a.given).sum(1) - 2 * truth + 1)


def _log_loss(a: Answered) -> np.ndarray:
    return np.log(np.maximum(_truth_chance(a), np.finfo(np.float64).eps))


def judged_classes(truth: np.ndarray, classes: int, least: int = LEAST_OF_CLASS) -> list[int]:
    """Classes with enough rows, and enough rows of other classes beside them."""
    counts = np.bincount(truth[truth >= 0], minlength=classes)
    return [k for k in range(classes) if min(counts[k], len(truth) - counts[k]) >= least]


def _macro(a: Answered, of: Callable[[np.ndarray, np.ndarray, int], np.ndarray]) -> np.ndarray:
    """One class against the rest, the mean over classes; with two classes that of the positive one."""
    chances = a.given
    if chances.shape[1] == 2:
        return of(chances[:, a.positive], a.truth == a.positive, a.positive)
    # A set in which every class is rare is scored by those that occur: it is judged nowhere, but has a mean.
    kept = judged_classes(a.truth, chances.shape[1]) or judged_classes(a.truth, chances.shape[1], 1)
    if not kept:
        return np.full(len(a.truth), np.nan)
    return np.mean([of(chances[:, k], a.truth == k, k) for k in kept], axis=0)


def _auroc(a: Answered) -> np.ndarray:
    return _macro(a, lambda chance, own, _: auroc_rows(chance, own))


def _precision(a: Answered) -> np.ndarray:
    return _macro(a, lambda chance, own, _: average_precision_rows(chance, own))


def _calibrated_precision(a: Answered) -> np.ndarray:
    return _macro(a, lambda chance, own, k: average_precision_rows(chance, own, prevalence=float(a.shares[k])))


def _balanced(a: Answered) -> np.ndarray:
    kept = judged_classes(a.truth, len(a.shares))
    kept = kept if len(kept) > 1 else judged_classes(a.truth, len(a.shares), 1)
    if len(kept) < 2:
        return np.full(len(a.truth), np.nan)
    own = np.isin(a.truth, kept)
    among = recall_rows(_right(a)[own], a.truth[own])
    # Rows of a class that is too rare here to count move nothing.
    made = np.full(len(own), among.mean())
    made[own] += len(own) / own.sum() * (among - among.mean())
    return made


OVER_CLASSES = "with more than two classes one against the rest, macro-averaged"
SHARE = (0.0, 1.0)
ALL = (
    Measure("accuracy", "accuracy", "accuracy", "1 where the most likely class is right", "class", _right, bounds=SHARE),
    Measure(
        "balanced-accuracy", "balanced accuracy", "balanced accuracy", "the share of right rows, macro-averaged over the classes",
        "class", _balanced, True, bounds=SHARE, by_class=True,
    ),
    Measure(
        "auroc", "AUROC", "AUROC", f"area under the ROC curve; {OVER_CLASSES}", "probabilities", _auroc, True, bounds=SHARE,
        by_class=True,
    ),
    Measure(
        "average-precision", "average precision", "average precision",
        f"area under precision and recall of the rarer class; {OVER_CLASSES}", "probabilities", _precision, True,
        bounds=SHARE, by_class=True,
    ),
    Measure(
        "calibrated-average-precision", "average precision at equal prevalence", "average precision at equal prevalence",
        "the same, with the class as frequent in every domain as in the whole table", "probabilities",
        _calibrated_precision, True, bounds=SHARE, by_class=True,
    ),
    Measure(
        "log-loss", "log loss", "log loss", "minus the logarithm of the probability of the true class", "probabilities",
        _log_loss, lower=True, perfect=0.0,
    ),
    Measure(
        "brier", "Brier score", "Brier score",
        "half the squared distance between the probabilities and the outcome", "probabilities", _brier, perfect=1.0,
        bounds=SHARE,
    ),
    Measure(
        "error", "mean absolute error", "absolute error", "the absolute error (also: mae)", "number",
        lambda a: -np.abs(a.truth - a.prediction), lower=True, perfect=0.0,
    ),
    Measure(
        "r2", "R²", "R²", "the share of the variance within a domain that is explained", "number",
        lambda a: determination_rows(a.truth, a.prediction), True,
    ),
)  # fmt: skip
MEASURES: dict[str, Measure] = {m.name: m for m in ALL}
SYNONYMS = {
    "mae": "error", "auc": "auroc", "roc-auc": "auroc", "ap": "average-precision", "logloss": "log-loss", "r²": "r2",
    "balanced": "balanced-accuracy",
}  # fmt: skip


def measure_named(name: str) -> Measure:
    """One measure.

    Raises:
        BadInput: There is none of this name.

    >>> measure_named("MAE").name, measure_named("balanced_accuracy").name
    ('error', 'balanced-accuracy')
    """
    plain = name.strip().lower().replace("_", "-")
    found = MEASURES.get(SYNONYMS.get(plain, plain))
    if found is None:
        listed = "; ".join(f"{m.name} ({m.what})" for m in ALL)
        raise BadInput(f"no measure {name!r}; there are {listed}.")
    return found


def measure_for(name: str | None, target: str, *, numbers: bool) -> Measure:
    """The measure that was asked for, or the usual one, for a target of classes or of numbers.

    Raises:
        BadInput: There is none of this name, or it is for the other kind of target.
    """
    found = measure_named(name or ("error" if numbers else "accuracy"))
    if found.numbers != numbers:
        fitting = [m.name for m in ALL if m.numbers == numbers]
        kind = "is a number" if numbers else "holds classes"
        listed = f"{', '.join(fitting[:-1])} or {fitting[-1]}"
        raise BadInput(f"the target {target!r} {kind}: its measure is {listed}, not {found.name}.")
    return found


def scores_of(measure: Measure, answered: Answered, blocks: np.ndarray | None = None) -> np.ndarray:
    """Scores of rows, shape (n,); where they are scored together, each block by itself.

    Args:
        measure: How answers are scored.
        answered: What was answered.
        blocks: Number or name of the domain of each row, shape (n,); by default all rows are one.
    """
    if not measure.of_sets or blocks is None:
        return measure.rows(answered)
    made = np.full(len(answered.truth), np.nan)
    for one in np.unique(blocks):
        own = blocks == one
        made[own] = measure.rows(answered.part(own))
    return made


def undefined(measure: Measure, truth: np.ndarray, classes: Sequence[str]) -> str:
    """Why a measure does not exist on rows, or can't be judged there, whatever is answered; or "".

    Args:
        measure: What is asked for.
        truth: Number of the true class, or the true number, shape (n,).
        classes: Names of the classes.

    >>> undefined(MEASURES["auroc"], np.array([0, 0, 0, 0, 0, 1]), ("no", "yes"))
    "it has 1 row of the class 'yes'; AUROC needs 5 of each"
    """
    if measure.numbers and measure.of_sets and len(np.unique(truth)) < 2:
        return f"its target is constant, so it has no {measure.word}"
    if not measure.by_class or len(judged_classes(truth, len(classes))) >= (2 if measure.reads == "class" else 1):
        return ""
    counts = np.bincount(truth[truth >= 0], minlength=len(classes))
    rarest = int(np.argsort(counts, kind="stable")[-2]) if len(classes) > 1 else 0
    rows = f"{counts[rarest]} row{'' if counts[rarest] == 1 else 's'} of the class {classes[rarest]!r}"
    beside = "of each" if len(classes) == 2 else "of two classes"
    return f"it has {rows}; {measure.word} needs {LEAST_OF_CLASS} {beside}"


def constant_error(measure: Measure, truth: np.ndarray) -> float:
    """How far the best constant answer lies from a perfect one, in the unit of the measure.

    Args:
        measure: How answers are scored.
        truth: Number of the true class, or the true number, shape (n,).
    """
    if measure.numbers:
        return 1.0 if measure.of_sets else float(np.abs(truth - np.median(truth)).mean())
    share = np.unique(truth, return_counts=True)[1] / len(truth)
    if measure.name == "log-loss":
        return float(-(share * np.log(share)).sum())
    if measure.name == "brier":
        return float(0.5 * (1 - np.square(share).sum()))
    if measure.name == "auroc":
        return 0.5
    if measure.name == "balanced-accuracy":
        return 1 - 1 / len(share)
    if measure.of_sets:
        return 1 - float(share.min() if len(share) == 2 else share.mean())
    return 1 - float(share.max())
