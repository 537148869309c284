"""The confidence loss against its written-out form; the share of the gap recovered and its interval."""

import numpy as np
import pytest
import torch
from torch import nn

from unseen.engine.seeds import seeded_torch, torch_generator
from unseen.errors import BadInput, Undefined
from unseen.training.distillation.weak_to_strong import (
    confidence_loss,
    gap_recovered,
    gap_recovered_estimate,
    hardened,
    train_student,
)


def test_two_classes_keep_the_supervisors_balance_whatever_the_level_of_confidence():
    chances = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.55])
    p = torch.stack([1 - chances, chances], 1)
    assert hardened(p, torch.tensor([0.6, 0.4])).tolist() == [1, 1, 0, 0, 0]  # a threshold of 0.5 would say all 1


def test_many_classes_are_balanced_too():
    with seeded_torch(0):
        logits = torch.randn(900, 3) + torch.tensor([2.0, 0.0, 0.0])
    plain = (logits.argmax(1) == 0).float().mean()
    even = (hardened(logits.softmax(1), torch.full((3,), 1 / 3)) == 0).float().mean()
    assert plain > 0.7
    assert 0.2 < even < 0.5  # one division by the mean moves most of the way


def test_the_loss_is_the_papers_formula():
    with seeded_torch(1):
        logits = torch.randn(6, 2, dtype=torch.float64)
    weak = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7], [0.5, 0.5], [0.5, 0.5]], dtype=torch.float64)
    logs = logits.log_softmax(1)
    own = torch.zeros(6, 2, dtype=torch.float64)
    top = logs[:, 1].argsort(descending=True)[:3]  # class 1 has half of the weak labels
    own[:, 0] = 1
    own[top] = torch.tensor([0.0, 1.0], dtype=torch.float64)
    wanted = -(0.3 * (weak * logs).sum(1) + 0.7 * (own * logs).sum(1)).mean()
    assert confidence_loss(logits, weak, 0.7).item() == pytest.approx(wanted.item())
    assert confidence_loss(logits, weak, 0.0).item() == pytest.approx(-(weak * logs).sum(1).mean().item())


def test_random_label_noise_is_undone_by_a_student_of_few_weights():
    # Flips at random carry no pattern, so that a linear student on 400 rows ends above its supervisor's 70 %.
    generator = torch_generator(0, "x")
    x = torch.randn(400, 4, generator=generator)
    truth = (x[:, 0] > 0).long()
    flipped = torch.where(torch.rand(400, generator=generator) < 0.3, 1 - truth, truth)
    for weight in (0.0, 0.5):
        with seeded_torch(0):
            model = nn.Linear(4, 2)
        labels = nn.functional.one_hot(flipped, 2).float()
        train_student(model, x, labels, torch_generator(0, "order"), steps=300, weight=weight, lr=0.02)
        assert (model(x).argmax(1) == truth).float().mean() > 0.9


def test_the_gap_and_its_interval():
    assert gap_recovered(0.6, 0.6, 0.9) == 0
    assert gap_recovered(0.6, 0.9, 0.9) == 1
    with pytest.raises(Undefined, match=r"ceiling \(0\.6\) is not above the supervisor \(0\.7\)"):
        gap_recovered(0.7, 0.65, 0.6)
    with pytest.raises(BadInput, match="got 3, 3, 2"):
        gap_recovered_estimate(np.ones(3), np.ones(3), np.ones(2), np.random.default_rng(0))
    with pytest.raises(Undefined, match="of resamples have no gap"):
        gap_recovered_estimate(np.eye(8)[0], np.ones(8), np.eye(8)[:2].sum(0), np.random.default_rng(0))
    with pytest.raises(BadInput, match="between 0 and 1, got 2"):
        confidence_loss(torch.zeros(2, 2), torch.full((2, 2), 0.5), 2)


def test_the_interval_covers_at_its_rate():
    rng, hits = np.random.default_rng(0), 0
    for _ in range(200):
        u = rng.random(300)  # the same items are hard for all three
        found = gap_recovered_estimate(u < 0.6, u < 0.75, u < 0.9, rng, resamples=300)
        hits += found.low <= 0.5 <= found.high
    assert 0.90 <= hits / 200 <= 0.99  # 95 % nominal; 0.90 is 3.2 binomial sd below
