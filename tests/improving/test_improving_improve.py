"""Remedies from end to end: planted ones are found, a null stays one, a stopped run goes on, failures are told."""

from __future__ import annotations

import functools
import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from unseen.api import improve as improve_table
from unseen.engine.store import Store
from unseen.improving import attempts, improve
from unseen.refitting import ask
from unseen.remedies import all_remedies
from unseen.report.improvement import first_words


def label_shift(n: int = 2500, domains: int = 18, *, moved: bool = True, seed: int = 0) -> pl.DataFrame:
    """Each domain has other shares of two classes; each class looks the same everywhere."""
    rng = np.random.default_rng(seed)
    share = np.where(np.arange(domains) % 2 == 0, 0.1, 0.9) if moved else np.full(domains, 0.5)
    site = rng.integers(domains, size=n)
    y = rng.random(n) < share[site]
    x = rng.normal(size=(n, 2)) + 0.7 * np.where(y, 1, -1)[:, None] * [1, 0]
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "site": [f"s{i}" for i in site], "y": np.where(y, "p", "q")})


def cued(n: int = 4000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.5
    cue = np.where(rng.random(n) < 0.8, y, ~y)
    x = rng.normal(size=n) + 1.2 * np.where(y, 1, -1)
    return pl.DataFrame({"x": x, "cue": np.where(cue, "p", "q"), "y": np.where(y, "p", "q")})


def run(table, shift, tmp_path, remedies, **options):
    asked = ask(table, "logistic", [shift], target="y")
    options = {"executor": "serial", "store": Store(tmp_path / "store")} | options
    return improve(asked, remedies=remedies, **options)[0]


@pytest.mark.slow
def test_recalibration_is_found_where_class_shares_move(tmp_path):
    found = run(label_shift(), "held-out site", tmp_path, ["em-recalibration", "domain-balance", "lame"])
    assert found.helped
    assert found.selected.advised.startswith("em-recalibration")
    assert found.ranking[0].remedy.name == "em-recalibration"
    assert found.ranking[0].verdict == "gains"
    assert found.selected.gained.estimate.low > 0.02


def test_balanced_groups_are_found_where_a_cue_breaks(tmp_path):
    found = run(cued(), "broken cue", tmp_path, ["group-balance", "class-balance", "em-recalibration"])
    assert found.design.validation == "held-back rows, groups of cue and class weighed the same"
    assert found.helped
    assert found.selected.advised.startswith("group-balance")
    assert found.selected.gained.estimate.value > 0.05


def test_where_nothing_helps_the_verdict_says_so_with_what_could_have_been_shown(tmp_path):
    shown = improve_table(
        label_shift(1500, 10, moved=False), target="y", learner="logistic", shifts="held-out site", executor="serial",
        remedies=["em-recalibration", "class-balance", "domain-balance"], store=Store(tmp_path / "s"),
    )  # fmt: skip
    assert not shown.helped
    family = shown.document["families"][0]
    assert family["verdict"] == "no remedy helped"
    assert "These data could have shown a gain of 0.0" in family["statement"]
    assert family["next_step"].startswith("Keep the learner as it is")


def test_a_stopped_run_goes_on_without_repeating_a_fit(tmp_path, monkeypatch):
    table = label_shift(600, 4)
    names = ["domain-balance", "em-recalibration"]
    calls: list[str] = []
    original = attempts.attempt

    @functools.wraps(original)
    def counted(**arguments):
        calls.append(json.dumps([arguments["rows"], arguments["tasks"], arguments["seed"]], sort_keys=True))
        return original(**arguments)

    monkeypatch.setattr(attempts, "attempt", counted)

    def stop(name, finished, total):
        if finished == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(table, "held-out site", tmp_path, names, done=stop)
    assert len(calls) == 7
    told: list[tuple[str, int]] = []
    found = run(table, "held-out site", tmp_path, names, done=lambda name, k, n: told.append((name, k)))
    assert told[0] == ("7 jobs from an earlier run", 7)
    assert len(calls) == len(set(calls)) == found.fits
    before = len(calls)
    run(table, "held-out site", tmp_path, names)
    assert len(calls) == before


@pytest.mark.slow
def test_equal_seeds_give_equal_results_on_one_worker_and_on_two(tmp_path):
    table = label_shift(600, 4)
    names = ["domain-sampling", "lame", "ensemble"]
    first = run(table, "held-out site", tmp_path / "a", names, repeats=1)
    second = run(table, "held-out site", tmp_path / "b", names, repeats=1, executor="local", workers=2)
    assert first.selected == second.selected
    assert [r.gained for r in first.ranking] == [r.gained for r in second.ranking]


def test_a_remedy_that_raises_is_reported_and_the_rest_goes_on(tmp_path, monkeypatch):
    def broken(*given, **settings):
        raise RuntimeError(f"no luck with {len(given[-1].train)} rows")

    monkeypatch.setitem(all_remedies(), "class-balance", replace(all_remedies()["class-balance"], fit=broken))
    monkeypatch.setitem(all_remedies(), "logit-adjustment", replace(all_remedies()["logit-adjustment"], wrap=broken))
    found = run(
        label_shift(600, 4), "held-out site", tmp_path, ["class-balance", "logit-adjustment", "em-recalibration"]
    )
    by_name = {r.remedy.name: r for r in found.ranking}
    assert by_name["class-balance"].verdict == "not judged"
    assert list(by_name["class-balance"].failures.values()) == [len(found.design.fittings)]
    assert next(iter(by_name["logit-adjustment"].failures)).startswith("RuntimeError: no luck with")
    assert by_name["em-recalibration"].gained.estimate is not None
    assert by_name["em-recalibration"].failures == {}


def test_numbers_and_orders_are_improved_too(tmp_path):
    rng = np.random.default_rng(0)
    x, week = rng.normal(size=800), np.repeat(np.arange(40), 20)
    table = pl.DataFrame({"x": x, "week": week, "y": x * (1 + week / 20) + 0.1 * rng.normal(size=800)})
    found = run(table, "later week", tmp_path, ["recency-weights", "difficulty-selection"], repeats=3)
    assert found.design.validation == "an earlier cut of the same order"
    assert found.ranking[0].remedy.name == "recency-weights"
    assert found.ranking[0].verdict == "gains"
    assert found.helped


def test_bad_requests_are_told_before_any_fit(tmp_path):
    asked = ask(label_shift(600, 4), "logistic", ["held-out site"], target="y")
    with pytest.raises(ValueError, match="no remedy 'lam' "):
        improve(asked, remedies=["lam"])
    with pytest.raises(ValueError, match="no remedy can be tried under 'held-out site': irm needs a torch module"):
        improve(asked, remedies=["irm"], store=Store(tmp_path))
    with pytest.raises(ValueError, match="--rows must be at least 100"):
        improve(asked, rows=10)


def test_a_learner_that_refuses_crafted_rows_is_still_improved(tmp_path, monkeypatch):
    original = attempts.score_rows

    def refusing(fitted, examples, problem, blocks=None):
        if float(examples.table["a"].abs().max()) > 6:
            raise ValueError("out of range")
        return original(fitted, examples, problem)

    monkeypatch.setattr(attempts, "score_rows", refusing)
    found = run(label_shift(600, 4), "held-out site", tmp_path, ["em-recalibration"], repeats=1)
    assert found.selected.gained.estimate is not None
    assert found.ranking[0].failures == {}


def test_recalibration_moves_accuracy_and_cannot_move_the_order_of_rows(tmp_path):
    """New priors in a domain are one monotone change of a binary probability: AUROC there stays, whatever accuracy does."""
    table = label_shift(900, 5)
    gains = {}
    for measure in ("accuracy", "auroc"):
        asked = ask(table, "logistic", ["held-out site"], target="y", measure=measure)
        found = improve(
            asked, remedies=["em-recalibration"], repeats=1, executor="serial", store=Store(tmp_path / measure)
        )[0]
        gains[measure] = [gain for _, gain, _ in found.ranking[0].gained.by_domain]
    assert np.mean(gains["accuracy"]) > 0.02
    # Priors are estimated batch by batch, so that a little of the order moves.
    assert abs(np.mean(gains["auroc"])) < 0.1 * np.mean(gains["accuracy"])
    assert "of AUROC or more" in first_words(found)


def test_a_domain_with_one_class_has_no_auroc_and_is_left_out_with_the_reason(tmp_path):
    table = label_shift(900, 6, moved=False).with_columns(
        # Three rows of the one class at s2, none at s4.
        y=pl.when(pl.col("site") == "s4").then(pl.lit("p"))
        .when((pl.col("site") == "s2") & (pl.int_range(pl.len()).over("site") < 3)).then(pl.lit("q"))
        .when(pl.col("site") == "s2").then(pl.lit("p")).otherwise("y")
    )  # fmt: skip
    asked = ask(table, "logistic", ["held-out site"], target="y", measure="auroc")
    found = improve(asked, remedies=["class-balance"], repeats=1, executor="serial", store=Store(tmp_path))[0]
    left = dict(found.design.left_out)
    assert left["site=s2"] == "it has 3 rows of the class 'q'; AUROC needs 5 of each"
    assert left["site=s4"].endswith("rows have the same y")
    assert len(found.selected.gained.by_domain) == 4


def test_a_column_that_means_the_contrary_at_some_sites_is_dropped_and_the_worst_sites_gain(tmp_path):
    rng = np.random.default_rng(0)
    site = np.repeat(np.arange(8), 300)
    y = (rng.random(len(site)) < 0.5).astype(int)
    sign = np.where(site < 3, -1, 1)
    table = pl.DataFrame(
        {
            "a": rng.normal(size=len(site)) + 0.8 * (2 * y - 1),
            "turning": rng.normal(size=len(site)) + 1.5 * sign * (2 * y - 1),
            "site": [f"s{i}" for i in site],
            "y": np.where(y == 1, "p", "q"),
        }
    )
    found = run(
        table, "held-out site", tmp_path, ["stable-columns", "class-balance"], repeats=1, judge="worst", race=True
    )
    gained = found.selected.gained
    assert found.helped
    assert set(gained.chosen) <= {"stable-columns", "stable-columns by=invariance"}
    assert gained.estimate.low > 0.05
    assert gained.estimate.units == 3
