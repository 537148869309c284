"""Wrong keys: what U202's test finds beside an oracle that knows the abilities, and what the older test found.

    python benchmarks/wrong_keys.py --replicates 20

Scores: 2 % of the items scored the wrong way round. Answers: multiple choice with four options and guessing, where 2 %
of the keys name a wrong option. The oracle knows abilities, the law of difficulties and the share of wrong keys, and
lists items until a tenth of the list is expected to be wrong. The older test: item-rest correlation by permutation
with Benjamini-Hochberg at 5 %.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from unseen.estimates.difficulty.contradiction import Answers, key_test, listed
from unseen.estimates.difficulty.rasch import fit_rasch
from unseen.estimates.testing.multiplicity import benjamini_hochberg

RATE, FDR = 0.02, 0.1
SCORES = [  # models, spread of abilities, spread of log slopes, share of wrong keys
    (30, 1.0, 0.0, RATE), (30, 0.5, 0.0, RATE), (60, 0.5, 0.0, RATE), (12, 1.0, 0.0, RATE), (30, 1.0, 0.4, RATE),
    (30, 1.0, 0.0, 0.0), (30, 1.0, 0.6, 0.0),
]  # fmt: skip
CHOICES = [  # models, spread, mean difficulty, concentration of distractors, share of wrong keys, of traps
    (30, 1.0, 0.0, 3.0, RATE, 0), (30, 1.0, 0.0, 0.7, RATE, 0), (30, 0.5, 0.0, 3.0, RATE, 0), (30, 1.0, 1.0, 3.0, RATE, 0),
    (10, 1.0, 0.0, 3.0, RATE, 0), (30, 1.0, 0.0, 3.0, 0.0, 0), (30, 1.0, 0.0, 0.7, 0.0, 0),
    (30, 1.0, 0.0, 3.0, RATE, 0.1), (30, 1.0, 0.0, 3.0, 0.0, 0.1),
]  # fmt: skip


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def turned(rng, models, spread, slopes, rate, items=1000):
    """Right or wrong with some items turned round."""
    ability, difficulty = rng.normal(0, spread, models), rng.normal(0, 1, items)
    slope = np.exp(rng.normal(0, slopes, items))[:, None]
    right = rng.random((items, models)) < sigmoid(slope * (ability - difficulty[:, None]))
    wrong = np.arange(items) < round(rate * items)
    return np.where(wrong[:, None], ~right, right).astype(float), ability, wrong


def choice(rng, models, spread, harder, concentration, rate, traps, items=1000, options=4):
    """Codes of answers (0 the key); some keys name a wrong option; a trap is hard and tempts able models to one answer."""
    ability, difficulty = rng.normal(0, spread, models), rng.normal(harder, 1, items)
    trap = rng.random(items) < traps
    difficulty = difficulty + 1.5 * trap
    solved = rng.random((items, models)) < 1 / options + (1 - 1 / options) * sigmoid(ability - difficulty[:, None])
    share = np.cumsum(rng.dirichlet(np.full(options - 1, concentration / (options - 1)), size=items), axis=1)
    missed = (rng.random((items, models, 1)) > share[:, None]).sum(axis=2).clip(0, options - 2)
    tempted = trap[:, None] & (rng.random((items, models)) < sigmoid(1.5 * ability + 0.5))
    said = np.where(solved, 0, np.where(tempted, 1, 1 + missed))
    wrong = np.arange(items) < round(rate * items)
    key = np.where(wrong, rng.integers(1, options, size=items), 0)
    return (said - key[:, None]) % options, wrong


def oracle(right, ability, rate):
    z, w = np.polynomial.hermite_e.hermegauss(41)
    p = sigmoid(ability[:, None] - z)
    kept, wrong = right @ np.log(p) + (1 - right) @ np.log(1 - p), (1 - right) @ np.log(p) + right @ np.log(1 - p)
    odds = np.log(np.exp(wrong) @ w) - np.log(np.exp(kept) @ w) + np.log(rate / (1 - rate))
    chance = sigmoid(-odds)
    order = np.argsort(chance)
    good = np.flatnonzero(np.cumsum(chance[order]) / np.arange(1, len(order) + 1) <= FDR)
    return order[: good[-1] + 1] if len(good) else order[:0]


def permutation(right):
    """Item-rest correlation, one-sided; normal curve from a permutation's moments."""
    from scipy.special import ndtr

    d = right - right.mean(axis=1, keepdims=True)
    x = (d.sum(axis=0) - d) / (len(d) - 1)
    x = x - x.mean(axis=1, keepdims=True)
    sd = np.sqrt((d**2).sum(axis=1) * (x**2).sum(axis=1) / (right.shape[1] - 1))
    p = np.where(sd > 0, ndtr((d * x).sum(axis=1) / np.maximum(sd, 1e-12)), 1.0)
    return np.flatnonzero(benjamini_hochberg(p) <= 0.05)


class Tally:
    """Hits, false items and lists over replicates."""

    def __init__(self):
        self.recall, self.false, self.listed, self.any = [], 0, 0, 0

    def add(self, found, wrong):
        if wrong.any():
            self.recall.append(wrong[found].sum() / wrong.sum())
        self.false, self.listed, self.any = (
            self.false + (~wrong[found]).sum(),
            self.listed + len(found),
            self.any + (len(found) > 0),
        )

    def __str__(self):
        recall = (
            f"{np.mean(self.recall):.2f} ± {np.std(self.recall) / len(self.recall) ** 0.5:.2f}" if self.recall else "-"
        )
        return f"recall {recall}, precision {1 - self.false / max(self.listed, 1):.2f}, lists {self.any}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=4)
    replicates = parser.parse_args().replicates
    print(f"{replicates} tables of 1,000 items each; recall ± standard error; lists: tables in which an item is listed")
    for models, spread, slopes, rate in SCORES:
        ours, best, old, told, started = Tally(), Tally(), Tally(), [], time.perf_counter()
        for k in range(replicates):
            rng = np.random.default_rng(k)
            right, ability, wrong = turned(rng, models, spread, slopes, rate)
            test = key_test(Answers(right, np.ones_like(right)), fit_rasch(right).ability, rng=rng)
            ours.add(listed(test.p_value, FDR)[0], wrong)
            best.add(oracle(right, ability, RATE), wrong)
            old.add(permutation(right), wrong)
            told.append(test.detectable)
        print(f"scores, {models} models, spread {spread:g}, log slopes {slopes:g}, wrong {rate:.0%}: ours {ours}; "
              f"detectable {np.mean(told):.2f}; oracle {best}; older {old}; {time.perf_counter() - started:.0f} s")  # fmt: skip
    for models, spread, harder, concentration, rate, traps in CHOICES:
        ours, scores, old, told, started = Tally(), Tally(), Tally(), [], time.perf_counter()
        for k in range(replicates):
            rng = np.random.default_rng(k)
            code, wrong = choice(rng, models, spread, harder, concentration, rate, traps)
            right = (code == 0).astype(float)
            ability = fit_rasch(right).ability
            test = key_test(Answers(right, np.ones_like(right), code, 4), ability, rng=rng)
            ours.add(listed(test.p_value, FDR)[0], wrong)
            alone = key_test(Answers(right, np.ones_like(right)), ability, rng=rng)
            scores.add(listed(alone.p_value, FDR)[0], wrong)
            old.add(permutation(right), wrong)
            told.append((test.detectable, alone.detectable_option))
        print(f"answers, {models} models, spread {spread:g}, harder by {harder:g}, concentration {concentration:g}, "
              f"wrong {rate:.0%}, traps {traps:.0%}: ours {ours}; detectable {np.mean(told, axis=0).round(2).tolist()} (answers, scores); "
              f"from scores {scores}; older {old}; {time.perf_counter() - started:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main()
