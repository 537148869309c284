"""How near the local structures of an example lie to those observed in training, and choosing training sets by them.

Structures are texts as ``tasks.grammar.trees.local_structures`` writes them: ``parent>child`` (longer chains likewise)
and ``left~right`` for neighbouring siblings.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from unseen.errors import BadInput
from unseen.estimates import Estimate
from unseen.estimates.confidence.ranking_quality import auroc


def symbols_of(structure: str) -> tuple[str, tuple[str, ...]]:
    """The joint of a structure (``>`` or ``~``) and its symbols in order; a ``>`` that begins or ends one belongs to it.

    >>> symbols_of("<root>>count>find"), symbols_of("dog~cat")
    (('>', ('<root>', 'count', 'find')), ('~', ('dog', 'cat')))
    """
    text = structure.replace("<root>", "<root")
    joint = ">" if ">" in text else "~"
    return joint, tuple("<root>" if s == "<root" else s for s in re.split(re.escape(joint), text))


def contexts(structures: Iterable[str]) -> dict[str, frozenset[str]]:
    """The contexts of each symbol: every structure that it stands in, with a gap in its place.

    >>> sorted(contexts(["find>dog", "find>cat", "dog~cat"])["dog"])
    ['_~cat', 'find>_']
    """
    found: dict[str, set[str]] = defaultdict(set)
    for structure in structures:
        joint, symbols = symbols_of(structure)
        for i, symbol in enumerate(symbols):
            found[symbol].add(joint.join((*symbols[:i], "_", *symbols[i + 1 :])))
    return {symbol: frozenset(held) for symbol, held in found.items()}


class ObservedStructures:
    """The local structures of a training set, and how near others lie to them.

    Two structures are similar if they have the same joint and differ in one symbol; their similarity is then that of
    the two symbols: the Jaccard overlap of their contexts in training. Equal structures have similarity 1, structures
    that differ in more places, or by a symbol that training lacks, 0.

    Args:
        programs: Structures of each training example.

    Raises:
        BadInput: No structure is observed at all.

    Source: Bogin, Gupta & Berant (2022), Unobserved Local Structures, section 3; details reconstructed.

    >>> seen = ObservedStructures([["find>dog", "filter>black"], ["find>cat", "not>dog", "not>cat"]])
    >>> seen.similarity("find>dog"), seen.similarity("find>black"), seen.score(["not>dog", "not>black"])
    (1.0, 0.0, 0.0)
    """

    def __init__(self, programs: Iterable[Iterable[str]]) -> None:
        self.observed = frozenset(s for program in programs for s in program)
        if not self.observed:
            raise BadInput("no local structure is observed: the training programs are empty.")
        self.contexts = contexts(self.observed)
        self._fillers: dict[str, set[str]] = defaultdict(set)
        for symbol, held in self.contexts.items():
            for context in held:
                self._fillers[context].add(symbol)
        self._known: dict[str, float] = {}

    def symbol_similarity(self, a: str, b: str) -> float:
        """Jaccard overlap of the contexts of two symbols, in [0, 1]; 0 where training lacks one of them."""
        if a not in self.contexts or b not in self.contexts:
            return 0.0
        x, y = self.contexts[a], self.contexts[b]
        return len(x & y) / len(x | y)

    def similarity(self, structure: str) -> float:
        """Largest similarity to an observed structure, in [0, 1]; 1 where it was observed."""
        if structure in self.observed:
            return 1.0
        if structure not in self._known:
            joint, symbols = symbols_of(structure)
            best = 0.0
            for i, symbol in enumerate(symbols):
                context = joint.join((*symbols[:i], "_", *symbols[i + 1 :]))
                for other in self._fillers.get(context, ()):
                    best = max(best, self.symbol_similarity(symbol, other))
            self._known[structure] = best
        return self._known[structure]

    def score(self, program: Iterable[str]) -> float:
        """Least similarity among the structures of an example: 1 promises an easy one, 0 a hard one."""
        return min((self.similarity(s) for s in program), default=1.0)

    def scores(self, programs: Iterable[Iterable[str]]) -> np.ndarray:
        """The score of each example, shape (n,)."""
        return np.array([self.score(p) for p in programs])


def ngram_structures(tokens: Sequence[str], n: int = 2) -> set[str]:
    """Neighbouring tokens of the flat program, written as chains: what the score uses when it can't see the tree.

    Raises:
        BadInput: n below 2.

    >>> sorted(ngram_structures(["a", "(", "b"]))
    ['(>b', 'a>(']
    """
    if n < 2:
        raise BadInput(f"an n-gram structure joins at least 2 tokens, got n={n}.")
    return {">".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}


def compound_scores(
    programs: Sequence[Iterable[str]], train: Iterable[Iterable[str]], alpha: float = 0.1
) -> np.ndarray:
    """Chernoff coefficient between an example's compounds and those of training, shape (n,); 1 minus the divergence.

    Args:
        programs: Compounds of each example to score.
        train: Compounds of each training example.
        alpha: Weight of training in the coefficient; 0.1 as for compound divergence.

    Source: Keysers et al. (2020), section 2.1, read for a single example.
    """
    counts = Counter(c for program in train for c in program)
    total = sum(counts.values())
    found: list[float] = []
    for program in programs:
        own = Counter(program)
        size = sum(own.values())
        found.append(
            sum((counts[c] / total) ** alpha * (k / size) ** (1 - alpha) for c, k in own.items()) if size else 1.0
        )
    return np.array(found)


def predicts(scores: np.ndarray, correct: np.ndarray) -> Estimate:
    """Area under the curve with which a score tells right answers from wrong ones, with its interval over items.

    Args:
        scores: Higher promises a right answer, shape (n,).
        correct: Whether each was right, shape (n,).

    Raises:
        TooFewUnits: Fewer than 2 right or fewer than 2 wrong answers.
    """
    return auroc(scores, np.asarray(correct, dtype=float), np.arange(len(scores)))[0]


def select_by_coverage(programs: Sequence[Iterable[str]], n: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of a training set that observes many local structures: each next one adds the most that are still missing.

    Where none is missing any more, a new round begins in which all structures are missing again.

    Args:
        programs: Structures of each example of the pool.
        n: Examples to choose.
        rng: Breaks ties.

    Returns:
        Row numbers in the order of their choice, shape (n,).

    Raises:
        BadInput: The pool has fewer than n examples.

    Source: Bogin, Gupta & Berant (2022), section 6; the greedy order is reconstructed.
    """
    pool = [frozenset(p) for p in programs]
    if not 0 < n <= len(pool):
        raise BadInput(f"{n} examples can't be chosen from a pool of {len(pool)}.")
    names = {s: i for i, s in enumerate(sorted(frozenset().union(*pool)))}
    present = np.zeros((len(pool), len(names)), dtype=np.int32)
    for row, structures in enumerate(pool):
        present[row, [names[s] for s in structures]] = 1
    tie = rng.permutation(len(pool))
    missing = np.ones(len(names), dtype=np.int32)
    free = np.ones(len(pool), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < n:
        gain = np.where(free, present @ missing, -1)
        if gain.max() <= 0 and not missing.all():
            missing[:] = 1
            continue
        row = int(np.lexsort((tie, -gain))[0])
        chosen.append(row)
        free[row] = False
        missing[present[row] == 1] = 0
    return np.array(chosen, dtype=np.int64)


def hold_out_unlike(
    programs: Sequence[Iterable[str]], rng: np.random.Generator, *,
    share: tuple[float, float] = (0.1, 0.35), alike: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Rows without and with a family of like structures, so that training holds nothing near what is held out.

    A family is a structure with all those that differ from it in one symbol of at least ``alike`` similarity: holding
    out one structure alone leaves its twins in training, and the score calls such examples easy. Families that take a
    symbol out of training are passed over; of the rest one is drawn whose held-out examples score below one half in
    the mean, or the lowest where there is none.

    Args:
        programs: Structures of each example.
        rng: Which family.
        share: Bounds on the share of examples that is held out.
        alike: Least symbol similarity within a family.

    Returns:
        Row numbers of the training side and of the held-out side.

    Raises:
        BadInput: No family holds out a share within the bounds.

    Source: Bogin, Gupta & Berant (2022), section 5; the choice of the family is reconstructed.
    """
    pool = [frozenset(p) for p in programs]
    every = ObservedStructures(pool)
    found: dict[frozenset[str], tuple[float, np.ndarray]] = {}
    for structure in sorted(every.observed):
        family = frozenset(_family(structure, every, alike))
        beyond = np.array([not family.isdisjoint(p) for p in pool])
        if family in found or beyond.all() or not share[0] <= beyond.mean() <= share[1]:
            continue
        inside = ObservedStructures([p for p, out in zip(pool, beyond, strict=True) if not out])
        if every.contexts.keys() - inside.contexts.keys():
            continue
        score = inside.scores([p for p, out in zip(pool, beyond, strict=True) if out]).mean()
        found[family] = (float(score), beyond)
    if not found:
        raise BadInput(
            f"no family of like structures holds out {share[0]:.0%} to {share[1]:.0%} of {len(pool)} examples while all "
            "symbols stay in training. Widen the share, or draw more examples."
        )
    unlike = [beyond for score, beyond in found.values() if score < 0.5]
    chosen = unlike[rng.integers(len(unlike))] if unlike else min(found.values(), key=lambda f: f[0])[1]
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _family(structure: str, every: ObservedStructures, alike: float) -> set[str]:
    joint, symbols = symbols_of(structure)
    family = {structure}
    for i, symbol in enumerate(symbols):
        for other in every.contexts:
            near = joint.join((*symbols[:i], other, *symbols[i + 1 :]))
            if near in every.observed and every.symbol_similarity(symbol, other) >= alike:
                family.add(near)
    return family
