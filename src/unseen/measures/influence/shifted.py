"""Solves with one matrix and many dampings, by one run of Lanczos: what each damping would take conjugate gradients alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from unseen.errors import BadInput


def shifted_solves(
    product: Callable[[Tensor], Tensor], right: Tensor, dampings: Sequence[float], *, steps: int
) -> tuple[Tensor, Tensor]:
    """Solve (A + λI) x = b for several λ, A symmetric and without negative eigenvalues.

    A + λI has the Krylov space of A, so that one run serves every λ; what comes out after as many steps is what conjugate
    gradients give for each.

    Args:
        product: Vectors (1, p) -> A times each.
        right: b, shape (p,).
        dampings: λ, each above 0.
        steps: Products at most; fewer where the space is exhausted.

    Returns:
        Solutions, shape (n_dampings, p), and the norm of each residual as a share of that of b, shape (n_dampings,).

    Raises:
        BadInput: A damping is not above 0, or b is zero.

    Source: Lanczos (1950); Frommer & Maass (1999), Fast CG-based methods for Tikhonov–Phillips regularization, section 3.

    >>> a = torch.diag(torch.tensor([1.0, 3.0]))
    >>> found, left = shifted_solves(lambda v: v @ a, torch.tensor([1.0, 1.0]), [1.0, 2.0], steps=2)
    >>> [[round(float(x), 3) for x in one] for one in found]
    [[0.5, 0.25], [0.333, 0.2]]
    """
    if not all(d > 0 for d in dampings):
        raise BadInput(f"shifted_solves: dampings are numbers above 0; got {', '.join(f'{d:g}' for d in dampings)}.")
    size = right.norm()
    if not size > 0:
        raise BadInput("shifted_solves: the right-hand side is zero, and so is every solution.")
    basis = right.new_zeros(steps + 1, len(right))
    basis[0] = right / size
    along, across = list[float](), list[float]()
    for k in range(steps):
        w = product(basis[k][None])[0]
        along.append(float(w @ basis[k]))
        # Twice: once leaves as much of the earlier directions as rounding does.
        for _ in range(2):
            w = w - (basis[: k + 1] @ w) @ basis[: k + 1]
        across.append(float(w.norm()))
        if across[-1] <= 1e-7 * max(along):
            across[-1] = 0.0
            break
        basis[k + 1] = w / across[-1]
    n = len(along)
    off = torch.tensor(across[: n - 1], dtype=torch.float64)
    small = torch.diag(torch.tensor(along, dtype=torch.float64)) + torch.diag(off, 1) + torch.diag(off, -1)
    first = torch.eye(n, dtype=torch.float64)[0]
    made = torch.stack([torch.linalg.solve(small + d * torch.eye(n, dtype=torch.float64), first) for d in dampings])
    return float(size) * (made.to(right.dtype) @ basis[:n]), across[-1] * made[:, -1].abs()
