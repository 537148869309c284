"""Archives of numpy arrays as tables."""

import numpy as np
import polars as pl
import pytest

from unseen.data.arrays import read_npz
from unseen.errors import BadInput


def test_images_labels_and_sites_become_columns(tmp_path):
    x = np.random.default_rng(0).random((5, 2, 3)).astype(np.float32)
    np.savez(tmp_path / "a.npz", X=x, y=np.arange(5), site=np.array(list("abcab")))
    table = read_npz(tmp_path / "a.npz")
    assert table.columns == ["input", "target", "site"]
    assert table.schema["input"] == pl.Array(pl.Float32, (2, 3))
    assert np.array_equal(table["input"].to_numpy(), x)
    assert table["site"].to_list() == list("abcab")


def test_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((2, 2)), y=np.array([{"a": 1}, None], dtype=object))
    with pytest.raises(BadInput, match="could run code"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("arrays", "said"), [({"X": np.zeros((3, 2)), "y": np.zeros(4)}, "X 3, y 4"), ({"y": np.float64(1)}, "y 0")]
)
def test_rows_that_do_not_fit_are_told(tmp_path, arrays, said):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(BadInput, match=said):
        read_npz(tmp_path / "a.npz")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK not really")
    with pytest.raises(BadInput, match=r"a\.npz"):
        read_npz(tmp_path / "a.npz")
    with pytest.raises(BadInput, match="no such file"):
        read_npz(tmp_path / "b.npz")
