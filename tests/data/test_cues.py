"""Cues say what they are stated to say, and noise belongs to its row alone."""

import numpy as np
import pytest

from unseen.data.cues import cue_and_noise, digits_on_backgrounds
from unseen.data.digits import digit_images
from unseen.errors import BadInput


def test_signs_are_the_cues_and_sizes_are_those_of_the_source():
    made = cue_and_noise(4000, ratio=0.9, columns=50, noise=0.5, seed=1)
    x, label = made.column("input"), made.column("label").astype(int)
    cue = made.column("spurious").astype(int)
    assert ((x[:, 0] > 0) == label).all()
    assert ((x[:, 1] > 0) == cue).all()
    assert (cue == label).sum() == 3600
    assert np.abs(x[:, 0]).mean() == pytest.approx(1, abs=0.01)
    assert np.abs(x[:, 1]).std() == pytest.approx(0.6, abs=0.03)  # 0.12 times 5; 4.5 standard errors
    assert x[:, 2:].std() == pytest.approx(0.5, abs=0.005)
    # Noise tells nothing of the label: the mean difference of 50 columns stays within five standard errors.
    difference = x[label == 1, 2:].mean(0) - x[label == 0, 2:].mean(0)
    assert np.abs(difference).max() < 5 * 0.5 * np.sqrt(4 / 4000)


def test_without_noise_the_further_columns_are_empty():
    assert not cue_and_noise(10, columns=5, noise=0.0).column("input")[:, 2:].any()


def test_backgrounds_lie_behind_the_digit_and_agree_at_the_ratio():
    made, (images, digits) = digits_on_backgrounds(ratio=0.9, brightness=0.6, seed=3), digit_images()
    shown, chosen = made.column("image"), np.random.default_rng(3).permutation(len(images))
    assert (made.column("label").astype(int) == digits[chosen] % 2).all()
    assert made.table["agrees"].sum() == round(0.9 * len(images))
    added = shown > images[chosen] + 1e-6
    assert (shown[~added] == images[chosen][~added]).all()
    np.testing.assert_allclose(shown[added], 0.6, atol=1e-6)
    stripes = made.column("spurious") == "0"
    lit = (shown >= 0.6 - 1e-6).all(2).any(1)  # a whole row of pixels is lit in stripes only
    assert lit[stripes].all()
    assert lit[~stripes].mean() < 0.01


def test_groups_name_label_and_cue_and_wrong_sizes_are_refused():
    made = cue_and_noise(20, ratio=0.5, columns=1)
    assert set(made.column("group")) == {"0/0", "0/1", "1/0", "1/1"}
    with pytest.raises(BadInput, match=r"ratio is a share in 0 … 1, got 10 and 1.5"):
        cue_and_noise(10, ratio=1.5)
    with pytest.raises(BadInput, match="there are 1797 images of digits, got n=5000"):
        digits_on_backgrounds(5000)
