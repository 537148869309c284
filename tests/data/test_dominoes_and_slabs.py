"""Dominoes and slabs carry the cues at the stated rates, and a shuffled block carries nothing."""

import numpy as np
import pytest

from unseen.data.digits import digit_images
from unseen.data.dominoes import BOTTOM, TOP, dominoes
from unseen.data.slabs import lms, shuffle_block, slab_coordinate, slab_data
from unseen.errors import BadInput


@pytest.mark.parametrize("ratio", [0.5, 0.95, 1.0])
def test_the_spurious_cue_agrees_at_the_stated_ratio(ratio):
    made = dominoes(400, ratio=ratio, seed=1)
    assert (made.column("spurious") == made.column("core")).mean() == pytest.approx(ratio, abs=1 / 400)
    assert (made.column("agrees") == (made.column("spurious") == made.column("core"))).all()
    assert (made.column("label") == made.column("core")).all()


def test_both_halves_are_the_originals_they_name():
    made, (images, digits) = dominoes(50, seed=2), digit_images()
    for row in made:
        top, bottom = (int(row[name].removeprefix("digit-")) for name in ("spurious_source", "source"))
        np.testing.assert_array_equal(np.array(row["image"], np.float32), np.concatenate([images[top], images[bottom]]))
        assert digits[top] == int(row["spurious"])
        assert str(digits[bottom]) == row["digit"]
        assert digits[bottom] % 2 == int(row["core"])


def test_no_core_image_returns_and_noise_flips_labels():
    made = dominoes(label_noise=0.1)
    assert made.table["source"].n_unique() == len(made)
    assert (made.column("label") != made.column("core")).sum() == round(0.1 * len(made))


def test_dominoes_refuse_what_cannot_be_built():
    with pytest.raises(BadInput, match="images of the core digits"):
        dominoes(5000)
    with pytest.raises(BadInput, match="ratio is a share"):
        dominoes(ratio=95)
    with pytest.raises(BadInput, match="without a common one"):
        dominoes(core=((1, 2), (2, 3)))


def best_threshold(values, label):
    order = np.argsort(values)
    ones = np.concatenate([[0], np.cumsum(label[order])])
    zeros = np.arange(len(label) + 1) - ones
    right = zeros + ones[-1] - ones
    return max(right.max(), len(label) - right.min()) / len(label)


@pytest.mark.parametrize(("slabs", "expected"), [(2, 1), (3, 3 / 4), (4, 2 / 3), (5, 11 / 16), (7, 5 / 8)])
def test_a_single_threshold_is_as_good_as_the_slabs_allow(slabs, expected):
    label = np.arange(40_000) % 2
    values = slab_coordinate(label, slabs, np.random.default_rng(0))
    assert best_threshold(values, label) == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize("slabs", [5, 7])
def test_classes_of_the_slabs_of_the_paper_share_mean_and_variance(slabs):
    label = np.arange(40_000) % 2
    values = slab_coordinate(label, slabs, np.random.default_rng(0))
    ones, zeros = values[label == 1], values[label == 0]
    # Standard errors of the differences: 0.0044 of the mean, below 0.0027 of the square; slabs of equal odds differ by 0.2.
    assert ones.mean() == pytest.approx(zeros.mean(), abs=0.018)
    assert (ones**2).mean() == pytest.approx((zeros**2).mean(), abs=0.011)


@pytest.mark.parametrize("slabs", [2, 5])
def test_slabs_separate_the_classes_with_the_margin(slabs):
    label = np.arange(2000) % 2
    values = slab_coordinate(label, slabs, np.random.default_rng(1), margin=0.05)
    assert np.abs(values).max() <= 1
    order = np.argsort(values)
    change = np.flatnonzero(np.diff(label[order]) != 0)
    assert len(change) == slabs - 1
    assert (np.diff(values[order])[change] >= 2 * 0.05).all()


def test_the_noisy_linear_block_is_right_in_one_minus_half_the_noise():
    made = lms(40_000, 5, dim=3, noise=0.2, seed=1)
    label = made.column("label").astype(int)
    assert best_threshold(made.column("input")[:, 0], label) == pytest.approx(0.9, abs=0.006)
    assert made.column("simple").mean() == pytest.approx(0.8, abs=0.01)


def test_two_simple_coordinates_lose_their_signal_together():
    made = slab_data(20_000, blocks=(2, 2, 5), noise=0.4, seed=2)
    inside = np.abs(made.column("input")[:, :2]) < 0.1
    assert (inside[:, 0] == inside[:, 1]).all()


def test_a_shuffled_block_keeps_its_values_and_loses_the_label():
    made, rng = lms(4000, 5, dim=4), np.random.default_rng(0)
    mask = np.array([True, False, False, False])
    shuffled = shuffle_block(made, mask, rng)
    before, after = made.column("input"), shuffled.column("input")
    np.testing.assert_array_equal(np.sort(before[:, 0]), np.sort(after[:, 0]))
    np.testing.assert_array_equal(before[:, 1:], after[:, 1:])
    label = made.column("label") == "1"
    assert ((before[:, 0] > 0) == label).all()
    assert ((after[:, 0] > 0) == label).mean() == pytest.approx(0.5, abs=0.03)


def test_a_complex_block_moves_as_a_whole():
    made = lms(300, 5, dim=4)
    after = shuffle_block(made, np.array([False, True, True, True]), np.random.default_rng(0)).column("input")
    rows = {tuple(r) for r in made.column("input")[:, 1:].tolist()}
    assert all(tuple(r) in rows for r in after[:, 1:].tolist())


def test_halves_of_dominoes_and_named_columns_are_blocks_too():
    made = dominoes(100)
    after = shuffle_block(made, TOP, np.random.default_rng(0))
    assert (after.column("image")[:, 8:] == made.column("image")[:, 8:]).all()
    assert not (after.column("image")[:, :8] == made.column("image")[:, :8]).all()
    assert (TOP ^ BOTTOM).all()
    whole = shuffle_block(made, ["image"], np.random.default_rng(0))
    assert whole.table.columns == made.table.columns
    with pytest.raises(BadInput, match="a block consists of inputs, got 'label'"):
        shuffle_block(made, ["label"], np.random.default_rng(0))
    with pytest.raises(BadInput, match="its shape"):
        shuffle_block(made, np.ones(3, bool), np.random.default_rng(0))


def test_slabs_that_do_not_fit_are_refused():
    with pytest.raises(BadInput, match="do not fit"):
        lms(10, 7, margin=0.2)
    with pytest.raises(BadInput, match="do not fit"):
        slab_data(10, blocks=(1,))
    with pytest.raises(BadInput, match="share"):
        slab_coordinate(np.array([0, 1]), 2, np.random.default_rng(0), noise=2)
