import numpy as np
import polars as pl

from unseen.auditing import run_check
from unseen.checks.base import Clear, Found, Settings, Subject, Undecided
from unseen.checks.u102_factor_gaps import FactorGaps
from unseen.responses import Responses


def _audit(n=1500, seed=0, effect=0.3, confounded=False):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 3, n)
    b = np.where(rng.random(n) < 0.9, a > 0, rng.random(n) < 0.5) if confounded else rng.random(n) < 0.5
    score = (rng.random(n) < 0.7 - effect * (a == 2)).astype(float)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": score, "a": a, "b": np.where(b, "yes", "no"),
    })  # fmt: skip
    return {
        o.details["factor"]: o for o in run_check(FactorGaps(), Subject(Responses.of(table)), Settings(), strict=True)
    }


def test_a_planted_gap_is_found_and_the_other_factor_is_clear():
    out = _audit()
    assert isinstance(out["a"], Found)
    assert out["a"].estimate.low <= 0.3 <= out["a"].estimate.high
    assert (out["a"].details["worst"], len(out["a"].details["levels"])) == ("2", 3)
    assert isinstance(out["b"], Clear)


def test_a_confounded_factor_has_a_marginal_but_no_adjusted_gap():
    b = _audit(n=6000, confounded=True)["b"]
    assert b.details["marginal"]["low"] > 0.05
    assert not isinstance(b, Found)


def test_no_gap_is_found_at_the_stated_rate_where_there_is_none():
    found = sum(isinstance(o, Found) for s in range(100) for o in _audit(600, s, effect=0.0).values())
    assert found <= 200 * 0.05 + 3.2 * (200 * 0.05 * 0.95) ** 0.5


def _levels(p_of, sizes, seed=0):
    rng = np.random.default_rng(seed)
    site = np.repeat(np.arange(len(sizes)), sizes)
    score = (rng.random(len(site)) < np.asarray(p_of)[site]).astype(float)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(len(site))], "score": score, "site": [f"s{k:02d}" for k in site],
    })  # fmt: skip
    return run_check(FactorGaps(), Subject(Responses.of(table)), Settings(), strict=True)[0]


def test_a_rare_level_that_may_hide_a_gap_is_not_cleared():
    rare = _levels([0.6, 0.6, 0.6], [3000, 3000, 12])
    assert isinstance(rare, Undecided)
    assert rare.estimate.high > 0.2
    assert isinstance(_levels([0.6, 0.6, 0.6], [3000, 3000, 3000]), Clear)
    # A level with fewer than ten units is not judged, and that is said.
    few = _levels([0.6, 0.6, 0.6], [3000, 3000, 5])
    assert isinstance(few, Clear)
    assert few.details["left_out"] == ["s02"]
    assert "1 level with fewer than 10 independent units left out" in few.statement


def test_levels_that_are_taken_together_are_named():
    out = _levels([0.7] * 29 + [0.1], [100] * 29 + [200])
    assert isinstance(out, Found)
    assert out.details["worst"] == "s29"
    assert "levels of site beyond the 19 most frequent count as one, 'other'" in out.statement


def test_a_gap_that_matters_is_rarely_cleared():
    clear = sum(isinstance(_levels([0.6, 0.6, 0.5], [1000, 1000, 600], seed=s), Clear) for s in range(60))
    # At most 2.5 % of 60 are expected: 5 are 2.9 binomial sd above.
    assert clear <= 5


def test_models_with_many_rows_are_adjusted_on_the_same_part_of_them(monkeypatch):
    from unseen.checks import u102_factor_gaps as u102

    rng, n, designs = np.random.default_rng(2), 25_000, []
    of = u102.Design.of
    monkeypatch.setattr(u102.Design, "of", lambda *given: designs.append(of(*given)) or designs[-1])
    items = pl.DataFrame({"item": np.arange(n), "a": rng.choice(["u", "v"], n), "b": rng.choice(["x", "y"], n)})
    rows = [items.with_columns(model=pl.lit(f"m{k}"), score=pl.Series((rng.random(n) < 0.5) * 1.0)) for k in range(3)]
    list(u102.FactorGaps().run(Subject(responses=Responses.of(pl.concat(rows))), Settings()))
    assert [len(d.cell) for d in designs] == [20_000]
