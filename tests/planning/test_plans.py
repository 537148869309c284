"""Plans from numbers and from pilots: levels of a real audit, the numbers of its next steps, correlations with intervals."""

import numpy as np
import polars as pl
import pytest

import unseen
from unseen import auditing
from unseen.auditing import levels_alone
from unseen.checks.base import Settings, Subject, Undecided
from unseen.errors import BadInput, TooFewUnits
from unseen.planning import Design, from_numbers, from_pilot
from unseen.planning.measured import intraclass_correlation, measured, pairing
from unseen.planning.numbers import count_tests
from unseen.responses import Responses

LEADS = ["U003", "U101", "U701"]


def pilot(clusters=30, rows=8, models=3, rho=0.1, share=0.4, gap=0.05, score=0.7, seed=0, alike=False):
    """Beta-binomial clusters, each on one side; with ``alike`` all models draw the same clusters."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(clusters), rows)
    unseen_cluster = np.arange(clusters) < share * clusters
    mean = np.where(unseen_cluster, score - gap, score)
    frames, p = [], None
    for j in range(models):
        if p is None or not alike:
            p = rng.beta(mean * (1 / rho - 1), (1 - mean) * (1 / rho - 1))
        frames.append(
            pl.DataFrame(
                {
                    "model": f"m{j}",
                    "item": [f"i{i}" for i in range(len(cluster))],
                    "cluster": [f"d{c}" for c in cluster],
                    "split": np.where(unseen_cluster[cluster], "unseen", "seen"),
                    "score": (rng.random(len(cluster)) < p[cluster]) * 1.0,
                }
            )
        )
    return pl.concat(frames)


def test_a_plan_names_the_numbers_of_the_pilots_own_audit():
    table = Responses.of(pilot())
    result = auditing.run(Subject(responses=table), Settings(), select=LEADS)
    plan = from_pilot(table, Settings(), select=LEADS)
    assert plan.tests == {"U101": 3, "U701": 2}
    gap = plan.questions[0]
    audited = {(o.code, o.about.name): o for o in result.outcomes}
    undecided, design = audited["U101", gap.about], audited["U003", gap.about]
    assert isinstance(undecided, Undecided)
    need = next(n for n in gap.to_decide if n.gap == 0.1)
    assert need.clusters == undecided.details["units_needed"] == design.details["units_needed"]
    assert gap.found == pytest.approx(design.details["smallest_detectable"])
    assert gap.level == pytest.approx(design.details["level_tested"])
    assert gap.found_low < gap.found < gap.found_high
    # It is the least certain model, so that the others need no more.
    needed = [o.details["units_needed"] for (code, _), o in audited.items() if code == "U003"]
    assert need.clusters == max(needed)
    pair = audited["U701", plan.questions[1].about]
    if isinstance(pair, Undecided):
        assert next(n for n in plan.questions[1].to_decide if n.gap == 0.1).clusters == pair.details["units_needed"]


def test_levels_are_those_of_an_audit_of_that_many_models():
    plan = from_numbers(Design(models=5, items=400), select=LEADS)
    assert plan.tests == {"U101": 5, "U701": 4}
    assert {q.code: q.level for q in plan.questions} == pytest.approx({"U101": 0.05 * 0.8 / 5, "U701": 0.05 * 0.2 / 4})
    more = from_pilot(Responses.of(pilot()), models=6, select=LEADS)
    assert more.tests == {"U101": 6, "U701": 5}
    assert more.questions[0].level == pytest.approx(0.05 * 0.8 / 6)


def test_tests_are_counted_by_an_audit():
    counted = count_tests(Design(models=2, items=200, factors=2), Settings())
    assert (counted["U101"], counted["U701"], counted["U102"]) == (2, 1, 4)
    assert levels_alone(counted, 0.05)["U101"] == pytest.approx(0.05 * 0.7 * 0.8 / 2)


def test_a_plan_from_numbers_agrees_with_one_from_a_large_pilot_of_them():
    numbers = from_numbers(
        Design(models=2, clusters=300, rows_per_cluster=8, unseen_share=0.4, intraclass=0.1, score=0.7), select=LEADS
    )
    measured = from_pilot(Responses.of(pilot(clusters=300, models=2)), select=LEADS)
    a, b = numbers.questions[0], measured.questions[0]
    # A standard error from 300 clusters is known within 1 / √600 = 4 %; the worse of two models and t add a little.
    assert b.found == pytest.approx(a.found, rel=0.15)
    assert b.decided == pytest.approx(a.decided, rel=0.2)


def test_more_clusters_help_more_than_more_rows_and_too_few_are_named():
    plan = from_numbers(Design(items=500, unseen_share=0.4, clusters=50, intraclass=0.1), select=LEADS)
    by = {change.name: change for change in plan.changes}
    assert by["twice the clusters"].found < by["twice the rows per cluster"].found < by["as it is"].found
    assert by["rows without end in these clusters"].found > by["twice the clusters"].found
    assert any("no number of rows in 50 clusters decides" in note for note in plan.notes)
    assert [m.clusters for m in plan.mixes] == sorted((m.clusters for m in plan.mixes), reverse=True)
    assert [m.items for m in plan.mixes] == sorted(m.items for m in plan.mixes)
    few = from_numbers(Design(items=100, unseen_share=0.2, clusters=20), select=LEADS)
    assert any("the unseen side has 4, and an audit declines a gap below 10" in note for note in few.notes)
    assert min(need.clusters for need in few.questions[0].to_find) >= 50
    alone = from_numbers(Design(items=500), select=LEADS)
    assert (alone.changes, alone.mixes, alone.notes) == ((), (), ())


def test_clusters_on_both_sides_cancel_what_their_rows_share():
    rng = np.random.default_rng(0)
    k, m = 40, 10
    cluster = np.repeat(np.arange(k), m)
    frame = pl.DataFrame(
        {
            "item": [f"i{i}" for i in range(k * m)],
            "cluster": [f"c{c}" for c in cluster],
            "split": ["seen", "unseen"] * (k * m // 2),
            "score": (rng.random(k * m) < rng.beta(2, 2, k)[cluster]) * 1.0,
            "model": "m",
        }
    )
    facts = measured(Subject(responses=Responses.of(frame)), Settings())
    # Beta(2, 2): ρ = 1 / 5. Each cluster has as many rows on either side, so that its effect leaves the gap.
    assert facts.intraclass == pytest.approx(0.2, abs=0.15)
    assert facts.carried == 0.0
    assert facts.sides["unseen"] == (40.0, pytest.approx(40.0))
    plan = from_pilot(Responses.of(frame), select=LEADS)
    twice = {c.name: c.found for c in plan.changes}
    assert twice["twice the rows per cluster"] == pytest.approx(twice["twice the clusters"])
    assert plan.notes == ("Clusters lie on both sides, which takes part of what their rows share out of the gap.",)


def test_units_needed_agree_where_humans_correct_a_judge():
    table = pilot(clusters=60)
    labelled = np.random.default_rng(0).random(len(table)) < 0.4
    human = table.with_columns(human_score=pl.when(pl.Series(labelled)).then(pl.col("score")).otherwise(None))
    result = auditing.run(Subject(responses=Responses.of(human)), Settings(), select=LEADS)
    by = {(o.code, o.about.name): o.details.get("units_needed") for o in result.outcomes}
    assert [by["U003", f"m{j}"] for j in range(3)] == [by["U101", f"m{j}"] for j in range(3)]


def test_the_intraclass_correlation_is_covered_by_its_interval():
    hits, values, replicates = 0, [], 200
    for seed in range(replicates):
        rng = np.random.default_rng(seed)
        p = rng.beta(0.6 * 9, 0.4 * 9, 40)
        cluster = np.repeat(np.arange(40), rng.integers(2, 12, 40))
        score = (rng.random(len(cluster)) < p[cluster]) * 1.0
        value, low, high = intraclass_correlation([(score, cluster, cluster % 2 == 0)], 0.95)
        hits += low <= 0.1 <= high
        values.append(value)
    assert 0.90 <= hits / replicates <= 0.99
    assert abs(np.mean(values) - 0.1) <= 3 * np.std(values) / np.sqrt(replicates) + 0.005
    rng = np.random.default_rng(0)
    single = np.arange(50)
    assert intraclass_correlation([((rng.random(50) < 0.5) * 1.0, single, single % 2 == 0)], 0.95) is None


def test_the_pairing_of_models_is_covered_by_its_interval():
    from unseen.checks._rows import item_means

    hits, replicates = 0, 120
    for seed in range(replicates):
        # Models that share their clusters' beta means at ρ = 0.3 agree on an item by 0.3, seen and unseen alike.
        table = Responses.of(pilot(clusters=60, rows=4, models=2, rho=0.3, gap=0.0, seed=seed, alike=True))
        _, low, high = pairing(item_means(Subject(responses=table)), 0.95)
        hits += low <= 0.3 <= high
    assert 0.88 <= hits / replicates <= 0.995


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({"items": 500, "score": 1.7}, "the expected score lies above 0, up to 1, got 1.7"),
        ({"items": 500, "score": 0.0}, "the expected score lies above 0"),
        ({"items": 0}, "the number of items lies from 4 to 1e\\+12, got 0"),
        ({"items": 500, "unseen_share": 0.0}, "the unseen share lies between 0 and 1, got 0"),
        ({"items": 500, "clusters": 50, "intraclass": 1.5}, "the intraclass correlation lies from 0 to 1, got 1.5"),
        ({"items": 500, "clusters": 1}, "the number of clusters lies from 2 to 1e\\+12, got 1"),
        ({"items": 500, "intraclass": 0.2}, "no cluster is given"),
        ({"items": 500, "clusters": 50, "rows_per_cluster": 20}, "are 1000 items, and 500 were given"),
        ({"items": 20, "clusters": 3, "unseen_share": 0.1}, "leave 0.3 on the unseen side"),
        ({"items": 500, "clusters": 501}, "501 clusters can't have 500 items"),
        ({"items": 500, "power": 2.0}, "a power lies from 0.5 to 0.99, got 2"),
        ({"items": 500, "models": 0}, "the number of models lies from 1 to 10000"),
        ({}, "nothing to plan"),
        ({"items": 500, "cluster": "doc"}, "cluster: not a number of a design"),
        ({"items": 500, "select": ["U701"]}, "is not among the checks"),
    ],
)
def test_numbers_that_can_not_be_are_told_with_value_and_remedy(numbers, told):
    with pytest.raises(BadInput, match=told.replace("(", r"\(")):
        unseen.plan(**numbers)


def test_a_pilot_that_can_not_be_planned_from_says_why():
    table = pilot()
    with pytest.raises(BadInput, match="no labelled rows marked seen and unseen"):
        unseen.plan(table.drop("split"))
    with pytest.raises(TooFewUnits, match="needs at least 2 independent units for an interval, got 1"):
        unseen.plan(table.with_columns(cluster=pl.lit("one")), select=LEADS)
    with pytest.raises(BadInput, match="no labelled rows marked unseen"):
        unseen.plan(table.filter(pl.col("split") == "seen"), select=LEADS)
