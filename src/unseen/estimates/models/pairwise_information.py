"""What a measure of runs tells of their order beyond their settings, and where it orders worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.random import Generator

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.models.foretelling import MIN_RUNS, SEEDS, configurations, foretelling

# Settings that are known together at most.
LARGEST = 2
PERMUTATIONS = 199
# Shuffles that tell as much, after which no more are drawn: the p-value is then their share.
ENOUGH = 20


@dataclass(frozen=True)
class Information:
    """Information that the order by a measure has on the order by score, as a share of what there is to know.

    Attributes:
        value: The least over sets of known settings: 0 where some settings tell all that the measure tells, 1 where the
            orders agree.
        given: The settings at which it is least.
        alone: The same with no setting known.
        by_chance: Its mean where the measure is shuffled among runs that agree in these settings.
        p_value: The largest p-value over all sets of settings, each against such shuffles: small where the measure tells something
            beyond each of them.
    """

    value: float
    given: tuple[str, ...]
    alone: float
    by_chance: float
    p_value: float


def information(
    measure: np.ndarray, score: np.ndarray, settings: Sequence[Mapping[str, Any]], *, rng: Generator, largest: int = LARGEST,
    permutations: int = PERMUTATIONS,
) -> Information:  # fmt: skip
    """Conditional mutual information of two orders of runs, at the settings that leave least of it.

    Of two runs drawn at random, with the values of a set S of settings known for both: information of which run has the larger
    measure on which has the better score, over the entropy of the latter. Ties in either are left out. A p-value for each S comes
    from shuffling the measure among the configurations that agree in S, runs that differ in seeds alone together; that the measure
    tells something beyond each S is said with the largest (an intersection–union test). A measure that follows more settings than
    are known together does tell something beyond them.

    Args:
        measure: One value a run, shape (n,).
        score: Shape (n,).
        settings: What tells the runs apart; seeds are passed over.
        rng: Draws the shuffles.
        largest: Settings that are known together at most.
        permutations: Shuffles for each set of settings; 0 for none, with a p-value of 1.

    Raises:
        TooFewUnits: Fewer than eight runs.
        Undefined: All runs have the same measure or score, or one is not finite.

    Source: Jiang et al. (2020), Fantastic generalization measures and where to find them, section 2.3, equations 9 to 12; Besag &
    Clifford (1991), Sequential Monte Carlo p-values (no more shuffles than are needed).

    >>> rng = np.random.default_rng(0)
    >>> settings = [{"width": w, "rate": r} for w in range(4) for r in range(4)]
    >>> score = rng.normal(size=16)
    >>> round(information(score, score, settings, rng=rng).value, 6)
    1.0
    """
    x, y = np.asarray(measure, dtype=float), np.asarray(score, dtype=float)
    if len(x) < MIN_RUNS:
        raise TooFewUnits(f"an order of runs needs {MIN_RUNS} of them, got {len(x)}.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise Undefined("a measure or a score of a run is not finite.")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise Undefined("all runs have the same measure, or the same score: there is no order to agree with.")
    better, groups = y[:, None] > y[None], configurations(settings, len(x))
    sets = {chosen: codes for chosen, codes in _sets(settings, largest, len(x)) if _tells(better, codes)}
    found = {chosen: _share(x, better, codes) for chosen, codes in sets.items()}
    least = min(found, key=lambda chosen: found[chosen])
    chance, p_value = 0.0, 0.0
    for chosen, codes in sets.items():
        drawn, beyond = list[float](), 0
        while len(drawn) < permutations and beyond < ENOUGH:
            drawn.append(_share(_shuffled(x, codes, groups, rng), better, codes))
            # Rounding must not tell a shuffle that changes nothing from what was seen.
            beyond += drawn[-1] >= found[chosen] - 1e-12
        whole = beyond < ENOUGH
        p_value = max(p_value, (whole + beyond) / (whole + len(drawn)))
        if chosen == least and drawn:
            chance = float(np.mean(drawn))
    return Information(found[least], least, found.get((), found[least]), chance, p_value)


def _sets(settings: Sequence[Mapping[str, Any]], largest: int, n: int) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """Sets of settings, with the cell of each run."""
    names = sorted({k for one in settings for k in one if k.lower() not in SEEDS})
    codes = {k: np.unique([str(one.get(k)) for one in settings], return_inverse=True)[1] for k in names}
    varying = [k for k in names if codes[k].max() > 0]
    for size in range(largest + 1):
        for chosen in combinations(varying, size):
            together = np.stack([codes[k] for k in chosen], 1) if chosen else np.zeros((n, 1), dtype=int)
            yield chosen, np.unique(together, axis=0, return_inverse=True)[1].reshape(-1)


def _tells(better: np.ndarray, codes: np.ndarray) -> bool:
    """Whether the order by score is still open where the cells of both runs are known."""
    member = np.eye(int(codes.max()) + 1)[codes]
    wins = member.T @ better @ member
    return bool((np.minimum(wins, wins.T) > 0).any())


def _share(x: np.ndarray, better: np.ndarray, codes: np.ndarray) -> float:
    """Information over entropy, in the cells of ordered pairs of runs."""
    larger = x[:, None] > x[None]
    # Counts of pairs are exact in single precision up to 4,096 runs.
    member = np.eye(int(codes.max()) + 1, dtype=np.float32)[codes]
    agree, against = (member.T @ (larger & other).astype(np.float32) @ member for other in (better, better.T))
    # The second run's view of a pair is the first one's turned round.
    counts = np.stack([agree, against, against.T, agree.T]).astype(float)
    total = counts.sum()
    if total == 0:
        return 0.0
    by_score, by_measure, cell = (
        np.stack([counts[0] + counts[2], counts[1] + counts[3]]), np.stack([counts[0] + counts[1], counts[2] + counts[3]]),
        counts.sum(0),
    )  # fmt: skip
    entropy = _entropy(by_score) - _entropy(cell[None])
    both = _entropy(counts) - _entropy(cell[None])
    own = _entropy(by_measure) - _entropy(cell[None])
    return float(max(0.0, own + entropy - both) / entropy) if entropy > 1e-12 * total else 0.0


def _entropy(counts: np.ndarray) -> float:
    """Entropy times the number of pairs, but for what is the same in all terms."""
    seen = counts[counts > 0]
    return float(-(seen * np.log(seen)).sum())


def _shuffled(x: np.ndarray, codes: np.ndarray, groups: np.ndarray, rng: Generator) -> np.ndarray:
    """The measure among configurations of one cell in another order; runs of one configuration stay together.

    Args:
        x: The measure, shape (n,).
        codes: Cell of each run.
        groups: Configuration of each run, as integers from 0; all its runs are in one cell.
        rng: Draws the order.
    """
    # Only configurations with as many runs change places.
    kind = np.unique(np.stack([codes, np.bincount(groups)[groups]], 1), axis=0, return_inverse=True)[1].reshape(-1)
    made = np.empty_like(x)
    drawn = rng.random(int(groups.max()) + 1)[groups]
    made[np.lexsort((groups, drawn, kind))] = x[np.lexsort((groups, kind))]
    return made


@dataclass(frozen=True)
class Worst:
    """The environments in which a measure orders worst.

    Attributes:
        least: Smallest coefficient over environments. Its ends are the smallest of all lower and of all upper ends, which hold
            together; as a minimum of noisy values, the value itself lies too low.
        varied: The setting in which the runs of that environment differ.
        held: What they share: name and value of one more setting; empty where all runs stand in it.
        environments: How many there are.
        reversed: Environments in which the order is turned round beyond doubt, as (setting that varies, what is held).
    """

    least: Estimate
    varied: str
    held: tuple[str, str] | tuple[()]
    environments: int
    reversed: tuple[tuple[str, tuple[str, str] | tuple[()]], ...]


def worst_environments(
    measure: np.ndarray, score: np.ndarray, settings: Sequence[Mapping[str, Any]], *, apart: np.ndarray | None = None,
    level: float = 0.95,
) -> Worst:  # fmt: skip
    """Kendall's coefficient where one setting varies and another is held, and the worst of these.

    A measure that is to be trusted orders runs in every environment, not in the mean over them.

    Args:
        measure: One value a run, larger where a better score is foretold, shape (n,).
        score: Shape (n,).
        settings: What tells the runs apart.
        apart: Pairs whose scores noise does not explain, shape (n, n); see ``foretelling``.
        level: Coverage of the intervals of all environments together (Bonferroni).

    Raises:
        Undefined: No setting has enough pairs of runs that differ in it alone.

    Source: Dziugaite et al. (2020), In search of robust measures of generalization, sections 3 and 4.
    """
    x, y = np.asarray(measure, dtype=float), np.asarray(score, dtype=float)
    groups = configurations(settings, len(x))
    names = sorted({k for one in settings for k in one if k.lower() not in SEEDS})
    places: list[tuple[tuple[str, str] | tuple[()], np.ndarray]] = [((), np.arange(len(x)))]
    for name in names:
        values = np.array([str(one.get(name)) for one in settings])
        kinds = np.unique(values)
        places += [((name, str(v)), np.flatnonzero(values == v)) for v in kinds] if len(kinds) > 1 else []

    def told(level: float) -> dict[tuple[str, tuple[str, str] | tuple[()]], Estimate]:
        made: dict[tuple[str, tuple[str, str] | tuple[()]], Estimate] = {}
        for held, rows in places:
            if len(rows) < MIN_RUNS or np.ptp(x[rows]) == 0 or np.ptp(y[rows]) == 0:
                continue
            own = np.unique(groups[rows], return_inverse=True)[1]
            part = None if apart is None else apart[np.ix_(rows, rows)]
            found = foretelling(x[rows], y[rows], [settings[i] for i in rows], apart=part, groups=own, level=level)
            made |= {(varied, held): one for varied, one in found.by_setting.items()}
        return made

    count = len(told(level))
    if not count:
        raise Undefined("no setting has enough pairs of runs that differ in it alone: there is no environment to tell.")
    all_ = told(1 - (1 - level) / count)
    at = min(all_, key=lambda where: all_[where].value)
    one = all_[at]
    ends = min(e.low for e in all_.values()), min(e.high for e in all_.values())
    least = Estimate(one.value, *ends, one.units, "least coefficient over environments, simultaneous intervals", level)
    turned = tuple(where for where, e in all_.items() if e.high < 0)
    return Worst(least, at[0], at[1], count, turned)
