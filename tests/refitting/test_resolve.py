"""Learners by name, as objects of a module, as torch modules; pickles are refused."""

import sys

import numpy as np
import polars as pl
import pytest

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.refitting import resolve, spec_of

MODULE = """
import numpy as np
from sklearn.linear_model import LogisticRegression

instance = LogisticRegression(C=0.5)

def make():
    return LogisticRegression(C=0.25)

def needs(a):
    return a

class Bare:
    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self
    def predict(self, x):
        return np.full(len(x), self.classes_[0])
    def predict_proba(self, x):
        return np.full((len(x), len(self.classes_)), 1 / len(self.classes_))

nothing = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "mine_learners.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "mine_learners"
    sys.modules.pop("mine_learners", None)


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    return Examples(pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.where(x[:, 0] > 0, "p", "n")}), ("a", "b"), "y")


def test_names_instances_factories_and_classes(module):
    assert resolve(spec_of("logistic")).estimator.C == 1.0
    assert resolve(spec_of(f"{module}:instance")).estimator.C == 0.5
    assert resolve(spec_of(f"{module}:make")).estimator.C == 0.25
    fitted = resolve(spec_of(f"{module}:Bare")).fit(data(), np.random.default_rng(0))
    assert fitted.probabilities(data()).shape == (200, 2)


def test_settings_are_set(module):
    assert resolve(spec_of(f"{module}:make").with_settings("strong", C=7.0)).estimator.C == 7.0
    assert resolve(spec_of("logistic").with_settings("weak", C=0.01)).name == "weak"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model.pkl", r"a pickle can run any code.*model_learner:make"),
        ("model.joblib", "a pickle can run any code"),
        ("gradient-bosting", "did you mean gradient-boosting"),
        ("no_such_module:x", "no module 'no_such_module'"),
        ("mine_learners:other", "has no 'other'; it has"),
        ("mine_learners:needs", "needs a; name a function without parameters"),
        ("mine_learners:nothing", "int has no fit"),
    ],
)
def test_what_is_no_learner_is_refused(module, name, said):
    with pytest.raises(BadInput, match=said):
        spec_of(name)


def test_an_edited_module_is_another_learner(module, tmp_path):
    before = spec_of(f"{module}:make")
    sys.modules.pop(module)
    (tmp_path / "mine_learners.py").write_text(MODULE.replace("0.25", "0.75"))
    assert spec_of(f"{module}:make").code != before.code


def test_a_torch_module_is_a_learner(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    (tmp_path / "mine_modules.py").write_text(
        "import torch\n\nclass Line(torch.nn.Module):\n"
        "    def __init__(self, inputs, outputs):\n        super().__init__()\n"
        "        self.out = torch.nn.Linear(inputs, outputs)\n\n    def forward(self, x):\n        return self.out(x)\n\n"
        "def build(inputs, outputs):\n    return Line(inputs, outputs)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("Line", "build"):
        learner = resolve(spec_of(f"mine_modules:{name}")).fit(data(), np.random.default_rng(0))
        assert learner.respond(data()).score.mean() > 0.9
    sys.modules.pop("mine_modules")
