"""The stamp of a result: hashes of all code that ran and of the plan, versions, machine, hashes of model files."""

from __future__ import annotations

import contextlib
import hashlib
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from numpy._core._multiarray_umath import __cpu_features__

from unseen.atlas import own
from unseen.atlas.protocol import study_modules
from unseen.engine import cpuinfo
from unseen.engine.sources import code_hash
from unseen.version import __version__

VECTORS = ("AVX512_SPR", "AVX512_SKX", "AVX2", "SSE42", "SVE", "ASIMD", "NEON")
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "transformers")
# Verdicts are judged anew on every load, and the plan has a hash of its own; errors end a run and move no number.
WITHOUT = ("unseen.atlas.plan", "unseen.errors")


def code_stamp(slug: str) -> str:
    """Hash of a study and of every module of the project that it imports, directly or not."""
    if (path := own.file_of(slug)) is not None:
        return own.code_hash_of(path, without=WITHOUT)
    return code_hash(study_modules()[slug], without=WITHOUT)


@cache
def versions() -> Mapping[str, str]:
    """Versions of what numbers depend on, as far as it is installed."""
    found = dict[str, str]()
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def machine() -> str:
    """Python and processor that ran it, with its widest vectors and its maker: libraries choose their kernels by both.

    >>> len(machine().split(", "))
    3
    """
    vectors = next((name for name in VECTORS if __cpu_features__.get(name)), "")
    told = " ".join(part for part in ("cpu", vectors, cpuinfo.told("vendor_id")) if part)
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {told}"


def model_hashes(paths: Sequence[str]) -> dict[str, str]:
    """Hash of each model file, by its name.

    Raises:
        OSError: A file can't be read.
    """
    found = dict[str, str]()
    for path in map(Path, paths):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    return found


def stamp(slug: str, models: Sequence[str] = ()) -> dict[str, Any]:
    """What a result was made with, as plain data."""
    return {
        "code": code_stamp(slug), "versions": dict(versions()), "machine": machine(), "models": model_hashes(models),
        "unseen": __version__,
    }  # fmt: skip
