"""The decoder that studies share learns what it is shown, and equal seeds give equal models."""

import itertools

import polars as pl
import pytest

pytest.importorskip("torch")

from unseen.atlas.small_models import share_right, small_decoder
from unseen.data import Examples

ROWS = [list(word) for word in itertools.product("abc", repeat=3)]
REVERSED = Examples(pl.DataFrame({"input": ROWS, "target": [row[::-1] for row in ROWS]}))


@pytest.mark.slow
def test_it_learns_to_reverse_what_it_is_shown():
    fitted = small_decoder(REVERSED, 0, "reverse", steps=150, width=32, layers=1, batch_size=27, longest=16)
    share, n = share_right(fitted, REVERSED)
    # Guessing writes a whole word of three letters once in 27 times.
    assert n == 27
    assert share > 0.9


def test_equal_seeds_give_equal_models_and_other_names_others():
    losses = [
        small_decoder(REVERSED, 1, name, steps=3, width=16, layers=1, longest=16).losses(REVERSED).tolist()
        for name in ("one", "one", "two")
    ]
    assert losses[0] == losses[1] != losses[2]
