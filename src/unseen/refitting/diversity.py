"""What doubling the domains brings against doubling the rows, on domains not seen: a surface fitted over sizes of training sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unseen.engine.seeds import numpy_generator, spawn
from unseen.errors import TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import t_interval, two_sided_t
from unseen.estimates.testing.multiplicity import holm
from unseen.refitting.groups import Domains, balanced_groups, drawn
from unseen.refitting.refits import Piece, Runner

MIN_DOMAINS = 8
MAX_ROWS, LEAST_ROWS = 3000, 40
TEST_ROWS = 300
GROUPS = (4, 6)
DRAWS = 2


@dataclass(frozen=True)
class _Design:
    """Domains that are large enough, the group in which each is tested, and the sizes of the training sets."""

    eligible: np.ndarray
    group: np.ndarray
    draws: int
    domains: tuple[int, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Doubling:
    """What one doubling brings on domains not seen.

    Attributes:
        domains: Of the domains, at equal rows.
        rows: Of the rows, at equal domains.
        difference: The first minus the second.
        p_domains: Two-sided, Holm over the first two.
        p_rows: The same.
        p_difference: Two-sided.
        surface: Mean score by number of domains and of rows.
        fits: Refits.
    """

    domains: Estimate
    rows: Estimate
    difference: Estimate
    p_domains: float
    p_rows: float
    p_difference: float
    surface: tuple[dict[str, Any], ...]
    fits: int


def doubling(runner: Runner, own: Domains, seed: int, level: float) -> Doubling:
    """Refit to subsets of domains and rows, and estimate what doubling either brings.

    Args:
        runner: Runs the refits.
        own: The domains.
        seed: Source of every draw.
        level: Nominal coverage.

    Raises:
        TooFewUnits: The domains are too few or too small, or refits failed.
    """
    design = _designed(own, seed)
    pieces = _pieces(own, design, seed)
    results = runner.run(list(pieces.values()))
    scores = np.full((int(design.group.max()) + 1, design.draws, len(design.domains), len(design.rows)), np.nan)
    slopes: list[np.ndarray] = []
    for g in range(len(scores)):
        by_domain: list[np.ndarray] = []
        for draw in range(design.draws):
            cells = [(i, j, results[k]) for k, key in enumerate(pieces) for i, j in [key[2:]] if key[:2] == (g, draw)]
            sound = [(i, j, x) for i, j, x in cells if not x.failed]
            if len({i for i, _, _ in sound}) < 2 or len({j for _, j, _ in sound}) < 2:
                continue
            x = np.array([[1.0, np.log2(design.rows[j]), np.log2(design.domains[i])] for i, j, _ in sound])
            at = own.code[sound[0][2].answers["test"].rows]
            y = np.stack([[r.answers["test"].score[at == d].mean() for d in np.unique(at)] for _, _, r in sound])
            # Where a domain's labels leave the measure undefined, they do so in every cell: (cells, tested domains).
            y = y[:, np.isfinite(y).all(0)]
            by_domain += list(np.linalg.lstsq(x, y, rcond=None)[0].T)
            for (i, j, _), own_scores in zip(sound, y, strict=True):
                scores[g, draw, i, j] = own_scores.mean() if len(own_scores) else np.nan
        if by_domain:
            slopes.append(np.mean(by_domain, axis=0))
    if len(slopes) < 3:
        failed = next((x.failed for x in results if x.failed), "")
        raise TooFewUnits(
            f"{own.family}: only {len(slopes)} of {len(scores)} groups of domains could be tested ({failed})."
        )
    scale = runner.problem.scale
    by_rows, by_domains = (np.array([s[k] for s in slopes]) for k in (1, 2))
    (wide, p_wide), (long, p_long), (more, p_more) = (
        _slope(v, scale, level) for v in (by_domains, by_rows, by_domains - by_rows)
    )
    adjusted = holm([p_wide, p_long]).tolist()
    surface = tuple(
        {"domains": m, "rows": n, "score": float(np.nanmean(scores[:, :, i, j]))}
        for i, m in enumerate(design.domains)
        for j, n in enumerate(design.rows)
        if np.isfinite(scores[:, :, i, j]).any()
    )
    return Doubling(wide, long, more, adjusted[0], adjusted[1], p_more, surface, len(pieces))


def _designed(own: Domains, seed: int) -> _Design:
    sizes = own.sizes
    if len(sizes) < MIN_DOMAINS:
        raise TooFewUnits(
            f"{own.family}: diversity is judged over {MIN_DOMAINS} domains or more, these are {len(sizes)}."
        )
    kept = max(MIN_DOMAINS, int(np.ceil(0.6 * len(sizes))))
    least = int(np.sort(sizes)[::-1][kept - 1])
    eligible = np.flatnonzero(sizes >= least)
    most = min(MAX_ROWS, 2 * least)
    rows = tuple(n for n in (most // 9, most // 3, most) if n >= LEAST_ROWS)
    if len(rows) < 2:
        raise TooFewUnits(
            f"{own.family}: the domains have {least} rows; {3 * LEAST_ROWS // 2} a domain are needed to vary the size."
        )
    groups = int(np.clip(len(eligible) // 3, *GROUPS))
    group = balanced_groups(sizes[eligible], groups, numpy_generator(seed, "U804", own.family, "groups"))
    pool = len(eligible) - int(np.bincount(group).max())
    several = tuple(2**k for k in range(1, 5) if 2**k <= pool)
    return _Design(eligible, group, DRAWS, several, rows)


def _pieces(own: Domains, design: _Design, seed: int) -> dict[tuple[int, int, int, int], Piece]:
    """(group, draw, number of domains, number of rows) → the refit."""
    made: dict[tuple[int, int, int, int], Piece] = {}
    where = [np.flatnonzero(own.code == k) for k in range(len(own.cases))]
    for g in range(int(design.group.max()) + 1):
        test_rng = numpy_generator(seed, "U804", own.family, "test", g)
        test = np.concatenate([drawn(where[k], TEST_ROWS, test_rng) for k in design.eligible[design.group == g]])
        for draw in range(design.draws):
            rng = numpy_generator(seed, "U804", own.family, "train", g, draw)
            pool = design.eligible[design.group != g]
            shuffled = {int(k): rng.permutation(where[k]) for k in pool}
            for i, m in enumerate(design.domains):
                for j, n in enumerate(design.rows):
                    # Every training set draws its own domains: which two they are is most of the noise.
                    chosen = rng.permutation(pool)[:m]
                    parts = np.diff(np.linspace(0, n, m + 1).round().astype(int))
                    train = np.concatenate([shuffled[int(k)][:c] for k, c in zip(chosen, parts, strict=True)])
                    made[g, draw, i, j] = Piece(
                        f"{own.family}: group {g + 1}, draw {draw + 1}, {m} domains, {n} rows", np.sort(train),
                        {"test": test}, spawn(seed, "U804", own.family, g, draw, i, j), blocks={"test": own.code[test]},
                    )  # fmt: skip
    return made


def _slope(values: np.ndarray, scale: float, level: float) -> tuple[Estimate, float]:
    """Mean over groups with the variance of a cross-validated mean, and its two-sided p-value."""
    g, mean = len(values), float(values.mean())
    variance = float(values.var(ddof=1)) * (1 / g + 1 / (g - 1))
    # Slopes that agree exactly have no spread; one answer of a test set could have differed.
    variance = max(variance, (scale / (g * TEST_ROWS)) ** 2)
    low, high = t_interval(mean, variance, g - 1, level)
    method = "slope of the learning surface, t over groups of domains (Nadeau-Bengio)"
    return Estimate(mean, low, high, g, method, level), two_sided_t(mean / variance**0.5, g - 1)
