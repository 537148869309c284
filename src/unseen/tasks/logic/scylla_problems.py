"""The twenty problems of Scylla: how each is drawn, solved and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations

from unseen.tasks.draws import Draws

Numbers = list[int]
LEVELS = ("O(N)", "O(N-N^2)", "O(N^2-N^3)", "O(N^3-N^4)", "O(2^N)")


@dataclass(frozen=True)
class Problem:
    """One of the twenty.

    Attributes:
        level: Time complexity of the best and the worst usual algorithm.
        shortest: Fewest numbers that make an item.
        longest: Most numbers for which the exact answer is found in milliseconds.
        ask: Draws what is asked for beyond the numbers (a target sum, k); None where these numbers allow no question.
        solve: An answer from numbers and question.
        check: Whether an answer is right; more than one may be.
    """

    level: str
    shortest: int
    longest: int
    ask: Callable[[Draws, Numbers], Numbers | None]
    solve: Callable[[Numbers, Numbers], Numbers]
    check: Callable[[Numbers, Numbers, Numbers], bool]


def _nothing(d: Draws, numbers: Numbers) -> Numbers:
    return []


def _exact(
    solve: Callable[[Numbers, Numbers], Numbers], level: str, *, shortest: int = 1, longest: int = 1000
) -> Problem:
    return Problem(level, shortest, longest, _nothing, solve, lambda x, q, a: a == solve(x, q))


def _mode(numbers: Numbers, question: Numbers) -> Numbers:
    counts = Counter(numbers)
    return [max(counts, key=lambda x: (counts[x], -x))]


def _is_mode(numbers: Numbers, question: Numbers, answer: Numbers) -> bool:
    counts = Counter(numbers)
    return len(answer) == 1 and counts[answer[0]] == max(counts.values())


def _top(numbers: Numbers, question: Numbers) -> Numbers:
    return sorted(numbers, reverse=True)[: question[0]]


def _longest_increasing(numbers: Numbers, question: Numbers) -> Numbers:
    """Strictly increasing, not necessarily adjacent; by dynamic programming."""
    best: list[Numbers] = []
    for i, x in enumerate(numbers):
        before = max((best[j] for j in range(i) if numbers[j] < x), key=len, default=[])
        best.append([*before, x])
    return max(best, key=len)


def _is_longest_increasing(numbers: Numbers, question: Numbers, answer: Numbers) -> bool:
    rest = iter(numbers)
    inside = all(x in rest for x in answer)
    rising = all(a < b for a, b in pairwise(answer))
    return inside and rising and len(answer) == len(_longest_increasing(numbers, question))


def _longest_consecutive(numbers: Numbers, question: Numbers) -> Numbers:
    """Longest run of whole numbers x, x+1, … all present."""
    present = set(numbers)
    runs: list[Numbers] = []
    for x in sorted(present):
        if x - 1 not in present:
            end = x
            while end + 1 in present:
                end += 1
            runs.append(list(range(x, end + 1)))
    return max(runs, key=len)


def _is_longest_consecutive(numbers: Numbers, question: Numbers, answer: Numbers) -> bool:
    step = all(b == a + 1 for a, b in pairwise(answer))
    return step and set(answer) <= set(numbers) and len(answer) == len(_longest_consecutive(numbers, question))


def _halves(numbers: Numbers) -> tuple[Numbers, Numbers]:
    middle = len(numbers) // 2
    return numbers[:middle], numbers[middle:]


def _common_subarray(numbers: Numbers, question: Numbers) -> Numbers:
    """Longest run of neighbours that stands in both halves; by dynamic programming."""
    left, right = _halves(numbers)
    best, end, row = 0, 0, [0] * (len(right) + 1)
    for i, x in enumerate(left, 1):
        new = [0] * (len(right) + 1)
        for j, y in enumerate(right, 1):
            if x == y:
                new[j] = row[j - 1] + 1
                if new[j] > best:
                    best, end = new[j], i
        row = new
    return left[end - best : end]


def _ask_common(d: Draws, numbers: Numbers) -> Numbers:
    """Plant a run of the first half in the second: common runs of chance are short."""
    middle = len(numbers) // 2
    size = d.between(1, middle)
    source, place = d.between(0, middle - size), d.between(middle, len(numbers) - size)
    numbers[place : place + size] = numbers[source : source + size]
    return []


def _is_common_subarray(numbers: Numbers, question: Numbers, answer: Numbers) -> bool:
    left, right = _halves(numbers)
    n = len(answer)
    inside = all(any(side[i : i + n] == answer for i in range(len(side) - n + 1)) for side in (left, right))
    return inside and n == len(_common_subarray(numbers, question))


def _sub_multiset(numbers: Numbers, answer: Numbers) -> bool:
    have = Counter(numbers)
    return all(have[x] >= k for x, k in Counter(answer).items())


def _subset(sizes: Callable[[Numbers], Sequence[int]], fits: Callable[[int, Numbers], bool], level: str,
            ask: Callable[[Draws, Numbers], Numbers | None], *, shortest: int, longest: int) -> Problem:  # fmt: skip
    def solve(numbers: Numbers, question: Numbers) -> Numbers:
        for size in sizes(numbers):
            for chosen in combinations(numbers, size):
                if fits(sum(chosen), question):
                    return list(chosen)
        return []

    def check(numbers: Numbers, question: Numbers, answer: Numbers) -> bool:
        right = len(answer) in sizes(numbers) and fits(sum(answer), question)
        return right and _sub_multiset(numbers, answer)

    return Problem(level, shortest, longest, ask, solve, check)


def _equals(total: int, question: Numbers) -> bool:
    return total == question[0]


def _within(total: int, question: Numbers) -> bool:
    return question[0] <= total <= question[1]


def _ten(total: int, question: Numbers) -> bool:
    return total % 10 == 0


def _sums(sizes: Callable[[Numbers], Sequence[int]], level: str, shortest: int, longest: int) -> dict[str, Problem]:
    """A sum to hit, a range to hit and a multiple of ten, for one choice of subset sizes."""

    def a_sum(d: Draws, numbers: Numbers) -> Numbers:
        return [sum(d.pick(numbers, d.choice(sizes(numbers))))]

    def a_range(d: Draws, numbers: Numbers) -> Numbers:
        total = a_sum(d, numbers)[0]
        return [total - d.below(5), total + d.below(5)]

    def a_ten(d: Draws, numbers: Numbers) -> Numbers | None:
        possible = any(sum(c) % 10 == 0 for size in sizes(numbers) for c in combinations(numbers, size))
        return [] if possible else None

    return {
        name: _subset(sizes, fits, level, ask, shortest=shortest, longest=longest)
        for name, fits, ask in (
            ("", _equals, a_sum),
            ("-in-range", _within, a_range),
            ("-multiple-of-ten", _ten, a_ten),
        )
    }


def _fixed(size: int) -> Callable[[Numbers], Sequence[int]]:
    return lambda numbers: (size,)


def _half_or_so(numbers: Numbers) -> Sequence[int]:
    """Subset sizes from two to one less than all."""
    return range(2, len(numbers))


def _ask_distances(d: Draws, numbers: Numbers) -> Numbers:
    return []


def distances(numbers: Numbers) -> list[Numbers]:
    """Distances between towns on a line of these positions, plus the town's number where they differ.

    A pure line has a trivial tour; the product term bends it while the matrix stays symmetric.
    """
    return [[0 if i == j else abs(a - b) + a * b % 7 for j, b in enumerate(numbers)] for i, a in enumerate(numbers)]


def tour_length(numbers: Numbers, tour: Numbers) -> int:
    """Length of a closed tour of town numbers."""
    table = distances(numbers)
    return sum(table[a][b] for a, b in pairwise([*tour, tour[0]]))


def _tour(numbers: Numbers, question: Numbers) -> Numbers:
    """Held–Karp: shortest closed tour from town 0."""
    n, table = len(numbers), distances(numbers)
    if n == 1:
        return [0]
    best: dict[tuple[int, int], tuple[int, Numbers]] = {(1 << i, i): (table[0][i], [0, i]) for i in range(1, n)}
    for size in range(2, n):
        for chosen in combinations(range(1, n), size):
            mask = sum(1 << i for i in chosen)
            for last in chosen:
                rest = mask ^ 1 << last
                best[mask, last] = min(
                    (best[rest, k][0] + table[k][last], [*best[rest, k][1], last]) for k in chosen if k != last
                )
    full = sum(1 << i for i in range(1, n))
    return min((best[full, k][0] + table[k][0], best[full, k][1]) for k in range(1, n))[1]


def _is_tour(numbers: Numbers, question: Numbers, answer: Numbers) -> bool:
    every_town_once = sorted(answer) == list(range(len(numbers))) and answer[0] == 0
    return every_town_once and tour_length(numbers, answer) == tour_length(numbers, _tour(numbers, question))


def brute_tour(numbers: Numbers) -> int:
    """Length of the shortest tour by trying all orders; for tests."""
    rest = range(1, len(numbers))
    return min(tour_length(numbers, [0, *order]) for order in permutations(rest))


_TWO, _THREE, _FOUR = (
    _sums(_fixed(2), LEVELS[1], 3, 200),
    _sums(_fixed(3), LEVELS[2], 4, 60),
    _sums(_fixed(4), LEVELS[3], 5, 30),
)
_ANY = _sums(_half_or_so, LEVELS[4], 4, 14)

PROBLEMS: dict[str, Problem] = {
    "find-minimum": _exact(lambda x, q: [min(x)], LEVELS[0]),
    "find-maximum": _exact(lambda x, q: [max(x)], LEVELS[0]),
    "find-mode": Problem(LEVELS[0], 1, 1000, _nothing, _mode, _is_mode),
    "longest-consecutive-elements": Problem(
        LEVELS[0], 1, 1000, _nothing, _longest_consecutive, _is_longest_consecutive
    ),
    "find-top-k": Problem(
        LEVELS[1], 2, 1000, lambda d, x: [d.between(1, len(x) - 1)], _top, lambda x, q, a: a == _top(x, q)
    ),
    "sort-numbers": _exact(lambda x, q: sorted(x), LEVELS[1]),
    "remove-duplicates": _exact(lambda x, q: list(dict.fromkeys(x)), LEVELS[1]),
    "longest-increasing-subsequence": Problem(LEVELS[1], 1, 200, _nothing, _longest_increasing, _is_longest_increasing),
    "longest-common-subarray": Problem(LEVELS[1], 2, 200, _ask_common, _common_subarray, _is_common_subarray),
    "two-sum": _TWO[""],
    "three-sum": _THREE[""],
    "three-sum-in-range": _THREE["-in-range"],
    "three-sum-multiple-of-ten": _THREE["-multiple-of-ten"],
    "four-sum": _FOUR[""],
    "four-sum-in-range": _FOUR["-in-range"],
    "four-sum-multiple-of-ten": _FOUR["-multiple-of-ten"],
    "subset-sum": _ANY[""],
    "subset-sum-in-range": _ANY["-in-range"],
    "subset-sum-multiple-of-ten": _ANY["-multiple-of-ten"],
    "travelling-salesman": Problem(LEVELS[4], 3, 10, _ask_distances, _tour, _is_tour),
}
