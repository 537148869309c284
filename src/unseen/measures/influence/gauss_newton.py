"""Influence by the damped Gauss–Newton matrix itself: solved exactly (dense, or by conjugate gradients), or by LiSSA."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Generator, Tensor
from torch.func import jacrev, jvp, vjp, vmap

from unseen.errors import BadInput, Undefined
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import BATCH, MEMORY, twice_differentiable
from unseen.measures.influence.gradients import held, scored
from unseen.measures.influence.output_curvature import count, directions, times_hessian
from unseen.measures.influence.result import Influence

Solver = Literal["auto", "dense", "cg"]
# Damping as a share of the mean eigenvalue: of all parameters' matrix that is small beside those of most layers. Ten times the
# share of Kronecker factors foretells retraining better: LDS 0.63 against 0.45 on a small CNN (benchmarks/influence.py).
DAMPING = 1.0
# Up to so many parameters the matrix is made and factored.
DENSE = 2500
# Directions an example that are all taken for the mean eigenvalue; beyond, one is drawn.
FEW = 16


@dataclass(frozen=True, eq=False)
class GaussNewton:
    """The mean over a sample of Jᵀ H J: outputs' Jacobian J by the trained parameters, loss's Hessian H by the outputs.

    Attributes:
        network: The network.
        sample: n examples.
        memory: Bytes that a product may take at once.

    Source: Schraudolph (2002), Fast curvature matrix-vector products; Martens (2010), Deep learning via Hessian-free optimization.

    >>> from torch import nn
    >>> sample = Sample.of(([[1.0], [3.0]], [0.0, 1.0]))
    >>> round(float(GaussNewton(Network.of(nn.Linear(1, 1, bias=False), sample), sample).dense()), 3)  # 2 · mean of x²
    10.0
    """

    network: Network
    sample: Sample
    memory: int = MEMORY

    def product(self, vectors: Tensor, rows: Tensor | None = None) -> Tensor:
        """The matrix times vectors, shape (k, p).

        Args:
            vectors: Shape (k, p), in the order of ``network.trained``.
            rows: Examples whose mean is taken; by default all.
        """
        sample = self.sample if rows is None else self.sample.take(rows.numpy())
        total = torch.zeros_like(vectors)
        wide = sample.inputs[0].numel() + count(self.network, self.network.outputs(sample.inputs[:1]))
        for few, into in zip(
            vectors.split(held(self.network.parameters, self.memory, 8)),
            total.split(held(self.network.parameters, self.memory, 8)),
            strict=True,
        ):
            # What a network keeps of an example on its way is not known; 32 times what it reads and gives is allowed for.
            batch = max(1, min(BATCH, self.memory // (4 * 32 * wide * len(few))))
            for x, y in zip(sample.inputs.split(batch), sample.targets.split(batch), strict=True):
                # Attention in its fused forms has no forward gradients.
                with twice_differentiable():
                    into += self._batch(few, x, y)
        return total / len(sample)

    def dense(self) -> Tensor:
        """The matrix, shape (p, p), in double precision.

        Raises:
            BadInput: It does not fit the memory.
        """
        p = self.network.parameters
        if 24 * p * p > self.memory:
            raise BadInput(
                f"{self.network.name}: the matrix of {p:,} parameters takes {24 * p * p / 1e9:.1f} GB with its factor, more than "
                f"the {self.memory / 1e9:.1f} GB allowed. Solve by conjugate gradients (solver='cg'), or give more memory."
            )
        total = torch.zeros(p, p, dtype=torch.float64)
        for rows in self._directions(0, None):
            flat = rows.flatten(0, 1).double()
            total += flat.T @ flat
        return total / len(self.sample)

    def mean_eigenvalue(self, generator: Generator | None = None) -> float:
        """The trace over the number of parameters; beyond 16 outputs from one drawn direction an example."""
        draws = 0 if count(self.network, self.network.outputs(self.sample.inputs[:1])) <= FEW else 1
        total = sum(float(rows.double().square().sum()) for rows in self._directions(draws, generator))
        return total / len(self.sample) / self.network.parameters

    def _directions(self, draws: int, generator: Generator | None):  # noqa: ANN202
        """Chunks of Jᵀv for all directions v of each example, shape (b, k, p)."""
        network, sample = self.network, self.sample
        free, fixed = network.trained, network.fixed
        wide = max(network.outputs(sample.inputs[:1])[0].numel(), 1)
        batch = max(1, min(BATCH, self.memory // (16 * network.parameters * wide * 2)))

        def outputs(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
            return network.at(parameters, x[None], fixed)[0]

        each = vmap(jacrev(outputs), in_dims=(None, 0))
        for x, y in zip(sample.inputs.split(batch), sample.targets.split(batch), strict=True):
            with twice_differentiable():
                made = each(free, x)
            whole = torch.cat([made[k].reshape(len(x), wide, -1) for k in free], 2)
            v = directions(network, network.outputs(x), y, draws, generator)
            yield torch.einsum("kbo,bop->bkp", v.reshape(len(v), len(x), wide), whole)

    def _batch(self, vectors: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """The sum over a batch, for some vectors."""
        network = self.network
        free, fixed = network.trained, network.fixed

        def outputs(parameters: dict[str, Tensor]) -> Tensor:
            return network.at(parameters, x, fixed)

        def forwards(vector: dict[str, Tensor]) -> Tensor:
            with warnings.catch_warnings():
                # torch compiles its rules for forward gradients by a function that it warns of itself.
                warnings.simplefilter("ignore", DeprecationWarning)
                return jvp(outputs, (free,), (vector,))[1]

        made_of: Any = vjp(outputs, free)
        at, back = made_of
        many = network.named(vectors)
        try:
            bent = times_hessian(network, at.detach(), y, vmap(forwards)(many))
            (made,) = vmap(back)(bent)
        except RuntimeError:
            # Code that looks at values can't be mapped: one vector after another.
            pushed = torch.stack([forwards({k: v[i] for k, v in many.items()}) for i in range(len(vectors))])
            parts = [back(one)[0] for one in times_hessian(network, at.detach(), y, pushed)]
            made = {k: torch.stack([part[k] for part in parts]) for k in free}
        return torch.cat([made[k].reshape(len(vectors), -1) for k in free], 1)


def exact(
    network: Network,
    train: Sample,
    test: Sample,
    *,
    damping: float | None = None,
    solver: Solver = "auto",
    tolerance: float = 1e-4,
    steps: int = 300,
    generator: Generator | None = None,
    memory: int = MEMORY,
) -> Influence:
    """Influence with the whole damped Gauss–Newton matrix: what the others approximate.

    Args:
        network: What was trained.
        train: n_train examples.
        test: n_test examples.
        damping: λ; by default the mean eigenvalue.
        solver: dense (makes the matrix), cg (conjugate gradients, matrix-free), or auto: dense up to 2,500 parameters.
        tolerance: Residual of conjugate gradients, as a share of the test gradient.
        steps: Steps of conjugate gradients at most.
        generator: Source of the draws for the default damping; needed with cg beyond 16 outputs alone.
        memory: Bytes that gradients and products may take.

    Raises:
        BadInput: The damping is not above 0, or the matrix does not fit the memory.

    Source: Koh & Liang (2017), Understanding black-box predictions via influence functions, with the Gauss–Newton matrix
    for the Hessian (Bae et al. 2022, If influence functions are the answer, then what is the question?).
    """
    curvature = GaussNewton(network, train, memory // 2)
    dense = solver == "dense" or (solver == "auto" and network.parameters <= DENSE)
    open_ends: list[int] = []
    if dense:
        matrix = curvature.dense()
        damping = _damping(damping, float(matrix.diagonal().mean()))
        factor = torch.linalg.cholesky(matrix + damping * torch.eye(len(matrix), dtype=matrix.dtype))

        def solve(g: Tensor) -> Tensor:
            return torch.cholesky_solve(g.double().T, factor).T.to(g.dtype)
    else:
        damping = _damping(damping, None if damping is not None else curvature.mean_eigenvalue(generator))

        def solve(g: Tensor) -> Tensor:
            made, short = conjugate_gradients(
                lambda v: curvature.product(v) + damping * v, g, tolerance=tolerance, steps=steps
            )
            open_ends.append(short)
            return made

    scores = _solved(network, train, test, solve, memory)
    short = sum(open_ends)
    told = f"{short} of {len(test)} solves had not come to a residual of {tolerance:g} after {steps} steps"
    return Influence(scores.numpy(), "damped Gauss–Newton", damping, notes=(told,) if short else ())


def lissa(
    network: Network,
    train: Sample,
    test: Sample,
    *,
    damping: float | None = None,
    depth: int | None = None,
    batch: int = 64,
    repeats: int = 1,
    scale: float | None = None,
    generator: Generator,
    memory: int = MEMORY,
) -> Influence:
    """Influence with the inverse as a truncated series of batches: v ← g + (I − (G_batch + λI)/s) v, and v/s at the end.

    Args:
        network: What was trained.
        train: n_train examples.
        test: n_test examples.
        damping: λ; by default the mean eigenvalue.
        depth: Terms of the series; by default so many that the slowest direction lacks 1 %, at most 1,000.
        batch: Examples drawn for each term; n_train or more takes all each time.
        repeats: Series whose mean is taken.
        scale: s, above half of the largest eigenvalue of each G_batch + λI; by default estimated by power iteration.
        generator: Source of the batches.
        memory: Bytes that gradients and products may take.

    Raises:
        BadInput: The damping is not above 0.
        Undefined: The series grows without bound: the scale is too small.

    Source: Agarwal, Bullins & Hazan (2017), Second-order stochastic optimization for machine learning in linear time;
    Koh & Liang (2017), section 3.
    """
    curvature = GaussNewton(network, train, memory // 2)
    damping = _damping(damping, None if damping is not None else curvature.mean_eigenvalue(generator))
    n = len(train)

    def drawn() -> Tensor | None:
        return None if batch >= n else torch.randint(0, n, (batch,), generator=generator)

    s = scale or 1.1 * (max(_largest(curvature, drawn(), generator) for _ in range(5 if batch < n else 1)) + damping)
    # The slowest direction, of eigenvalue 0, comes nearer by 1 − λ/s a term.
    terms = depth or min(1000, math.ceil(math.log(100) * s / damping))

    def solve(g: Tensor) -> Tensor:
        total = torch.zeros_like(g)
        most = g.norm(dim=1).max() * s / damping * 100
        for _ in range(repeats):
            v = g.clone()
            for _ in range(terms):
                v = g + v - (curvature.product(v, drawn()) + damping * v) / s
                if not bool(v.norm(dim=1).max() <= most):
                    raise Undefined(
                        f"LiSSA does not converge at scale {s:.3g}: a batch has a larger eigenvalue. Give a larger scale or batch."
                    )
            total += v / s
        return total / repeats

    return Influence(_solved(network, train, test, solve, memory).numpy(), "LiSSA", damping)


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], right: Tensor, *, tolerance: float, steps: int
) -> tuple[Tensor, int]:
    """Solve A x = b for several right-hand sides at once, A symmetric and positive definite.

    Args:
        product: Vectors (k, p) -> A times each.
        right: Shape (k, p).
        tolerance: Norm of the residual, as a share of that of the right-hand side, at which a solve has ended.
        steps: Steps at most.

    Returns:
        Solutions, shape (k, p), and how many had not ended.

    Source: Hestenes & Stiefel (1952).
    """
    x, residual = torch.zeros_like(right), right.clone()
    towards = residual.clone()
    square = residual.square().sum(1)
    goal = (tolerance**2) * square
    for _ in range(steps):
        going = square > goal
        if not bool(going.any()):
            break
        bent = product(towards[going])
        step = square[going] / (towards[going] * bent).sum(1)
        x[going] += step[:, None] * towards[going]
        residual[going] -= step[:, None] * bent
        fresh = residual[going].square().sum(1)
        towards[going] = residual[going] + (fresh / square[going])[:, None] * towards[going]
        square[going] = fresh
    return x, int((square > goal).sum())


def _solved(network: Network, train: Sample, test: Sample, solve: Callable[[Tensor], Tensor], memory: int) -> Tensor:
    made: list[Tensor] = []
    size = held(network.parameters, memory // 4, 6)
    for start in range(0, len(test), size):
        part = test.take(range(start, min(start + size, len(test))))
        gradients = torch.cat([g for _, g in network.gradients(part, memory=memory // 4)])
        made.append(scored(network, train, solve(gradients), memory // 4))
    return torch.cat(made)


def _largest(curvature: GaussNewton, rows: Tensor | None, generator: Generator, rounds: int = 15) -> float:
    """About the largest eigenvalue, by power iteration."""
    first = next(iter(curvature.network.trained.values()))
    v = torch.randn(1, curvature.network.parameters, generator=generator, dtype=first.dtype)
    size = 0.0
    for _ in range(rounds):
        v = curvature.product(v / v.norm().clamp(min=torch.finfo(v.dtype).tiny), rows)
        size = float(v.norm())
    return size


def _damping(given: float | None, mean: float | None) -> float:
    if given is not None:
        if not given > 0:
            raise BadInput(f"the damping is a number above 0; got {given:g}.")
        return given
    return DAMPING * max(mean or 0.0, torch.finfo(torch.float32).tiny)
