"""Constructed digit domains: no image in two domains, and each change does what it says."""

import numpy as np
import pytest

from unseen.data import pixels
from unseen.data.digits import DIGIT_KINDS, digit_domains, digit_images
from unseen.errors import BadInput
from unseen.shifts import HeldOutLevel


@pytest.mark.parametrize("kind", DIGIT_KINDS)
def test_each_original_stands_in_one_domain_and_digits_are_balanced(kind):
    made = digit_domains(kind, seed=3)
    assert len(made) == 1797
    assert made.table["source"].n_unique() == made.table["item"].n_unique() == 1797
    counts = (
        made.table.group_by("domain", "digit")
        .len()
        .pivot("digit", index="domain", values="len")
        .drop("domain")
        .to_numpy()
    )
    assert counts.shape == (len(DIGIT_KINDS[kind].levels), 10)
    assert (counts.max(0) - counts.min(0) <= 1).all()
    images = made.column("image")
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1


@pytest.mark.parametrize("kind", DIGIT_KINDS)
def test_equal_seeds_give_equal_images_and_others_do_not(kind):
    assert digit_domains(kind, seed=1).table.equals(digit_domains(kind, seed=1).table)
    assert not digit_domains(kind, seed=1).table.equals(digit_domains(kind, seed=2).table)


def test_every_domain_changes_the_same_images_when_all_are_asked_for():
    made = digit_domains("corruption", layout="all")
    assert len(made) == 1797 * 5
    assert made.table["item"].n_unique() == len(made)
    clean = made.where(made.table["domain"] == "clean")
    np.testing.assert_array_equal(clean.column("image"), digit_images()[0])
    changed = [
        np.abs(made.where(made.table["domain"] == d).column("image") - clean.column("image")).mean()
        for d in pixels.NOISES
    ]
    assert min(changed) > 0.02


def test_held_out_domains_split_without_a_common_original():
    made = digit_domains("rotation")
    split = HeldOutLevel("domain", ["75°"]).split(made, np.random.default_rng(0))
    assert set(split.unseen.table["angle"]) == {75.0}
    assert not set(split.unseen.table["source"]) & set(split.train.table["source"])


def test_a_rotation_by_a_right_angle_is_the_exact_transposition():
    images, _ = digit_images()
    np.testing.assert_allclose(pixels.rotated(images[:20], 90), np.rot90(images[:20], axes=(1, 2)), atol=1e-6)


def test_twice_inverted_is_the_original_and_half_inverted_is_grey():
    images, _ = digit_images()
    np.testing.assert_allclose(pixels.inverted(pixels.inverted(images)), images, atol=1e-6)
    assert np.ptp(pixels.inverted(images, 0.5)) < 1e-6


def test_strokes_grow_and_shrink_in_order_and_blur_keeps_ink():
    images, _ = digit_images()
    ink = [pixels.restroked(images, r).mean() for r in (-0.5, -0.25, 0, 0.25, 0.5)]
    assert np.all(np.diff(ink) > 0.02)
    variation = [pixels.blurred(images, s).std() for s in (0, 0.5, 1.0, 1.5)]
    assert np.all(np.diff(variation) < 0)


def test_blocks_become_their_means():
    image = np.arange(15, dtype=np.float32).reshape(1, 3, 5) / 15
    naive = image.copy()
    for top in (0, 2):
        for left in (0, 2, 4):
            naive[0, top : top + 2, left : left + 2] = image[0, top : top + 2, left : left + 2].mean()
    np.testing.assert_allclose(pixels.coarsened(image, 2), naive, atol=1e-6)


def test_noise_has_the_stated_size():
    rng, grey = np.random.default_rng(0), np.full((500, 8, 8), 0.5, np.float32)
    assert pixels.gaussian_noise(grey, 0.1, rng).std() == pytest.approx(0.1, abs=0.003)
    assert (pixels.salt_and_pepper(grey, 0.2, rng) != 0.5).mean() == pytest.approx(0.2, abs=0.01)
    assert pixels.speckle(grey, 0.2, rng).std() == pytest.approx(0.1, abs=0.003)
    ones = np.ones((50, 8, 8), np.float32)
    assert ((pixels.occluded(ones, 0.5, rng) == 0.5).sum((1, 2)) == 16).all()


def test_unknown_kinds_levels_and_layouts_are_named():
    with pytest.raises(BadInput, match="the kinds are rotation, inversion"):
        digit_domains("shear")
    with pytest.raises(BadInput, match="level 'lines' of digit domains 'texture' is unknown"):
        digit_domains("texture", levels=["plain", "lines"])
    with pytest.raises(BadInput, match="at least two different levels"):
        digit_domains("rotation", levels=[30, 30.0])
    with pytest.raises(BadInput, match="'partition' or 'all'"):
        digit_domains("rotation", layout="both")
