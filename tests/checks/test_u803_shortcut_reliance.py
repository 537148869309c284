"""U803: a column whose meaning ends at the seen domains is found, one that carries over is not."""

import learner_cases as lc
import numpy as np
import polars as pl

from unseen.checks.base import Found, NotApplicable, Settings
from unseen.checks.u803_shortcut_reliance import ShortcutReliance
from unseen.engine.store import Store
from unseen.refitting import Case, Runner, UnderShift, plan, problem_of, spec_of


def with_device(rng, k=6, n=150):
    """Every site has devices of its own; which one was used gives the outcome away in 90 % of the rows."""
    table = lc.sites(rng, k, n, slope=2)
    agrees = pl.Series(rng.random(k * n) < 0.9)
    ill = (pl.col("y") == "yes") == agrees
    return table.with_columns(device=pl.col("site") + pl.when(ill).then(pl.lit("-a")).otherwise(pl.lit("-b")))


def test_a_column_that_means_something_else_at_each_site_is_found(tmp_path):
    outcomes = lc.run(ShortcutReliance(), lc.under(with_device(np.random.default_rng(0)), tmp_path))
    assert [o.about.name for o in outcomes if isinstance(o, Found)] == ["device, held-out site"]
    row = next(r for r in outcomes[0].details["columns"] if r["column"] == "device")
    assert row["seen"] > 0.15
    assert abs(row["unseen"]) < 0.05
    assert outcomes[0].estimate.low > 0.1
    assert outcomes[0].statement.startswith("held-out site: shuffling device costs 0.")


def broken(rng, folder, n=900, agree=0.0):
    """A cue that agrees with the outcome in 95 % of the rows inside, and in a share of those beyond."""
    x = rng.normal(size=n)
    y = rng.random(n) < 1 / (1 + np.exp(-2 * x))
    beyond = np.arange(n) >= 2 * n // 3
    cue = np.where(rng.random(n) < np.where(beyond, agree, 0.95), y, ~y)
    table = pl.DataFrame({"x": x, "cue": cue.astype(float), "z": rng.normal(size=n), "y": np.where(y, "a", "b")})
    problem = problem_of(table, "y")
    case = Case("broken cue", "broken cue", ("cue",), np.flatnonzero(~beyond), np.flatnonzero(beyond), "other")
    runner = Runner(problem, spec_of("logistic"), executor="serial", store=Store(folder))
    return UnderShift(runner, plan(problem, [case], refits=3))


def test_a_cue_that_turns_round_misleads(tmp_path):
    (outcome,) = lc.run(ShortcutReliance(), broken(np.random.default_rng(1), tmp_path))
    assert isinstance(outcome, Found)
    assert outcome.about.name == "cue, broken cue"
    assert "there it misleads" in outcome.statement


def test_a_cue_that_holds_is_not_found(tmp_path):
    outcomes = lc.run(ShortcutReliance(), broken(np.random.default_rng(1), tmp_path, agree=0.95))
    assert not any(isinstance(o, Found) for o in outcomes)


def test_under_one_law_false_findings_stay_below_the_nominal_rate(tmp_path):
    settings, found, trials = Settings(smallest_gap=1e-9), 0, 25
    for seed in range(trials):
        u = lc.under(lc.sites(np.random.default_rng([3, seed]), 6, 60), tmp_path / str(seed))
        found += any(isinstance(o, Found) for o in lc.run(ShortcutReliance(), u, settings))
    # Nominal 2.5 % a family of columns: 4 of 25 has a chance of 0.3 %.
    assert found < 4


def test_domains_of_different_means_are_no_shortcut(tmp_path):
    # Shuffled over all seen sites together, the column would lose the differences between them, which one site has not.
    rng = np.random.default_rng(8)
    table = lc.sites(rng, 6, 120)
    shift = (pl.col("site").rank("dense").cast(pl.Float64) - 3.5) * 1.5
    chance = 1 / (1 + np.exp(-2 * (table["x0"] + table.select(shift).to_series()).to_numpy()))
    table = table.with_columns(x0=pl.col("x0") + shift, y=pl.Series(np.where(rng.random(720) < chance, "yes", "no")))
    outcomes = lc.run(ShortcutReliance(), lc.under(table, tmp_path))
    assert not any(isinstance(o, Found) for o in outcomes)


def test_a_column_that_is_constant_in_the_held_out_sets_is_not_judged(tmp_path):
    table = lc.sites(np.random.default_rng(2), 5, 80)
    alone = [lc.run(ShortcutReliance(), lc.under(table, tmp_path / "a"))[0].details["columns"]]
    table = table.with_columns(x2=pl.when(pl.col("site") < "s03").then(0.0).otherwise(pl.col("x2")))
    alone.append(lc.run(ShortcutReliance(), lc.under(table, tmp_path / "b"))[0].details["columns"])
    assert [[r["column"] for r in rows] for rows in alone] == [["x0", "x1", "x2"], ["x0", "x1"]]


def test_clusters_widen_the_interval(tmp_path):
    table = lc.sites(np.random.default_rng(4), 2, 200)
    copies = pl.concat([table.with_columns(patient=pl.int_range(pl.len()).cast(pl.String))] * 5)
    widths = []
    for cluster in (None, "patient"):
        u = lc.under(copies.drop("patient") if cluster is None else copies, tmp_path / str(cluster), cluster=cluster)
        rows = lc.run(ShortcutReliance(), u)[0].details["columns"]
        widths.append(rows[0]["difference"]["high"] - rows[0]["difference"]["low"])
    assert widths[1] > 1.5 * widths[0]


def test_arrays_and_single_inputs_are_refused(tmp_path):
    table = lc.sites(np.random.default_rng(0), 4, 60)
    (one,) = lc.run(ShortcutReliance(), lc.under(table.drop("x1", "x2"), tmp_path))
    assert isinstance(one, NotApplicable)
    assert "The only input is x0" in one.statement
    array = table.select("site", "y", image=pl.concat_arr("x0", "x1", "x2"))
    (one,) = lc.run(ShortcutReliance(), lc.under(array, tmp_path))
    assert "The only input, image, is an array" in one.statement


def test_of_many_columns_the_important_ones_are_judged_and_equal_seeds_agree(tmp_path):
    table = lc.sites(np.random.default_rng(5), 3, 80, columns=30, slope=3)
    first, second = (lc.run(ShortcutReliance(), lc.under(table, tmp_path / str(i))) for i in range(2))
    assert len(first[0].details["columns"]) == 20
    assert "x0" in [r["column"] for r in first[0].details["columns"]]
    assert [(o.statement, o.p_value) for o in first] == [(o.statement, o.p_value) for o in second]
