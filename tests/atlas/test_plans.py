"""Plans that can't come out either way are refused; verdicts follow from plans by rule."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from unseen.atlas import intervals
from unseen.atlas.intervals import mean_over_seeds, over_seeds, seeds_for
from unseen.atlas.judging import VERDICTS, judged
from unseen.atlas.plan import (
    ANY,
    DIFFERENCE,
    SHARE,
    Change,
    Part,
    Sweep,
    control,
    gate,
    headline,
    plan_hash,
    side_part,
    study,
)  # fmt: skip
from unseen.errors import BadInput, TooFewUnits, Undefined


def made(fidelity="B", parts=(), sweeps=(), **changed):
    settings = {
        "slug": "toy", "source": "s", "link": "", "did": "d", "here": "h", "code": "none", "units": "seeds",
        "seeds": range(10, 16), "fidelity": fidelity, "sweeps": sweeps,
        "claim": [("It gains.", "gain"), *((f"And {p.quantity}.", p.quantity) for p in parts if p.decides)],
        "parts": [
            headline("gain", "gain", claimed=0.2, refuted=0.0, basis="Table 1", within=DIFFERENCE),
            gate("fit", "fits", at_least=0.9, basis="chance", within=SHARE),
            control("planted", "appears", at_least=0.2, basis="by construction", within=DIFFERENCE),
            control("cut", "goes", at_most=0.1, basis="by construction", within=DIFFERENCE, cuts="the penalty"),
            *parts,
        ],
    }  # fmt: skip
    return study(**{**settings, **changed})(lambda seed, quick: {"gain": 0.0})


GOOD = {"gain": 0.5, "fit": 0.97, "planted": 0.5, "cut": 0.0}


def verdict(plan, n=6, **means):
    rng = np.random.default_rng(0)
    values = {**GOOD, **means}
    seeds = [{k: float(v + 0.01 * rng.standard_normal()) for k, v in values.items()} for _ in range(n)]
    return judged(plan.plan(), seeds)


@pytest.mark.parametrize(
    ("means", "b", "c"),
    [
        ({}, "supported", "seen here"),
        ({"gain": 0.1}, "weaker than claimed", "weaker than claimed"),
        ({"gain": -0.3}, "contradicted", "not seen here"),
        ({"gain": 0.2}, "inconclusive", "inconclusive"),
        ({"fit": 0.5}, "not testable here", "not testable here"),
        ({"planted": 0.0}, "not testable here", "not testable here"),
        ({"cut": 0.5}, "not testable here", "not testable here"),
        # A gate that is not settled lets nothing be said, even where the headline is clear.
        ({"fit": 0.9}, "inconclusive", "inconclusive"),
        ({"gain": -0.3, "fit": 0.5}, "not testable here", "not testable here"),
    ],
)
def test_the_rule_of_verdicts(means, b, c):
    assert (verdict(made("B"), **means)["verdict"], verdict(made("C"), **means)["verdict"]) == (b, c)
    assert {b, c} <= set(VERDICTS)


@pytest.mark.parametrize(("value", "expected"), [(-0.5, "supported in part"), (0.5, "supported"), (0.05, "supported")])
def test_a_side_part_can_take_from_a_claim_but_not_outvote_it(value, expected):
    beside = side_part("beside", "beside", claimed=0.2, refuted=0.0, basis="b", within=DIFFERENCE)
    found = verdict(made(parts=[beside]), beside=value)
    assert found["verdict"] == expected
    assert ("beside" in found["why"]) == (value < 0)


BESIDE = side_part("beside", "beside", claimed=0.2, refuted=0.0, basis="b", within=DIFFERENCE)
OWN_GATE = gate("far", "learnt far out", at_least=0.9, basis="learnt", within=SHARE, of=["beside"])


@pytest.mark.parametrize(
    ("far", "state", "word"),
    [(0.97, "contradicted", ""), (0.9, "inconclusive", "is not settled"), (0.3, "inconclusive", "fails")],
)
def test_a_condition_of_a_side_part_withholds_that_part_alone(far, state, word):
    found = verdict(made(parts=[BESIDE, OWN_GATE]), beside=-0.5, far=far)
    assert found["verdict"] == ("supported in part" if state == "contradicted" else "supported")
    beside = next(p for p in found["parts"] if p["quantity"] == "beside")
    assert beside["state"] == state
    assert word in (beside["problem"] or "")


def test_a_plan_without_own_conditions_keeps_its_hash_and_one_with_them_carries_them():
    whole, own = made(parts=[BESIDE]).plan(), made(parts=[BESIDE, OWN_GATE]).plan()
    old = {**whole, "parts": [{k: v for k, v in p.items() if k != "of"} for p in whole["parts"]]}
    assert plan_hash(whole) == plan_hash(old)
    unbound = {**own, "parts": [{**p, "of": []} for p in own["parts"]]}
    assert plan_hash(unbound) != plan_hash(own)
    assert (
        judged(old, [{**GOOD, "beside": 0.5 + 0.01 * i, "gain": 0.5 + 0.01 * i} for i in range(6)])["verdict"]
        == "supported"
    )
    assert Part.from_dict(json.loads(json.dumps(OWN_GATE.to_dict()))) == OWN_GATE


def test_of_two_headlines_the_weaker_decides():
    second = headline("second", "second", claimed=0.2, refuted=0.0, basis="b", within=DIFFERENCE)
    plan = made(parts=[second])
    assert verdict(plan, second=0.5)["verdict"] == "supported"
    assert verdict(plan, second=0.1)["verdict"] == "weaker than claimed"
    assert verdict(plan, second=-0.5)["verdict"] == "contradicted"
    assert verdict(plan, second=0.2)["verdict"] == "inconclusive"


def test_two_headlines_pay_for_being_two():
    # The same six numbers, beyond claimed at p = .03: enough for a headline alone, not for the first step of Holm.
    values = np.array([-1.0, -0.6, -0.2, 0.2, 0.6, 1.0])
    values *= 1 / values.std(ddof=1)
    from scipy import stats

    shift = stats.t.isf(0.03 / 2, 5) / math.sqrt(6)
    seeds = [{**GOOD, "gain": 0.2 + 0.05 * (shift + v), "second": 0.2 + 0.05 * (shift + v)} for v in values]
    second = headline("second", "second", claimed=0.2, refuted=0.0, basis="b", within=DIFFERENCE)
    assert judged(made().plan(), seeds)["verdict"] == "supported"
    assert judged(made(parts=[second]).plan(), seeds)["verdict"] == "inconclusive"


def test_a_sign_that_changes_over_what_was_reconstructed_leaves_the_part_open():
    sweep = Sweep("exponent", "gain", {"0.5": "at_half", "1": "gain", "2": "at_two"})
    plan = made(sweeps=[sweep])
    assert verdict(plan, at_half=0.3, at_two=0.4)["verdict"] == "supported"
    found = verdict(plan, at_half=-0.3, at_two=0.4)
    assert found["verdict"] == "inconclusive"
    assert "sign changes over exponent" in found["why"]


def test_an_open_verdict_says_how_many_seeds_would_decide():
    seeds = [{**GOOD, "gain": 0.26 + 0.1 * sign} for sign in (-1, 1) * 3]
    found = judged(made().plan(), seeds)
    assert found["verdict"] == "inconclusive"
    assert "seeds would decide" in found["why"]


def refused(why, **changed):
    with pytest.raises(BadInput, match=why):
        made(**changed)


def test_thresholds_beyond_a_floor_ceiling_or_cap_are_refused():
    # A ratio capped at 1.35 can never pass 1.5.
    with pytest.raises(BadInput, match=r"can't come out either way: claimed is 1.5"):
        headline("ratio", "faster", claimed=1.5, refuted=1.0, basis="b", within=(0.0, 1.35))
    with pytest.raises(BadInput, match=r"refuted is 0"):
        headline("rate", "rare", claimed=0.1, refuted=0.0, basis="b", within=SHARE)
    with pytest.raises(BadInput, match="claimed is 1"):
        gate("fit", "fits", at_least=1.0, basis="b", within=SHARE)
    with pytest.raises(BadInput, match="two thresholds"):
        headline("gain", "gain", claimed=0.0, refuted=0.0, basis="b", within=DIFFERENCE)
    with pytest.raises(BadInput, match="exactly one of"):
        gate("fit", "fits", basis="b")
    with pytest.raises(BadInput, match="come from"):
        headline("gain", "gain", claimed=0.1, refuted=0.0, basis="", within=DIFFERENCE)


def test_plans_without_what_makes_them_fair_are_refused():
    whole = made().parts
    by_name = {p.quantity: p for p in whole}
    without = {name: [p for p in whole if p.quantity != name] for name in by_name}
    for name, why in (("fit", "no gate"), ("planted", "positive control"), ("cut", "negative one")):
        with pytest.raises(BadInput, match=why):
            study(**plain(parts=without[name]))(lambda seed, quick: {})
    with pytest.raises(BadInput, match="0 headlines"):
        study(**plain(parts=without["gain"], claim=[]))(lambda seed, quick: {})
    with pytest.raises(BadInput, match=r"no headline or side part tests 'It sings\.'"):
        study(**plain(claim=[("It gains.", "gain"), ("It sings.", "fit")]))(lambda seed, quick: {})
    with pytest.raises(BadInput, match="no sentence of the claim names the part 'gain'"):
        study(**plain(claim=[]))(lambda seed, quick: {})
    with pytest.raises(BadInput, match="three or more"):
        Sweep("s", "gain", {"1": "a", "2": "b"})


def test_conditions_of_side_parts_alone_do_not_make_a_plan_fair():
    alone = [replace(p, of=("beside",)) if p.role == "gate" else p for p in made().parts]
    claim = [("It gains.", "gain"), ("And beside.", "beside")]
    with pytest.raises(BadInput, match="no gate"):
        study(**plain(parts=[*alone, BESIDE], claim=claim))(lambda seed, quick: {})
    with pytest.raises(BadInput, match="of 'gain', which is no side part"):
        made(parts=[BESIDE, replace(OWN_GATE, of=("beside", "gain"))])
    with pytest.raises(BadInput, match="only gates and controls are of other parts"):
        replace(BESIDE, of=("gain",))


def plain(**changed):
    s = made()
    return {
        "slug": s.slug, "claim": s.claim, "source": "s", "link": "", "did": "d", "here": "h", "fidelity": "B",
        "parts": s.parts, "units": "u", "seeds": range(10, 16), "code": "none", **changed,
    }  # fmt: skip


@pytest.mark.parametrize("seeds", [range(10, 14), range(6), range(98, 104)])
def test_stored_seeds_are_enough_and_neither_old_nor_pilots(seeds):
    refused("stored seeds are 5 or more from 10 to 99", seeds=seeds)


def test_seeds_that_were_seen_when_the_plan_changed_are_refused():
    refused("seeds 12, 13 had been seen", history=[Change("2026-01-01", "threshold moved", (12, 13, 101))])


def test_plans_survive_being_stored_and_only_what_decides_is_hashed():
    plan = made().plan()
    assert [Part.from_dict(p).to_dict() for p in plan["parts"]] == plan["parts"]
    reworded = made(did="other words").plan()
    moved = made(parts=[side_part("x", "x", claimed=0.2, refuted=0.0, basis="b", within=ANY)]).plan()
    assert plan_hash(plan) == plan_hash(reworded) != plan_hash(moved)


def test_five_zeros_of_500_do_not_show_a_rate_of_exactly_zero():
    found = over_seeds([(0.0, 500)] * 5)
    assert found.low == 0.0
    assert 0.001 < found.high < 0.02


def test_equal_numbers_without_items_have_no_interval():
    with pytest.raises(Undefined, match="no spread"):
        over_seeds([1.0] * 5)
    with pytest.raises(TooFewUnits, match="--seeds 5"):
        over_seeds([1.0])
    # A gate that all seeds pass with the same number is passed; a headline has no interval and stays open.
    seeds = [{**GOOD, "gain": 0.4 + 0.01 * i, "fit": 1.0} for i in range(6)]
    assert judged(made().plan(), seeds)["verdict"] == "supported"
    assert judged(made().plan(), [{**s, "gain": 0.5} for s in seeds])["verdict"] == "inconclusive"


@pytest.mark.parametrize("value", [math.nan, math.inf, 1.5])
def test_a_measurement_that_can_not_be_leaves_the_part_open(value):
    seeds = [{**GOOD, "gain": value if i == 2 else 0.5 + 0.01 * i} for i in range(6)]
    found = judged(made().plan(), seeds)
    assert found["verdict"] == "inconclusive"
    assert found["parts"][0]["problem"]


def test_the_interval_over_seeds_covers_at_its_rate():
    rng = np.random.default_rng(0)
    hits = sum(e.low <= 0 <= e.high for e in (over_seeds(rng.normal(size=5).tolist()) for _ in range(600)))
    assert 0.92 <= hits / 600 <= 0.98  # 95 % nominal, 3.4 binomial sd


def test_on_a_log_scale_skewed_ratios_are_covered_where_plain_means_are_not():
    rng = np.random.default_rng(1)
    draws = [rng.lognormal(0.0, 1.2, size=6).tolist() for _ in range(400)]
    log = sum(e.low <= 1 <= e.high for e in (over_seeds(d, scale="log") for d in draws)) / 400
    # The plain interval covers the mean exp(.72) of such draws too seldom.
    plainly = sum(e.low <= math.exp(0.72) <= e.high for e in map(over_seeds, draws)) / 400
    assert 0.917 <= log <= 0.983  # 95 % nominal, 3 binomial sd
    assert plainly < 0.88


def test_the_number_of_seeds_gives_its_power():
    n = seeds_for(0.1, 0.08)
    rng = np.random.default_rng(2)
    hits = sum(over_seeds(rng.normal(0.08, 0.1, size=n).tolist()).low > 0 for _ in range(500)) / 500
    assert 0.74 <= hits <= 0.9  # 80 % or just above, 3.4 binomial sd
    assert seeds_for(10.0, 0.01) is None


def test_a_p_value_and_its_interval_agree():
    rng = np.random.default_rng(3)
    for _ in range(50):
        mean = mean_over_seeds(rng.normal(0.3, 0.4, size=6).tolist())
        low = mean.estimate().low
        assert (low > 0) == (mean.p_beyond(0.0, True) < 0.05)
    assert intervals.Mean(1.0, 0.0, 0.0, 5, "plain", False).p_beyond(0.5, True) == 0.0


def test_two_seeds_say_nothing_of_how_many_would_decide():
    found = judged(made().plan(), [{**GOOD, "gain": 0.26 + 0.1 * sign} for sign in (-1, 1)])
    assert found["verdict"] == "inconclusive"
    assert "needed to decide" not in found["why"]
    assert "would decide" not in found["why"]
