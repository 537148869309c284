"""Independent seeds from names: equal names give equal streams in every process, on one worker or on many."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from unseen.errors import MissingExtra

if TYPE_CHECKING:
    import torch

Name = str | int


def spawn(seed: int, *names: Name) -> int:
    """A seed of its own for a named piece of work.

    Args:
        seed: Seed of the whole.
        *names: What the piece is, from the outside in (``"fit"``, ``"lstm"``, 3); text and number are told apart.

    Returns:
        An integer in [0, 2^63), a function of seed and names alone (blake2b, so PYTHONHASHSEED plays no part).

    >>> spawn(0, "fit", 1) == spawn(0, "fit", 1), spawn(0, "fit", 1) == spawn(0, "fit", "1")
    (True, False)
    """
    parts = [f"{type(name).__name__}:{len(str(name))}:{name}" for name in (int(seed), *names)]
    digest = hashlib.blake2b("|".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def numpy_generator(seed: int, *names: Name) -> np.random.Generator:
    """A numpy generator for a named piece of work; see ``spawn``."""
    return np.random.default_rng(spawn(seed, *names))


def torch_generator(seed: int, *names: Name) -> torch.Generator:
    """A CPU torch generator for a named piece of work; see ``spawn``.

    Raises:
        MissingExtra: torch is not installed.
    """
    torch = _torch()
    generator = torch.Generator()
    generator.manual_seed(spawn(seed, *names))
    return generator


def draw_seed(generator: torch.Generator | np.random.Generator) -> int:
    """One integer in [0, 2^62) drawn from either kind of generator, which it advances."""
    if isinstance(generator, np.random.Generator):
        return int(generator.integers(0, 2**62))
    return int(_torch().randint(0, 2**62, (1,), generator=generator).item())


@contextlib.contextmanager
def seeded_torch(seed: int) -> Generator[None]:
    """Give torch's global draws (initial weights, dropout) a stated seed inside, and put them back after.

    Layers of torch draw from a global stream that takes no generator; this keeps the stream explicit.

    Raises:
        MissingExtra: torch is not installed.
    """
    torch = _torch()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise MissingExtra("a torch generator", "torch") from None
    return torch
