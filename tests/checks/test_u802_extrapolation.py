"""U802: a loss beyond the boundary is found with its trend; without one there are few false findings."""

import learner_cases as lc
import numpy as np
import polars as pl

from unseen.checks.base import Clear, Found, NotApplicable, Settings
from unseen.checks.u802_extrapolation import Extrapolation
from unseen.engine.store import Store
from unseen.refitting import Case, Runner, UnderShift, plan, problem_of, spec_of


def later(rng, loss_at, n=1200, boundary=9, **options):
    """Months 1 to 12; beyond month 9 the chance of being right is lower by ``loss_at(month)``."""
    month = np.repeat(np.arange(1, 13), n // 12)
    table = pl.DataFrame(
        {"month": month, "x": rng.normal(size=n), "z": rng.normal(size=n), "y": rng.choice(["a", "b"], n)}
    )
    problem = problem_of(table, "y")
    seen = np.full(n, 0.8)
    unseen = seen - np.array([loss_at(m) for m in month])
    inside, beyond = np.flatnonzero(month <= boundary), np.flatnonzero(month > boundary)
    case = Case("later month", "later month=9", ("month",), inside, beyond, options.get("kind", "later"))
    return UnderShift(lc.Law(problem, seen, unseen, rng), plan(problem, [case], refits=options.get("refits", 2)))


def test_a_loss_that_grows_is_found_with_its_trend():
    (outcome,) = lc.run(Extrapolation(), later(np.random.default_rng(0), lambda m: 0.15 * max(m - 9, 0), n=2400))
    assert isinstance(outcome, Found)
    # 0.15, 0.30 and 0.45 in equal parts.
    assert outcome.estimate.low < 0.30 < outcome.estimate.high
    assert outcome.details["trend"]["low"] < 0.30 < outcome.details["trend"]["high"]
    assert "from the nearest to the furthest the loss grows by 0." in outcome.statement
    at = [level["at"] for level in outcome.details["levels"]]
    assert at == sorted(at)
    assert len(at) >= 2


def test_without_a_loss_false_findings_stay_below_the_nominal_rate():
    settings, found, trials = Settings(smallest_gap=1e-9), 0, 100
    for seed in range(trials):
        (outcome,) = lc.run(Extrapolation(), later(np.random.default_rng([2, seed]), lambda m: 0.0, n=600), settings)
        found += isinstance(outcome, Found)
    assert found / trials <= 0.025 + 3 * (0.025 * 0.975 / trials) ** 0.5


def test_no_loss_in_many_rows_is_clear_and_no_ordered_shift_not_applicable():
    (outcome,) = lc.run(Extrapolation(), later(np.random.default_rng(1), lambda m: 0.0, n=3600, refits=4))
    assert isinstance(outcome, Clear)
    assert "extrapolating costs nothing that matters" in outcome.statement
    (none,) = lc.run(Extrapolation(), later(np.random.default_rng(1), lambda m: 0.0, kind="held-out"))
    assert isinstance(none, NotApplicable)


def test_a_line_is_extrapolated_and_trees_are_not(tmp_path):
    rng = np.random.default_rng(4)
    n = 900
    table = pl.DataFrame({"dose": rng.uniform(0, 3, n), "z": rng.normal(size=n)})
    table = table.with_columns(y=2.0 * pl.col("dose") + pl.Series(rng.normal(0, 0.3, n)))
    outcomes = {}
    for learner in ("logistic", "gradient-boosting"):
        problem = problem_of(table, "y", regression=True)
        dose = table["dose"].to_numpy()
        case = Case(
            "beyond dose=2", "beyond dose=2", ("dose",), np.flatnonzero(dose <= 2), np.flatnonzero(dose > 2), "beyond"
        )
        runner = Runner(problem, spec_of(learner, regression=True), executor="serial", store=Store(tmp_path))
        (outcomes[learner],) = lc.run(Extrapolation(), UnderShift(runner, plan(problem, [case], refits=2)))
    assert isinstance(outcomes["gradient-boosting"], Found)
    # Trees stay at the boundary: the error is 2 · (dose - 2), 1 on average, growing by 2.
    assert 0.6 < outcomes["gradient-boosting"].estimate.value < 1.1
    assert "the loss grows by" in outcomes["gradient-boosting"].statement
    assert not isinstance(outcomes["logistic"], Found)
