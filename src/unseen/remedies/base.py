"""What a remedy is: a named change of data, objective or test-time behaviour that can be tried on a learner."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from unseen.data import Examples

RemedyKind = Literal["objective", "data", "test-time", "choice", "prompting"]
KINDS: tuple[RemedyKind, ...] = ("data", "objective", "test-time", "choice", "prompting")
# Column that names the domain of each row; made by whoever tries remedies, from the factor that a shift holds out.
DOMAIN = "(domain)"
# Column that says how near a row stands to what is held out along an order; larger is nearer.
ORDER = "(order)"
# What a remedy may need, in words.
NEEDS: Mapping[str, str] = {
    "classes": "classes to predict, not a number",
    "probabilities": "a learner with predict_proba",
    "features": "a learner that shows its features",
    "domains": "at least two domains among the training rows",
    "order": "a shift along an order (later, beyond, below)",
    "torch": "a torch module as learner (a function (inputs, outputs) -> module)",
    "estimator": "a scikit-learn estimator",
    "knobs": "an estimator with a parameter that regularises (C, alpha, min_samples_leaf …)",
    "directions": "trees that take monotone constraints (monotonic_cst)",
    "columns": "two columns or more, of which one holds numbers or few levels",
    "number columns": "columns of numbers",
    "module features": "a torch module with features(x) and head",
    "norms": "a torch module with batch-norm layers",
    "rows apart": "a torch module that answers each row by itself (no batch norm)",
    "any norms": "a torch module with normalisation layers",
    "perturbable": "inputs that at least two families of perturbations can change",
    "images": "inputs that are images",
    "numbers": "inputs that are numbers once preprocessed",
    "language model": "a language model (--model)",
    "options": "questions with options",
    "number answers": "questions whose answer is a number",
    "set answers": "questions with options, or whose answer is a number",
    "skills": "a column skill, and one of steps",
    "records": "a column api that names a world of records for each question (as gene-questions has)",
    "constraints": "a column checks with the constraints of each question (as verifiable-instructions has)",
    "second model": "a second language model (--second)",
    "log-probabilities": "a model that tells log-probabilities",
}


@dataclass
class Call:
    """What a remedy works with when it is tried.

    Attributes:
        make: Gives a fresh, unfitted learner.
        train: Rows to fit to, with a target; the columns ``(domain)`` and, along an order, ``(order)`` stand beside the
            inputs.
        rng: Source of every draw.
        target: Inputs of the rows that will be answered, without labels; only for a remedy that ``sees_target``.
    """

    make: Callable[[], Any]
    train: Examples
    rng: np.random.Generator
    target: Examples | None = None

    @property
    def labels(self) -> np.ndarray:
        """Targets of the training rows, shape (n,)."""
        return self.train.column(self.train.target or "")

    @property
    def domains(self) -> np.ndarray:
        """Domain of each training row as text, shape (n,)."""
        return self.train.column(DOMAIN).astype(str)


Fit = Callable[..., Any]


@dataclass(frozen=True)
class Remedy:
    """A remedy as ``improve`` tries it; the functions are looked up by name, so that plain data is enough to send.

    Attributes:
        name: How it is called.
        kind: data, objective, test-time or choice.
        title: A few words.
        what: What it does, in two sentences.
        needs: Keys of ``NEEDS``.
        grid: Settings that are tried; the usual ones first.
        cost: What it costs, in words.
        assumptions: When it can be expected to help.
        sources: Papers.
        studies: Slugs of the atlas that bear on it.
        fit: (call, **settings) to a fitted learner.
        wrap: (fitted learner, call, **settings) to one with test-time behaviour; such remedies share one plain fit.
        fits: About how many fits it costs; the cheap ones are tried first.
        ask: (questions, pool, asker, **settings) to what a language model said; see ``unseen.adaptation.prompting``.
        sees_target: Whether the inputs (never the labels) of the rows to be answered are used in fitting.
    """

    name: str
    kind: RemedyKind
    title: str
    what: str
    needs: tuple[str, ...] = ()
    grid: tuple[Mapping[str, Any], ...] = ({},)
    cost: str = "one fit"
    assumptions: str = ""
    sources: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    fit: Fit | None = field(default=None, repr=False)
    wrap: Fit | None = field(default=None, repr=False)
    ask: Fit | None = field(default=None, repr=False)
    sees_target: bool = False
    fits: int = 1


def label(name: str, settings: Mapping[str, Any]) -> str:
    """A remedy with its settings in words.

    >>> label("lame", {"neighbours": 5})
    'lame neighbours=5'
    """
    return " ".join([name, *(f"{k}={v}" for k, v in settings.items())])


def fit_weighted(call: Call, weights: np.ndarray) -> Any:
    """A fresh learner fitted with row weights; one whose ``fit`` takes none is fitted to a resample drawn with them.

    Args:
        call: Learner and training rows.
        weights: Shape (n,), non-negative.
    """
    learner = call.make()
    if "weights" in inspect.signature(learner.fit).parameters:
        return learner.fit(call.train, call.rng, weights)
    rows = call.rng.choice(len(call.train), size=len(call.train), p=weights / weights.sum())
    return learner.fit(call.train.take(rows), call.rng)


def plain_fit(call: Call) -> Any:
    """A fresh learner fitted as it is."""
    return call.make().fit(call.train, call.rng)


def foresee(fitted: Any, parts: Sequence[Examples]) -> None:
    """Let a fitted learner that can do so answer several parts in one call; it has the answers at hand when asked for each.

    Args:
        fitted: The learner; one without a method of this name is left alone.
        parts: What it will be asked for.
    """
    together = getattr(fitted, "foresee", None)
    if together is not None:
        together(parts)
