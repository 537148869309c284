"""Lengths of weights under a universal code: adaptive arithmetic coding of quantised values, with its decoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

# Bits of the coder's interval.
PRECISION = 48
FULL = 1 << PRECISION
HALF, QUARTER = FULL >> 1, FULL >> 2


def adaptive_nats(symbols: np.ndarray, letters: int) -> float:
    """Code length in nats of a sequence under the estimator of Krichevsky and Trofimov: minus a logarithm of a probability.

    The probability is that of the sequence under letters drawn with unknown frequencies, averaged over Jeffreys' prior. It sums
    to 1 over all sequences of one length, so that it is a prior over them, and is within ``(letters − 1)/2 · ln n`` of the best
    frequencies in hindsight.

    Args:
        symbols: Whole numbers from 0 to letters − 1.
        letters: Size of the alphabet.

    Source: Krichevsky & Trofimov (1981), The performance of universal encoding.

    >>> bool(np.isclose(adaptive_nats(np.array([0, 1]), 2), np.log(8)))
    True
    """
    counts = np.bincount(np.asarray(symbols).reshape(-1), minlength=letters)
    return float(
        special.gammaln(counts.sum() + letters / 2) - special.gammaln(letters / 2)
        - (special.gammaln(counts + 0.5) - special.gammaln(0.5)).sum()
    )  # fmt: skip


def encode(symbols: Sequence[int], letters: int) -> list[int]:
    """Bits of an adaptive arithmetic code: at most two more than the length in bits.

    Source: Witten, Neal & Cleary (1987), Arithmetic coding for data compression, with the adaptive counts above.
    """
    counts, low, high, waiting = [1] * letters, 0, FULL - 1, 0
    made: list[int] = []

    def put(bit: int) -> None:
        nonlocal waiting
        made.extend([bit, *[1 - bit] * waiting])
        waiting = 0

    for symbol in symbols:
        low, high = _narrowed(low, high, counts, symbol)
        while True:
            if high < HALF:
                put(0)
            elif low >= HALF:
                put(1)
                low, high = low - HALF, high - HALF
            elif low >= QUARTER and high < 3 * QUARTER:
                waiting += 1
                low, high = low - QUARTER, high - QUARTER
            else:
                break
            low, high = 2 * low, 2 * high + 1
        counts[symbol] += 2
    waiting += 1
    put(0 if low < QUARTER else 1)
    return made


def decode(bits: Sequence[int], letters: int, length: int) -> list[int]:
    """The symbols of ``encode``, of a known number."""
    counts, low, high, at = [1] * letters, 0, FULL - 1, PRECISION
    value = int("".join(map(str, [*bits, *[0] * PRECISION][:PRECISION])), 2)
    made: list[int] = []
    for _ in range(length):
        scaled = ((value - low + 1) * sum(counts) - 1) // (high - low + 1)
        symbol, below = 0, 0
        while below + counts[symbol] <= scaled:
            below += counts[symbol]
            symbol += 1
        made.append(symbol)
        low, high = _narrowed(low, high, counts, symbol)
        while high < HALF or low >= HALF or (low >= QUARTER and high < 3 * QUARTER):
            shift = 0 if high < HALF else HALF if low >= HALF else QUARTER
            bit = bits[at] if at < len(bits) else 0
            at += 1
            low, high, value = 2 * (low - shift), 2 * (high - shift) + 1, 2 * (value - shift) + bit
        counts[symbol] += 2
    return made


def _narrowed(low: int, high: int, counts: Sequence[int], symbol: int) -> tuple[int, int]:
    width, total = high - low + 1, sum(counts)
    below = sum(counts[:symbol])
    return low + width * below // total, low + width * (below + counts[symbol]) // total - 1
