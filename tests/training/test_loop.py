"""The loop against a bare one; stops, schedules, resumption, refusals."""

import math
import os
import signal
import subprocess
import sys

import polars as pl
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from unseen.engine.seeds import torch_generator  # noqa: E402
from unseen.errors import BadInput, Undefined  # noqa: E402
from unseen.learners.architectures.mlp import MLP  # noqa: E402
from unseen.training import TorchLearner, TrainConfig, fit_stacked, fit_tensors  # noqa: E402

WITHOUT_TIME = ["step", "split", "loss", "accuracy"]


def moons(n=200, seed=0):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, generator=g)
    return x, (x[:, 0] * x[:, 1] > 0).long()


def small():
    return MLP([2, 16, 2])


def dropped():
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))


def test_full_batch_training_is_that_of_a_bare_loop():
    model, twin = small(), small()
    twin.load_state_dict(model.state_dict())
    x, y = moons()
    config = TrainConfig(steps=50, batch_size=None, lr=1e-2, weight_decay=0.1, clip=0.5)
    fitted = fit_tensors(model, (x, y), None, config, torch_generator(0))
    optimizer = torch.optim.AdamW(twin.parameters(), lr=1e-2, weight_decay=0.1)
    for _ in range(50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(twin(x), y).backward()
        nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        optimizer.step()
    for a, b in zip(fitted.model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_every_example_is_seen_once_an_epoch():
    seen = []

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 2)

        def forward(self, x):
            if self.training:
                seen.extend(x[:, 0].tolist())
            return self.layer(x)

    x = torch.arange(20.0)[:, None]
    config = TrainConfig(steps=8, batch_size=5)
    fit_tensors(Spy(), (x, torch.zeros(20, dtype=torch.long)), None, config, torch_generator(0))
    assert sorted(seen[:20]) == sorted(seen[20:]) == list(range(20))
    assert seen[:20] != seen[20:]


def test_equal_generators_give_equal_runs_whatever_torch_drew_before():
    runs = []
    for junk in (1, 2):
        torch.manual_seed(junk)
        config = TrainConfig(steps=30, eval_every=10, batch_size=16)
        runs.append(fit_tensors(dropped, moons(), {"unseen": moons(50, 1)}, config, torch_generator(7)))
    assert runs[0].history.select(WITHOUT_TIME).equals(runs[1].history.select(WITHOUT_TIME))
    assert (runs[0].accuracy(moons(50, 1)) == runs[1].accuracy(moons(50, 1))).all()


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import os, signal
from test_loop import *
torch.set_num_threads(1)
def kill(step, model):
    if step == {kill}:
        os.kill(os.getpid(), signal.SIGKILL)
fit_tensors(dropped, moons(), {{"unseen": moons(50, 1)}}, CONFIG, torch_generator(7), checkpoint={path!r}, after_step=kill)
"""
CONFIG = TrainConfig(steps=60, eval_every=10, batch_size=16, schedule="cosine", warmup=5)


@pytest.mark.parametrize("kill", [1, 37])
def test_a_run_killed_at_any_step_ends_as_if_it_had_not_been(tmp_path, kill):
    path = tmp_path / "run.pt"
    script = SCRIPT.format(folder=os.path.dirname(__file__), kill=kill, path=str(path))
    ended = subprocess.run([sys.executable, "-c", script], env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    assert ended.returncode == -signal.SIGKILL
    resumed = fit_tensors(dropped, moons(), {"unseen": moons(50, 1)}, CONFIG, torch_generator(7), checkpoint=path)
    straight = fit_tensors(dropped, moons(), {"unseen": moons(50, 1)}, CONFIG, torch_generator(7))
    assert resumed.history.select(WITHOUT_TIME).equals(straight.history.select(WITHOUT_TIME))
    for a, b in zip(resumed.model.parameters(), straight.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_foreign_and_broken_checkpoints_are_refused(tmp_path):
    path = tmp_path / "run.pt"
    fit_tensors(small, moons(), None, TrainConfig(steps=2), torch_generator(0), checkpoint=path)
    with pytest.raises(BadInput, match="another configuration"):
        fit_tensors(small, moons(), None, TrainConfig(steps=3), torch_generator(0), checkpoint=path)
    with pytest.raises(BadInput, match="another model"):
        fit_tensors(lambda: MLP([2, 4, 2]), moons(), None, TrainConfig(steps=2), torch_generator(0), checkpoint=path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadInput, match="not a checkpoint"):
        fit_tensors(small, moons(), None, TrainConfig(steps=2), torch_generator(0), checkpoint=path)


def test_stops_are_made_and_said():
    config = TrainConfig(steps=2000, lr=1e-2, eval_every=20, stop_at=0.9, stop_on="seen")
    fitted = fit_tensors(small, moons(), {"seen": moons(100, 1)}, config, torch_generator(0))
    assert fitted.stopped == f"accuracy on seen reached 0.9 after {fitted.steps} updates"
    last = fitted.history.filter(pl.col("split") == "seen")["accuracy"]
    assert last[-1] >= 0.9
    assert (last[:-1] < 0.9).all()
    noise = (torch.randn(64, 2, generator=torch.Generator().manual_seed(3)), torch.arange(64) % 2)
    config = TrainConfig(steps=5000, lr=1e-2, eval_every=20, patience=3, stop_on="unseen")
    fitted = fit_tensors(small, moons(), {"unseen": noise}, config, torch_generator(0))
    loss = fitted.history.filter(pl.col("split") == "unseen")["loss"]
    assert fitted.stopped.startswith("loss on unseen did not fall for 3 evaluations")
    assert loss.arg_min() == len(loss) - 4


def test_refusals_name_the_value():
    with pytest.raises(BadInput, match="stop_on names 'dev'; the sets are train, seen"):
        fit_tensors(small, moons(), {"seen": moons()}, TrainConfig(stop_on="dev"), torch_generator(0))
    with pytest.raises(BadInput, match="needs a generator"):
        fit_tensors(small, moons())
    with pytest.raises(BadInput, match="lr must be a positive number, got -1"):
        TrainConfig(lr=-1)
    with pytest.raises(Undefined, match="not a number after 10 updates"):
        fit_tensors(
            lambda: MLP([2, 16, 1]), (moons()[0], torch.full((200,), float("nan"))), None,
            TrainConfig(steps=10, eval_every=10), torch_generator(0), objective=_regress(),
        )  # fmt: skip


def _regress():
    from unseen.training import Tensors

    class Late(Tensors):
        """Finite at first."""

        calls = 0

        def scores(self, model, batch):
            self.calls += 1
            losses, right = super().scores(model, batch)
            return (torch.zeros_like(losses) if self.calls == 1 else losses), right

    return Late("regress")


@pytest.mark.parametrize("batch_size", [None, 32])
def test_stacked_models_are_those_trained_one_by_one(batch_size):
    config = TrainConfig(
        steps=60, batch_size=batch_size, lr=1e-2, eval_every=20, weight_decay=0.1, clip=0.3, schedule="cosine"
    )
    sets = {"unseen": moons(50, 1)}
    stacked = fit_stacked(small, moons(), sets, config, [torch_generator(i) for i in range(3)])
    for i, one in enumerate(stacked):
        alone = fit_tensors(small, moons(), sets, config, torch_generator(i))
        for a, b in zip(one.model.parameters(), alone.model.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)
        assert one.history["step"].equals(alone.history["step"])


def test_a_stacked_model_is_kept_as_it_was_when_it_met_the_stop():
    config = TrainConfig(
        steps=400, batch_size=None, lr=1e-2, eval_every=10, stop_at=0.9, stop_on="train", train_eval=200
    )
    stacked = fit_stacked(small, moons(), None, config, [torch_generator(i) for i in range(4)])
    assert len({f.steps for f in stacked}) > 1
    for fitted in stacked:
        assert fitted.accuracy(moons()).mean() == pytest.approx(fitted.final("train"))


def test_a_module_is_a_learner_with_responses():
    import numpy as np

    from unseen.data import Examples

    x, y = moons()
    table = pl.DataFrame({"x": x.numpy(), "target": y.numpy(), "quadrant": (x[:, 0] > 0).numpy()})
    table = table.with_columns(pl.col("x").cast(pl.Array(pl.Float32, 2)))
    data = Examples.from_table(table, inputs=["x"], target="target")
    learner = TorchLearner(lambda a, b: MLP([a, 16, b]), TrainConfig(steps=400, lr=1e-2), "net")
    answers = learner.fit(data, np.random.default_rng(0)).respond(data)
    assert answers.models == ("net",)
    assert answers.score.mean() > 0.9
    assert list(answers.factors) == ["quadrant"]
    assert ((answers.table["prediction"] == answers.table["target"]) == (answers.table["score"] == 1)).all()


@pytest.mark.slow
def test_modular_addition_is_generalised_late():
    p = 53
    a, b = torch.meshgrid(torch.arange(p), torch.arange(p), indexing="ij")
    a, b = a.flatten(), b.flatten()
    x = torch.cat([nn.functional.one_hot(a, p), nn.functional.one_hot(b, p)], 1).float()
    order = torch.randperm(p * p, generator=torch.Generator().manual_seed(0))
    half = len(order) // 2
    seen, unseen = ((x[r], ((a + b) % p)[r]) for r in (order[:half], order[half:]))
    config = TrainConfig(
        steps=4000, batch_size=None, lr=1e-2, weight_decay=1.0, betas=(0.9, 0.98), eval_every=50, stop_at=0.999,
        stop_on="unseen", train_eval=p * p,
    )  # fmt: skip
    fitted = fit_tensors(lambda: MLP([2 * p, 256, p]), seen, {"unseen": unseen}, config, torch_generator(0))
    assert fitted.final("unseen") >= 0.999
    fits = fitted.history.filter((pl.col("split") == "train") & (pl.col("accuracy") >= 0.999))["step"][0]
    assert fits < fitted.steps / 2, "generalisation should come long after the table is fitted"
    assert math.isfinite(fitted.seconds)
