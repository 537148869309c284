"""Permuted digits one after another: do revisits that follow a power law keep earlier tasks?"""

from __future__ import annotations

from typing import Any

from unseen.atlas.plan import Measurement, Threshold, first_form

STRENGTHS = {"ewc": (1.0, 3.0, 10.0), "si": (0.3, 1.0, 3.0)}


@first_form(
    slug="power-law-rehearsal",
    claim="At an equal budget of rehearsed rows, revisits that get rarer as a power of elapsed time keep earlier tasks "
    "as well as or better than EWC, synaptic intelligence and other schedules, and later tasks are learned faster.",
    source="Gandhi et al. (2024), Catastrophic Interference is Mitigated in Naturalistic Power-Law Learning Environments",
    thresholds=[
        Threshold("over_ewc", "above", 0.0, "Earlier tasks end better than under EWC at its best strength of three"),
        Threshold("over_si", "above", 0.0, "They end better than under synaptic intelligence at its best of three"),
        Threshold("over_exponential", "above", -0.02, "They end at most 2 points below an exponential schedule"),
        Threshold("over_uniform", "above", -0.02, "They end at most 2 points below a uniform schedule"),
        Threshold("faster", "above", 0.0, "After 10 updates the last five tasks stand better than tasks 2 to 6 did"),
    ],
    units="seeds: split, permutations, initial weights and order redrawn",
    reduced="Digits of 8 x 8 pixels for MNIST, 12 tasks, two hidden layers of 100, 200 updates a task, 300 of 1,500 "
    "rows a phase rehearsed.",
    reconstructed="Exponent 1 and rate 1 a phase, since the abstract gives none; the strength of EWC and of synaptic "
    "intelligence is chosen on the test rows, which favours them.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Mean final accuracy on earlier tasks under each method, and how fast new tasks are picked up."""
    from unseen.training.continual.consolidation import ElasticWeights, SynapticIntelligence
    from unseen.training.continual.rehearsal import revisit_shares

    runs = {name: _run(seed, quick, schedule=name, budget=300) for name in ("power", "uniform", "exponential", "none")}
    ewc = [_run(seed, quick, guard=ElasticWeights(s, 100)) for s in STRENGTHS["ewc"][: 1 if quick else 3]]
    si = [_run(seed, quick, guard=SynapticIntelligence(s)) for s in STRENGTHS["si"][: 1 if quick else 3]]
    runs["ewc"] = max(ewc, key=lambda run: run.retained)
    runs["si"] = max(si, key=lambda run: run.retained)
    late = min(5, len(runs["power"].early) // 2)
    found: dict[str, Measurement] = {f"retained_{name}": run.retained for name, run in runs.items()}
    for name in ("ewc", "si", "exponential", "uniform", "none"):
        found[f"over_{name}"] = runs["power"].retained - runs[name].retained
    for name in ("power", "none"):
        early = runs[name].early
        found["faster" + ("" if name == "power" else "_none")] = float(
            early[-late:].mean() - early[1 : 1 + late].mean()
        )
    # How well off one is where tasks come back by the power law itself: recent ones count for more.
    ages = range(len(runs["power"].early) - 1, 0, -1)
    needed = revisit_shares(_array(list(ages)), "power")
    for name in ("power", "uniform", "exponential"):
        found[f"needed_{name}"] = float((runs[name].accuracy[-1, :-1] * needed).sum())
    return found


def _array(values: list[int]) -> Any:
    import numpy as np

    return np.array(values)


def _run(seed: int, quick: bool, **settings: Any) -> Any:
    from unseen.atlas.digit_tasks import permuted_digits
    from unseen.engine.seeds import numpy_generator, seeded_torch, spawn, torch_generator
    from unseen.learners.architectures.featured import FeaturedMLP
    from unseen.training.continual.rehearsal import train_sequence

    tasks, tests = permuted_digits(numpy_generator(seed, "tasks"), 4 if quick else 12)
    with seeded_torch(spawn(seed, "weights")):
        model = FeaturedMLP(64, 10, 100, 2)
    return train_sequence(
        model, tasks, tests, updates=40 if quick else 200, lr=0.05, generator=torch_generator(seed, "order"),
        rng=numpy_generator(seed, "rehearsal"), **settings,
    )  # fmt: skip
