"""Does the prediction interval for the next domain hold? On real domains, each left out in turn, and on simulated ones.

    python benchmarks/next_domain.py [--learner logistic] [--data covid_testing hotel_rates …] [--populations 400]

Real: every domain is predicted from the others; the share inside the 95 % interval is printed, by data set and in all. The
domains of one data set are not independent (each takes part in predicting the others), so the share is a description.
Simulated: populations of domains with normal and with skewed spread, unequal sizes, 6 to 30 domains.
"""

import argparse

import numpy as np

DATA = {
    "covid_testing": "held-out clinic",
    "hotel_rates": "held-out country",
    "lending_club": "held-out addr_state",
    "Hsb82": "held-out school",
    "Exam": "held-out school",
    "digits-rotation": "held-out domain",
    "digits-texture": "held-out domain",
    "digits-corruption": "held-out domain",
}


def real(name: str, phrase: str, learner: str) -> tuple[int, int]:
    from unseen import api

    audit = api.audit(f"data:{name}", learner=learner, shifts=[phrase], select=["U801"])
    overall = next((f for f in audit.findings if f["subject"]["name"] == phrase), None)
    if overall is None or "backtest" not in overall["details"]:
        print(f"{name:18} {phrase:22} not enough domains")
        return 0, 0
    details = overall["details"]
    inside, of = details["backtest"]["inside"], details["backtest"]["domains"]
    ahead = details["next_score"]
    print(
        f"{name:18} {phrase:22} {inside:3} of {of:3} inside; next {ahead['value']:.3f} [{ahead['low']:.3f}, "
        f"{ahead['high']:.3f}]; loss {overall['estimate']['value']:+.3f} [{overall['estimate']['low']:+.3f}, "
        f"{overall['estimate']['high']:+.3f}]",
        flush=True,
    )
    return inside, of


def simulated(populations: int) -> None:
    from unseen.estimates.intervals.meta import random_effects

    print("simulated: share of next domains inside the 95 % interval")
    for spread in ("normal", "skewed"):
        for k in (6, 12, 30):
            rng = np.random.default_rng([k, spread == "skewed"])
            inside = 0
            for _ in range(populations):
                n = rng.integers(30, 400, k)
                drawn = rng.normal(0, 0.05, k + 1) if spread == "normal" else 0.05 - rng.exponential(0.05, k + 1)
                truth = np.clip(0.8 + drawn, 0.02, 0.98)
                seen = rng.binomial(n, truth[:k]) / n
                variance = np.maximum(seen * (1 - seen), 0.25 / n) / n
                found = random_effects(seen, variance, bounds=(0.0, 1.0))
                assert found.next is not None
                inside += found.next.low <= truth[k] <= found.next.high
            error = (0.95 * 0.05 / populations) ** 0.5
            print(f"  {spread:7} {k:3} domains: {inside / populations:.3f} (nominal 0.95, standard error {error:.3f})")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--learner", default="logistic")
    parser.add_argument("--data", nargs="*", default=list(DATA))
    parser.add_argument("--populations", type=int, default=400)
    given = parser.parse_args()
    found = [real(name, DATA[name], given.learner) for name in given.data]
    inside, of = (sum(column) for column in zip(*found, strict=True))
    print(f"all: {inside} of {of} domains inside ({inside / max(of, 1):.3f})")
    simulated(given.populations)


if __name__ == "__main__":
    main()
