"""A baseline that composes nothing: choose a template seen in training, then say which words fill its slots."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self, cast

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.learners.base import responses_of
from unseen.responses import Responses
from unseen.tasks import tokens_of

SLOT = re.compile(r"[a-z_]+\d")
NONE = "-"


class TemplateSlots:
    """Logistic regression chooses the template from word pairs; a second one says of each word which slot it fills.

    A template is a target with its values replaced by slots such as ``city0``, in a factor of the examples; template
    and target agree word by word elsewhere. It can't write a query whose template it never saw: what it scores beyond
    is what a split leaves to repetition.

    Args:
        template: Column with the template of each training example, as text.
        penalty: Inverse strength of the penalty of both regressions (scikit-learn's C).

    Source: Finegan-Dollak et al. (2018), Improving Text-to-SQL Evaluation Methodology, section 5.2, with logistic
    regressions in the place of its LSTM.
    """

    name = "template-slots"

    def __init__(self, template: str = "template", penalty: float = 10.0) -> None:
        self.template, self.penalty = template, penalty
        self._models: tuple[Any, Any] | None = None

    def fit(self, examples: Examples, rng: np.random.Generator) -> Self:
        """Fit both parts; nothing is drawn.

        Raises:
            BadInput: There is no column of templates, a template and its target differ in length, or only one template.
        """
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        if self.template not in examples.table.columns:
            raise BadInput(f"no column {self.template!r} of templates; there are {', '.join(examples.table.columns)}.")
        questions, templates = self._questions(examples), examples.table[self.template].to_list()
        if len(set(templates)) < 2:
            raise BadInput(f"all {len(templates)} examples have one template: there is nothing to choose.")
        tags = list[str]()
        targets = examples.table[examples.target or "target"].to_list()
        for question, template, target in zip(questions, templates, targets, strict=True):
            filled = fillers(template, tokens_of(target) or [])
            tags += [filled.get(word, NONE) for word in question]
        chooser = make_pipeline(
            cast("Any", CountVectorizer)(analyzer=_pairs, binary=True), LogisticRegression(C=self.penalty, max_iter=300)
        )
        tagger = make_pipeline(DictVectorizer(), LogisticRegression(C=self.penalty, max_iter=300))
        chooser.fit(questions, templates)
        tagger.fit([f for q in questions for f in _surroundings(q)], tags)
        self._models = chooser, tagger
        return self

    def answers(self, examples: Examples) -> list[list[str]]:
        """Tokens of the answer to each example.

        Raises:
            BadInput: It was not fitted.
        """
        if self._models is None:
            raise BadInput("template-slots was not fitted: call fit first.")
        chooser, tagger = self._models
        questions = self._questions(examples)
        chances = tagger.predict_proba([f for q in questions for f in _surroundings(q)])
        column = {tag: i for i, tag in enumerate(tagger.classes_)}
        found, start = list[list[str]](), 0
        for question, template in zip(questions, chooser.predict(questions), strict=True):
            rows = chances[start : start + len(question)]
            start += len(question)
            found.append(_fill(str(template).split(), question, rows, column))
        return found

    def respond(self, examples: Examples) -> Responses:
        """Answers, right where they match the target token by token."""
        answers, name = self.answers(examples), examples.target or "target"
        truth = [tokens_of(t) or [] for t in examples.table[name].to_list()]
        right = np.array([float(t == a) for a, t in zip(answers, truth, strict=True)])
        prediction = np.array([" ".join(a) for a in answers])
        # Targets go on as text: a response table holds no lists.
        text = examples.table.with_columns(pl.Series(name, [" ".join(t) for t in truth]))
        written = Examples(text, examples.inputs, name, examples.factors)
        return responses_of(written, model=self.name, prediction=prediction, score=right)

    def _questions(self, examples: Examples) -> list[list[str]]:
        return [tokens_of(v) or [] for v in examples.table[examples.inputs[0]].to_list()]


def fillers(template: str, target: Sequence[str]) -> dict[str, str]:
    """Which slot each value of a target fills.

    Raises:
        BadInput: Template and target differ in length.

    >>> fillers("where city = city0", ["where", "city", "=", "oslo"])
    {'oslo': 'city0'}
    """
    slots = template.split()
    if len(slots) != len(target):
        raise BadInput(f"a template and its target agree word by word, got {len(slots)} and {len(target)} words.")
    return {value: slot for slot, value in zip(slots, target, strict=True) if SLOT.fullmatch(slot)}


def _fill(template: list[str], question: list[str], chances: np.ndarray, column: dict[str, int]) -> list[str]:
    chosen, free = dict[str, str](), np.ones(len(question), dtype=bool)
    for slot in dict.fromkeys(t for t in template if SLOT.fullmatch(t)):
        score = np.where(free, chances[:, column[slot]], -1.0) if slot in column else free.astype(float)
        best = int(score.argmax())
        chosen[slot], free[best] = question[best], False
    return [chosen.get(t, t) for t in template]


def _pairs(question: Sequence[str]) -> list[str]:
    return [*question, *(f"{a} {b}" for a, b in pairwise(question))]


def _surroundings(question: Sequence[str]) -> list[dict[str, str]]:
    words = ["<", "<", *question, ">"]
    return [
        {"word": w, "before": words[i + 1], "two before": words[i], "after": words[i + 3],
         "number": str(w.isdigit()), "numbers before": str(sum(v.isdigit() for v in question[:i]))}
        for i, w in enumerate(question)
    ]  # fmt: skip
