"""The curriculum by degree: stages, and a parity that is learnt where all points are there."""

import pytest

from unseen.atlas.studies.measures import gotu_min_degree as study

pytest.importorskip("torch")


def test_a_parity_is_learnt_from_the_whole_cube(monkeypatch):
    monkeypatch.setattr(study, "BITS", 4)
    monkeypatch.setattr(study, "POINTS", 200)
    for leap in (4, 1):
        coefficient, error = study.parity(leap, 100, 3_000)
        assert coefficient == pytest.approx(1, abs=0.1)
        assert error < 0.01


def test_a_first_stage_that_never_ends_teaches_low_degrees_alone(monkeypatch):
    monkeypatch.setattr(study, "BITS", 6)
    monkeypatch.setattr(study, "POINTS", 400)
    monkeypatch.setattr(study, "LEFT_AT", 0.0)
    near, fits_near = study.parity(1, 100, 600)
    mixed, fits_mixed = study.parity(1, 100, 600, by_degree=False)
    whole, fits_whole = study.parity(6, 100, 600)
    # Seven points of 64 were seen; as many rows at random are of more kinds, and all rows tell it all.
    assert fits_near > 0.3 < fits_mixed
    assert fits_whole < 0.1
    assert max(near, mixed) < 0.8 < whole
    assert study.parity(1, 100, 600) == (near, fits_near)
