"""Torch modules on vectors, images and tables as learners under any domain objective."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from unseen.data import Examples
from unseen.engine.seeds import draw_seed, seeded_torch
from unseen.errors import BadInput
from unseen.learners.base import responses_of
from unseen.learners.preprocessing import input_table, preprocessing
from unseen.responses import Responses
from unseen.training.averaging import SWA, SWAD, Averaging, load_average
from unseen.training.config import TrainConfig
from unseen.training.loop import score, train
from unseen.training.objectives.base import Batch
from unseen.training.objectives.domains.base import DomainObjective, Kind
from unseen.training.objectives.domains.logit_shift import CrossRisk
from unseen.training.objectives.domains.registry import objective_named
from unseen.training.objectives.domains.two_heads import Members, SharedHeads

Build = Callable[[int, int], nn.Module]
# Share of each domain's rows that are held out where validation is asked for and no share is named.
VALIDATION = 0.2


class DomainLearner:
    """Fits a module by the one loop under a domain objective; classification, or regression for a target of floats.

    Arrays of fixed shape go in as they are; columns of any other type become numbers (see ``preprocessing``). A number
    to predict is standardised inside.

    Args:
        build: Makes the module from the number of inputs and of outputs (classes, or 1). Objectives that read features
            need ``features`` and ``head`` (see ``FeaturedMLP``).
        objective: A name in ``OBJECTIVES``, or an object, which is copied at each fit.
        domain: The factor whose levels are the domains (or groups).
        config: Every number of the run; ``stop_on="validation"`` stops on held-out rows.
        name: In the responses; by default the objective's.
        shape: Shape of one input for models of images; vectors by default.
        balanced: Whether batches hold domains in equal shares; by default where the objective compares domains.
        averaging: Mean of the weights along the run: over its last quarter (swa), or over the valley of the validation
            loss (swad).
        validation: Share of each domain's training rows that is held out for stopping and for swad; 0.2 where those need
            one.
        folds: Where memorisation-aware training gets held-out probabilities from: plain cross-fitting with this many
            folds, or None for ``CrossRisk``, as in its source.

    Raises:
        BadInput: An unknown objective or averaging; a share outside [0, 1).
    """

    def __init__(
        self,
        build: Build,
        objective: str | DomainObjective = "erm",
        *,
        domain: str | None = None,
        config: TrainConfig | None = None,
        name: str | None = None,
        shape: tuple[int, ...] | None = None,
        balanced: bool | None = None,
        averaging: Literal["swa", "swad"] | None = None,
        validation: float = 0.0,
        folds: int | None = None,
    ) -> None:
        if averaging not in (None, "swa", "swad"):
            raise BadInput(f"averaging is swa, swad or None, got {averaging!r}.")
        if not 0 <= validation < 1 or (folds is not None and folds < 2):
            raise BadInput(f"validation is a share in [0, 1) and folds at least 2, got {validation} and {folds}.")
        self.build, self.domain, self.shape = build, domain, shape
        self.objective = objective_named(objective) if isinstance(objective, str) else objective
        self.config, self.balanced, self.averaging, self.folds = config or TrainConfig(), balanced, averaging, folds
        wanted = averaging == "swad" or self.config.stop_on == "validation"
        self.validation = validation or (VALIDATION if wanted else 0.0)
        self.name = name or self.objective.name
        self.head = 0
        self.history = pl.DataFrame()
        self.stopped = ""
        self.fitted_objective: DomainObjective | None = None
        self._module: nn.Module | None = None
        self._classes: np.ndarray | None = None
        self._prepare: Any = None
        self._centre, self._scale = 0.0, 1.0

    def fit(
        self,
        examples: Examples,
        rng: np.random.Generator,
        weights: np.ndarray | None = None,
        *,
        held_out: np.ndarray | None = None,
        unlabelled: Examples | None = None,
    ) -> Self:
        """Train anew.

        Args:
            examples: With a target, and with the domain's column where the objective needs domains.
            rng: Source of every draw.
            weights: Of the rows, shape (n,), non-negative; ``erm`` becomes ``weighted-likelihood``, any other objective
                without weights is fitted to a resample drawn with them.
            held_out: Probabilities of the classes for each row by models that were not fitted to it, shape (n, classes);
                by default made where the objective needs them.
            unlabelled: Examples whose inputs alone are used, for the two-headed objectives.

        Raises:
            BadInput: No target, a constant or incomplete one; a domain column that is missing or has gaps; the
                objective needs what was not given.
        """
        objective = copy.deepcopy(self.objective)
        if weights is not None:
            weights = _checked_weights(weights, len(examples))
            if objective.name == "erm":
                objective = objective_named("weighted-likelihood")
            elif "weight" not in objective.needs:
                rows = rng.choice(len(examples), size=len(examples), p=weights / weights.sum())
                return self.fit(examples.take(rows), rng, held_out=None if held_out is None else held_out[rows],
                                unlabelled=unlabelled)  # fmt: skip
        kind = self._read_target(examples)
        target = self._target(examples, kind)
        self._prepare = preprocessing(examples)
        x = self._tensor(self._prepare.fit_transform(input_table(examples), target.numpy()))
        data: Batch = {"x0": x, "y": target, "index": torch.arange(len(target))}
        if self.domain is not None:
            data["domain"] = _codes(examples, self.domain)
        if weights is not None:
            data["weight"] = torch.from_numpy(weights / weights.mean()).float()
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        if "held_out" in objective.needs:
            found = self._cross_fitted(data, kind, rng) if held_out is None else torch.from_numpy(held_out).float()
            data["held_out"] = found
        self._train(objective, data, kind, generator, unlabelled)
        return self

    def respond(self, examples: Examples) -> Responses:
        """Predict and score; confidence is the largest class probability.

        Raises:
            BadInput: The learner was not fitted.
        """
        if self._classes is not None:
            chances = self.probabilities(examples)
            prediction = self._classes[chances.argmax(1)]
            return responses_of(examples, model=self.name, prediction=prediction, confidence=chances.max(1))
        return responses_of(examples, model=self.name, prediction=self.predict(examples))

    def predict(self, examples: Examples) -> np.ndarray:
        """Classes, or numbers in the target's unit, shape (n,)."""
        if self._classes is not None:
            return self._classes[self.probabilities(examples).argmax(1)]
        out = self._run(self.module, self.inputs(examples))[:, 0]
        return out.double().numpy() * self._scale + self._centre

    def probabilities(self, examples: Examples) -> np.ndarray:
        """Probabilities of the classes, shape (n, classes); of the chosen head where there are two.

        Raises:
            BadInput: The target was a number, or the learner was not fitted.
        """
        module = self.module
        if self._classes is None:
            raise BadInput(f"{self.name} was fitted to numbers; it gives no probabilities.")
        out = self._run(module, self.inputs(examples))
        return (out[:, self.head] if out.dim() == 3 else out).double().softmax(-1).numpy()

    def features(self, examples: Examples) -> np.ndarray:
        """What the head reads, shape (n, d).

        Raises:
            BadInput: The module has no ``features``, or was not fitted.
        """
        read = getattr(self.module, "features", None)
        if read is None:
            raise BadInput(f"{type(self.module).__name__} has no features(x); see FeaturedMLP.")
        return self._run(read, self.inputs(examples)).double().numpy()

    def inputs(self, examples: Examples) -> Tensor:
        """The tensor that the module gets, shape (n, …)."""
        if self._prepare is None:
            raise BadInput(f"{self.name} was not fitted: call fit first.")
        return self._tensor(self._prepare.transform(input_table(examples)))

    def choose_head(self, examples: Examples) -> int:
        """Answer from here on with the head that is right most often on a few labelled examples; its number."""
        truth = examples.column(examples.target or "").astype(str)
        right: list[float] = []
        for head in range(self.objective.heads):
            self.head = head
            right.append(float((self.predict(examples).astype(str) == truth).mean()))
        self.head = int(np.argmax(right))
        return self.head

    @property
    def module(self) -> nn.Module:
        """The fitted module, in evaluation mode."""
        if self._module is None:
            raise BadInput(f"{self.name} was not fitted: call fit first.")
        return self._module.eval()

    @property
    def classes(self) -> np.ndarray | None:
        """Class of each column of ``probabilities``; None for a number."""
        return self._classes

    @property
    def has_probabilities(self) -> bool:
        """Whether it was fitted to classes."""
        return self._classes is not None

    def _train(
        self, objective: DomainObjective, data: Batch, kind: Kind, generator: torch.Generator,
        unlabelled: Examples | None = None,
    ) -> None:  # fmt: skip
        if self.balanced is not None:
            objective.balanced = self.balanced
        if self.domain is None and (objective.balanced or "domain" in objective.needs):
            raise BadInput(f"{objective.name} compares or balances domains: name their column with domain=….")
        inputs, outputs = data["x0"][0].numel(), len(self._classes) if self._classes is not None else 1
        with seeded_torch(draw_seed(generator)):
            if objective.heads == 1:
                module = self.build(inputs, outputs)
            elif getattr(objective, "shared", False):
                module = SharedHeads(self.build(inputs, outputs), objective.heads)
            else:
                module = Members(lambda: self.build(inputs, outputs), objective.heads)
        kept, validation = self._held_out(data, generator)
        if "index" in objective.needs:
            kept = {**kept, "index": torch.arange(len(kept["y"]))}
        further = self.inputs(unlabelled) if unlabelled is not None else None
        objective.prepare(module, kept, kind, seed=draw_seed(generator), unlabelled=further)
        averaging = self._averaging(objective, validation)
        sets = {"validation": validation} if validation is not None else {}
        run = train(module, objective, kept, self.config, generator, evaluate=sets, after_step=averaging)
        weights = averaging.weights() if averaging else None
        if weights is not None:
            load_average(module, weights, kept["x0"])
        self._module, self.history, self.stopped, self.head = module.eval(), run.table(), run.stopped, 0
        self.fitted_objective = objective

    def _held_out(self, data: Batch, generator: torch.Generator) -> tuple[Batch, Batch | None]:
        if not self.validation:
            return data, None
        groups = data.get("domain", torch.zeros(len(data["y"]), dtype=torch.int64))
        out = torch.zeros(len(groups), dtype=torch.bool)
        for d in groups.unique().tolist():
            rows = (groups == d).nonzero()[:, 0]
            out[rows[torch.randperm(len(rows), generator=generator)[: int(self.validation * len(rows))]]] = True
        if not out.any():
            raise BadInput(f"no domain has enough rows to hold {self.validation:g} of them out for validation.")
        return {k: v[~out] for k, v in data.items()}, {k: v[out] for k, v in data.items()}

    def _averaging(self, objective: DomainObjective, validation: Batch | None) -> Averaging | None:
        steps = self.config.steps
        if self.averaging == "swa":
            return SWA(start=3 * steps // 4 + 1, every=max(1, steps // 100))
        if self.averaging == "swad" and validation is not None:
            size = self.config.eval_batch_size
            return SWAD(lambda m: score(m, objective, validation, size)[0].mean().item(), every=max(1, steps // 50))
        return None

    def _cross_fitted(self, data: Batch, kind: Kind, rng: np.random.Generator) -> Tensor:
        """Probabilities of each row by a model trained on the other folds, shape (n, classes)."""
        if kind != "classify" or self._classes is None:
            raise BadInput(f"{self.objective.name} is defined for classify, not for {kind}.")
        config = replace(self.config, stop_on="train", stop_at=None, patience=None)
        other = DomainLearner(self.build, "erm", config=config, shape=self.shape)
        other._classes = self._classes
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        rows = {"x0": data["x0"], "y": data["y"]}
        if self.folds is None:
            twins = CrossRisk()
            rows["index"] = data["index"]
            other._train(twins, rows, kind, generator)
            out = self._run(other.module, rows["x0"])
            return out[torch.arange(len(out)), 1 - twins.side].softmax(-1)
        n = len(rows["y"])
        fold = torch.from_numpy(rng.permutation(n) % self.folds)
        found = torch.zeros(n, len(self._classes))
        for k in range(self.folds):
            other._train(objective_named("erm"), {name: v[fold != k] for name, v in rows.items()}, kind, generator)
            found[fold == k] = self._run(other.module, rows["x0"][fold == k]).softmax(-1)
        return found

    @torch.no_grad()
    def _run(self, call: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        return torch.cat([call(part) for part in x.split(self.config.eval_batch_size)])

    def _tensor(self, values: Any) -> Tensor:
        flat = torch.from_numpy(np.array(values, dtype=np.float32))
        return flat.reshape(len(flat), *self.shape) if self.shape else flat

    def _read_target(self, examples: Examples) -> Kind:
        if examples.target is None:
            raise BadInput("these examples have no target to fit to.")
        column = examples.table[examples.target]
        absent = column.is_null() | (column.is_nan() if column.dtype.is_float() else False)
        if absent.any():
            raise BadInput(f"target column {examples.target!r}, row {int(absent.arg_true()[0]) + 1}: missing.")
        if column.n_unique() < 2:
            raise BadInput(f"the target column {examples.target!r} is constant ({column[0]!r}): nothing can be learnt.")
        if not column.dtype.is_float():
            self._classes = np.unique(column.to_numpy())
            return "classify"
        self._classes = None
        y = column.to_numpy().astype(np.float64)
        self._centre, self._scale = float(y.mean()), float(y.std())
        if not math.isfinite(self._scale):
            raise BadInput(f"the target column {examples.target!r} holds numbers that are not finite.")
        return "regress"

    def _target(self, examples: Examples, kind: Kind) -> Tensor:
        y = examples.column(examples.target or "")
        if kind == "classify" and self._classes is not None:
            return torch.from_numpy(np.searchsorted(self._classes, y).astype(np.int64))
        return torch.from_numpy(((y.astype(np.float64) - self._centre) / self._scale).astype(np.float32))


def _codes(examples: Examples, domain: str) -> Tensor:
    table = examples.table
    if domain not in table.columns:
        raise BadInput(f"no column {domain!r} for the domains; the columns are {', '.join(table.columns)}.")
    column = table[domain]
    if column.null_count():
        raise BadInput(f"column {domain!r}, row {int(column.is_null().arg_true()[0]) + 1}: no domain is given.")
    return torch.from_numpy(np.unique(column.to_numpy().astype(str), return_inverse=True)[1].astype(np.int64))


def _checked_weights(weights: np.ndarray, n: int) -> np.ndarray:
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (n,) or not np.isfinite(values).all() or (values < 0).any() or values.sum() == 0:
        raise BadInput(f"weights are {n} finite numbers of at least 0, not all 0; got shape {values.shape}.")
    return values
