"""Compositional shifts over sets of structures: maximum compound divergence, and unobserved local structures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.shifts.base import Guarantee, Shift, Split, require_factor


def divergence(p: np.ndarray, q: np.ndarray, alpha: float) -> float:
    """One minus the Chernoff coefficient of two frequency vectors, in [0, 1].

    Args:
        p: Counts or frequencies in training, shape (k,).
        q: The same in test, shape (k,).
        alpha: 0.5 for atoms; 0.1 for compounds (it matters that a compound occurs in training, less how often).

    Source: Keysers et al. (2020), Measuring Compositional Generalization, section 2.1.

    >>> round(divergence(np.array([1, 1]), np.array([1, 1]), 0.5), 6)
    0.0
    >>> divergence(np.array([1, 0]), np.array([0, 1]), 0.1)
    1.0
    """
    p, q = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    if p.sum() == 0 or q.sum() == 0:
        return 1.0
    return max(0.0, float(1 - np.sum((p / p.sum()) ** alpha * (q / q.sum()) ** (1 - alpha))))


def incidence(examples: Examples, column: str) -> tuple[np.ndarray, list[str]]:
    """Counts of each member of a set (or list) column, shape (n, k), with the members in sorted order."""
    values = require_factor(examples, column)
    lists = [list(v) if isinstance(v, list | np.ndarray) else [v] for v in values.tolist()]
    names = sorted({str(x) for row in lists for x in row})
    index = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(lists), len(names)))
    for i, row in enumerate(lists):
        for x in row:
            counts[i, index[str(x)]] += 1
    return counts, names


@dataclass
class CompoundDivergence(Shift):
    """Maximum compound divergence (MCD): compounds differ as much as can be, while atoms stay alike.

    A greedy search adds examples to train and test in turn, each time the one among ``candidates`` random ones that
    keeps compound divergence high and atom divergence under its bound.

    Attributes:
        atoms: Set column with the primitives of an example.
        compounds: Set column with its compounds (parent–child pairs of its tree, say).
        test_share: Share of examples that become unseen.
        max_atom_divergence: The bound that is guaranteed.
        candidates: Random examples looked at in each step.
    """

    name: ClassVar[str] = "compound-divergence"
    atoms: str = "atoms"
    compounds: str = "compounds"
    test_share: float = 0.25
    max_atom_divergence: float = 0.02
    candidates: int = 40
    seen_share: float = 0.1

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Greedy search of section 3 of the paper."""
        atoms, _ = incidence(examples, self.atoms)
        compounds, _ = incidence(examples, self.compounds)
        n = len(examples)
        if n < 8:
            raise BadInput(f"{self.describe()} needs at least 8 examples, got {n}.")
        left = rng.permutation(n).tolist()
        sides: list[list[int]] = [[left.pop()], [left.pop()]]
        atom_sums = [atoms[s[0]].copy() for s in sides]
        compound_sums = [compounds[s[0]].copy() for s in sides]
        while left:
            side = int(len(sides[1]) < self.test_share * (len(sides[0]) + len(sides[1]) + 1))
            tries = rng.choice(len(left), size=min(self.candidates, len(left)), replace=False)
            rows = np.array([left[t] for t in tries])
            score = _scores(compounds[rows], compound_sums, side, 0.1)
            atom = _scores(atoms[rows], atom_sums, side, 0.5)
            # Atom divergence counts only beyond its bound, and there far more than compound divergence.
            best = int(np.argmax(score - 10 * np.maximum(0, atom - self.max_atom_divergence / 2)))
            row = left.pop(int(tries[best]))
            sides[side].append(row)
            atom_sums[side] += atoms[row]
            compound_sums[side] += compounds[row]
        return np.sort(np.array(sides[0])), np.sort(np.array(sides[1]))

    def promises(self, split: Split) -> list[Guarantee]:
        """Atoms are alike; compounds differ more than in a random split of the same sizes."""
        import polars as pl

        both = Examples(
            pl.concat([split.train.table, split.unseen.table]),
            split.train.inputs,
            split.train.target,
            split.train.factors,
        )
        n = len(split.train)
        atoms, compounds = incidence(both, self.atoms)[0], incidence(both, self.compounds)[0]
        atom = divergence(atoms[:n].sum(0), atoms[n:].sum(0), 0.5)
        compound = divergence(compounds[:n].sum(0), compounds[n:].sum(0), 0.1)
        order = np.random.default_rng(0).permutation(len(both))
        chance = divergence(compounds[order[:n]].sum(0), compounds[order[n:]].sum(0), 0.1)
        return [
            Guarantee(
                "matched atoms",
                atom <= self.max_atom_divergence,
                f"atom divergence {atom:.4f} (at most {self.max_atom_divergence})",
            ),
            Guarantee(
                "compounds diverge", compound > chance, f"compound divergence {compound:.3f}, random split {chance:.3f}"
            ),
        ]


def _scores(rows: np.ndarray, sums: list[np.ndarray], side: int, alpha: float) -> np.ndarray:
    """Divergence after adding each candidate row to a side, shape (candidates,)."""
    grown = sums[side] + rows
    grown = grown / grown.sum(1, keepdims=True)
    other = sums[1 - side] / sums[1 - side].sum()
    p, q = (grown, other) if side == 0 else (other, grown)
    return 1 - np.sum(p**alpha * q ** (1 - alpha), axis=1)


@dataclass
class UnobservedLocalStructures(Shift):
    """Hold out every example that contains one of some local structures, while all symbols stay in training.

    Structures are tried from the one that leaves most structures of other examples untouched; a structure is taken only
    if every symbol of the held-out examples still occurs in training.

    Attributes:
        structures: Set column with the local structures of an example's program.
        symbols: Set column with its symbols.
        test_share: Hold out structures until this share of examples is unseen.

    Source: Bogin, Gupta & Berant (2022), Unobserved Local Structures Make Compositional Generalization Hard.
    """

    name: ClassVar[str] = "unobserved-local-structures"
    structures: str = "structures"
    symbols: str = "symbols"
    test_share: float = 0.2
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Take structures in random order of rising frequency until the share is reached."""
        structures, _ = incidence(examples, self.structures)
        symbols, _ = incidence(examples, self.symbols)
        present, has_symbol = structures > 0, symbols > 0
        beyond = np.zeros(len(examples), dtype=bool)
        order = np.lexsort((rng.random(present.shape[1]), np.abs(present.mean(0) - self.test_share / 2)))
        for structure in order:
            trial = beyond | present[:, structure]
            if trial.mean() > 1.25 * self.test_share:
                continue
            if (has_symbol[trial].any(0) & ~has_symbol[~trial].any(0)).any():
                continue
            beyond = trial
            if beyond.mean() >= self.test_share:
                break
        return np.flatnonzero(~beyond), np.flatnonzero(beyond)

    def promises(self, split: Split) -> list[Guarantee]:
        """Every unseen example has a structure that training lacks; every symbol is known."""
        observed = {s for row in split.train.table[self.structures].to_list() for s in row}
        known = {s for row in split.train.table[self.symbols].to_list() for s in row}
        without = sum(set(row) <= observed for row in split.unseen.table[self.structures].to_list())
        new = {s for row in split.unseen.table[self.symbols].to_list() for s in row} - known
        return [
            Guarantee("unobserved structure", without == 0, f"{without} unseen examples have only observed structures"),
            Guarantee(
                "matched primitives", not new, f"symbols never seen in training: {', '.join(sorted(new)) or 'none'}"
            ),
        ]
