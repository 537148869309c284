"""Refits: paired answers, the same on one worker and many, kept when done, alive after a failure."""

import numpy as np
import polars as pl
import pytest

from unseen.engine.store import Store
from unseen.errors import BadInput
from unseen.refitting import Piece, Runner, ask, plan, problem_of, refitted_under, spec_of
from unseen.refitting.design import FOLDS


def sites(n=600, seed=0, k=6, shift=1.5):
    """Sites whose relation of x to y is their own, the more the larger ``shift``."""
    rng = np.random.default_rng(seed)
    site = rng.integers(0, k, n)
    x = rng.normal(size=(n, 2))
    turn = shift * (site - (k - 1) / 2)
    y = x[:, 0] + turn * x[:, 1] + rng.normal(size=n) > 0
    return pl.DataFrame(
        {
            "a": x[:, 0],
            "b": x[:, 1],
            "site": [f"s{i}" for i in site],
            "month": rng.integers(1, 13, n),
            "y": np.where(y, "p", "n"),
        }
    )


def under(tmp_path, frame=None, shifts=("held-out site",), learner="logistic", **options):
    asked = ask(sites() if frame is None else frame, learner, shifts, target="y")
    options = {"executor": "serial", **options}
    return refitted_under(asked, store=Store(tmp_path), **options)


def test_no_row_is_answered_by_a_fit_that_saw_it(tmp_path):
    found = under(tmp_path)
    for result in found.refitted:
        for answers in result.answers.values():
            assert not np.intersect1d(answers.rows, result.piece.train).size
    held = found.held
    assert sorted(np.concatenate([h.rows for h in held]).tolist()) == list(range(600))
    assert np.isfinite(found.reference).all()


def test_clusters_are_never_divided():
    frame = sites().with_columns(patient=pl.Series([i // 4 for i in range(600)]))
    problem = problem_of(frame, "y", cluster="patient")
    asked = ask(frame, "logistic", ["later month"], target="y", cluster="patient")
    made = plan(problem, asked.cases)
    for folds in made.folds:
        assert len({(p, f) for p, f in zip(frame["patient"].to_list(), folds.tolist(), strict=True)}) == 150
        assert set(folds.tolist()) == set(range(FOLDS))


def test_a_cluster_that_is_the_domain_leaves_rows_as_units(tmp_path):
    frame = sites().with_columns(ward=pl.col("site") + "-ward")
    asked = ask(frame, "logistic", ["held-out site"], target="y", cluster="ward")
    assert asked.problem.cluster is None
    assert any("rows are the units" in note for note in asked.problem.notes)
    assert ask(frame, "logistic", ["later month"], target="y", cluster="ward").problem.cluster == "ward"


def test_equal_results_on_one_worker_and_on_two(tmp_path):
    a = under(tmp_path / "a", refits=1)
    b = under(tmp_path / "b", refits=1, executor="local", workers=2)
    for x, y in zip(a.refitted, b.refitted, strict=True):
        assert x.piece.name == y.piece.name
        for side, answers in x.answers.items():
            assert np.array_equal(answers.score, y.answers[side].score)
            assert np.array_equal(answers.confidence, y.answers[side].confidence)


def test_what_was_fitted_is_not_fitted_again(tmp_path):
    under(tmp_path, refits=1).refitted  # noqa: B018
    told: list[tuple[str, int, int]] = []
    again = under(tmp_path, refits=1, done=lambda *what: told.append(what))
    again.refitted  # noqa: B018
    assert told == [
        (f"{len(again.plan.pieces)} jobs from an earlier run", len(again.plan.pieces), len(again.plan.pieces))
    ]


def test_a_learner_that_raises_fails_its_refit_only(tmp_path, monkeypatch):
    (tmp_path / "moody_learner.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "class Moody(LogisticRegression):\n"
        "    def fit(self, x, y, sample_weight=None):\n"
        "        if len(y) % 2:\n            raise RuntimeError('an odd number of rows')\n"
        "        return super().fit(x, y, sample_weight)\n"
    )
    monkeypatch.chdir(tmp_path)
    found = under(tmp_path, learner="moody_learner:Moody")
    assert list(found.failures) == ["RuntimeError: an odd number of rows"]
    assert 0 < len(found.failures["RuntimeError: an odd number of rows"]) < len(found.refitted)


def test_failures_are_tried_again(tmp_path):
    problem = problem_of(sites(), "y")
    rows = np.flatnonzero(sites()["y"].to_numpy() == "p")
    runner = Runner(problem, spec_of("logistic"), executor="serial", store=Store(tmp_path))
    piece = Piece("one class", rows[:40], {"unseen": np.arange(10)}, 0)
    assert "constant" in runner.run([piece])[0].failed
    assert not list(Store(tmp_path).folder.glob("*/*.json"))


def test_a_shuffled_column_costs_what_it_carries(tmp_path):
    frame = sites(shift=0.0)
    problem = problem_of(frame, "y", inputs=["a", "b"])
    runner = Runner(problem, spec_of("logistic"), executor="serial", store=Store(tmp_path))
    piece = Piece("shuffled", np.arange(400), {"unseen": np.arange(400, 600)}, 0, options={"shuffle": ["a", "b"]})
    fall = runner.run([piece])[0].shuffled
    assert fall["a"]["unseen"][0] > 0.15
    assert abs(fall["b"]["unseen"][0]) < 0.05


def test_inputs_are_perturbed_where_asked(tmp_path):
    found = under(tmp_path, sites(shift=0.0), ["perturbed scaled=1", "random"])
    lost = {h.case.family: float(h.loss.mean()) for h in found.held}
    assert lost["perturbed scaled=1"] > lost["random"] - 0.02
    noisy = under(tmp_path, sites(shift=0.0), ["label noise=0.5"])
    assert noisy.held[0].loss.mean() > 0.05


def test_small_and_one_class_domains_are_left_out_with_the_reason(tmp_path):
    frame = sites()
    rare = pl.DataFrame(
        {"a": [0.0] * 9, "b": [0.0] * 9, "site": ["tiny"] * 9, "month": [1] * 9, "y": ["p", "n", "p"] * 3}
    )
    single = pl.DataFrame({"a": [0.0] * 40, "b": [0.0] * 40, "site": ["pure"] * 40, "month": [1] * 40, "y": ["p"] * 40})
    rare, single = (t.cast(frame.schema) for t in (rare, single))
    found = under(tmp_path, pl.concat([frame, rare, single]))
    reasons = {case.name: why for case, why in found.plan.left_out}
    assert "9 rows" in reasons["site=tiny"]
    assert "site=pure" in reasons
    assert {h.case.name for h in found.held} == {f"site=s{i}" for i in range(6)}


@pytest.mark.parametrize(
    ("shifts", "said"),
    [
        ([], "say which shift to judge.*held-out site"),
        (["held-out sight"], "no column 'sight' for a shift.*did you mean 'site'"),
        (["sideways"], "no shift reads 'sideways'"),
        (["later site"], "site"),
    ],
)
def test_shifts_that_cannot_be_are_refused(shifts, said):
    with pytest.raises(BadInput, match=said):
        ask(sites(), "logistic", shifts, target="y")


def test_responses_hold_no_row_on_two_sides(tmp_path):
    answers = under(tmp_path, shifts=["held-out site", "later month=9"]).responses()
    assert answers is not None
    table = answers.table.with_columns(pl.col("model").cast(pl.String), pl.col("item").cast(pl.String))
    assert table.select("model", "item").n_unique() == table.height
    late = table.filter(pl.col("model") == "logistic, later month=9")
    assert (late.filter(pl.col("split") == "unseen")["month"] > 9).all()
    assert (late.filter(pl.col("split") == "seen")["month"] <= 9).all()


def test_regression_is_judged_by_its_error(tmp_path):
    frame = sites().with_columns(y=pl.col("a") * 2 + pl.col("b"))
    asked = ask(
        frame.with_columns(y=pl.col("y") + np.random.default_rng(0).normal(size=600)),
        "logistic",
        ["held-out site"],
        target="y",
    )
    found = refitted_under(asked, executor="serial", store=Store(tmp_path))
    assert (found.held[0].unseen <= 0).all()
    assert found.responses() is not None
