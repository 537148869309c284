"""Linear students on self-supervised features learn digits from a perceptron that has seen few labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from unseen.atlas.digit_tasks import split_digits
from unseen.atlas.plan import (
    ANY,
    DIFFERENCE,
    SHARE,
    Change,
    Measurement,
    Sweep,
    control,
    gate,
    headline,
    side_part,
    study,
)
from unseen.engine.seeds import numpy_generator, seeded_torch, spawn, torch_generator
from unseen.learners.architectures.featured import FeaturedCNN, FeaturedMLP
from unseen.training.distillation.weak_to_strong import confidence_loss, gap_recovered, hardened, train_student

LABELS, EPOCHS = (50, 100, 200), (5, 20, 60)
ROWS, BATCH, RATE, WEIGHT = 1000, 100, 3e-3, 0.5
TEMPERATURE = 0.2


def view(x: Tensor, generator: torch.Generator) -> Tensor:
    """Digits turned, scaled, moved and with noise, shape (n, 64): what a student may take for the same digit."""

    def within(bound: float) -> Tensor:
        return bound * (2 * torch.rand(len(x), generator=generator) - 1)

    angle, scale = within(0.35), 1 + within(0.15)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    map_ = torch.stack([torch.stack([cos, -sin, within(0.25)], 1), torch.stack([sin, cos, within(0.25)], 1)], 1)
    images = x.reshape(-1, 1, 8, 8)
    grid = functional.affine_grid(map_, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, align_corners=False, padding_mode="border")
    return (moved + 0.2 * torch.randn(moved.shape, generator=generator)).flatten(1)


def self_supervised(x: Tensor, seed: int, steps: int) -> FeaturedCNN:
    """A convolutional network trained without labels to tell two views of one digit from those of others."""
    generator = torch_generator(seed, "views")
    with seeded_torch(spawn(seed, "pretraining")):
        net = FeaturedCNN(1, 8, 64, 16)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(steps):
        rows = x[torch.randperm(len(x), generator=generator)[:256]]
        z = functional.normalize(net(torch.cat([view(rows, generator), view(rows, generator)])), dim=1)
        n = len(rows)
        alike = (z @ z.T / TEMPERATURE).masked_fill(torch.eye(2 * n, dtype=torch.bool), -1e9)
        optimizer.zero_grad()
        functional.cross_entropy(alike, torch.cat([torch.arange(n, 2 * n), torch.arange(n)])).backward()
        optimizer.step()
    return net.eval()


def probe(
    z: Tensor, labels: Tensor, generator: torch.Generator, *, epochs: int = 20, weight: float = 0.0, shuffled: bool = False
) -> torch.nn.Linear:  # fmt: skip
    """A linear head on features under soft labels (Adam), with the confidence loss where it has weight.

    ``shuffled`` gives each row the student's own hard prediction on another row of the batch.
    """
    head = torch.nn.Linear(z.shape[1], labels.shape[1])
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    optimizer = torch.optim.Adam(head.parameters(), lr=RATE)
    steps = max(1, epochs * len(z) // BATCH)
    for step in range(steps):
        rows = torch.randint(len(z), (min(BATCH, len(z)),), generator=generator)
        now, logits, weak = weight * min(1.0, step / (0.2 * steps)), head(z[rows]), labels[rows]
        optimizer.zero_grad()
        if shuffled:
            own = hardened(logits.detach().softmax(-1), weak.mean(0))[torch.randperm(len(rows), generator=generator)]
            loss = (1 - now) * functional.cross_entropy(logits, weak) + now * functional.cross_entropy(logits, own)
        else:
            loss = confidence_loss(logits, weak, now)
        loss.backward()
        optimizer.step()
    return head


class Task:
    """Digits, or even and odd: features and labels of the student's rows and of the test."""

    def __init__(self, seed: int, name: str, data: Any, features: Any, classes: int) -> None:
        (self.x_weak, y_weak), (self.x, y), (self.x_test, y_test) = data
        self.y_weak, self.y, self.y_test = (torch.from_numpy(v % classes).long() for v in (y_weak, y, y_test))
        self.z_weak, self.z, self.z_test = features
        self.seed, self.name, self.classes = seed, name, classes
        self.ceiling = {e: self.student(self.hot(self.y), epochs=e) for e in EPOCHS}

    def hot(self, y: Tensor) -> Tensor:
        """One row a label, shape (n, classes)."""
        return functional.one_hot(y, self.classes).float()

    def student(self, labels: Tensor, **settings: Any) -> float:
        """Test accuracy of a linear student under labels."""
        head = probe(self.z, labels, torch_generator(self.seed, self.name, "order"), **settings)
        with torch.no_grad():
            return float((head(self.z_test).argmax(1) == self.y_test).double().mean())

    def supervisor(self, labels: int, steps: int) -> tuple[Tensor, float]:
        """Soft labels for the student's rows by a perceptron trained on few labels, and its test accuracy."""
        with seeded_torch(spawn(self.seed, self.name, "supervisor")):
            net = FeaturedMLP(64, self.classes, 32, 1)
        goal, order = self.hot(self.y_weak[:labels]), torch_generator(self.seed, self.name, "supervisor")
        train_student(net, torch.from_numpy(self.x_weak[:labels]), goal, order, steps=steps)
        with torch.no_grad():
            right = float((net(torch.from_numpy(self.x_test)).argmax(1) == self.y_test).double().mean())
            return net(torch.from_numpy(self.x)).softmax(1), right

    def alike(self, labels: int) -> float:
        """Share recovered where the supervisor is a linear head on the student's own features."""
        head = probe(
            self.z_weak[:labels], self.hot(self.y_weak[:labels]), torch_generator(self.seed, "alike"), epochs=200
        )
        with torch.no_grad():
            right = float((head(self.z_test).argmax(1) == self.y_test).double().mean())
            soft = head(self.z).softmax(1)
        return self.share(right, self.student(soft))

    def flipped(self, soft: Tensor) -> Tensor:
        """True labels, of which as many as the supervisor gets wrong are changed at random."""
        generator = torch_generator(self.seed, self.name, "flips")
        wrong = torch.rand(len(self.y), generator=generator) < (soft.argmax(1) != self.y).double().mean()
        other = torch.randint(1, self.classes, (len(self.y),), generator=generator)
        return self.hot((self.y + wrong * other) % self.classes)

    def share(self, weak: float, student: float, epochs: int = 20) -> float:
        """Share of the gap recovered, to the ceiling of as many epochs."""
        return gap_recovered(weak, student, self.ceiling[epochs])


@study(
    slug="weak-to-strong",
    claim=[
        ("Strong students trained naively on labels of a weaker supervisor do better than it.", "naive"),
        ("An auxiliary confidence loss recovers more of the gap.", "confidence_gain"),
        ("Naive training is far from recovering all of it.", "shortfall"),
        ("The students do better on two-way questions, too.", "naive_parity"),
    ],
    source="Burns et al. (2023), Weak-to-Strong Generalization: Eliciting Strong Capabilities With Weak Supervision",
    link="https://arxiv.org/abs/2312.09390",
    did="Finetuned pretrained language models of the GPT-4 family on labels of smaller ones (texts, chess, rewards), and "
    "linear probes on DINO features on soft labels of AlexNet (ImageNet); added a loss towards the student's own predictions.",
    here="The form of the authors' vision code on 8 × 8 digits: a linear student on features of a convolutional network that was "
    "trained without labels, on the soft labels of a perceptron that saw 100 labels. No language models: "
    "a pretrained one as student would not fit into minutes.",
    fidelity="C",
    parts=[
        headline("naive", "Ten digits: share of the gap that naive training recovers", claimed=0.2, refuted=0.0, within=ANY,
                 basis="section 4.2: shares are typically above 20 % on texts; 0.23 and 0.42 from AlexNet to DINO in the authors' "
                 "table, by its accuracies"),
        headline("confidence_gain", "Ten digits: share that the confidence loss recovers on top", claimed=0.1, refuted=0.0,
                 within=ANY, basis="section 4.3: the median share rises from a quarter to near 0.8 where the gap is large; a tenth "
                 "is the least of its gains"),
        side_part("shortfall", "Ten digits: share of the gap that naive training leaves", claimed=0.2, refuted=0.0, within=ANY,
                  basis="abstract: still far from recovering the full capabilities; section 4.2 has shares up to about 0.8"),
        side_part("naive_parity", "Even or odd: share of the gap that naive training recovers", claimed=0.2, refuted=0.0,
                  within=ANY, basis="as for ten digits; the texts of the paper are two-way questions"),
        gate("learnt", "Under true labels the student is right on new digits", at_least=0.95, within=SHARE,
             basis="what its features hold"),
        gate("gap", "Its lead over the supervisor then, in points", at_least=0.04, within=DIFFERENCE,
             basis="three standard errors of 597 test digits and more, so that a share can be taken"),
        control("flips", "Random flips in place of the supervisor's errors are undone: share recovered", at_least=0.5, within=ANY,
                basis="errors without a pattern can't be copied by a student of few weights"),
        control("alike", "Under a supervisor of its own kind nothing is recovered", at_most=0.2, within=ANY,
                basis="below what is claimed", cuts="the difference of supervisor and student: both linear on the same features"),
        control("shuffled_gain", "With the student's own predictions on other rows the confidence loss gains nothing",
                at_most=0.1, within=ANY, basis="below what is claimed", cuts="the link of own predictions to rows"),
    ],
    units="seeds: split, views, initial weights and order redrawn; 597 test digits each.",
    seeds=range(10, 52),
    code="openai/weak-to-strong: vision/run_weak_strong.py (linear probe with Adam, batch 100, 20 epochs for DINO ResNet-50, soft "
    "labels) and weak_to_strong/loss.py (logconf_loss_fn: weight 0.5, the batch keeps the supervisor's balance)",
    oracle=["tests/training/test_weak_to_strong.py"],
    reconstructed="Features: contrastive training of two views (turned, scaled, moved, noise) on the 1,200 digits of supervisor "
    "and student, 400 updates, in place of DINO. Rate 3e-3 (theirs 1e-3, for 40,000 rows). The authors' confidence loss is for two "
    "classes; with ten, chances are divided by their mean first. Labels of the supervisor and epochs are swept.",
    sweeps=[
        Sweep("labels that the supervisor saw", "naive", {str(n): f"naive at {n} labels" for n in LABELS}),
        Sweep("labels that the supervisor saw", "confidence_gain", {str(n): f"confidence_gain at {n} labels" for n in LABELS}),
        Sweep("epochs", "naive", {str(e): f"naive at {e} epochs" for e in EPOCHS}),
    ],
    history=[
        Change("2026-11-21", "New plan after one of the first form, whose linear supervisor made errors that students could copy.",
               tuple(range(8))),
        Change("2026-11-21", "Pilots, thresholds set before: finetuning the whole student on even or odd for two epochs recovered "
               "0 to 0.3; the form of the authors' vision code took its place, and even or odd stays as a side part. 42 seeds, as "
               "the spread asked for.", tuple(range(100, 106))),
    ],
    would_take="pretrained language models of several sizes and GPU days",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Features without labels, then students under supervisors of three strengths."""
    data = split_digits(numpy_generator(seed, "split"), LABELS[-1], ROWS)
    seen = torch.from_numpy(np.concatenate([data[0][0], data[1][0]]))
    net, steps = self_supervised(seen, seed, 40 if quick else 400), 100 if quick else 300
    with torch.no_grad():
        features = [net.features(torch.from_numpy(x)) for x, _ in data]
    features = [z / features[1].std() for z in features]
    digits, parity = (Task(seed, n, data, features, c) for n, c in (("digits", 10), ("parity", 2)))
    found = dict[str, Measurement]()
    for labels in LABELS:
        soft, weak = digits.supervisor(labels, steps)
        naive = digits.share(weak, digits.student(soft))
        gain = digits.share(weak, digits.student(soft, weight=WEIGHT)) - naive
        found |= {f"naive at {labels} labels": naive, f"confidence_gain at {labels} labels": gain}
        if labels != LABELS[1]:
            continue
        shuffled = digits.share(weak, digits.student(soft, weight=WEIGHT, shuffled=True))
        found |= {
            "naive": naive, "confidence_gain": gain, "shortfall": 1 - naive, "shuffled_gain": shuffled - naive,
            "weak": weak, "learnt": digits.ceiling[20], "gap": digits.ceiling[20] - weak,
            "flips": digits.share(weak, digits.student(digits.flipped(soft))), "alike": digits.alike(labels),
        }  # fmt: skip
        for epochs in EPOCHS:
            found[f"naive at {epochs} epochs"] = digits.share(weak, digits.student(soft, epochs=epochs), epochs)
    soft, weak = parity.supervisor(LABELS[0], steps)
    found |= {
        "naive_parity": parity.share(weak, parity.student(soft)),
        "weak_parity": weak,
        "learnt_parity": parity.ceiling[20],
    }
    found["flips_parity"] = parity.share(weak, parity.student(parity.flipped(soft)))
    return found
