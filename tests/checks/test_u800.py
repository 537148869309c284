"""U800: failures of a learner are findings, and what is left out is said with its reason."""

import learner_cases as lc
import numpy as np
import polars as pl

from unseen.checks.base import Clear, Found, NotApplicable
from unseen.checks.u800_refits import Refits


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
