"""Remedies at test time: predictions follow the unlabelled rows at hand, without a new fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from unseen.adaptation import SETTINGS, Adapted, Method
from unseen.adaptation.label_shift import reweighted
from unseen.adaptation.parts import class_numbers
from unseen.data import Examples
from unseen.remedies.base import DOMAIN, Call, Remedy

# Rows of the source that a method keeps: enough for class means and for votes, at a bounded cost.
SOURCE_ROWS = 5000


class Answering:
    """An adapted learner that says that it has probabilities.

    Args:
        adapted: With ``classes``, ``probabilities`` and ``respond``.
    """

    has_probabilities = True

    def __init__(self, adapted: Any) -> None:
        self.adapted = adapted
        self.name = adapted.name

    @property
    def classes(self) -> np.ndarray:
        """Class of each column of ``probabilities``."""
        return np.asarray(self.adapted.classes)

    def probabilities(self, examples: Examples) -> np.ndarray:
        """Adapted probabilities, shape (n, classes)."""
        return self.adapted.probabilities(examples)

    def respond(self, examples: Examples) -> Any:
        """Adapted answers."""
        return self.adapted.respond(examples)


def adapted(fitted: Any, call: Call, *, method: str, setting: str = "online", **parameters: Any) -> Any:
    """A fitted learner with a test-time method around it; ``online`` starts anew with each domain."""
    made = Adapted(fitted, Method(method, parameters), setting, domain=DOMAIN, source_rows=SOURCE_ROWS)  # type: ignore[arg-type]
    return Answering(made.attach(call.train))


def held_out_recalibration(call: Call, *, setting: str = "online", ridge: float = 1.0) -> Any:
    """Black-box shift estimation, which needs rows that the learner was not fitted to: a fit of its own to four fifths."""
    made = Adapted(call.make(), Method("bbse", {"ridge": ridge}), setting, domain=DOMAIN, source_rows=SOURCE_ROWS)  # type: ignore[arg-type]
    return Answering(made.fit(call.train, call.rng))


class Reweighted:
    """A fitted learner whose probabilities are divided by a power of the training shares of the classes.

    Args:
        fitted: With probabilities.
        weights: Of the classes, shape (classes,).
    """

    has_probabilities = True

    def __init__(self, fitted: Any, weights: np.ndarray) -> None:
        self.fitted, self.weights, self.name = fitted, weights, f"{fitted.name}, classes reweighted"

    @property
    def classes(self) -> np.ndarray:
        """Class of each column of ``probabilities``."""
        return np.asarray(self.fitted.classes)

    def probabilities(self, examples: Examples) -> np.ndarray:
        """Shape (n, classes)."""
        return reweighted(self.fitted.probabilities(examples), self.weights)


def adjusted(fitted: Any, call: Call, *, tau: float = 1.0) -> Any:
    """Probabilities over the training share of each class to the power tau: the classes are taken as equally frequent."""
    numbers = class_numbers(call.train, np.asarray(fitted.classes))
    share = np.bincount(numbers[numbers >= 0], minlength=len(fitted.classes)) + 1.0
    return Reweighted(fitted, (share / share.sum()) ** -tau)


def _in_settings(*settings: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
    for setting in settings or SETTINGS:
        yield {"setting": setting, **parameters}


REMEDIES: tuple[Remedy, ...] = (
    Remedy(
        "em-recalibration", "test-time", "class shares re-estimated by EM",
        "Estimates the class shares of the target from the learner's own probabilities by EM, and corrects these for "
        "them. It needs no label and no new fit.",
        ("classes", "probabilities"),
        tuple(_in_settings()), "no further fit",
        "Classes are more or less frequent at the target, each class looks as in training, and probabilities are "
        "calibrated in training.",
        ("Saerens, Latinne & Decaestecker (2002), Adjusting the outputs of a classifier to new a priori probabilities",),
        wrap=partial(adapted, method="prior-correction"),
    ),
    Remedy(
        "black-box-recalibration", "test-time", "class shares by black-box shift estimation",
        "Solves for the class shares of the target from how often each class is predicted there, and corrects for them. "
        "It keeps a fifth of the training rows back to learn the confusion.",
        ("classes", "probabilities"), ({"setting": "online"},), "one fit to four fifths of the rows",
        "As for em-recalibration, without calibrated probabilities.",
        ("Lipton, Wang & Smola (2018), Detecting and correcting for label shift with black box predictors",),
        fit=held_out_recalibration,
    ),
    Remedy(
        "logit-adjustment", "test-time", "classes taken as equally frequent",
        "Divides the probabilities by a power of the training shares of the classes. Rare classes are answered more "
        "often, without a new fit.",
        ("classes", "probabilities"), ({"tau": 1.0}, {"tau": 0.5}), "no further fit",
        "At the target the classes are closer to equally frequent than in training.",
        ("Menon et al. (2021), Long-tail learning via logit adjustment",), wrap=adjusted,
    ),
    Remedy(
        "lame", "test-time", "neighbours in a batch agree",
        "Makes the probabilities of a batch agree with those of neighbouring rows, and leaves the learner as it is. Rows "
        "that lie together are answered together.",
        ("classes", "probabilities", "features", "numbers"),
        tuple(_in_settings("episodic", neighbours=5)) + tuple(_in_settings("episodic", neighbours=1)),
        "no further fit; neighbours among the rows of each batch",
        "Rows of a class lie near each other in the features, and batches hold several rows of each class.",
        ("Boudiaf et al. (2022), Parameter-free online test-time adaptation",), wrap=partial(adapted, method="lame"),
    ),
    Remedy(
        "t3a", "test-time", "class templates follow the target",
        "Replaces the last layer (or class means of the features) by means of confidently answered target rows. The "
        "features stay.",
        ("classes", "probabilities", "features", "numbers"), tuple(_in_settings(keep=20)),
        "no further fit", "Features carry over and only their place has moved; classes are compact in them.",
        ("Iwasawa & Matsuo (2021), Test-time classifier adjustment module for model-agnostic domain generalization",),
        wrap=partial(adapted, method="t3a"),
    ),
    Remedy(
        "adanpc", "test-time", "nearest rows of a growing memory vote",
        "Lets the nearest rows of a memory of training rows vote; confidently answered target rows join the memory. The "
        "learner only gives the features.",
        ("classes", "probabilities", "features", "numbers"), tuple(_in_settings(k=20)),
        "no further fit; a search in the memory for each row",
        "Nearness in the features means the same class, in training and at the target.",
        ("Zhang et al. (2023), AdaNPC: Exploring non-parametric classifier for test-time adaptation",), ("adanpc",),
        wrap=partial(adapted, method="adanpc"),
    ),
    Remedy(
        "batch-norm", "test-time", "statistics of the target in batch norm",
        "Takes means and deviations of the batch-norm layers from the target, mixed with those of training. No weight "
        "changes.",
        ("classes", "torch", "norms"), tuple(_in_settings(prior=16.0)), "no further fit",
        "The target differs in scale and place of the activations, and batches hold several classes.",
        ("Schneider et al. (2020), Improving robustness against common corruptions by covariate shift adaptation",),
        wrap=partial(adapted, method="batch-norm"),
    ),
    Remedy(
        "tent", "test-time", "entropy minimised over normalisation layers",
        "Takes gradient steps that make the answers on the target surer, over scale and shift of normalisation layers "
        "alone. A guard goes back to the source when the answers collapse to one class.",
        ("classes", "torch", "any norms"), tuple(_in_settings(rate=1e-3)), "a backward pass for each batch",
        "Sure answers are right answers, and batches hold several classes.",
        ("Wang et al. (2021), Tent: Fully test-time adaptation by entropy minimization",), wrap=partial(adapted, method="tent"),
    ),
)  # fmt: skip
