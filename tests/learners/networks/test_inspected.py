"""Networks with their data become answers that an audit reads; weights come from files that hold nothing but tensors."""

import json

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.errors import BadInput  # noqa: E402
from unseen.learners.networks import Inspected, Sample  # noqa: E402
from unseen.learners.networks.inspected import MOST_ANSWERED  # noqa: E402
from unseen.learners.networks.stored import built, stored, tensors  # noqa: E402


def data(n=20, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)).astype("float32"), rng.integers(0, 3, n)


def small(width=5):
    torch.manual_seed(width)
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))


def test_answers_are_those_of_the_network():
    net, (x, y) = small(), data()
    table = Inspected.of(net, data(seed=1), (x, y)).answers()
    with torch.no_grad():
        chances = torch.softmax(net(torch.tensor(x)), 1).numpy()
    own = table.filter(pl.col("split") == "unseen")
    assert own["item"].to_list() == [f"test {i}" for i in range(20)]
    assert own["prediction"].to_list() == [str(i) for i in chances.argmax(1)]
    assert own["score"].to_list() == (chances.argmax(1) == y).astype(float).tolist()
    assert np.allclose(own["confidence"], chances.max(1), atol=1e-6)


def test_columns_of_a_frame_stand_beside_the_answers_as_factors():
    x, y = data()
    frame = pl.DataFrame(x, schema=list("abcd")).with_columns(pl.Series("label", y), pl.Series("site", ["u", "v"] * 10))
    table = Inspected.of({"m": small()}, frame, frame, target="label", inputs=list("abcd")).answers(both=False)
    assert table["site"].to_list() == ["u", "v"] * 10
    assert "split" not in table.columns
    assert set(table["model"]) == {"m"}


def test_numbers_are_scored_by_their_error():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 4)), rng.normal(size=8)
    net = nn.Linear(4, 1)
    table = Inspected.of(net, (x, y)).answers()
    with torch.no_grad():
        wanted = -(net(torch.tensor(x).float())[:, 0] - torch.tensor(y).float()).abs()
    assert np.allclose(table["score"], wanted.numpy(), atol=1e-6)
    assert "confidence" not in table.columns


def test_one_logit_is_the_chance_of_the_second_class():
    x = np.array([[-2.0], [3.0]], dtype="float32")
    net = nn.Linear(1, 1)
    with torch.no_grad():
        net.weight.fill_(1.0)
        net.bias.fill_(0.0)
    table = Inspected.of(net, (x, [0, 0])).answers()
    assert table["prediction"].to_list() == ["0", "1"]
    assert np.allclose(table["confidence"], [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-3))])
    assert table["score"].to_list() == [1.0, 0.0]


def test_many_training_examples_are_answered_by_a_draw():
    x = np.zeros((MOST_ANSWERED + 5, 1), dtype="float32")
    made = Inspected.of(nn.Linear(1, 2), (x, np.zeros(len(x), dtype=int)), (x[:3], [0, 1, 0])).answers(seed=3)
    assert made.height == MOST_ANSWERED + 3


def test_train_and_test_must_fit_each_other():
    x, y = data()
    with pytest.raises(
        BadInput, match=r"test: inputs have the shape \(3,\) and classes as targets, those of train \(4,\)"
    ):
        Inspected.of(small(), (x, y), (x[:, :3], y))
    with pytest.raises(BadInput, match="settings of other, which is no network"):
        Inspected.of({"m": small()}, (x, y), settings={"other": {}})
    with pytest.raises(BadInput, match="give train="):
        Inspected.of(small(), None)
    with pytest.raises(BadInput, match="test has class 3, and the network tells 3 classes"):
        Inspected.of(small(), (x, y), (x, y + 1))


def test_runs_of_a_folder_are_built_with_their_settings(tmp_path):
    widths = {"a": 5, "b": 7}
    for name, width in widths.items():
        torch.save({"epoch": 3, "state_dict": small(width).state_dict()}, tmp_path / f"{name}.pt")
    (tmp_path / "runs.json").write_text(json.dumps([{"run": k, "width": v, "rate": 0.1} for k, v in widths.items()]))
    networks, settings = stored(small, tmp_path)
    assert {k: m[0].out_features for k, m in networks.items()} == widths
    assert settings["b"] == {"width": 7, "rate": 0.1}
    assert torch.equal(networks["a"][0].weight, small(5)[0].weight)


def test_prefixes_of_wrapped_modules_are_taken_off(tmp_path):
    torch.save({f"module.{k}": v for k, v in small().state_dict().items()}, tmp_path / "a.pt")
    assert torch.equal(stored(small, tmp_path / "a.pt")[0]["a"][0].weight, small()[0].weight)


class Evil:
    def __reduce__(self):
        return (print, ("opened",))


def test_files_that_hold_more_than_tensors_are_not_opened(tmp_path, capsys):
    torch.save({"w": Evil()}, tmp_path / "a.pt")
    with pytest.raises(BadInput, match="holds more than tensors"):
        tensors(tmp_path / "a.pt")
    assert "opened" not in capsys.readouterr().out
    torch.save(small(), tmp_path / "whole.pt")
    with pytest.raises(BadInput, match="holds more than tensors"):
        tensors(tmp_path / "whole.pt")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not weights", "holds more than tensors|no file of weights"),
        (b"", "no file of weights"),
    ],
)
def test_damaged_files_are_named(tmp_path, content, words):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(BadInput, match=words):
        tensors(tmp_path / "a.pt")


def test_weights_of_another_architecture_are_told(tmp_path):
    torch.save(small(6).state_dict(), tmp_path / "a.pt")
    with pytest.raises(BadInput, match=r"0.weight has the shape \(6, 4\), and the network's is \(5, 4\)"):
        stored(small, tmp_path / "a.pt")
    torch.save({"other": torch.ones(1)}, tmp_path / "a.pt")
    with pytest.raises(BadInput, match=r"lacks .*0.bias.* and has .*other"):
        stored(small, tmp_path / "a.pt")
    torch.save({"epoch": 1, "loss": 0.5}, tmp_path / "a.pt")
    with pytest.raises(BadInput, match=r"holds .*epoch.*loss.*, and no mapping of tensors"):
        stored(small, tmp_path / "a.pt")


def test_a_folder_without_weights_and_code_that_cannot_be_had_are_told(tmp_path):
    with pytest.raises(BadInput, match="holds no weights"):
        stored(small, tmp_path)
    with pytest.raises(BadInput, match="no such file or folder"):
        stored(small, tmp_path / "nowhere")
    (tmp_path / "runs.csv").write_text("run,width\nlost,3\n")
    torch.save(small().state_dict(), tmp_path / "a.pt")
    with pytest.raises(BadInput, match=r"names .*lost.*, of which there are no weights"):
        stored(small, tmp_path)
    for source, words in (
        ("nomodule", "write module:function"),
        ("no_such_module:f", "can't be imported"),
        ("json:__name__", "is a str"),
    ):
        with pytest.raises(BadInput, match=words):
            built(source)


def test_safetensors_are_read(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(small().state_dict(), tmp_path / "a.safetensors")
    assert torch.equal(stored(small, tmp_path)[0]["a"][0].weight, small()[0].weight)
    (tmp_path / "b.safetensors").write_bytes(b"12")
    with pytest.raises(BadInput, match="is no safetensors file"):
        tensors(tmp_path / "b.safetensors")


def test_a_sample_is_taken_as_it_is():
    sample = Sample.of(data())
    assert Inspected.of(small(), sample).train is sample


def test_a_network_is_copied_once_and_held_against_both_sides(monkeypatch):
    import copy

    made = []
    kept = copy.deepcopy
    monkeypatch.setattr(copy, "deepcopy", lambda one, *more: (made.append(one), kept(one, *more))[1])
    Inspected.of({"a": small(), "b": small()}, data(), data(seed=1))
    assert sum(isinstance(one, nn.Sequential) for one in made) == 2


def test_memory_for_many_networks_is_told_before_the_first_is_read(monkeypatch):
    from unseen.engine import processes

    monkeypatch.setattr(processes, "_free_memory", lambda: 20_000.0)
    with pytest.raises(BadInput, match="copies of 100 networks and a chunk of gradients would take"):
        Inspected.of({str(i): small() for i in range(100)}, data())


def test_a_hinge_loss_on_one_output_is_scored_by_its_sign():
    x = np.array([[-2.0], [3.0], [1.0]], dtype="float32")
    net = nn.Linear(1, 1)
    with torch.no_grad():
        net.weight.fill_(1.0)
        net.bias.zero_()
    table = Inspected.of(net, (x, [0, 1, 0]), loss=lambda o, y: (1 - (2 * y - 1) * o[:, 0]).clamp(min=0)).answers()
    assert table["prediction"].to_list() == ["0", "1", "1"]
    assert table["score"].to_list() == [1.0, 1.0, 0.0]
