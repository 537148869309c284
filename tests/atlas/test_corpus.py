"""The corpus of trained networks: its recipe on few runs, and what is kept of it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.atlas.corpus import images as I  # noqa: E402
from unseen.atlas.corpus import kept, measuring, training  # noqa: E402
from unseen.atlas.corpus.networks import network  # noqa: E402
from unseen.atlas.corpus.settings import FAMILIES, LOSS, MEASURES  # noqa: E402
from unseen.errors import BadInput  # noqa: E402

MLP = FAMILIES["mlp"]


@pytest.fixture(scope="module")
def digits():
    return I.images("digits", MLP.rows)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path))


def weights_of(done):
    return torch.cat([v.reshape(-1) for v in done.weights.values()])


def test_a_run_learns_the_same_alone_and_in_a_stack(digits):
    runs = kept.stacks(MLP.runs())[0]
    together = training.train(runs, digits, updates=40)
    alone = training.train([runs[11]], digits, updates=40)[0]
    # Rounding of single precision, which 40 updates make larger; two runs differ by more than 1.
    assert torch.allclose(weights_of(alone), weights_of(together[11]), atol=2e-3)
    assert float((weights_of(together[10]) - weights_of(together[11])).norm()) > 1


def test_a_stack_makes_the_updates_of_torch_s_adamw(digits):
    run = next(r for r in MLP.runs() if r.settings["decay"] and not r.settings["moves"])
    made = training.train([run], digits, updates=training.LOOK)[0]
    net = network(run, digits.train.shape[1:], digits.classes)
    by = torch.optim.AdamW(net.parameters(), lr=run.settings["rate"], weight_decay=run.settings["decay"])
    draws = training.torch_generator(run.seed, "corpus", "order", run.name)
    rows = torch.randint(MLP.rows, (training.LOOK, run.settings["batch"]), generator=draws)
    for at in rows:
        by.zero_grad()
        x, y = torch.from_numpy(digits.train)[at], torch.from_numpy(digits.mislabelled(run.settings["noise"]))[at]
        nn.functional.cross_entropy(net(x), y).backward()
        by.step()
    slow = torch.cat([p.detach().reshape(-1) for p in net.parameters()])
    assert torch.allclose(weights_of(made), slow, atol=1e-4)


def test_runs_stop_at_the_common_loss_and_leave_the_others_alone(digits):
    runs = [r for r in kept.stacks(MLP.runs())[-1] if r.settings["rate"] == 0.004 and not r.settings["noise"]]
    done = training.train(runs, digits, updates=150)
    assert any(one.reached for one in done)
    for one in done:
        assert (one.loss <= LOSS) == one.reached
        assert one.steps <= 150
        net = kept.module(one)
        with torch.no_grad():
            loss = nn.functional.cross_entropy(net(torch.from_numpy(digits.train)), torch.from_numpy(digits.labels))
        assert float(loss) == pytest.approx(one.loss, abs=1e-4)


def test_runs_of_two_shapes_are_no_stack(digits):
    with pytest.raises(BadInput, match="share family, width, depth, batch and seed"):
        training.train([MLP.runs()[0], MLP.runs()[-1]], digits)


def test_a_tenth_of_the_labels_is_wrong_and_they_are_the_same_for_all(digits):
    wrong = digits.mislabelled(0.1)
    assert (wrong != digits.labels).sum() == 40
    assert (wrong == digits.mislabelled(0.1)).all()
    assert (digits.mislabelled(0.0) == digits.labels).all()


def test_what_is_tested_was_not_trained_on(digits):
    seen = {x.tobytes() for x in digits.train}
    assert not seen & {x.tobytes() for x in digits.test}
    assert len(digits.shifted) == 1500


def test_photographs_are_read_from_hex():
    names = ("airplane", "automobile", "bird", "cat", "deer")
    red = "\n".join("".join("#ff0000" for _ in range(32)) for _ in range(32)) + "\n"
    task = {
        "examples": [
            {"input": red, "target_scores": {n: int(n == name) for n in names}} for name in ("cat", "deer", "bird")
        ]
    }
    x, y = I.read_photographs(task)
    assert y.tolist() == [3, 2]
    assert (x[:, 0] == 255).all()
    assert (x[:, 1:] == 0).all()


def test_images_that_are_not_there_are_told_with_what_brings_them(monkeypatch):
    monkeypatch.delenv("UNSEEN_BIGBENCH", raising=False)
    with pytest.raises(BadInput, match="pip download --no-deps bigbench"):
        I._photographs()


def test_a_run_is_kept_and_read_again(digits):
    done = training.train(MLP.runs()[:1], digits, updates=10)[0]
    assert kept.read(done.run) is None
    kept.keep(done)
    again = kept.read(done.run)
    assert (again.steps, again.loss) == (done.steps, pytest.approx(done.loss))
    assert all(torch.equal(again.weights[k], v) for k, v in done.weights.items())


def test_every_measure_of_a_perceptron_is_told(digits):
    run = next(r for r in MLP.runs() if r.settings["rate"] == 0.004 and r.settings["depth"] == 2)
    done = training.train([run], digits, updates=200)[0]
    assert set(measuring.measured(done)) == set(MEASURES)
    told = measuring.scored(done)
    bits = np.unpackbits(np.frombuffer(told["right"], np.uint8))[:1000]
    assert bits.mean() == pytest.approx(told["score"])
