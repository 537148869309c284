"""Sweeps of stored results through the multiverse's summary."""

import pytest

from unseen.atlas.ledger import ledger
from unseen.atlas.sweeping import over_sweeps, sweeps_told


def stored():
    return [e.result for e in ledger() if e.result and e.result.get("sweeps")]


def test_a_sweep_of_a_stored_result_changes_its_sign_where_values_lie_on_both_sides():
    """The summary and the verdict's rule read the same numbers: all on the claim's side is never a change of sign."""
    assert stored()
    for result in stored():
        swept = over_sweeps(result)
        for part, each in swept.items():
            own = [s for s in result["sweeps"] if s["part"] == part]
            assert len(each) <= len(own)
            if all(m.found == len(m.answers) for m in each) and len(each) == len(own):
                assert not any(s["changes"] for s in own)


def test_the_range_that_is_told_is_that_of_the_values():
    estimate = {"low": -0.1, "high": 0.5, "level": 0.95, "units": 8, "method": "t"}
    values = [
        {"at": str(k), "estimate": {**estimate, "value": v, "low": v - 0.1}} for k, v in enumerate((0.05, 0.2, 0.4))
    ]
    plan = {"quantity": "gain", "claimed": 0.3, "refuted": 0.0}
    wide = {"name": "rate", "part": "gain", "values": values}
    flat = {"name": "width", "part": "gain", "values": [{"at": "9", "estimate": None}, *values[1:]]}
    (told,) = sweeps_told({"parts": [plan], "sweeps": [wide, flat]})
    assert (
        told
        == "gain is on the side of the claim in 4 of 5 settings of rate and width: 0.05 to 0.4; rate moves it most."
    )
    below = {"quantity": "gain", "claimed": 0.0, "refuted": 0.6}
    (told,) = sweeps_told({"parts": [below], "sweeps": [wide]})
    assert told.startswith("gain is on the side of the claim in 3 of 3 settings of rate")


def test_a_sweep_without_intervals_is_left_out():
    part = {"quantity": "gain", "claimed": 0.3, "refuted": 0.0}
    values = [{"at": str(k), "estimate": None} for k in range(3)]
    assert over_sweeps({"parts": [part], "sweeps": [{"name": "rate", "part": "gain", "values": values}]}) == {}


@pytest.mark.parametrize("result", stored()[:3], ids=lambda r: r["slug"])
def test_the_page_of_a_study_tells_its_sweeps(result):
    from unseen.atlas.pages import result_text

    flat = " ".join(result_text(result).split())
    assert all(" ".join(sentence.split()) in flat for sentence in sweeps_told(result))
