"""One run gives for each damping what the dense solve gives, and a residual that is the true one."""

import pytest

torch = pytest.importorskip("torch")

from unseen.errors import BadInput  # noqa: E402
from unseen.measures.influence.shifted import shifted_solves  # noqa: E402


def drawn(rank):
    generator = torch.Generator().manual_seed(0)
    half = torch.randn(rank, 30, dtype=torch.float64, generator=generator)
    return half.T @ half / rank, torch.randn(30, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("rank", [50, 12])
def test_each_damping_has_the_solution_of_its_own_matrix(rank):
    a, b = drawn(rank)
    dampings = [0.01, 0.5, 20.0]
    found, left = shifted_solves(lambda v: v @ a, b, dampings, steps=30)
    for x, d in zip(found, dampings, strict=True):
        wanted = torch.linalg.solve(a + d * torch.eye(30, dtype=torch.float64), b)
        torch.testing.assert_close(x, wanted, rtol=1e-6, atol=1e-8)
    assert float(left.max()) < 1e-6


def test_residuals_after_few_steps_are_the_true_ones():
    a, b = drawn(50)
    dampings = [0.1, 3.0]
    found, left = shifted_solves(lambda v: v @ a, b, dampings, steps=6)
    true = [float((a @ x + d * x - b).norm() / b.norm()) for x, d in zip(found, dampings, strict=True)]
    assert left.tolist() == pytest.approx(true, rel=1e-6)
    assert true[0] > true[1] > 1e-6


def test_what_has_no_solution_is_said():
    a, b = drawn(50)
    with pytest.raises(BadInput, match="numbers above 0; got 1, 0"):
        shifted_solves(lambda v: v @ a, b, [1, 0], steps=3)
    with pytest.raises(BadInput, match="right-hand side is zero"):
        shifted_solves(lambda v: v @ a, 0 * b, [1], steps=3)
