"""U804: it tells whether domains or rows are scarce, and is silent where neither is."""

import learner_cases as lc
import numpy as np
import polars as pl
import pytest

from unseen.checks._groups import balanced_groups
from unseen.checks.base import Clear, Found, NotApplicable, Settings
from unseen.checks.u804_diversity_or_size import DiversityOrSize


def constants_of_sites(rng, k, n, dims=5):
    """Sites differ in constants on which the outcome depends: only other sites teach how."""
    site = np.repeat(np.arange(k), n)
    x, constants = rng.normal(size=k * n), rng.normal(size=(k, dims))
    y = rng.random(k * n) < 1 / (1 + np.exp(-(x + 1.2 * constants.sum(1)[site])))
    columns = {f"c{j}": constants[site, j] for j in range(dims)}
    return pl.DataFrame({"site": [f"s{v:02d}" for v in site], "x": x, **columns, "y": np.where(y, "yes", "no")})


def test_where_sites_differ_more_of_them_help(tmp_path):
    (outcome,) = lc.run(DiversityOrSize(), lc.under(constants_of_sites(np.random.default_rng(0), 24, 200), tmp_path))
    assert isinstance(outcome, Found)
    domains, rows = outcome.details["domains"], outcome.details["rows"]
    assert domains["value"] > 0.03 > rows["value"]
    assert "further domains" in outcome.next_step
    assert {p["domains"] for p in outcome.details["surface"]} == {2, 4, 8, 16}


def test_where_rows_are_scarce_rows_help(tmp_path):
    rng = np.random.default_rng(1)
    table = lc.sites(rng, 12, 150, columns=25, slope=4)
    u = lc.under(table, tmp_path, "nearest-neighbours")
    (outcome,) = lc.run(DiversityOrSize(), u, Settings(smallest_gap=0.01))
    assert isinstance(outcome, Found)
    assert outcome.details["rows"]["value"] > 0.01
    assert outcome.details["domains"]["low"] < 0.01
    assert "need not come from further domains" in outcome.next_step


def test_where_neither_matters_it_is_clear(tmp_path):
    (outcome,) = lc.run(DiversityOrSize(), lc.under(lc.sites(np.random.default_rng(2), 12, 600, 2), tmp_path))
    assert isinstance(outcome, Clear)
    assert "neither would help" in outcome.statement


def test_under_one_law_false_findings_for_domains_stay_below_the_nominal_rate():
    # The law does not know how many domains or rows a fit saw.
    settings, found, trials = Settings(smallest_gap=1e-9), 0, 60
    for seed in range(trials):
        rng = np.random.default_rng([4, seed])
        u = lc.law(rng, [90] * 10, rng.normal(0.75, 0.05, 10), 0.0, refits=1)
        (outcome,) = lc.run(DiversityOrSize(), u, settings)
        found += isinstance(outcome, Found)
    assert found / trials <= 0.05 + 3 * (0.05 * 0.95 / trials) ** 0.5


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [([200] * 5, "8 domains or more, these are 5"), ([40] * 9, "the domains have 40 rows; 60 a domain are needed")],
)
def test_few_or_small_domains_are_refused(sizes, reason):
    (outcome,) = lc.run(DiversityOrSize(), lc.law(np.random.default_rng(0), sizes, 0.8, 0.0))
    assert isinstance(outcome, NotApplicable)
    assert reason in outcome.statement


def test_a_group_in_which_fits_fail_is_left_out():
    (outcome,) = lc.run(DiversityOrSize(), lc.law(np.random.default_rng(0), [90] * 12, 0.8, 0.0, failing="group 2,"))
    assert outcome.estimate.units == 3
    (outcome,) = lc.run(DiversityOrSize(), lc.law(np.random.default_rng(0), [90] * 12, 0.8, 0.0, failing="group"))
    assert "ValueError: it broke" in outcome.statement


def test_equal_seeds_give_equal_outcomes(tmp_path):
    table = lc.sites(np.random.default_rng(3), 8, 70)
    first, second = (lc.run(DiversityOrSize(), lc.under(table, tmp_path / str(i))) for i in range(2))
    assert [(o.statement, o.p_value) for o in first] == [(o.statement, o.p_value) for o in second]


def test_groups_hold_large_and_small_domains():
    sizes = np.array([100, 90, 80, 70, 10, 9, 8, 7])
    group = balanced_groups(sizes, 4, np.random.default_rng(0))
    assert all(sorted(sizes[group == g] > 50) == [False, True] for g in range(4))


def test_a_loss_by_doubling_is_called_a_cost():
    from unseen.checks.u804_diversity_or_size import _gain
    from unseen.estimates import Estimate

    assert _gain(Estimate(-0.019, -0.03, -0.008, 5, "x")) == "costs 0.019 [0.008, 0.030]"
    assert _gain(Estimate(0.019, 0.008, 0.03, 5, "x")) == "brings 0.019 [0.008, 0.030]"
