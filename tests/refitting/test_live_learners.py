"""Learners as users hold them, and learners that misbehave: each refit fails alone, and is named."""

import subprocess
import sys
import textwrap

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unseen
from unseen.checks.base import Found
from unseen.engine.store import Store
from unseen.errors import BadInput
from unseen.refitting import Spec, spec_of
from unseen.refitting.problem import problem_of
from unseen.refitting.refits import Piece, Runner


def sites(seed=0, rows=60, count=5):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows * count, 3))
    return pl.DataFrame({
        "a": x[:, 0], "b": x[:, 1], "c": x[:, 2],
        "site": np.repeat([f"s{i}" for i in range(count)], rows),
        "y": np.where(x[:, 0] + 0.5 * x[:, 1] + rng.normal(0, 0.7, rows * count) > 0, "yes", "no"),
    })  # fmt: skip


def audited(learner, **more):
    options = {"target": "y", "learner": learner, "shifts": "held-out site", "refits": 2, "select": ["U800", "U801"]}
    return unseen.audit(sites(), **options | more)


@pytest.mark.parametrize(
    "learner",
    [
        LogisticRegression(C=0.5),
        make_pipeline(StandardScaler(), LogisticRegression()),
        LogisticRegression,
        lambda: LogisticRegression(C=2.0),
        # Ensembles have a length, which fails before they are fitted.
        RandomForestClassifier(5),
        ExtraTreesClassifier(5),
        BaggingClassifier(LogisticRegression(), 3),
        VotingClassifier([("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))], voting="soft"),
        make_pipeline(RandomForestClassifier(5)),
        # It has its predict only once it is fitted.
        StackingClassifier([("a", LogisticRegression())]),
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}),
    ],
    ids=[
        "estimator",
        "pipeline",
        "class",
        "lambda",
        "forest",
        "extra trees",
        "bagging",
        "voting",
        "pipeline of a forest",
        "stack",
        "search",
    ],
)
def test_any_estimator_is_a_learner(learner, tmp_path, monkeypatch):
    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path))
    audit = audited(learner)
    assert not any(isinstance(o, Found) and o.code == "U800" for o in audit.result.outcomes)
    assert "for the next one expect accuracy 0." in str([o.statement for o in audit.result.outcomes])


def test_a_forest_as_it_is_can_be_improved(tmp_path, monkeypatch):
    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path))
    found = unseen.improve(
        sites(),
        target="y",
        learner=RandomForestClassifier(5),
        unseen="site == 's1'",
        remedies="regularised",
        executor="serial",
    )
    assert found.document["learner"] == "RandomForestClassifier"


@pytest.mark.parametrize(
    ("learner", "target", "said"),
    [
        (LinearRegression(), "y", "LinearRegression predicts numbers, and the target holds classes. Take a classifier; or say regression=True"),
        (lambda: LinearRegression(), "y", "predicts numbers"),
        (make_pipeline(StandardScaler(), LinearRegression()), "y", "Pipeline predicts numbers"),
        (LogisticRegression(), "a", "LogisticRegression predicts classes, and the target is a number. Take a regressor; or say regression=False"),
    ],
)  # fmt: skip
def test_an_estimator_for_the_other_kind_of_target_is_refused_before_any_fit(learner, target, said):
    with pytest.raises(BadInput, match=said):
        unseen.audit(sites(), target=target, learner=learner, shifts="held-out site")


def test_an_estimator_in_the_place_of_a_name_is_told_where_it_belongs():
    with pytest.raises(BadInput, match="give it as learner="):
        unseen.audit(sites(), target="y", model=RandomForestClassifier(5))


def test_what_can_be_hashed_is_kept_between_runs_and_what_can_not_says_so():
    def made():
        return LogisticRegression()

    assert spec_of(LogisticRegression(C=0.5)).lasting
    assert spec_of(LogisticRegression(C=0.5)).code != spec_of(LogisticRegression(C=0.6)).code
    assert spec_of(make_pipeline(StandardScaler(), LogisticRegression())).lasting
    assert not spec_of(made).lasting
    note = "refits are not kept between runs"
    assert note in " ".join(audited(made).result.subject.learner.problem.notes)


def test_what_can_not_travel_is_refused_with_the_way_out():
    import threading

    model = LogisticRegression()
    model.lock = threading.Lock()
    with pytest.raises(BadInput, match=r"can't be sent to the processes .* Give a class or function that makes it"):
        spec_of(model)
    with pytest.raises(BadInput, match="has no fit"):
        spec_of(3)


BAD = """
    import os, sys, time
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    class Base(LogisticRegression):
        pass

    class NaN(Base):
        def predict_proba(self, x):
            p = super().predict_proba(x); p[3] = np.nan; return p

    class Negative(Base):
        def predict_proba(self, x):
            p = super().predict_proba(x); p[:, 0] -= 0.5; return p

    class Above(Base):
        def predict_proba(self, x):
            return super().predict_proba(x) * 1.7

    class Shape(Base):
        def predict_proba(self, x):
            return super().predict_proba(x)[:, 1]

    class Short(Base):
        def predict_proba(self, x):
            return super().predict_proba(x)[:-1]

    class Strange:
        def fit(self, x, y):
            return self
        def predict(self, x):
            return np.array(["perhaps"] * len(x))

    class Exits(Base):
        def fit(self, x, y, sample_weight=None):
            sys.exit(0)

    class Leaves(Base):
        def fit(self, x, y, sample_weight=None):
            os._exit(0)

    class Interrupts(Base):
        def fit(self, x, y, sample_weight=None):
            raise KeyboardInterrupt

    class Panic(BaseException):
        def __str__(self):
            raise ValueError

    class Panics(Base):
        def fit(self, x, y, sample_weight=None):
            raise Panic

    class Silent:
        def fit(self, x, y):
            return self
        def predict(self, x):
            return None

    class Closes(Base):
        def fit(self, x, y, sample_weight=None):
            os.closerange(3, 256)
            return super().fit(x, y)
"""
TOLD = {
    "NaN": "are no finite number",
    "Negative": "lie outside 0 to 1",
    "Above": "lie outside 0 to 1",
    "Shape": "probabilities have the shape",
    "Short": "probabilities have the shape",
    "Strange": "predictions are no class of the target: 'perhaps'",
    "Exits": "the learner called sys.exit(0)",
    "Leaves": "the learner ended its process (exit code 0)",
    "Interrupts": "the learner raised KeyboardInterrupt",
    "Panics": "Panic",
    "Silent": "predict returned nothing for 60 rows",
    "Closes": "the learner ended its process",
}


def test_a_learner_that_misbehaves_fails_its_refit_by_name_and_the_others_go_on(tmp_path, monkeypatch):
    (tmp_path / "bad_learners.py").write_text(textwrap.dedent(BAD))
    monkeypatch.chdir(tmp_path)
    problem, rows = problem_of(sites(count=3).drop("site"), "y"), np.arange(180)
    specs = [spec_of(LogisticRegression()), *(Spec(n, f"bad_learners:{n}", str(tmp_path)) for n in TOLD)]
    pieces = [Piece(s.name, rows[:120], {"unseen": rows[120:]}, 0, learner=s) for s in specs]
    found = Runner(problem, specs[0], workers=2, store=Store(tmp_path / "kept")).run(pieces)
    assert found[0].failed == ""
    for name, one in zip(TOLD, found[1:], strict=True):
        assert TOLD[name] in one.failed, name
        assert not one.answers


def test_the_report_is_written_although_every_refit_left(tmp_path):
    (tmp_path / "bad_learners.py").write_text(textwrap.dedent(BAD))
    sites(count=3).write_csv(tmp_path / "rows.csv")
    words = (
        "audit rows.csv --target y --learner bad_learners:Leaves --refits 1 --select U800 --fail-on U800 --format json"
    )
    run = subprocess.run(
        [sys.executable, "-c", "from unseen.cli import main; main()", *words.split(), "--shift", "held-out site"],
        cwd=tmp_path, capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert run.returncode == 1, run.stderr
    assert "the learner ended its process (exit code 0)" in run.stdout
    assert "Traceback" not in run.stderr


def test_a_learner_that_hangs_fails_that_refit_alone(tmp_path):
    class Hangs(LogisticRegression):
        def fit(self, x, y, sample_weight=None):
            if len(x) == 80:
                import time

                time.sleep(100)
            return super().fit(x, y)

    problem = problem_of(sites().drop("site"), "y")
    runner = Runner(problem, spec_of(Hangs()), workers=1, store=Store(tmp_path), seconds=15)
    rows = np.arange(300)
    pieces = [Piece(str(n), rows[:n], {"unseen": rows[n:]}, 0) for n in (80, 120)]
    assert [r.failed for r in runner.run(pieces)] == ["the learner ran longer than 15 s", ""]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import os; os._exit(0)", "importing it ended its process (exit code 0)"),
        ("import sys; sys.exit(0)", "importing it called sys.exit(0)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "importing it was killed (signal 9"),
        ("raise KeyboardInterrupt", "importing it raised KeyboardInterrupt"),
    ],
)
def test_a_module_that_ends_the_process_at_import_is_told(tmp_path, monkeypatch, line, told):
    (tmp_path / f"mod{abs(hash(line))}.py").write_text(line)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="A module that is imported must only define things") as caught:
        spec_of(f"mod{abs(hash(line))}:make")
    assert told in str(caught.value)


def test_a_limit_on_refits_holds_for_importing_too(tmp_path, monkeypatch):
    (tmp_path / "sleeps.py").write_text("import time; time.sleep(100)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["unseen.refitting.resolve"], "IMPORT_LEAST", 1.0)
    with pytest.raises(BadInput, match="importing it ran longer than 2 s"):
        spec_of("sleeps:make", seconds=2.0)


def test_failures_that_differ_in_numbers_alone_are_one_finding(tmp_path):
    class Refuses(LogisticRegression):
        def fit(self, x, y, sample_weight=None):
            if np.asarray(x)[0, 0] > 0:
                raise ValueError(f"{len(x)} rows are too many")
            raise TypeError("no")

    result = unseen.audit(
        sites(), target="y", learner=Refuses(), shifts="held-out site", refits=2, select="U800", executor="serial"
    )
    told = [f["statement"] for f in result.document["findings"] if f["outcome"] == "found"]
    total = next(int(t.split(" refits")[0].split()[-1]) for t in told)
    assert all(t.startswith(f"Refuses failed in all {total} refits, ") for t in told)
    assert sum(int(t.split("refits, ")[1].split(" of them")[0]) for t in told) == total
    assert len(told) == 2
