"""Even or odd: a convolutional student learns from a linear supervisor that sees a coarser picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from unseen.atlas.plan import Measurement, Threshold, first_form

SIDES = {"large": 2, "middle": 4}


@first_form(
    slug="weak-to-strong",
    claim="Strong students that are trained naively on the labels of weak supervisors exceed them (part of the gap to "
    "the ceiling is recovered), and the auxiliary confidence loss recovers more of it where the gap is large.",
    source="Burns et al. (2023), Weak-to-Strong Generalization: Eliciting Strong Capabilities With Weak Supervision",
    thresholds=[
        Threshold(
            "naive_large", "above", 0.0, "Supervisor of 2 x 2 pixels: the naive student recovers part of the gap"
        ),
        Threshold("naive_large", "below", 1.0, "It does not recover all of it"),
        Threshold(
            "naive_middle", "above", 0.0, "Supervisor of 4 x 4 pixels: the naive student recovers part of the gap"
        ),
        Threshold("naive_middle", "below", 1.0, "It does not recover all of it"),
        Threshold(
            "confidence_gain", "above", 0.0, "2 x 2 pixels: the confidence loss recovers more than naive training"
        ),
    ],
    units="seeds: split, pretraining, initial weights and order redrawn; 797 test digits each",
    reduced="Even against odd on 8 x 8 digits. Supervisor: logistic regression on mean-pooled pixels, 300 rows. Student: "
    "two convolutions pretrained on rotations without labels (300 updates), then 300 updates on 700 weakly labelled "
    "rows. No language models.",
    reconstructed="Weight 0.5 of the confidence loss, which the paper gives for its smaller students, reached after a "
    "fifth of the updates; soft weak labels.",
    seeds=8,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Share of the gap recovered with and without the confidence loss, for two supervisors."""
    from sklearn.linear_model import LogisticRegression

    from unseen.atlas.digit_tasks import split_digits
    from unseen.engine.seeds import numpy_generator
    from unseen.training.distillation.weak_to_strong import gap_recovered

    (x_weak, y_weak), (x, y), (x_test, y_test) = split_digits(numpy_generator(seed, "split"), 300, 700)
    steps = 30 if quick else 300
    body = _pretrained(np.concatenate([x_weak, x]), seed, steps)
    test = (x_test, y_test % 2)
    ceiling = _student(body, x, np.eye(2)[y % 2], test, seed, steps, 0.0)
    found: dict[str, Measurement] = {"accuracy_ceiling": ceiling}
    for name, side in SIDES.items():
        weak = LogisticRegression(max_iter=1000).fit(_pooled(x_weak, side), y_weak % 2)
        right = float((weak.predict(_pooled(x_test, side)) == test[1]).mean())
        labels = weak.predict_proba(_pooled(x, side))
        naive = _student(body, x, labels, test, seed, steps, 0.0)
        confident = _student(body, x, labels, test, seed, steps, 0.5)
        found |= {f"accuracy_weak_{name}": right, f"accuracy_naive_{name}": naive}
        found[f"accuracy_confident_{name}"] = confident
        # The quick form trains too little for a ceiling; the share is then taken of the distance to a perfect score.
        top = 1.0 if quick else ceiling
        found[f"naive_{name}"] = gap_recovered(right, naive, top)
        found[f"confident_{name}"] = gap_recovered(right, confident, top)
    found["confidence_gain"] = float(found["confident_large"]) - float(found["naive_large"])  # pyright: ignore[reportArgumentType]
    return found


def _pooled(x: np.ndarray, side: int) -> np.ndarray:
    step = 8 // side
    return x.reshape(len(x), side, step, side, step).mean((2, 4)).reshape(len(x), -1)


def _pretrained(x: np.ndarray, seed: int, steps: int) -> Any:
    """Weights of the convolutions of a net that tells by how many quarter turns a digit was rotated."""
    import torch

    from unseen.engine.seeds import seeded_torch, spawn, torch_generator
    from unseen.learners.architectures.featured import FeaturedCNN
    from unseen.training.distillation.weak_to_strong import train_student

    images = torch.from_numpy(x).reshape(-1, 8, 8)
    turned = torch.cat([torch.rot90(images, k, (1, 2)) for k in range(4)]).flatten(1)
    turns = torch.eye(4).repeat_interleave(len(images), 0)
    with seeded_torch(spawn(seed, "pretraining")):
        net = FeaturedCNN(1, 8, 4, 16)
    train_student(net, turned, turns, torch_generator(seed, "pretraining"), steps=steps)
    return net.body.state_dict()


def _student(
    body: Any, x: np.ndarray, labels: np.ndarray, test: tuple[np.ndarray, np.ndarray], seed: int, steps: int,
    weight: float,
) -> float:  # fmt: skip
    """Test accuracy of the pretrained net after training on labels."""
    import torch

    from unseen.engine.seeds import seeded_torch, spawn, torch_generator
    from unseen.learners.architectures.featured import FeaturedCNN
    from unseen.training.distillation.weak_to_strong import train_student

    with seeded_torch(spawn(seed, "head")):
        model = FeaturedCNN(1, 8, 2, 16)
    model.body.load_state_dict(body)
    goal = torch.from_numpy(labels.astype(np.float32))
    train_student(model, torch.from_numpy(x), goal, torch_generator(seed, "order"), steps=steps, weight=weight)
    with torch.no_grad():
        return float((model(torch.from_numpy(test[0])).argmax(1).numpy() == test[1]).mean())
