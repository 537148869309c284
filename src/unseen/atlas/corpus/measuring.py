"""Measures of one run, taken without unseen labels, and its scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unseen.atlas.corpus.images import Images, images
from unseen.atlas.corpus.kept import module
from unseen.atlas.corpus.networks import network as at_first
from unseen.atlas.corpus.settings import FAMILIES, MEASURES
from unseen.atlas.corpus.training import Trained
from unseen.engine.seeds import numpy_generator, torch_generator
from unseen.errors import BadInput, Undefined
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.inspected import right
from unseen.measures.gradients.coherence import coherence
from unseen.measures.gradients.noise import gradient_noise
from unseen.measures.margins.margins import hidden_margins, input_margins, output_margins
from unseen.measures.norms.norms import distance, layer_norms, path_norm, products
from unseen.measures.sharpness.pac_bayes import noise_radius
from unseen.measures.sharpness.sharpness import adaptive_sharpness, curvature, fisher_rao

# Training examples that gradients and sharpness are told of, and those whose nearest boundary is looked for.
JUDGED, SEARCHED = 150, 80
STEPS, TRIED = 15, 2
VARIANCE = 0.9
# Layer whose activations the hidden margin is taken in.
HIDDEN = {"mlp": "2", "cnn": "1", "transformer": "rows"}


def samples(family: str, noise: float) -> tuple[Images, Sample]:
    """Images of a family, and its training examples with the labels that a run was given."""
    one = FAMILIES[family]
    given = images(one.images, one.rows)
    return given, Sample(torch.from_numpy(given.train), torch.from_numpy(given.mislabelled(noise)))


def scored(done: Trained) -> dict[str, Any]:
    """Settings, updates and scores of a run."""
    given, train = samples(done.run.family, done.run.settings["noise"])
    net = Network.of(module(done), train, name=done.run.name)
    told: dict[str, Any] = {
        "run": done.run.name, "family": done.run.family, "seed": done.run.seed, **done.run.settings,
        "reached": done.reached, "steps": done.steps, "training score": float(right(net, train).mean()),
    }  # fmt: skip
    for name, x, y in (("", given.test, given.test_labels), ("_shifted", given.shifted, given.shifted_labels)):
        answers = right(net, Sample(torch.from_numpy(x), torch.from_numpy(y), "test")).astype(bool)
        told["shifted" if name else "score"] = float(answers.mean())
        told[f"right{name}"] = np.packbits(answers).tobytes()
    return told


def measured(done: Trained) -> dict[str, float]:
    """The measures of a run; one that can't be had is left out."""
    given, whole = samples(done.run.family, done.run.settings["noise"])
    net = Network.of(module(done), whole, name=done.run.name)
    rng = numpy_generator(0, "corpus", "judged")
    judged = whole.take(rng.permutation(len(whole))[:JUDGED])
    searched = judged.take(range(SEARCHED))
    shape = tuple(given.train.shape[1:])
    first = {k: v.detach() for k, v in at_first(done.run, shape, given.classes).named_parameters()}
    basis = directions(done.run.family)

    def draws(what: str) -> torch.Generator:
        return torch_generator(done.run.seed, "corpus", what, done.run.name)

    made: dict[str, float] = {"training loss": done.loss, "steps to the loss": done.steps, "parameters": net.parameters}
    layers = layer_norms(net, whole.inputs[:1], generator=draws("norms"), first=first)
    whole_of = products(layers)
    margin = output_margins(net, judged)
    # Bounds are over a margin that all but a tenth of the examples have.
    least = math.log(max(float(np.quantile(margin, 0.1)), 1e-3))
    made["product of Frobenius norms"], made["product of spectral norms"] = whole_of["frobenius"], whole_of["spectral"]
    made["spectral bound over the margin"] = whole_of["bartlett"] - 2 * least
    made["output margin"] = float(margin.mean())
    made["norm of the weights"] = float(torch.cat([v.reshape(-1) for v in net.trained.values()]).norm())
    made["distance from the first weights"] = distance(net, first)
    chances = torch.softmax(net.outputs(torch.from_numpy(given.test)), 1)
    made["confidence on unseen inputs"] = float(chances.max(1).values.mean())
    noise = gradient_noise(net, judged)
    made["gradient noise"] = noise.variance
    made["length of the mean gradient"] = math.sqrt(max(0.0, noise.signal + noise.variance / len(judged)))

    def radius() -> float:
        found = noise_radius(net, judged, generator=draws("radius"))
        made["PAC-Bayes bound from the first weights"] = found.sharpness + 2 * math.log(
            made["distance from the first weights"]
        )
        return found.sharpness

    def bent() -> float:
        found = curvature(net, judged, generator=draws("curvature"), probes=6, steps=6)
        made["largest eigenvalue"] = found.largest
        return found.trace.value

    def paths() -> float:
        found = math.log(path_norm(net, shape))
        made["path norm over the margin"] = found - least
        return found

    later: Mapping[str, Callable[[], float]] = {
        "path norm": paths,
        "hidden margin": lambda: _mean(hidden_margins(net, searched, HIDDEN[FAMILIES[done.run.family].kind])),
        "input margin": lambda: _mean(input_margins(net, searched, steps=STEPS, classes=TRIED)),
        "constrained margin": lambda: _mean(input_margins(net, searched, within=basis, steps=STEPS, classes=TRIED)),
        "adaptive sharpness": lambda: adaptive_sharpness(net, judged, steps=6),
        "trace of the Hessian": bent,
        "PAC-Bayes sharpness": radius,
        "PAC-Bayes sharpness, relative": lambda: noise_radius(net, judged, generator=draws("relative"), relative=True).sharpness,
        "Fisher-Rao norm": lambda: fisher_rao(net, judged),
        "coherence": lambda: coherence(net, judged).estimate.value,
    }  # fmt: skip
    for name, measure in later.items():
        try:
            made[name] = measure()
        except (BadInput, Undefined):
            continue
    return {name: float(made[name]) for name in MEASURES if name in made and math.isfinite(made[name])}


@cache
def directions(family: str) -> Tensor:
    """Directions that carry nine tenths of the variance of a family's training images, shape (k, pixels).

    As ``principal_directions``, by the singular values of the images: these are fewer than pixels.
    """
    one = FAMILIES[family]
    flat = torch.from_numpy(images(one.images, one.rows).train).flatten(1).double()
    _, values, rows = torch.linalg.svd(flat - flat.mean(0), full_matrices=False)
    share = values.square().cumsum(0) / values.square().sum()
    return rows[: int((share < VARIANCE).sum()) + 1].float()


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan
