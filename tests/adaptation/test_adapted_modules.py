"""Torch learners with test-time methods around them."""

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

from unseen.adaptation import NAMES, Adapted, Method, named  # noqa: E402
from unseen.adaptation.parts import Parts  # noqa: E402
from unseen.data import Examples  # noqa: E402
from unseen.learners.architectures.featured import FeaturedMLP  # noqa: E402
from unseen.training import TrainConfig  # noqa: E402
from unseen.training.domain_learner import DomainLearner  # noqa: E402

torch.set_num_threads(1)


def table(n=400, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    x = 3 * np.eye(3, 4)[y] + rng.normal(size=(n, 4)) + offset * np.array([-1.0, 1.0, 1.0, 0.0])
    frame = pl.DataFrame({"x": x, "y": y, "site": rng.choice(["a", "b"], n)})
    return Examples.from_table(frame, inputs=["x"], target="y")


def learner():
    return DomainLearner(
        lambda i, o: FeaturedMLP(i, o, 16, 2, batch_norm=True), config=TrainConfig(steps=150, batch_size=64)
    )


@pytest.fixture(scope="module")
def fitted():
    return learner().fit(table(), np.random.default_rng(0))


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("setting", ["episodic", "online", "continual"])
def test_every_method_wraps_a_module_in_every_setting(fitted, method, setting):
    adapted = Adapted(fitted, method, setting, domain="site").attach(table())
    answers = adapted.respond(table(200, 1))
    assert answers.score.mean() > 0.8
    assert answers.table.equals(adapted.respond(table(200, 1)).table)


def test_features_and_probabilities_are_those_of_the_learner(fitted):
    made = Parts(fitted, table()).read(table(50, 1), {"features", "probabilities", "inputs"})
    assert made["features"] == pytest.approx(fitted.features(table(50, 1)), abs=1e-6)
    assert made["probabilities"] == pytest.approx(fitted.probabilities(table(50, 1)), abs=1e-6)
    w, b = Parts(fitted, table()).head
    logits = made["features"] @ w.T + b
    assert logits.argmax(1).tolist() == made["probabilities"].argmax(1).tolist()


def test_batch_norm_follows_an_offset(fitted):
    moved = table(600, 2, offset=6.0)
    adapted = Adapted(fitted, "batch-norm").attach(table())
    assert adapted.respond(moved).score.mean() > fitted.respond(moved).score.mean() + 0.2


def test_episodic_tent_predicts_after_its_step(fitted):
    adapted = Adapted(fitted, named("tent", rate=0.05), "episodic").attach(table())
    assert adapted.methods == {"tent rate=0.05 again=True": Method("tent", {"rate": 0.05, "again": True})}
    plain = Adapted(fitted, named("batch-norm", prior=0.0, cumulative=False), "episodic").attach(table())
    assert not np.allclose(adapted.probabilities(table(100, 1)), plain.probabilities(table(100, 1)), atol=1e-3)
