"""Whether to collect further domains or more rows: told where the data show it, and said to be open where they don't."""

import numpy as np
import polars as pl
import pytest

from unseen.checks._groups import domains
from unseen.engine.store import Store
from unseen.improving import design, improve
from unseen.improving.improve import _collected
from unseen.refitting import Runner, ask, refitted_under
from unseen.refitting.diversity import doubling
from unseen.report.improvement import summarise


def collected(table, tmp_path, learner="logistic", remedies=("class-balance",), **options):
    """The JSON of what to collect, without the time of all remedies."""
    from dataclasses import replace

    asked = ask(table, learner, ["held-out site"], target="y")
    store = Store(tmp_path)
    found = improve(asked, remedies=remedies, repeats=1, executor="serial", store=store, **options)[0]
    assert found.collect is None
    runner = Runner(found.design.problem, asked.learner, executor="serial", store=store)
    made = replace(found, collect=_collected(found.design, runner, 0.95, 0))
    return summarise(asked, [made])["families"][0]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_where_sites_differ_by_constants_further_domains_are_to_be_collected(tmp_path, seed):
    rng = np.random.default_rng(seed)
    site = np.repeat(np.arange(36), 120)
    x, constants = rng.normal(size=len(site)), rng.normal(size=(36, 5))
    y = rng.random(len(site)) < 1 / (1 + np.exp(-(x + 1.2 * constants.sum(1)[site])))
    columns = {f"c{j}": constants[site, j] for j in range(5)}
    table = pl.DataFrame({"site": [f"s{v}" for v in site], "x": x, **columns, "y": np.where(y, "p", "q")})
    family = collected(table, tmp_path)
    told = family["collect"]
    assert told["advice"] == "domains"
    assert told["domains"]["low"] > 0
    assert told["domains"]["value"] > told["rows"]["value"]
    assert family["next_step"].endswith("collect further domains.")
    assert "of accuracy on domains not seen, doubling the rows at equal domains" in family["next_step"]


def test_where_rows_are_scarce_more_rows_are_to_be_collected(tmp_path):
    """Thirty columns, of which ten count alike everywhere, and 100 rows a site."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(16 * 100, 30))
    y = rng.random(len(x)) < 1 / (1 + np.exp(-x[:, :10].sum(1)))
    sites = [f"s{i}" for i in np.repeat(np.arange(16), 100)]
    table = pl.DataFrame({"site": sites, "y": np.where(y, "p", "q")} | {f"x{j}": x[:, j] for j in range(30)})
    told = collected(table, tmp_path)["collect"]
    assert told["advice"] == "rows"
    assert told["rows"]["low"] > 0.01
    assert told["statement"].endswith("collect more rows, which may come from the same domains.")


def test_few_domains_are_said_not_to_be_enough(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=500)
    y = np.where(x + rng.normal(size=500) > 0, "p", "q")
    table = pl.DataFrame({"x": x, "z": rng.normal(size=500), "site": [f"s{i % 5}" for i in range(500)], "y": y})
    told = collected(table, tmp_path)["collect"]
    assert told == {
        "advice": "unknown",
        "statement": "Whether further domains or more rows would help can't be told: not enough domains: diversity is judged "
        "over 8 domains or more, these are 5.",
    }


def test_what_an_audit_refitted_for_the_same_question_is_not_refitted(tmp_path):
    """U804 and improve ask what further domains bring: on the same table, learner and seed they share these refits."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(900, 2))
    y = np.where(x[:, 0] + rng.normal(size=900) > 0, "p", "q")
    table = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "site": [f"s{i % 9}" for i in range(900)], "y": y})
    asked = ask(table, "logistic", ["held-out site"], target="y")
    store = Store(tmp_path)
    under = refitted_under(asked, executor="serial", store=store)
    own = domains(under)[0]
    audited = doubling(under.runner, own, under.plan.seed, 0.95)
    heard = []
    made = design(asked.problem, asked.cases, repeats=1, rows=20_000, seed=0)
    runner = Runner(asked.problem, asked.learner, executor="serial", store=store, done=lambda *a: heard.append(a))
    assert _collected(made, runner, 0.95, 0) == audited
    assert heard == [(f"{audited.fits} jobs from an earlier run", audited.fits, audited.fits)]
