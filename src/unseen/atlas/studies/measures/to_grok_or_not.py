"""Memorised wrong labels and a generalising rule in one network, told apart by the spectra of its neurons."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.engine.seeds import numpy_generator, torch_generator
from unseen.measures.spectra.fourier import neuron_ratios
from unseen.training.batched.full_batch import adamw_stacked
from unseen.training.testbeds.residues import ResidueTable, logits, right, start

CORRUPTION = 0.2
# Models trained side by side: (weight decay, dropout).
MODELS = {"plain": (0.0, 0.0), "coexists": (5.0, 0.0), "decayed": (10.0, 0.0), "dropped": (5.0, 0.6)}


@first_form(
    slug="to-grok-or-not",
    claim="A network can memorise all corrupted labels of modular addition and generalise at the same time; its "
    "memorising neurons are those with a low inverse participation ratio, and pruning them lowers accuracy on "
    "corrupted labels and raises it on clean ones; stronger regularisation makes it ignore corrupted labels.",
    source="Doshi et al. (2024), To grok or not to grok, sections 3 and 4",
    thresholds=[
        Threshold(
            "coexists_test", "above", 0.9, "A network that memorised the corrupted labels is right on new cells."
        ),
        Threshold("coexists_corrupted", "above", 0.95, "That network fits the corrupted labels."),
        Threshold("pruned_corrupted_fall", "above", 0.25, "Pruning half its neurons, those of low ratio, loses them."),
        Threshold("pruned_test_rise", "above", 0.0, "The same pruning raises accuracy on new cells."),
        Threshold("low_over_high", "above", 0.25, "Pruning high-ratio neurons hurts new cells more than that."),
        Threshold("decayed_train_gap", "below", 0.03, "Stronger decay: train accuracy is 1 minus the corrupted share."),
        Threshold("decayed_test", "above", 0.97, "Stronger decay: right on new cells."),
        Threshold("dropped_corrupted", "below", 0.1, "Dropout: the corrupted labels are ignored."),
    ],
    units="seeds: table split, wrong labels and initial weights redrawn; p = 31.",
    reduced="p = 31 and width 256 (paper: 97 and 500); one corrupted share (20 %) and one train share (80 %); the MLP "
    "with quadratic activation only, no Transformer; weight decay and dropout, no BatchNorm.",
    reconstructed="Strength of decay (5 and 10 at rate 0.005, 400 full-batch AdamW updates on the squared error) and of "
    "dropout (0.6) chosen on other seeds, so that the phases of the paper's diagram appear; half of the neurons as "
    "the pruned share, with the half of high ratio as control.",
    seeds=8,
)
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Four networks trained side by side on one table; the coexisting one is pruned by the ratio of its neurons."""
    table = ResidueTable.of(31, train=0.8, corruption=CORRUPTION, rng=numpy_generator(seed, "to-grok-or-not"))
    generator = torch_generator(seed, "to-grok-or-not")
    n, width = table.n_train, 256
    drop = torch.tensor([d for _, d in MODELS.values()])[:, None, None]
    target = torch.nn.functional.one_hot(table.labels[:n], table.p).float()

    def losses(parameters: Mapping[str, Tensor]) -> Tensor:
        gates = (torch.rand(len(MODELS), n, width, generator=generator) >= drop) / (1 - drop)
        return ((logits(parameters, table.inputs[:n], "quadratic", gates) - target) ** 2).mean((1, 2))

    trained = adamw_stacked(
        start(table.p, width, len(MODELS), generator),
        losses,
        steps=240 if quick else 400,
        lr=0.005,
        weight_decay=torch.tensor([d for d, _ in MODELS.values()]),
    )
    found = _shares(table, logits(trained, table.inputs, "quadratic"))
    chosen = list(MODELS).index("coexists")
    one = {name: value[chosen : chosen + 1] for name, value in trained.items()}
    ratios = neuron_ratios(
        [v.numpy() for v in (one["into"][0, : table.p].T, one["into"][0, table.p :].T, one["out"][0])]
    )
    order = torch.from_numpy(ratios).argsort()
    pruned: dict[str, dict[str, float]] = {}
    for name, cut in (("low", order[: width // 2]), ("high", order[width // 2 :])):
        gates = torch.ones(1, 1, width)
        gates[..., cut] = 0
        outputs = logits(one, table.inputs, "quadratic", gates)
        pruned[name] = {quantity: shares[0] for quantity, shares in _shares(table, outputs).items()}
    corrupted, unseen = int(table.corrupted.sum()), len(table.labels) - n
    whole = {quantity: shares[chosen] for quantity, shares in found.items()}
    decayed, dropped = list(MODELS).index("decayed"), list(MODELS).index("dropped")
    return {
        "coexists_test": (whole["test"], unseen),
        "coexists_corrupted": (whole["corrupted"], corrupted),
        "pruned_corrupted_fall": whole["corrupted"] - pruned["low"]["corrupted"],
        "pruned_test_rise": pruned["low"]["test"] - whole["test"],
        "low_over_high": pruned["low"]["test"] - pruned["high"]["test"],
        "decayed_train_gap": abs(found["train"][decayed] - (1 - corrupted / n)),
        "decayed_test": (found["test"][decayed], unseen),
        "dropped_corrupted": (found["corrupted"][dropped], corrupted),
        "dropped_test": (found["test"][dropped], unseen),
        "plain_test": (found["test"][0], unseen),
        "median_ratio": float(ratios[order[width // 2]]),
        "lowest_ratio": float(ratios[order[width // 20]]),
    }


def _shares(table: ResidueTable, outputs: Tensor) -> dict[str, list[float]]:
    """Accuracy of each model on training labels, on the corrupted among them, and on new cells."""
    n = table.n_train
    seen = outputs[:, :n]
    return {
        "train": right(seen, table.labels[:n]).tolist(),
        "corrupted": right(seen[:, table.corrupted], table.labels[:n][table.corrupted]).tolist(),
        "test": right(outputs[:, n:], table.clean[n:]).tolist(),
    }
