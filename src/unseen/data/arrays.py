"""Arrays saved by numpy become a table: inputs, target, and one column for each further array."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import value

# Arrays compress a few times; what unpacks to hundreds of times its size is built to fill memory.
MAX_RATIO = 200
RATIO_FROM = 64 << 20
MAX_TOTAL = 32 << 30
INPUTS = ("X", "x", "inputs", "input", "images", "features")
TARGETS = ("y", "Y", "target", "targets", "label", "labels")


def read_npz(path: str | Path) -> pl.DataFrame:
    """Read an ``.npz`` file: every array has one row an example.

    An array of vectors or images becomes a column of fixed shape, a vector a column of its type. ``y`` or ``label`` is
    called ``target`` and ``X`` or ``images`` is called ``input``, unless such names are taken.

    Raises:
        BadInput: The file is missing or no such archive, holds objects (which could run code), or the numbers of rows
            differ.
    """
    path = Path(path)
    _require_bounds(path)
    try:
        # Opened here: numpy leaves the file open where it is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file.") from None
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise BadInput(f"{path}: not an archive of numpy arrays ({error}).") from None
    except ValueError as error:
        raise BadInput(
            f"{path}: holds Python objects, which are not read because they could run code ({error}). "
            "Save plain arrays: np.savez(path, X=…, y=…, site=…)."
        ) from None
    other = next((name for name, found in arrays.items() if not isinstance(found, np.ndarray)), None)
    if other is not None:
        raise BadInput(
            f"{path}: {value(other, 60)!r} is no array of numpy. Save plain arrays: np.savez(path, X=…, y=…)."
        )
    if not arrays:
        raise BadInput(f"{path}: holds no array.")
    rows = {name: (len(a) if a.ndim else 0) for name, a in arrays.items()}
    if len(set(rows.values())) != 1 or 0 in rows.values():
        counts = ", ".join(f"{name} {n}" for name, n in rows.items())
        raise BadInput(f"{path}: every array needs one row an example, but the numbers of rows are {counts}.")
    return pl.DataFrame([_column(_renamed(name, arrays), values, path) for name, values in arrays.items()])


def _require_bounds(path: Path) -> None:
    """Refuse an archive whose members unpack to what no array of data does.

    Raises:
        BadInput: It is a zip bomb, or larger than memory could be.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (OSError, zipfile.BadZipFile):
        return
    wrong = next(
        (i for i in infos if i.file_size > RATIO_FROM and i.file_size > MAX_RATIO * max(i.compress_size, 1)), None
    )
    if wrong is not None or sum(i.file_size for i in infos) > MAX_TOTAL:
        name = value(wrong.filename, 60) if wrong else "all arrays"
        size = wrong.file_size if wrong else sum(i.file_size for i in infos)
        raise BadInput(
            f"{path}: {name} unpacks to {size / 2**20:,.0f} MiB from {path.stat().st_size / 2**20:,.1f}. This looks like a zip "
            "bomb; it is not read."
        )


def _renamed(name: str, arrays: dict[str, np.ndarray]) -> str:
    for wanted, names in (("input", INPUTS), ("target", TARGETS)):
        if name in names and wanted not in arrays and name == next(n for n in names if n in arrays):
            return wanted
    return name


def _column(name: str, values: np.ndarray, path: Path) -> pl.Series:
    if values.dtype.kind not in "biufUSM":
        raise BadInput(f"{path}: the array {name!r} holds {values.dtype}, which is neither numbers, text nor times.")
    if values.dtype.kind == "S":
        values = values.astype(str)
    if values.ndim == 1:
        return pl.Series(name, values)
    return pl.Series(name, values, dtype=pl.Array(pl.Float32, values.shape[1:]))
