"""Perturbations change what they say and nothing else, more at higher severity."""

import difflib

import numpy as np
import polars as pl
import pytest

from unseen.data import Examples
from unseen.data.digits import digit_domains
from unseen.errors import BadInput
from unseen.shifts.perturbations import PERTURBATIONS, applicable, families, family_folds
from unseen.shifts.perturbations.text import NEAR, with_casing, with_spacing, with_typos, without_punctuation

SENTENCES = ["The shipment, ordered in May, arrived late.", "Nobody at the clinic had expected that result!"]


def rows(n=400):
    rng = np.random.default_rng(0)
    return Examples.from_table(
        pl.DataFrame({
            "item": [f"i{k}" for k in range(n)], "size": rng.normal(10, 2, n), "count": rng.integers(0, 50, n),
            "weight": rng.normal(70, 10, n), "colour": rng.choice(["red", "blue", "green"], n), "target": rng.choice(["a", "b"], n),
            "site": rng.choice(["x", "y"], n),
        }),
        inputs=["size", "count", "weight", "colour"], target="target",
    )  # fmt: skip


def texts():
    return Examples(pl.DataFrame({"item": list("abcd"), "input": SENTENCES * 2, "target": ["y", "n"] * 2}))


EXAMPLES = {"image": lambda: digit_domains("rotation").take(range(200)), "table": rows, "text": texts}


def values(examples):
    return examples.table.select(examples.inputs)


def distance(one, two):
    """Mean absolute change of numbers in units of their spread; a category, text or missing value counts one."""
    parts = []
    for name in one.inputs:
        a, b = one.table[name], two.table[name]
        if a.str.contains(" ").any() if a.dtype == pl.String else False:
            pairs = zip(a.to_list(), b.to_list(), strict=True)
            parts.append(np.mean([1 - difflib.SequenceMatcher(None, u, v).ratio() for u, v in pairs]))
            continue
        if a.dtype == pl.String:
            parts.append((a != b).fill_null(True).mean())
            continue
        x, y = a.to_numpy().astype(float), b.to_numpy().astype(float)
        parts.append(np.where(np.isnan(y), 1, np.abs(x - y) / x.std()).mean())
    return np.mean(parts)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_severity_zero_changes_nothing_and_more_severity_changes_more(name):
    one = PERTURBATIONS[name]
    examples = EXAMPLES[one.sort]()
    assert values(one(examples, 0, np.random.default_rng(0))).equals(values(examples))
    weak, strong = (distance(examples, one(examples, s, np.random.default_rng(0))) for s in (0.15, 1.0))
    assert strong > 0.02
    assert weak < strong


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_items_targets_factors_and_the_given_table_stay(name):
    one = PERTURBATIONS[name]
    examples = EXAMPLES[one.sort]()
    before = examples.table.clone()
    made = one(examples, 0.7, np.random.default_rng(1))
    assert examples.table.equals(before)
    rest = [c for c in examples.table.columns if c not in examples.inputs]
    assert made.table.select(rest).equals(examples.table.select(rest))
    assert made.table["perturbation"].unique().to_list() == [name]
    assert set(made.factors) == {*examples.factors, "perturbation", "severity"}
    assert values(made).equals(values(one(examples, 0.7, np.random.default_rng(1))))


@pytest.mark.parametrize("name", [p for p in PERTURBATIONS if PERTURBATIONS[p].sort == "image"])
def test_images_of_another_range_change_alike(name):
    examples = EXAMPLES["image"]()
    bright = (examples.column("image") * 255).astype(np.float32)
    wide = Examples(
        examples.table.with_columns(pl.Series("image", bright, dtype=pl.Array(pl.Float32, (8, 8)))), ("image",), "digit"
    )
    small, large = (PERTURBATIONS[name](e, 0.6, np.random.default_rng(2)).column("image") for e in (examples, wide))
    np.testing.assert_allclose(large / 255, small, atol=1e-4)


def test_swapped_columns_keep_each_row_and_missing_values_come_at_the_stated_rate():
    examples, rng = rows(), np.random.default_rng(3)
    numbers = ["size", "count", "weight"]
    swapped = PERTURBATIONS["swapped"](examples, 1.0, rng).table.select(numbers).to_numpy()
    np.testing.assert_allclose(np.sort(swapped, axis=1), np.sort(examples.table.select(numbers).to_numpy(), axis=1))
    missing = PERTURBATIONS["missing"](examples, 0.8, rng).table.select(examples.inputs)
    share = sum(missing.null_count().row(0)) / missing.height / missing.width
    assert share == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / 1600))


def test_scaled_columns_are_off_by_a_constant_factor():
    examples = rows()
    made = PERTURBATIONS["scaled"](examples, 1.0, np.random.default_rng(0))
    ratios = [
        made.column(c)[examples.column(c) != 0] / examples.column(c)[examples.column(c) != 0]
        for c in ("size", "count", "weight")
    ]
    assert all(np.allclose(r, r[0]) for r in ratios)
    assert {float(np.round(np.log10(r[0]), 9)) for r in ratios} <= {-1.0, 0.0, 1.0}
    assert sum(not np.isclose(r[0], 1) for r in ratios) == 2


def test_text_changes_touch_only_what_they_name():
    rng = np.random.default_rng(0)
    for sentence in SENTENCES:
        assert with_casing(sentence, 1.0, rng).lower() == sentence.lower()
        assert with_spacing(sentence, 1.0, rng).replace(" ", "") == sentence.replace(" ", "")
        plain = without_punctuation(sentence, 1.0, rng)
        assert plain == "".join(c for c in sentence if c.isalnum() or c == " ")
        assert [c for c in with_typos(sentence, 1.0, rng) if not (c.isalpha() or c == " ")] == [
            c for c in sentence if not (c.isalpha() or c == " ")
        ]
    assert NEAR["a"] == "s"
    assert NEAR["g"] == "fh"


def test_typos_hit_a_fifth_of_the_letters():
    rng, word = np.random.default_rng(0), "a" * 20_000
    # A quarter of the hits drop and a quarter double a letter: each changes the length by one.
    dropped_or_typed = with_typos(word, 1.0, rng)
    assert dropped_or_typed.count("s") == pytest.approx(0.2 / 4 * 20_000, rel=0.15)


def test_a_perturbation_without_its_input_says_what_there_is():
    with pytest.raises(BadInput, match="changes inputs of sort image; these examples have none: input \\(String\\)"):
        PERTURBATIONS["blur"](texts(), 0.5, np.random.default_rng(0))
    with pytest.raises(BadInput, match="lies in 0 … 1, got 3"):
        PERTURBATIONS["typos"](texts(), 3, np.random.default_rng(0))
    assert {p.sort for p in applicable(PERTURBATIONS.values(), rows())} == {"table"}
    assert {p.sort for p in applicable(PERTURBATIONS.values(), texts())} == {"text"}


@pytest.mark.parametrize("folds", [2, 3, 6])
def test_no_family_stands_on_both_sides_of_a_fold(folds):
    images = applicable(PERTURBATIONS.values(), EXAMPLES["image"]())
    made = family_folds(images, folds, np.random.default_rng(0))
    assert len(made) == folds
    for augment, validate in made:
        assert validate
        assert augment
        assert not {p.family for p in augment} & {p.family for p in validate}
        assert {p.name for p in augment} | {p.name for p in validate} == {p.name for p in images}
    held = [p.name for _, validate in made for p in validate]
    assert sorted(held) == sorted(p.name for p in images)


def test_more_folds_than_families_are_refused():
    images = [p for p in PERTURBATIONS.values() if p.sort == "image"]
    assert len(families(images)) == 6
    with pytest.raises(BadInput, match="7 folds were asked for; there are 6 families"):
        family_folds(images, 7, np.random.default_rng(0))
