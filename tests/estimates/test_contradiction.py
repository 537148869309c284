"""Wrong keys: the likelihood against brute force, p-values against their level, power against an oracle."""

import numpy as np
import pytest

from unseen.estimates.difficulty.contradiction import (
    CONCENTRATIONS,
    Answers,
    Prior,
    _evidence,
    _ratio,
    key_test,
    listed,
)


def rasch(rng, items=600, models=30, spread=1.0, wrong=0, slope=0.0):
    ability, difficulty = rng.normal(0, spread, models), rng.normal(0, 1, items)
    a = np.exp(rng.normal(0, slope, items))
    x = rng.random((items, models)) < 1 / (1 + np.exp(-a[:, None] * (ability - difficulty[:, None])))
    x[:wrong] = ~x[:wrong]
    return x.astype(float), ability


def oracle(x, ability, rate, fdr):
    """Items listed by one who knows abilities, the law of difficulty and the share of wrong keys."""
    z, w = np.polynomial.hermite_e.hermegauss(41)
    p = 1 / (1 + np.exp(-(ability[:, None] - z)))
    right, wrong = x @ np.log(p) + (1 - x) @ np.log(1 - p), (1 - x) @ np.log(p) + x @ np.log(1 - p)
    odds = np.log(np.exp(wrong) @ w) - np.log(np.exp(right) @ w) + np.log(rate / (1 - rate))
    kept = 1 / (1 + np.exp(odds))
    order = np.argsort(kept)
    good = np.flatnonzero(np.cumsum(kept[order]) / np.arange(1, len(x) + 1) <= fdr)
    return order[: good[-1] + 1] if len(good) else order[:0]


def test_the_ratio_of_one_item_is_that_of_its_sums():
    cells = {"slope": np.array([0.5, 1.5]), "difficulty": np.array([-0.3, 0.8]), "mass": np.array([0.4, 0.6])}
    agreement = np.array([0, 0, 1.0, 0, 0, 0])
    ability = np.array([-1.0, 0.2, 0.9, 1.4])
    prior = Prior(**cells, agreement=agreement, wrong=0.02, ability=ability)
    code = np.array([[0, 2, 1, 1]])
    found, points = _ratio(_evidence(Answers((code == 0) * 1.0, np.ones((1, 4)), code, 3), prior), prior)
    alpha = CONCENTRATIONS[2] / 2

    def curve(right):
        p = 1 / (1 + np.exp(-(cells["slope"] * ability[:, None] - cells["difficulty"])))
        return np.prod(np.where(right[:, None], p, 1 - p), axis=0) @ cells["mass"]

    def urn(counts):
        value, drawn = 1.0, 0
        for n in counts:
            for j in range(n):
                value *= (alpha + j) / (2 * alpha + drawn)
                drawn += 1
        return value

    kept = curve(code[0] == 0) * urn([2, 1])
    wrong = [curve(code[0] == 1) * urn([1, 1]), curve(code[0] == 2) * urn([1, 2])]
    assert found[0] == pytest.approx(np.log(np.mean(wrong) / kept))
    assert points[0] == 1


def test_p_values_of_right_keys_are_not_too_small():
    p = np.concatenate([
        key_test(Answers(x, np.ones_like(x)), ability, rng=np.random.default_rng(s)).p_value
        for s in range(6)
        for x, ability in [rasch(np.random.default_rng(s), slope=0.4)]
    ])  # fmt: skip
    for level in (0.05, 0.01, 0.002):
        assert np.mean(p <= level) <= level + 3 * np.sqrt(level / len(p))


def test_four_fifths_of_what_an_oracle_finds_is_found_at_the_same_precision():
    ours = theirs = false = 0
    for s in range(6):
        x, ability = rasch(np.random.default_rng(s), wrong=12)
        order, _ = listed(key_test(Answers(x, np.ones_like(x)), ability, rng=np.random.default_rng(s)).p_value, 0.1)
        ours, false = ours + (order < 12).sum(), false + (order >= 12).sum()
        theirs += (oracle(x, ability, 0.02, 0.1) < 12).sum()
    assert ours >= 0.8 * theirs
    assert false <= 0.2 * (ours + false)  # nominal 0.1; 80 listed items: 3 standard errors


def test_the_share_that_can_be_detected_foretells_recall():
    for spread, items in ((1.0, 1000), (0.5, 1000)):
        hits, told = [], []
        for s in range(4):
            x, ability = rasch(np.random.default_rng(s), items=items, spread=spread, wrong=20)
            test = key_test(Answers(x, np.ones_like(x)), ability, rng=np.random.default_rng(s))
            hits.append((listed(test.p_value, 0.1)[0] < 20).sum() / 20)
            told.append(test.detectable)
        assert np.mean(told) == pytest.approx(np.mean(hits), abs=0.17)  # 80 items: three standard errors
