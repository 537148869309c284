"""Which refits show a shift: for every case one without the held-out rows, and for comparison some that saw their like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unseen.engine.seeds import numpy_generator, spawn
from unseen.errors import BadInput
from unseen.refitting.problem import Problem
from unseen.refitting.refits import Piece

# A held-out set smaller than this is not judged by itself.
MIN_ROWS = 30
MIN_TRAIN = 50
MAX_CASES = 100
# The reference is cross-fitted: every row is answered by a fit that saw the other folds of its own domain.
FOLDS = 5
# Data this small are refitted more often: there the draw of the training rows matters more than the rows judged.
REFITS = ((20_000, 3), (None, 2))


@dataclass(frozen=True)
class Case:
    """One held-out set of rows.

    Attributes:
        family: The shift as the user said it ("held-out carrier").
        name: What is held out ("carrier=AA"); the family's name where there is one case.
        factors: Columns that the shift reads.
        inside: Row numbers of the training distribution.
        beyond: Row numbers held out.
        kind: held-out, later, beyond, reweighted, random, label-noise, perturbed or other.
        options: What else the shift does in a refit, as in ``Piece``.
    """

    family: str
    name: str
    factors: tuple[str, ...]
    inside: np.ndarray
    beyond: np.ndarray
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Plan:
    """What is refitted.

    Attributes:
        cases: Held-out sets that are judged.
        left_out: Held-out sets that are not, with the reason.
        folds: Fold of each row in each refit, shape (refits, n); a row's cluster is never divided.
        pieces: Every refit.
        seed: Source of every draw.
    """

    cases: tuple[Case, ...]
    left_out: tuple[tuple[Case, str], ...]
    folds: np.ndarray
    pieces: tuple[Piece, ...]
    seed: int

    @property
    def refits(self) -> int:
        """How often everything is refitted, each time with other folds and another seed."""
        return len(self.folds)

    def families(self) -> tuple[str, ...]:
        """Shifts in the order in which they were given."""
        return tuple(dict.fromkeys(case.family for case in (*self.cases, *(c for c, _ in self.left_out))))


def plan(
    problem: Problem,
    cases: Sequence[Case],
    *,
    refits: int | None = None,
    seed: int = 0,
    refused: Sequence[tuple[Case, str]] = (),
) -> Plan:
    """Plan the refits.

    For each case and refit, the learner is fitted to four fifths of the rows inside and answers the held-out rows
    (``unseen``) and the fifth left (``seen``). A cross-fitted reference, fitted to four fifths of all rows, answers the
    held-out rows too (``reference``): what would have been right had the learner seen their like.

    Args:
        problem: The data.
        cases: Held-out sets.
        refits: Times that everything is repeated under other folds and seeds; by default 3, or 2 above 20,000 rows.
        seed: Source of every draw.
        refused: Held-out sets that can't be formed, with the reason.

    Raises:
        BadInput: No case can be judged; the message gives the first reasons.
    """
    count = refits or next(n for limit, n in REFITS if limit is None or len(problem) < limit)
    judged, left_out = list[Case](), list(refused)
    for case in cases:
        reason = _reason(problem, case)
        if reason:
            left_out.append((case, reason))
        else:
            judged.append(case)
    for family in dict.fromkeys(c.family for c in judged):
        own = sorted((c for c in judged if c.family == family), key=lambda c: -len(c.beyond))
        left_out += [(c, f"only the {MAX_CASES} largest are judged") for c in own[MAX_CASES:]]
        judged = [c for c in judged if c.family != family or c in own[:MAX_CASES]]
    if not judged:
        reasons = "; ".join(f"{case.name}: {reason}" for case, reason in left_out[:3])
        raise BadInput(f"no held-out set can be judged ({reasons or 'none was asked for'}).")
    clusters = problem.clusters()
    n_clusters = int(clusters.max()) + 1
    folds = np.stack(
        [numpy_generator(seed, "folds", r).permutation(np.arange(n_clusters) % FOLDS)[clusters] for r in range(count)]
    )
    wanted = np.zeros(len(problem), dtype=bool)
    pieces = list[Piece]()
    for case in judged:
        wanted[case.beyond] = True
        for r in range(count):
            own_fold = folds[r][case.inside] == 0
            pieces.append(
                Piece(
                    f"{case.family}: {case.name}, refit {r + 1}",
                    case.inside[~own_fold],
                    {"unseen": case.beyond, "seen": case.inside[own_fold]},
                    spawn(seed, case.family, case.name, r),
                    options=case.options,
                )
            )
    for r in range(count):
        for fold in range(FOLDS):
            rows = np.flatnonzero((folds[r] == fold) & wanted)
            if len(rows):
                pieces.append(
                    Piece(
                        f"all seen, refit {r + 1}, fold {fold + 1}", np.flatnonzero(folds[r] != fold),
                        {"reference": rows}, spawn(seed, "reference", r, fold),
                    )
                )  # fmt: skip
    # Long refits first: the last worker then ends soon after the others.
    pieces.sort(key=lambda p: -len(p.train))
    return Plan(tuple(judged), tuple(left_out), folds, tuple(pieces), seed)


def too_little(problem: Problem, case: Case) -> str:
    """Why nothing can be fitted or judged on a held-out set, or ""."""
    if len(case.beyond) < MIN_ROWS:
        return f"it has {len(case.beyond)} rows; at least {MIN_ROWS} are needed"
    if len(case.inside) < MIN_TRAIN:
        return f"only {len(case.inside)} rows are left to fit to; at least {MIN_TRAIN} are needed"
    target = problem.examples.table[problem.target]
    if not problem.regression and target[case.inside].n_unique() < 2:
        return f"the rows left to fit to have one class only ({target[int(case.inside[0])]!r})"
    return problem.undefined(case.beyond)


def _reason(problem: Problem, case: Case) -> str:
    """Why a case can't be judged, or ""."""
    little = too_little(problem, case)
    target = problem.examples.table[problem.target]
    if not little and not problem.regression and target[case.beyond].n_unique() < 2:
        return (
            f"it has one class only ({target[int(case.beyond[0])]!r}): accuracy there would be the share of that class"
        )
    return little
