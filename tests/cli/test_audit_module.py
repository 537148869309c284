"""A folder of weights, the code that builds the network and its data are audited from the command line."""

import sys

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

CODE = """from torch import nn

def build(width=4):
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))
"""


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_nets.py").write_text(CODE)
    (tmp_path / "runs").mkdir()
    import my_nets

    rows = []
    for width in (4, 8):
        for seed in range(5):
            torch.manual_seed(seed)
            torch.save(my_nets.build(width).state_dict(), tmp_path / "runs" / f"w{width}s{seed}.pt")
            rows.append({"run": f"w{width}s{seed}", "width": width, "seed": seed})
    pl.DataFrame(rows).write_csv(tmp_path / "runs" / "runs.csv")
    rng = np.random.default_rng(0)
    for name in ("train", "test"):
        x = rng.normal(size=(80, 3))
        pl.DataFrame(x, schema=["a", "b", "c"]).with_columns(label=pl.Series((x[:, 0] > 0).astype(int))).write_parquet(
            f"{name}.parquet"
        )
    yield tmp_path
    sys.modules.pop("my_nets", None)


DATA = ("--train", "train.parquet", "--test", "test.parquet", "--target", "label")


def test_a_folder_of_runs_is_ordered(sweep, run):
    code, out, _err = run(
        "audit", "--module", "my_nets:build", "--weights", "runs", *DATA, "--select", "U907", "--full"
    )
    assert code == 0
    assert "10 runs as their unseen scores do" in " ".join(out.split())


def test_one_network_is_told_from_inside(sweep, run):
    code, out, _err = run(
        "audit", "--module", "my_nets:build", "--weights", "runs/w4s0.pt", *DATA, "--select", "U9", "--full"
    )
    assert code == 0
    for check in ("U901", "U902", "U903"):
        assert f"{check}  w4s0: " in out


def test_the_first_screen_says_what_orders_runs_and_where_the_inside_is_told(sweep, run):
    _, out, _err = run("audit", "--module", "my_nets:build", "--weights", "runs", *DATA, "--select", "U101,U907")
    assert "10 runs as their unseen scores do" in " ".join(out.split())
    _, out, _err = run(
        "audit", "--module", "my_nets:build", "--weights", "runs/w4s0.pt", *DATA, "--select", "U101,U901,U903"
    )
    assert "inside the network: U901, U903 (--full)" in " ".join(out.split())


def test_where_the_inside_alone_is_asked_about_it_comes_first(sweep, run):
    _, out, _err = run(
        "audit", "--module", "my_nets:build", "--weights", "runs/w4s0.pt", *DATA, "--select", "U901,U903,U905,U907"
    )
    assert out.startswith("w4s0: ")
    assert "could not be judged" not in out
    assert "to check, first train " in " ".join(out.split()) or "no label stands out (U905)" in out


def test_what_was_read_is_described(sweep, run):
    code, out, _err = run("audit", "--module", "my_nets:build", "--weights", "runs/w4s0.pt", *DATA, "--describe")
    assert code == 0
    told = " ".join(out.split())
    assert "answers 160" in told
    assert "seen 80, unseen 80" in told
    assert "w4s0: it was in training mode: read in evaluation mode." in told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--weights", "runs"), "say with --module module:function what builds it"),
        (("--module", "my_nets:build"), "give its weights too: --weights FILE"),
        (("--module", "my_nets:nothing", "--weights", "runs"), "--module my_nets:nothing: can't be imported"),
        (("--module", "my_nets:build", "--weights", "nowhere"), "nowhere: there is no such file or folder of weights"),
        (("--module", "my_nets:build", "--weights", "runs", "--loss", "hinge"), "hinge"),
    ],
)
def test_what_cannot_be_read_is_told_before_any_work(sweep, run, given, words):
    code, _out, err = run("audit", *given, *DATA)
    assert code == 2
    assert words in " ".join(err.split())


def test_a_folder_and_a_table_of_runs_that_do_not_fit_are_told(sweep, tmp_path):
    from unseen.errors import BadInput
    from unseen.learners.networks.stored import stored

    table = tmp_path / "runs" / "runs.csv"
    rows = pl.read_csv(table)
    pl.concat([rows, rows.head(1)]).write_csv(table)
    with pytest.raises(BadInput, match="names w4s0 in several rows"):
        stored("my_nets:build", tmp_path / "runs")
    rows.head(9).write_csv(table)
    with pytest.raises(BadInput, match="does not name w8s4"):
        stored("my_nets:build", tmp_path / "runs")
    rows.write_csv(table)
    (tmp_path / "runs" / "w4s0.pth").write_bytes(b"")
    with pytest.raises(BadInput, match="several files of w4s0"):
        stored("my_nets:build", tmp_path / "runs")
    with pytest.raises(BadInput, match="ends too early"):
        stored("my_nets:build", tmp_path / "runs" / "w4s0.pth")
    with pytest.raises(BadInput, match="can't be opened"):
        stored("my_nets:build", "a" * 300)


LANGUAGE = """from torch import nn

class Reads(nn.Module):
    def __init__(self):
        super().__init__()
        self.read, self.inner, self.told = nn.Embedding(23, 12), nn.Linear(12, 12), nn.Linear(12, 23)

    def forward(self, x):
        return {"logits": self.told(self.inner(self.read(x)).tanh())}
"""


def test_a_language_model_is_read_by_tokens_and_chosen_layers(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_lm.py").write_text(LANGUAGE)
    import my_lm

    torch.save(my_lm.Reads().state_dict(), tmp_path / "run.pt")
    rng = np.random.default_rng(0)
    for name in ("train", "test"):
        rows = [[(int(s) + i) % 23 for i in range(6)] for s in rng.integers(0, 23, 30)]
        pl.DataFrame({"tokens": rows}).write_parquet(f"{name}.parquet")
    given = ("--module", "my_lm:Reads", "--weights", "run.pt", "--train", "train.parquet", "--test", "test.parquet")
    more = ("--loss", "next-token", "--layers", "inner", "--select", "U901")
    code, out, _err = run("audit", *given, *more, "--full")
    assert code == 0
    assert "a step for one training example helps" in " ".join(out.split())
    _, out, _err = run("audit", *given, *more, "--describe")
    assert "2 of 5 parameters count as trained (inner)" in " ".join(out.split())
    code, _out, err = run("audit", *given, "--loss", "next-token", "--layers", "outer")
    assert code == 2
    assert "no parameter has 'outer' in its name" in " ".join(err.split())
    sys.modules.pop("my_lm", None)
