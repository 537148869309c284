"""A learner with a test-time method around it: it is fitted and responds like any other."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from unseen.adaptation.base import SETTINGS, Batch, FloatArray, Setting, adapt, batch_rows
from unseen.adaptation.choice import RULES, By, Choice, Trial, choose
from unseen.adaptation.methods import Method
from unseen.adaptation.parts import Parts, class_numbers, classes_of
from unseen.data import Examples
from unseen.errors import BadInput
from unseen.learners.base import responses_of
from unseen.responses import Responses


class Adapted:
    """A learner that adapts to what it is asked to answer.

    Args:
        learner: With classes, probabilities and features (``Probabilistic``); for methods that change a module also
            with ``module`` and ``inputs(examples)``.
        method: A name, a method, or several to choose among without labels of the target.
        setting: See ``adapt``; each call of ``respond`` is a stream of its own and starts from the source.
        domain: Column that names the domain; ``online`` starts anew with each, and the back-test leaves each out in
            turn. Without it everything is one domain.
        batch_size: Rows that are seen at once.
        by: How to choose among several methods; see ``choose``.
        hold_out: Share of rows that the learner is not fitted to, where a method needs such (``bbse``).
        pseudo_targets: Most source domains that the back-test leaves out, drawn by the generator of ``fit``.
        source_rows: Most rows of the source that methods keep.
        name: In the responses.

    ``choice`` tells what was chosen and why; ``messages`` what methods had to say on the last answers.
    """

    has_probabilities = True

    def __init__(
        self, learner: Any, method: str | Method | Sequence[Method], setting: Setting = "online", *,
        domain: str | None = None, batch_size: int = 128, by: By = "source back-test", hold_out: float = 0.2,
        pseudo_targets: int = 5, source_rows: int = 20_000, name: str | None = None,
    ) -> None:  # fmt: skip
        methods = [method] if isinstance(method, (str, Method)) else list(method)
        made = [_telling(Method(m) if isinstance(m, str) else m, setting) for m in methods]
        self.methods = {m.label: m for m in made}
        if setting not in SETTINGS or by not in RULES or not self.methods:
            raise BadInput(
                f"an adapted learner needs a method, a setting among {', '.join(SETTINGS)} and a rule among "
                f"{', '.join(RULES)}; got {len(self.methods)} methods, {setting!r} and {by!r}."
            )
        if by == "source back-test" and len(self.methods) > 1 and domain is None:
            raise BadInput("a source back-test leaves out domains: name their column, or choose by agreement.")
        self.setting: Setting = setting
        self.by: By = by
        self.learner, self.domain = learner, domain
        self.batch_size, self.hold_out, self.pseudo_targets = batch_size, hold_out, pseudo_targets
        self.source_rows = source_rows
        label = next(iter(self.methods)) if len(self.methods) == 1 else f"{len(self.methods)} methods by {by}"
        self.name = name or f"{getattr(learner, 'name', type(learner).__name__)} + {label}, {setting}"
        self.choice: Choice | None = None
        self.messages: list[str] = []
        self._adapters: dict[str, Any] = {}
        self._parts: Parts | None = None

    def fit(self, examples: Examples, rng: np.random.Generator) -> Self:
        """Fit the learner, keep what the methods need of the source, and choose where that is done by back-test.

        Raises:
            BadInput: There are several methods to choose among by back-test, and fewer than two domains.
        """
        fresh = copy.deepcopy(self.learner)
        held = self._held_out(examples, rng)
        self.learner.fit(examples if held is None else examples.take(np.flatnonzero(~held)), rng)
        self.attach(examples, held)
        if len(self.methods) > 1 and self.by == "source back-test":
            trials = [self._trial(fresh, examples, name, rng) for name in self._left_out(examples, rng)]
            self.choice = choose(self._adapters, by=self.by, setting=self.setting, trials=trials)
        return self

    def attach(self, source: Examples, held_out: np.ndarray | None = None) -> Self:
        """Build the methods around a learner that is fitted already.

        Args:
            source: What it was fitted to.
            held_out: True for rows that it was not fitted to, shape (n,).

        Raises:
            BadInput: The learner gives no probabilities of classes, or lacks what a method needs.
        """
        classes_of(self.learner)
        self.choice = None
        self._parts, self._adapters = self._built(self.learner, source, held_out)
        return self

    @property
    def classes(self) -> np.ndarray:
        """Classes in the order of the probabilities, shape (classes,)."""
        return classes_of(self.learner)

    def probabilities(self, examples: Examples) -> FloatArray:
        """Adapted probabilities, shape (n, classes), in the order of the examples.

        Raises:
            BadInput: Neither ``fit`` nor ``attach`` was called, or the domain's column is missing.
        """
        if self._parts is None:
            raise BadInput(f"{self.name} was not fitted: call fit or attach first.")
        batches, rows = self._batches(self._parts, examples)
        adapter = self._chosen(batches)
        adapter_messages: list[str] = getattr(adapter, "messages", [])
        before = len(adapter_messages)
        made = np.empty((len(examples), len(self.classes)))
        for part, p in zip(rows, adapt(adapter, batches, self.setting), strict=True):
            made[part] = p
        self.messages = adapter_messages[before:]
        return made

    def features(self, examples: Examples) -> FloatArray:
        """Features of the learner, shape (n, d)."""
        return self.learner.features(examples)

    def respond(self, examples: Examples) -> Responses:
        """Answer with the most probable class; its adapted probability is the confidence."""
        p = self.probabilities(examples)
        return responses_of(
            examples, model=self.name, prediction=self.classes[p.argmax(1)], confidence=np.clip(p.max(1), 0, 1)
        )

    def _chosen(self, batches: Sequence[Batch]) -> Any:
        if len(self._adapters) > 1 and (self.choice is None or self.by != "source back-test"):
            if self.by == "source back-test":
                raise BadInput("a choice by back-test refits the learner: call fit, or choose by agreement.")
            self.choice = choose(self._adapters, batches, by=self.by, setting=self.setting)
        return self._adapters[next(iter(self._adapters)) if self.choice is None else self.choice.name]

    def _built(self, learner: Any, source: Examples, held_out: np.ndarray | None) -> tuple[Parts, dict[str, Any]]:
        keeps = frozenset[str]().union(*(m.keeps for m in self.methods.values()))
        needs = frozenset[str]().union(*(m.needs for m in self.methods.values()))
        parts = Parts(learner, source, features="features" in keeps | needs)
        if any(m.needs_module for m in self.methods.values()) and not parts.takes_tensor:
            raise BadInput(
                f"{next(m.name for m in self.methods.values() if m.needs_module)} changes a torch module, and "
                f"{getattr(learner, 'name', type(learner).__name__)} shows none."
            )
        # A linear head stands in for source features, as in T3A's paper.
        if parts.head is not None and not any(m.name == "adanpc" for m in self.methods.values()):
            keeps -= {"features"}
        kept = parts.source(source, keeps, rows=self.source_rows, held_out=held_out)
        return parts, {label: m.build(kept) for label, m in self.methods.items()}

    def _batches(self, parts: Parts, examples: Examples) -> tuple[list[Batch], list[np.ndarray]]:
        made = parts.read(examples, frozenset[str]().union(*(m.needs for m in self.methods.values())))
        domains: Any = [None] * len(examples) if self.domain is None else self._domains(examples)
        cut = batch_rows(domains, self.batch_size)
        batches = [Batch(**{k: v[rows] for k, v in made.items()}, domain=name) for name, rows in cut]
        return batches, [rows for _, rows in cut]

    def _domains(self, examples: Examples) -> list[str]:
        if self.domain not in examples.table.columns:
            raise BadInput(
                f"no column {self.domain!r} that names the domain among {', '.join(examples.table.columns)}."
            )
        return [str(v) for v in examples.table[self.domain].to_list()]

    def _held_out(self, examples: Examples, rng: np.random.Generator) -> np.ndarray | None:
        """As many rows of each class as there are, so that each stands on both sides."""
        if not any(m.name == "bbse" for m in self.methods.values()) or examples.target is None:
            return None
        held = np.zeros(len(examples), dtype=bool)
        codes = np.unique(examples.column(examples.target).astype(str), return_inverse=True)[1]
        for code in range(codes.max() + 1):
            rows = rng.permutation(np.flatnonzero(codes == code))
            held[rows[: max(1, int(self.hold_out * len(rows)))]] = len(rows) > 1
        return held

    def _left_out(self, examples: Examples, rng: np.random.Generator) -> list[str]:
        names = sorted(set(self._domains(examples)))
        if len(names) < 2:
            raise BadInput(f"a source back-test needs two domains or more in {self.domain!r}, got {names}.")
        drawn = rng.permutation(len(names))[: self.pseudo_targets]
        return [names[i] for i in sorted(drawn)]

    def _trial(self, fresh: Any, examples: Examples, name: str, rng: np.random.Generator) -> Trial:
        out = np.array([d == name for d in self._domains(examples)])
        rest, left = examples.take(np.flatnonzero(~out)), examples.take(np.flatnonzero(out))
        held = self._held_out(rest, rng)
        learner = copy.deepcopy(fresh).fit(rest if held is None else rest.take(np.flatnonzero(~held)), rng)
        parts, adapters = self._built(learner, rest, held)
        batches, rows = self._batches(parts, left)
        truth = class_numbers(left, classes_of(learner))
        return Trial(name, adapters, batches, [truth[part] for part in rows])


def _telling(method: Method, setting: Setting) -> Method:
    """Tent's step is forgotten after an episodic batch: only a prediction after it can tell."""
    if method.name != "tent" or setting != "episodic" or "again" in method.parameters:
        return method
    return Method(method.name, {**method.parameters, "again": True})
