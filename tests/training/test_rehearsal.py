"""Schedules spend equal budgets; penalties and projections are held against closed forms."""

import numpy as np
import pytest
import torch
from torch import nn

from unseen.engine.seeds import seeded_torch, torch_generator
from unseen.errors import BadInput
from unseen.training.continual.consolidation import ElasticWeights, SynapticIntelligence, fisher_diagonal
from unseen.training.continual.null_space import GradientProjection, NullSpaceRegression
from unseen.training.continual.rehearsal import rehearsal_counts, rehearsal_rows, revisit_shares, train_sequence


def linear(inputs, outputs, seed=0, bias=True):
    with seeded_torch(seed):
        return nn.Linear(inputs, outputs, bias=bias).double()


def test_shares_follow_their_law():
    ages = np.array([8, 4, 2, 1])
    power = revisit_shares(ages, "power", strength=2.0)
    assert power[3] / power[2] == pytest.approx(4.0)  # twice the age, a quarter of the share
    assert power[1] / power[0] == pytest.approx(4.0)
    exponential = revisit_shares(ages, "exponential", strength=0.5)
    assert exponential[1] / exponential[0] == pytest.approx(np.exp(2.0))
    assert revisit_shares(ages, "uniform").tolist() == [0.25] * 4
    assert revisit_shares(ages, "none").sum() == 0
    assert np.isfinite(revisit_shares(np.arange(2000, 1000, -1), "exponential", strength=5.0)).all()


@pytest.mark.parametrize("schedule", ["power", "uniform", "exponential"])
def test_every_schedule_spends_the_same_budget(schedule):
    rng = np.random.default_rng(0)
    ages = np.arange(9, 0, -1)
    assert rehearsal_counts(ages, 137, schedule, rng).sum() == 137
    capped = rehearsal_counts(ages, 137, schedule, rng, capacity=np.full(9, 20))
    assert capped.sum() == 137
    assert capped.max() <= 20
    assert rehearsal_counts(ages, 1000, schedule, rng, capacity=np.full(9, 20)).tolist() == [20] * 9


def test_counts_have_the_shares_as_their_mean():
    rng = np.random.default_rng(1)
    ages = np.array([3, 2, 1])
    mean = np.mean([rehearsal_counts(ages, 60, "power", rng) for _ in range(2000)], axis=0)
    assert mean == pytest.approx(60 * revisit_shares(ages, "power"), abs=0.4)  # 4 standard errors of 3.9/sqrt(2000)


def test_rows_hold_the_whole_newest_phase_and_the_budget():
    phases = np.repeat([2001, 2002, 2003, 2005], 50)
    rows = rehearsal_rows(phases, 60, "power", np.random.default_rng(0))
    assert len(np.unique(rows)) == 110
    assert (phases[rows] == 2005).sum() == 50


def test_bad_values_are_named():
    with pytest.raises(BadInput, match="one of power, uniform, exponential, none; got 'cubic'"):
        revisit_shares(np.array([1]), "cubic")
    with pytest.raises(BadInput, match="start at 1, got 0"):
        revisit_shares(np.array([0]), "power")
    with pytest.raises(BadInput, match="strength must be positive, got 0"):
        revisit_shares(np.array([1]), "power", strength=0)
    with pytest.raises(BadInput, match="negative, got -3"):
        rehearsal_counts(np.array([1]), -3, "power", np.random.default_rng(0))


def test_fisher_of_a_softmax_regression_is_its_closed_form():
    model = linear(5, 3)
    x = torch.randn(40, 5, dtype=torch.float64, generator=torch_generator(0, "x"))
    p = model(x).softmax(-1).detach()
    found = fisher_diagonal(model, x, chunk=7)
    # The gradient of log p(y) in row k is (1[y=k] - p_k) x, of variance p_k (1 - p_k) x².
    assert torch.allclose(found["weight"], torch.einsum("nk,nj->kj", p * (1 - p), x**2) / 40)
    assert torch.allclose(found["bias"], (p * (1 - p)).mean(0))


def two_tasks():
    rng = np.random.default_rng(0)
    made = []
    for sign in (1, -1):
        y = rng.integers(0, 2, 200)
        x = rng.normal(size=(200, 6)) * 0.5
        x[:, 0 if sign == 1 else 1] += 2.0 * (y - 0.5)
        x[:, 5] += 1.5 * sign * (y - 0.5)
        made.append((torch.tensor(x), torch.tensor(y)))
    return made


def run(guard=None, **more):
    tasks = two_tasks()
    return train_sequence(
        linear(6, 2), tasks, tasks, updates=150, lr=0.3, guard=guard, generator=torch_generator(0, "order"),
        rng=np.random.default_rng(0), **more,
    )  # fmt: skip


def test_a_zero_penalty_changes_nothing_and_a_huge_one_freezes():
    plain = run()
    assert np.array_equal(run(ElasticWeights(0.0)).accuracy, plain.accuracy)
    model, tasks = linear(6, 2), two_tasks()
    guard = ElasticWeights(5.0)
    held = train_sequence(
        model, tasks, tasks, updates=150, lr=0.05, guard=guard, generator=torch_generator(0, "o"),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert held.losses[1, 0] - held.losses[0, 0] < plain.losses[1, 0] - plain.losses[0, 0]


def test_path_integral_adds_up_to_the_fall_of_the_loss():
    # With small steps on a fixed batch the sum of -gradient × move is the fall of the loss (line integral).
    model = linear(4, 2)
    x = torch.randn(30, 4, dtype=torch.float64, generator=torch_generator(1, "x"))
    y = (x[:, 0] > 0).long()
    guard = SynapticIntelligence(1.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    first = nn.functional.cross_entropy(model(x), y).item()
    for _ in range(500):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        guard.before_step(model)
        optimizer.step()
        guard.after_step(model)
    fall = first - nn.functional.cross_entropy(model(x), y).item()
    assert sum(v.sum().item() for v in guard.path.values()) == pytest.approx(fall, rel=2e-3)


def test_rehearsal_and_penalties_forget_less_than_plain_training():
    plain = run()
    assert run(schedule="uniform", budget=200).losses[1, 0] < plain.losses[1, 0]
    assert run(SynapticIntelligence(1.0)).losses[1, 0] < plain.losses[1, 0]


def test_the_null_space_solution_fits_all_tasks_like_the_joint_minimum():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=40)
    learner, seen = NullSpaceRegression(40), []
    for _ in range(6):
        x = rng.normal(size=(6, 40))
        seen.append((x, x @ truth))
        learner.learn(*seen[-1])
        assert max(learner.loss(*task) for task in seen) < 1e-20
    every_x, every_y = np.concatenate([x for x, _ in seen]), np.concatenate([y for _, y in seen])
    # Each step has least norm within the null space, so the end is the joint solution of least norm.
    assert learner.weights == pytest.approx(np.linalg.lstsq(every_x, every_y, rcond=None)[0])
    assert learner.basis.shape[1] == 4


def test_without_a_shared_minimiser_earlier_losses_still_stay():
    rng = np.random.default_rng(1)
    first, second = ((rng.normal(size=(30, 20)), rng.normal(size=30)) for _ in range(2))
    learner = NullSpaceRegression(20).learn(*first)
    before, weights = learner.loss(*first), learner.weights
    assert before == pytest.approx(np.square(first[1] - first[0] @ np.linalg.lstsq(*first, rcond=None)[0]).mean())
    learner.learn(*second)
    assert np.array_equal(learner.weights, weights)  # 30 rows leave no room in 20 dimensions
    with pytest.raises(BadInput, match="20 features, got rows of 3"):
        learner.learn(np.ones((2, 3)), np.ones(2))


def test_projected_gradient_descent_reaches_the_null_space_solution():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=12)
    tasks = [(x, x @ truth) for x in (rng.normal(size=(3, 12)) for _ in range(3))]
    ideal = NullSpaceRegression(12)
    model = nn.Linear(12, 1, bias=False).double()
    nn.init.zeros_(model.weight)
    guard = GradientProjection(rows=3)
    for x, y in tasks:
        ideal.learn(x, y)
        inputs, target = torch.tensor(x), torch.tensor(y)
        for _ in range(4000):
            model.zero_grad()
            (model(inputs)[:, 0] - target).square().mean().backward()
            guard.before_step(model)
            with torch.no_grad():
                model.weight -= 0.05 * model.weight.grad
        guard.end_task(model, inputs, target)
    assert model.weight.detach().numpy()[0] == pytest.approx(ideal.weights, abs=1e-6)
    assert guard.basis.shape == (12, 9)
    assert torch.allclose(guard.basis.T @ guard.basis, torch.eye(9, dtype=torch.float64))
