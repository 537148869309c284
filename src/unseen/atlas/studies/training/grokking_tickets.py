"""Sparse subnetworks found after generalisation, rewound to their initial weights, against their controls."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.engine.seeds import numpy_generator, torch_generator
from unseen.training.batched.full_batch import adamw_stacked
from unseen.training.sparse import pruning
from unseen.training.testbeds.residues import ResidueTable, embedded_logits, right, start_embedded

P, EMBEDDING, WIDTH, DENSITY, RATE, LEVEL = 37, 256, 48, 0.4, 0.003, 0.9
Weights = Mapping[str, Tensor]


@first_form(
    slug="grokking-tickets",
    claim="Masks by magnitude after generalisation, put on the initial weights, generalise far sooner than the dense "
    "network, dense networks of the same L1 or L2 norm, random masks, masks found while memorising, and SNIP, GraSP "
    "and SynFlow; at a suitable sparsity they generalise without weight decay.",
    source="Minegishi et al. (2023), Grokking Tickets, sections 3 and 4",
    thresholds=[
        Threshold("speed_dense", "above", 1.5, "The dense network needs 1.5 times the updates of the ticket."),
        Threshold("speed_l1", "above", 1.5, "So does a dense network of the ticket's L1 norm."),
        Threshold("speed_l2", "above", 1.5, "So does a dense network of the ticket's L2 norm."),
        Threshold("speed_random", "above", 1.5, "So does a random mask of the same density."),
        Threshold("speed_memorised", "above", 1.5, "So does a mask found when only the training set is fitted."),
        Threshold("speed_transition", "above", 1.0, "A mask found half-way to generalisation is slower."),
        Threshold("speed_snip", "above", 1.5, "So does SNIP's mask."),
        Threshold("speed_grasp", "above", 1.5, "So does GraSP's mask."),
        Threshold("speed_synflow", "above", 1.5, "So does SynFlow's mask."),
        Threshold("undecayed_test", "above", 0.9, "A ticket generalises without weight decay."),
        Threshold("undecayed_dense", "below", 0.5, "The dense network does not, in the same number of updates."),
    ],
    units="seeds: table split, initial weights and random masks redrawn; p = 37.",
    reduced="MLP of embedding 256 and width 48 on modular addition with p = 37 and 60 % of the unordered pairs (paper: "
    "500, 48, 67 and 40 %; Transformer and MNIST beside it); 3,600 updates of the dense network, 2,600 of the "
    "others, 1,200 without decay.",
    reconstructed="Full-batch AdamW at rate 0.003 and decay 1; density 0.4, and 0.4 and 0.2 without decay, chosen on "
    "another seed. Time to generalise: first update with 90 % on new cells, the last one where it never comes, so "
    "that ratios are bounded from below. Memorising stage: training set first fitted; transition: 50 % on new cells.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """A dense run gives the masks; then the rewound networks and their controls train side by side."""
    table = ResidueTable.of(P, train=0.6, rng=numpy_generator(seed, "grokking-tickets"), unordered=True)
    generator = torch_generator(seed, "grokking-tickets")
    initial = start_embedded(P, EMBEDDING, WIDTH, generator)
    steps, dense_steps, bare_steps = (400, 800, 400) if quick else (2600, 3600, 1200)
    stages, needed_dense = dense_run(table, initial, dense_steps)
    scores = {
        **{name: pruning.magnitude_scores(weights) for name, weights in stages.items()},
        "random": pruning.random_scores(initial, generator),
        "snip": pruning.snip_scores(initial, lambda w: losses(table, w).sum()),
        "grasp": pruning.grasp_scores(initial, lambda w: losses(table, w).sum()),
        "synflow": pruning.synflow_scores(initial, _flow, DENSITY),
    }
    masks = {name: pruning.keep_highest(score, DENSITY) for name, score in scores.items()}
    ticket = {name: value * masks["ticket"][name] for name, value in initial.items()}
    ones = {name: torch.ones_like(value) for name, value in initial.items()}
    sparser = pruning.keep_highest(scores["ticket"], DENSITY / 2)
    # Each run: where it starts, and its mask.
    decayed: dict[str, tuple[Weights, Weights]] = {
        **{name: (initial, mask) for name, mask in masks.items()},
        "l1": (pruning.match_norm(initial, pruning.joint_norm(ticket, 1), 1), ones),
        "l2": (pruning.match_norm(initial, pruning.joint_norm(ticket, 2), 2), ones),
    }
    needed, _ = side_by_side(table, list(decayed.values()), 1.0, steps)
    times = dict(zip(decayed, needed, strict=True))
    bare: list[tuple[Weights, Weights]] = [(initial, masks["ticket"]), (initial, sparser), (initial, ones)]
    _, shares = side_by_side(table, bare, 0.0, bare_steps)
    unseen = len(table.labels) - table.n_train
    return {
        "speed_dense": needed_dense / times["ticket"],
        **{f"speed_{name}": times[name] / times["ticket"] for name in decayed if name != "ticket"},
        "undecayed_test": (max(shares[:2]), unseen),
        "undecayed_dense": (shares[2], unseen),
        "undecayed_sparser": (shares[1], unseen),
        "updates_ticket": float(times["ticket"]),
        "updates_dense": float(needed_dense),
        "overlap_memorised": pruning.overlap(masks["ticket"], masks["memorised"]),
        "overlap_transition": pruning.overlap(masks["ticket"], masks["transition"]),
    }


def _flow(weights: Weights) -> Tensor:
    return embedded_logits(weights, torch.ones(1, 2 * P)).sum()


def losses(table: ResidueTable, parameters: Weights) -> Tensor:
    """Cross-entropy on the training cells, one number a model."""
    outputs = embedded_logits(parameters, table.inputs[: table.n_train])
    labels = table.labels[: table.n_train].expand(len(outputs), -1)
    return torch.nn.functional.cross_entropy(outputs.transpose(1, 2), labels, reduction="none").mean(1)


def tested(table: ResidueTable, parameters: Weights) -> Tensor:
    """Share of new cells that each model gets right."""
    return right(embedded_logits(parameters, table.inputs[table.n_train :]), table.clean[table.n_train :])


def dense_run(table: ResidueTable, initial: Weights, steps: int) -> tuple[dict[str, Weights], int]:
    """Weights at three stages (the last one called ticket), and the first update with the required share right."""
    stages: dict[str, Weights] = {}
    reached: list[int] = []

    def watch(step: int, now: Weights) -> bool:
        test = float(tested(table, now))
        fitted = float(right(embedded_logits(now, table.inputs[: table.n_train]), table.labels[: table.n_train]))
        for name, met in (("memorised", fitted >= 0.999), ("transition", test >= 0.5), ("ticket", test >= 0.99)):
            if met and name not in stages:
                stages[name] = {key: value.clone() for key, value in now.items()}
        if test >= LEVEL:
            reached.append(step)
        return "ticket" in stages

    final = adamw_stacked(
        initial, lambda w: losses(table, w), steps=steps, lr=RATE, weight_decay=1.0, every=20, watch=watch
    )
    return {name: stages.get(name, final) for name in ("memorised", "transition", "ticket")}, min([*reached, steps])


def side_by_side(
    table: ResidueTable, runs: list[tuple[Weights, Weights]], decay: float, steps: int
) -> tuple[list[int], list[float]]:
    """First update with the required share of new cells right (``steps`` where never), and the highest share."""
    names = list(runs[0][0])
    first = torch.full((len(runs),), steps)
    best = torch.zeros(len(runs))

    def watch(step: int, now: Weights) -> bool:
        shares = tested(table, now)
        best.copy_(torch.maximum(best, shares))
        first[(shares >= LEVEL) & (first == steps)] = step
        return False

    adamw_stacked(
        {name: torch.cat([begin[name] for begin, _ in runs]) for name in names},
        lambda w: losses(table, w),
        steps=steps,
        lr=RATE,
        weight_decay=decay,
        masks={name: torch.cat([mask[name] for _, mask in runs]) for name in names},
        every=20,
        watch=watch,
    )
    return first.tolist(), best.tolist()
