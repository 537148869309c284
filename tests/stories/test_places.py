"""A model that chooses by place is told once: its choices move with the order of options, and its scores go with the key's place."""

import numpy as np
import polars as pl

import unseen


def choosing_first(n: int, follow: float, lower_at: str = "") -> pl.DataFrame:
    """A model that takes option A in a share of cases, else the right one; each item in its four rotations."""
    rng, rows = np.random.default_rng(5), []
    for i in range(n):
        options = [f"w{i}.{k}" for k in range(4)]
        harder = rng.uniform() < 0.5
        start = int(rng.integers(4))
        for shift in range(4):
            turned = (start + shift) % 4
            shown = options[turned:] + options[:turned]
            at = shown.index(options[0])
            blind = rng.uniform() < follow
            fails = harder and bool(lower_at) and rng.uniform() < 0.5
            said = shown[0] if blind else options[1] if fails else options[0]
            rows.append({
                "model": "m", "item": f"i{i}" if not shift else f"i{i}.{shift}", "question": f"Which is {i}?", "choices": shown,
                "target": options[0], "prediction": said, "score": int(said == options[0]), "key_position": "ABCD"[at],
                "variant_of": f"i{i}" if shift else None, "variant": "order" if shift else None, "topic": "hard" if harder else "easy",
            })  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"variant_of": pl.String, "variant": pl.String})


def test_scores_that_go_with_the_keys_place_are_no_story_of_their_own_beside_choices_that_do():
    audit = unseen.audit(choosing_first(240, 0.6), select=["U102", "U104", "U401", "U402"])
    codes = {f["code"] for f in audit.document["findings"] if f["outcome"] == "found"}
    assert {"U102", "U402"} <= codes
    stories = audit.stories
    assert not [s for s in stories if s.condition is not None and "key_position" in s.condition.columns]
    [forms] = [s for s in stories if "U402" in s.codes]
    assert "U102" in forms.codes


def test_another_cause_beside_it_is_told_for_itself():
    audit = unseen.audit(choosing_first(240, 0.4, lower_at="topic"), select=["U102", "U402"])
    assert [s.condition.columns for s in audit.stories if s.condition is not None] == [("topic",)]


def test_without_choices_the_place_of_the_key_stays_a_story():
    table = choosing_first(240, 0.6).drop("choices", "prediction")
    audit = unseen.audit(table, select=["U102", "U402"])
    assert [s.condition.columns for s in audit.stories if s.condition is not None] == [("key_position",)]
