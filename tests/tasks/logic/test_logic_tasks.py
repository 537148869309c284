"""Logic tasks against enumeration."""

from __future__ import annotations

from collections import Counter, deque
from itertools import combinations, pairwise, permutations, product

import numpy as np
import pytest

from unseen import tasks
from unseen.tasks.logic.boolean import cube, from_spectrum, parse_polynomial, walsh_spectrum
from unseen.tasks.logic.scylla_problems import LEVELS, PROBLEMS, brute_tour, tour_length
from unseen.tasks.logic.syllogisms import forms, valid


def breadth_first(text: str) -> int | None:
    """Steps from * to # by a queue, or None."""
    rows = [row.split() for row in text.split("/")]
    start = next((y, x) for y, row in enumerate(rows) for x, c in enumerate(row) if c == "*")
    far, queue = {start: 0}, deque([start])
    while queue:
        y, x = queue.popleft()
        if rows[y][x] == "#":
            return far[y, x]
        for at in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
            if 0 <= at[0] < len(rows) and 0 <= at[1] < len(rows[0]) and rows[at[0]][at[1]] != "X" and at not in far:
                far[at] = far[y, x] + 1
                queue.append(at)
    return None


def test_paths_are_as_short_as_a_plain_search_finds():
    task = tasks.load("shortest-path")
    seen: Counter[str] = Counter()
    for seed in range(500):
        e = task.draw(seed, rows=(1, 9), columns=(2, 9))
        steps = breadth_first(str(e.input))
        seen[e.factors["feasible"]] += 1
        assert (len(str(e.target).split()) if steps is not None else e.target) == (steps or "infeasible")
        assert task.verify(e, e.target) == 1.0
    assert min(seen.values()) > 50


def test_any_other_shortest_path_is_right_and_detours_are_not():
    task = tasks.load("shortest-path")
    e = task.draw(0, blocked=0.0, steps=(3, 6))
    moves = str(e.target).split()
    for order in set(permutations(moves)):
        assert task.verify(e, list(order)) == 1.0
    assert task.verify(e, [*moves, "up", "down"]) == 0.0


def test_the_share_of_blocked_cells_is_the_asked_one():
    task = tasks.load("shortest-path")
    for share in (0.1, 0.4, 0.8):
        cells = "".join(str(task.draw(s, blocked=share, rows=8, columns=8).input) for s in range(200))
        found = cells.count("X") / 200 / 62
        # 4.5 standard deviations of 12,400 cells, and the resolution of 1/256
        assert abs(found - share) < 4.5 * (share * (1 - share) / 12_400) ** 0.5 + 1 / 256


def test_knights_puzzles_have_one_solution_and_take_it_in_any_order():
    task = tasks.load("knights-knaves")
    for seed in range(200):
        e = task.draw(seed, people=(2, 5))
        assert task.oracle(e) == e.target
        parts = str(e.target).split(", ")
        assert task.verify(e, " and ".join(reversed(parts)) + ".") == 1.0
        swapped = str(e.target).replace("knight", "?").replace("knave", "knight").replace("?", "knave")
        assert task.verify(e, swapped) == 0.0
        assert task.verify(e, parts[0]) == 0.0


@pytest.mark.parametrize(("existential_import", "count"), [(False, 15), (True, 24)])
def test_the_textbook_counts_of_valid_syllogisms(existential_import, count):
    assert len(forms(existential_import)[True]) == count
    assert len(forms(existential_import)[False]) == 256 - count


@pytest.mark.parametrize(
    ("form", "plain", "imported"),
    [
        (("all", "all", 1, "all"), True, True),  # Barbara
        (("no", "all", 1, "no"), True, True),  # Celarent
        (("some", "all", 3, "some"), True, True),  # Disamis
        (("all", "all", 1, "some"), False, True),  # Barbari
        (("all", "all", 3, "some"), False, True),  # Darapti
        (("all", "all", 2, "all"), False, False),  # undistributed middle
    ],
)
def test_named_moods(form, plain, imported):
    assert valid(*form, existential_import=False) is plain
    assert valid(*form, existential_import=True) is imported


def test_validity_by_sets_of_things():
    """Three sets over a world of three things: no counterexample for valid forms, one for each invalid form."""
    truth = {
        "all": lambda a, b: a <= b,
        "no": lambda a, b: not a & b,
        "some": lambda a, b: bool(a & b),
        "some-not": lambda a, b: bool(a - b),
    }
    sets = [frozenset(c) for n in range(4) for c in combinations(range(3), n)]
    places = {1: ("MP", "SM"), 2: ("PM", "SM"), 3: ("MP", "MS"), 4: ("PM", "MS")}
    alive = set(product(truth, truth, places, truth))
    for s, m, p in product(sets, sets, sets):
        terms = {"S": s, "M": m, "P": p}
        for form in list(alive):
            first, second, figure, conclusion = form
            (a, b), (c, d) = places[figure]
            premises = truth[first](terms[a], terms[b]) and truth[second](terms[c], terms[d])
            if premises and not truth[conclusion](s, p):
                alive.discard(form)
    assert alive == set(forms(False)[True])


def test_spectra_equal_the_defining_mean():
    rng = np.random.default_rng(0)
    values, points = rng.normal(size=32), cube(5)
    naive = [np.mean(values * points[:, [i for i in range(5) if t >> i & 1]].prod(axis=1)) for t in range(32)]
    assert np.allclose(walsh_spectrum(values), naive)
    assert np.allclose(from_spectrum(dict(enumerate(naive)), 5), values)


def test_known_spectra():
    parity = tasks.load("boolean-cube", dimension=4, function="parity").spectrum
    assert parity[15] == 1.0
    assert np.count_nonzero(np.round(parity, 12)) == 1
    majority = tasks.load("boolean-cube", dimension=3, function="majority").spectrum
    assert np.allclose(majority, [0, 0.5, 0.5, 0, 0.5, 0, 0, -0.5])  # O'Donnell, section 1.1
    assert parse_polynomial("x0*x0*x1", 2) == {2: 1.0}


def test_the_unseen_part_is_where_a_frozen_bit_differs():
    task = tasks.load("boolean-cube", dimension=6, function="x0*x1 + 0.5*x2*x3", seen="x0=1,x4=-1")
    for e in task.draw_many(64, 0):
        frozen = e.input[0] == "1" and e.input[4] == "-1"
        x = [int(t) for t in e.input]
        assert (e.factors["part"] == "seen") == frozen
        assert float(e.target[0]) == x[0] * x[1] + 0.5 * x[2] * x[3]
        assert task.verify(e, f"{float(e.target[0]):.3f}") == 1.0
    ball = tasks.load("boolean-cube", dimension=6, seen="weight<=2")
    assert len(ball.seeds({"part": "seen"})) == 1 + 6 + 15


def test_twenty_problems_at_five_levels():
    assert Counter(p.level for p in PROBLEMS.values()) == dict(zip(LEVELS, (4, 6, 3, 3, 4), strict=True))


def brute(name: str, x: list[int], q: list[int], answer: list[int]) -> bool:
    """Is the answer right, by the problem's words and by trying everything."""
    subsets = [list(c) for n in range(1, len(x) + 1) for c in combinations(x, n)]
    size = {"two": 2, "three": 3, "four": 4}.get(name.split("-")[0])
    if name.endswith("sum") or "-in-range" in name or "multiple-of-ten" in name:
        low, high = (q[0], q[-1]) if q else (0, 0)
        hit = sum(answer) % 10 == 0 if not q else low <= sum(answer) <= high
        right_size = len(answer) == size if size else 2 <= len(answer) < len(x)
        return hit and right_size and sorted(answer) in [sorted(s) for s in subsets]
    half = len(x) // 2
    runs = [[y[i:j] for i in range(len(y)) for j in range(i + 1, len(y) + 1)] for y in (x[:half], x[half:])]
    match name:
        case "find-minimum":
            return answer == [sorted(x)[0]]
        case "find-maximum":
            return answer == [sorted(x)[-1]]
        case "find-mode":
            return x.count(answer[0]) == max(x.count(v) for v in x)
        case "longest-consecutive-elements":
            lengths = [len(s) for s in subsets if sorted(s) == list(range(min(s), min(s) + len(s)))]
            return len(answer) == max(lengths) and set(answer) <= set(x)
        case "find-top-k":
            return answer == sorted(x)[::-1][: q[0]]
        case "sort-numbers":
            return Counter(answer) == Counter(x) and all(a <= b for a, b in pairwise(answer))
        case "remove-duplicates":
            return answer == [v for i, v in enumerate(x) if v not in x[:i]]
        case "longest-increasing-subsequence":
            rising = [s for s in subsets if all(a < b for a, b in pairwise(s))]
            return answer in rising and len(answer) == max(map(len, rising))
        case "longest-common-subarray":
            common = [r for r in runs[0] if r in runs[1]]
            return answer in common and len(answer) == max(map(len, common))
        case _:
            return tour_length(x, answer) == brute_tour(x)


@pytest.mark.parametrize("name", list(PROBLEMS))
def test_solutions_are_right_by_trying_everything(name):
    task = tasks.load("scylla", ceiling=30)
    for seed in range(40):
        e = task.draw(seed, problem=name, length=(5, 7))
        answer = [int(t) for t in e.target]
        assert brute(name, e.hidden["numbers"], e.hidden["question"], answer)


@pytest.mark.parametrize("name", list(PROBLEMS))
def test_the_checker_accepts_exactly_the_right_answers(name):
    """Every permutation and every small change of the answer, against the words of the problem."""
    task = tasks.load("scylla", ceiling=12)
    for seed in range(6):
        e = task.draw(seed, problem=name, length=5)
        x, q, answer = e.hidden["numbers"], e.hidden["question"], [int(t) for t in e.target]
        tries = [list(p) for p in permutations(answer)] + [list(c) for n in (1, 2, 3) for c in combinations(x, n)]
        tries += [[*answer[:i], answer[i] + 1, *answer[i + 1 :]] for i in range(len(answer))]
        for given in tries:
            if name == "travelling-salesman" and (sorted(given) != list(range(5)) or given[0] != 0):
                assert task.verify(e, [str(v) for v in given]) == 0.0
                continue
            want = brute(name, x, q, given) if given else False
            if name in ("longest-consecutive-elements",):
                want = want and all(b == a + 1 for a, b in pairwise(given))
            if name in ("find-minimum", "find-maximum", "find-mode"):
                want = want and len(given) == 1
            assert (task.verify(e, [str(v) for v in given]) == 1.0) == want, (given, x, q)


def test_id_and_ood_numbers_share_nothing():
    task = tasks.load("scylla")
    assert not set(task.elements["id"]) & set(task.elements["ood"])
    assert len(task.elements["id"]) + len(task.elements["ood"]) == 100
    for seed in range(50):
        e = task.draw(seed, elements="ood", problem="sort-numbers")
        assert set(e.hidden["numbers"]) <= set(task.elements["ood"])
