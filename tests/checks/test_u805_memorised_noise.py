"""U805: a learner that reproduces wrong labels is told from one that does not."""

import learner_cases as lc
import numpy as np
import polars as pl
import pytest

from unseen.checks.base import Clear, Found, NotApplicable
from unseen.checks.u805_memorised_noise import MemorisedNoise, _sampled


def noisy(rng, share=0.15, k=4, n=150):
    """A clear rule, and a share of labels that are turned round."""
    table = lc.sites(rng, k, n, slope=20)
    wrong = pl.Series(rng.random(k * n) < share)
    turned = pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    return table.with_columns(y=pl.when(wrong).then(turned).otherwise(pl.col("y")), wrong=wrong)


def test_a_forest_memorises_wrong_labels_and_a_line_does_not(tmp_path):
    table = noisy(np.random.default_rng(0))
    share = table["wrong"].sum()
    (forest,) = lc.run(MemorisedNoise(), lc.under(table.drop("wrong"), tmp_path, "forest"))
    assert isinstance(forest, Found)
    assert forest.estimate.value > 0.4
    assert forest.details["others"] < 0.15
    assert forest.details["log_loss_rise"] > 0.5
    # Minority rows are those that were turned round, and some near the boundary.
    assert 0.8 * share < forest.details["minority"] < 1.7 * share
    (line,) = lc.run(MemorisedNoise(), lc.under(table.drop("wrong"), tmp_path, "logistic"))
    assert isinstance(line, Clear)
    assert line.estimate.value < 0.02


def test_one_neighbour_memorises_everything_and_many_do_not(tmp_path):
    from unseen.refitting import spec_of

    values = {}
    for k in (1, 101):
        spec = spec_of("nearest-neighbours").with_settings(f"{k} neighbours", n_neighbors=k)
        (outcome,) = lc.run(MemorisedNoise(), lc.under(noisy(np.random.default_rng(1)).drop("wrong"), tmp_path, spec))
        values[k] = outcome.details["in_sample"], outcome.estimate.value
    # The nearest neighbour of a row that was trained on is the row itself; of 101, it is one: 1/101.
    assert values[1][0] == pytest.approx(1)
    assert values[101][1] == pytest.approx(1 / 101, abs=0.01)


def test_a_learner_that_cannot_memorise_is_seldom_found(tmp_path):
    found = 0
    for seed in range(12):
        u = lc.under(noisy(np.random.default_rng([5, seed]), n=60).drop("wrong"), tmp_path / str(seed))
        found += isinstance(lc.run(MemorisedNoise(), u)[0], Found)
    assert found <= 2


def test_errors_of_numbers_are_memorised_too(tmp_path):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(600, 2))
    table = pl.DataFrame({"site": rng.choice(["a", "b", "c"], 600), "x0": x[:, 0], "x1": x[:, 1]})
    table = table.with_columns(y=pl.Series(x[:, 0] + rng.standard_t(2, 600)))
    found = {name: lc.run(MemorisedNoise(), lc.under(table, tmp_path, name))[0] for name in ("forest", "logistic")}
    assert isinstance(found["forest"], Found)
    assert "is off by" in found["forest"].statement
    assert not isinstance(found["logistic"], Found)
    assert found["forest"].details["in_sample"] > found["forest"].details["held_out"]


def test_without_probabilities_answers_are_compared(tmp_path, monkeypatch):
    from unseen.refitting import spec_of

    (tmp_path / "plain_trees.py").write_text(
        "from sklearn.tree import DecisionTreeClassifier\n"
        "class Plain:\n"
        "    def __init__(self): self.tree = DecisionTreeClassifier(random_state=0)\n"
        "    def fit(self, x, y): self.tree.fit(x, y); return self\n"
        "    def predict(self, x): return self.tree.predict(x)\n"
    )
    monkeypatch.chdir(tmp_path)
    (outcome,) = lc.run(
        MemorisedNoise(),
        lc.under(noisy(np.random.default_rng(3)).drop("wrong"), tmp_path, spec_of("plain_trees:Plain")),
    )
    assert isinstance(outcome, Found)
    assert outcome.details["measured"] == "right"
    assert outcome.details["in_sample"] == 1


def test_clean_data_have_too_few_minority_rows(tmp_path):
    (outcome,) = lc.run(MemorisedNoise(), lc.under(noisy(np.random.default_rng(4), 0.0).drop("wrong"), tmp_path))
    assert isinstance(outcome, NotApplicable)
    assert "minority rows; at least 20 are needed" in outcome.statement


def test_a_learner_that_fails_is_refused_with_its_reason():
    u = lc.law(np.random.default_rng(0), [60] * 3, 0.7, 0.0, failing="set 1, fold 2")
    (outcome,) = lc.run(MemorisedNoise(), u)
    assert "failed in 1 of 10 fits to parts of the rows: ValueError: it broke" in outcome.statement


def test_samples_hold_whole_clusters():
    rng = np.random.default_rng(0)
    n = 6000
    table = pl.DataFrame({"site": ["a", "b"] * (n // 2), "x": rng.normal(size=n), "y": rng.choice(["u", "v"], n)})
    table = table.with_columns(patient=pl.Series(np.arange(n) // 7).cast(pl.String))
    from unseen.refitting import UnderShift, plan, problem_of

    problem = problem_of(table, "y", cluster="patient")
    made = UnderShift(
        lc.Law(problem, np.ones(n), np.ones(n), rng), plan(problem, lc.held_out(problem, "site"), refits=1)
    )
    rows, clusters = _sampled(made)
    assert 3900 < len(rows) <= 4000
    kept = problem.clusters()[rows]
    assert np.isin(problem.clusters(), kept).sum() == len(rows)
    assert clusters.max() + 1 == len(np.unique(kept))


def test_equal_seeds_give_equal_outcomes(tmp_path):
    table = noisy(np.random.default_rng(0), n=60).drop("wrong")
    first, second = (lc.run(MemorisedNoise(), lc.under(table, tmp_path / str(i), "forest"))[0] for i in range(2))
    assert (first.statement, first.p_value) == (second.statement, second.p_value)
