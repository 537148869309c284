"""U800: failures of a learner are findings, and what is left out is said with its reason."""

import learner_cases as lc
import numpy as np
import polars as pl
import pytest

from unseen.checks.base import Clear, Found, NotApplicable
from unseen.checks.u800_refits import Refits
from unseen.refitting import Refitted


def test_a_learner_that_raises_is_a_finding_and_the_rest_goes_on():
    u = lc.law(np.random.default_rng(0), [60] * 5, 0.8, 0.0, failing="site=s01")
    outcomes = lc.run(Refits(), u)
    found = [o for o in outcomes if isinstance(o, Found)]
    assert len(found) == 1
    assert "logistic failed in 2 of" in found[0].statement
    assert "ValueError: it broke" in found[0].statement
    assert len(found[0].details["refits"]) == 2
    assert found[0].effect == 2 / len(u.plan.pieces)
    assert {h.case.name for h in u.held} == {f"site=s{k:02d}" for k in (0, 2, 3, 4)}


def test_a_learner_that_was_given_up_is_told_with_what_was_not_tried():
    """Three refits ended their process, eight were not tried: the effect is a share of those tried."""
    u = lc.law(np.random.default_rng(0), [60] * 5, 0.8, 0.0)
    pieces, exits = u.plan.pieces, "the learner ended its process (exit code 3)"
    given_up = "the learner was not tried: it took its worker with it 3 times of 3 (the last ended its process)"
    u.runner.run = lambda _: [
        Refitted(p, {}, {}, exits if i < 3 else given_up, (0.0, 0.0), i < 3, "died") for i, p in enumerate(pieces)
    ]
    (found,) = [o for o in lc.run(Refits(), u) if isinstance(o, Found)]
    assert "logistic failed in all 3 refits that were tried" in found.statement
    assert f"The other {len(pieces) - 3} refits were not tried" in found.statement
    assert (found.effect, found.details["untried"]) == (1.0, len(pieces) - 3)
    assert "in a process of its own" in found.next_step
    assert "judged without" not in found.next_step


def test_an_estimator_that_raises_in_a_real_refit_is_a_finding(tmp_path, monkeypatch):
    from unseen.refitting import spec_of

    (tmp_path / "fragile_learner.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "class Fragile(LogisticRegression):\n"
        "    def fit(self, x, y):\n"
        "        if not (y == 'rare').any():\n"
        "            raise RuntimeError('no rare class here')\n"
        "        return super().fit(x, y)\n"
    )
    monkeypatch.chdir(tmp_path)
    table = lc.sites(np.random.default_rng(0), k=4, n=60)
    table = table.with_columns(y=pl.when(pl.col("site") == "s02").then(pl.lit("rare")).otherwise(pl.col("y")))
    table = table.with_columns(y=pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit("yes")).otherwise(pl.col("y")))
    u = lc.under(table, tmp_path / "store", spec_of("fragile_learner:Fragile"))
    found = [o for o in lc.run(Refits(), u) if isinstance(o, Found)]
    assert [o.details["refits"] for o in found] == [["held-out site: site=s02, refit 1"]]
    assert "RuntimeError: no rare class here" in found[0].statement


def test_small_and_one_class_domains_are_left_out_with_the_reason(tmp_path):
    table = lc.sites(np.random.default_rng(1), k=5, n=60)
    site = pl.col("site")
    table = table.with_columns(y=pl.when(site == "s03").then(pl.lit("yes")).otherwise(pl.col("y")))
    table = pl.concat([table.filter(site != "s04"), table.filter(site == "s04").head(10)])
    u = lc.under(table, tmp_path)
    outcomes = lc.run(Refits(), u)
    left = next(o for o in outcomes if isinstance(o, NotApplicable))
    assert "site=s04: it has 10 rows; at least 30 are needed" in left.statement
    assert "site=s03: it has one class only ('yes')" in left.statement
    assert any(isinstance(o, Clear) and "without a failure" in o.statement for o in outcomes)
    assert {h.case.name for h in u.held} == {"site=s00", "site=s01", "site=s02"}


def table_with(rng, wrong, share=0.057, n=2000, k=4):
    y = np.arange(n) % 2000 < share * 2000
    return pl.DataFrame(
        {
            "x": rng.normal(size=n), "flag": (y ^ (rng.permutation(n) < wrong)).astype(int),
            "site": [f"s{i % k}" for i in range(n)], "y": np.where(y, "ill", "well"),
        }
    )  # fmt: skip


def test_a_column_that_alone_removes_nine_tenths_of_the_error_is_a_finding(tmp_path):
    """Right in 99.85 % of the rows on a majority of 80 %: with it, the learner is near perfect as well."""
    outcomes = lc.run(Refits(), lc.under(table_with(np.random.default_rng(0), 3, 0.2), tmp_path))
    leak, learner = (o for o in outcomes if isinstance(o, Found))
    assert (leak.about.kind, leak.about.name) == ("factor", "flag")
    assert "flag alone predicts 99." in leak.statement
    assert "--drop flag" in leak.next_step
    assert leak.details["removed"] >= 0.9
    assert learner.about.name == "logistic, near perfect"
    assert learner.details["removed"] >= 0.98
    assert learner.details["constant_error"] == pytest.approx(0.2, abs=0.01)


def test_a_useful_column_and_a_good_learner_are_no_finding(tmp_path):
    """20 of 2,000 wrong of a base error of 0.057: 82 % removed."""
    outcomes = lc.run(Refits(), lc.under(table_with(np.random.default_rng(0), 20), tmp_path))
    assert [type(o) for o in outcomes] == [Clear]


@pytest.mark.parametrize(
    "measure",
    ["brier", "error", "log-loss", "auroc", "average-precision", "balanced-accuracy", "r2"],
)
def test_a_near_perfect_score_is_seen_under_every_measure(tmp_path, measure):
    """Two columns that give the target away together, and neither alone."""
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2, 1200), rng.integers(0, 2, 1200)
    x = rng.normal(size=1200)
    y = 5 * a + 3 * b + 0.01 * x if measure in ("error", "r2") else np.where(a ^ b, "p", "q")
    both = pl.DataFrame({"a": a, "b": b, "x": x, "site": [f"s{i % 4}" for i in range(1200)], "y": y})
    u = lc.under(both, tmp_path, "forest", measure=measure)
    found = [o for o in lc.run(Refits(), u) if isinstance(o, Found)]
    assert [o.about.name.split(",")[1] for o in found] == [" near perfect"]
    noise = both.with_columns(y=both["y"].sample(fraction=1, shuffle=True, seed=0))
    assert not [
        o for o in lc.run(Refits(), lc.under(noise, tmp_path, "forest", measure=measure)) if isinstance(o, Found)
    ]


class Fussy:
    """Takes numbers only, and says so as scikit-learn does."""

    def fit(self, x, y):
        raise ValueError("could not convert string to float: 'n/a'")

    def predict(self, x):
        return np.zeros(len(x))


def test_where_all_refits_fail_that_is_said_with_the_column_to_mend(tmp_path):
    from unseen.checks.u801_held_out_domains import HeldOutDomains
    from unseen.refitting import spec_of

    table = lc.sites(np.random.default_rng(0), k=4, n=60)
    table = table.with_columns(hb=pl.when(pl.int_range(pl.len()) == 5).then(pl.lit("n/a")).otherwise(pl.lit("13.1")))
    u = lc.under(table, tmp_path, spec_of(Fussy()))
    failed = next(o for o in lc.run(Refits(), u) if isinstance(o, Found) and o.about.kind == "model")
    total = len(u.plan.pieces)
    assert f"failed in all {total} refits" in failed.statement
    assert "column hb holds 'n/a'" in failed.next_step
    assert "judged without" not in failed.next_step
    (held,) = lc.run(HeldOutDomains(), u)
    assert isinstance(held, NotApplicable)
    assert f"failed in {total} of {total} refits" in held.statement
    assert "n/a" in held.statement
    assert not held.unlocks


def test_a_learner_that_asks_for_the_target_is_told_so():
    from unseen.checks._failures import remedy_for

    u = lc.law(np.random.default_rng(0), [60] * 4, 0.8, 0.0)
    asked = remedy_for(u, "ValueError: A given column is not a column of the dataframe: y")
    assert "the column y, which it is not given (the target)" in asked
    assert "x, z" in remedy_for(u, "KeyError: 'dose'")


# What befell the worker → a part of what helps.
HELPS = {
    "time": "--time-limit", "memory": "--workers 1", "killed": "--workers 1", "left": "ends the program",
    "died": "os._exit",
}  # fmt: skip


@pytest.mark.parametrize("kind", HELPS)
def test_what_helps_a_lost_worker_follows_from_what_befell_it_not_from_words(kind, tmp_path, monkeypatch):
    from unseen.checks._failures import remedy_for
    from unseen.engine.losses import Lost

    u = lc.under(lc.sites(np.random.default_rng(0), k=4, n=60), tmp_path, "logistic")
    monkeypatch.setattr(
        "unseen.refitting.refits.run_jobs",
        lambda function, jobs, lost, **rest: [lost(job, Lost("met its end", kind)) for job in jobs],
    )
    failed = next(o for o in lc.run(Refits(), u) if isinstance(o, Found) and o.about.kind == "model")
    assert "the learner met its end" in failed.statement
    assert HELPS[kind] in failed.next_step
    # A learner that raises such a sentence has lost nothing.
    assert "time-limit" not in remedy_for(u, "ValueError: the learner ran longer than 3 s")
