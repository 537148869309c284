"""Validation on crafted shifts against validation on the source: which one foretells domains never seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from unseen.atlas.plan import (
    DIFFERENCE,
    SHARE,
    Change,
    Measurement,
    Sweep,
    control,
    gate,
    headline,
    side_part,
    study,
)
from unseen.data import Examples, pixels
from unseen.data.digits import digit_images, image_column
from unseen.engine.seeds import numpy_generator
from unseen.learners.estimators import named
from unseen.remedies.data import OnEdges, perturbed_rows
from unseen.shifts.perturbations.base import Perturbation, families, family_folds
from unseen.shifts.perturbations.images import IMAGES

KINDS = ("nearest-neighbours", "forest", "perceptron", "convolutional")
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
SEVERITIES = (0.3, 0.6, 0.9)
# Shifts of this size hardly are ones.
FAINT = 0.05
FAMILIES = tuple(families(IMAGES))
Scores = dict[float, np.ndarray]


def _blended(x: pixels.Images, rng: np.random.Generator) -> pixels.Images:
    """Strokes against a pattern, the difference of both as in MNIST-M."""
    half, blank = rng.random((len(x), 1, 1)) < 0.5, np.zeros_like(x)
    pattern = np.where(half, pixels.textured(blank, "diagonals", 0.7, rng), pixels.textured(blank, "dots", 0.7, rng))
    return np.abs(x - pattern).astype(np.float32)


def _signs(x: pixels.Images, rng: np.random.Generator) -> pixels.Images:
    """Half of them dark on bright, pale and out of focus."""
    turned = np.where(rng.random((len(x), 1, 1)) < 0.5, pixels.inverted(x), x)
    return pixels.blurred(pixels.contrasted(turned, 0.6), 0.6)


# Domains never seen: each joins several changes, some of a kind that no perturbation has.
DOMAINS: dict[str, tuple[Callable[..., pixels.Images], tuple[str, ...]]] = {
    "blended": (_blended, ("texture", "light")),
    "signs": (_signs, ("light", "resolution")),
    "marker": (lambda x, _: pixels.restroked(pixels.rotated(x, 20), 0.75), ("geometry",)),
    "scanned": (lambda x, r: pixels.salt_and_pepper(pixels.rotated(pixels.restroked(x, -0.25), -15), 0.08, r),
                ("noise", "geometry")),
}  # fmt: skip


def learner(kind: str, steps: int, lr: float = 3e-3) -> Any:
    """A learner by name of ``KINDS``."""
    if kind in KINDS[:2]:
        return named(kind)
    from unseen.learners.architectures.featured import FeaturedCNN, FeaturedMLP
    from unseen.training.config import TrainConfig
    from unseen.training.domain_learner import DomainLearner

    config = TrainConfig(steps=steps, batch_size=64, lr=lr, schedule="cosine", eval_every=steps)
    if kind == "perceptron":
        return DomainLearner(lambda i, o: FeaturedMLP(i, o, 64, 2), config=config)
    return DomainLearner(lambda _, o: FeaturedCNN(1, 8, o, 16), config=config, shape=(1, 8, 8))


def method(kind: str, on_edges: bool, steps: int) -> Any:
    """A learner on images, or on their enhanced edge maps."""
    made = learner(kind, steps)
    return OnEdges(made, keep=False) if on_edges else made


def share(fitted: Any, examples: Examples) -> float:
    """Accuracy."""
    return float(fitted.respond(examples).score.mean())


def augmented(examples: Examples, chosen: Sequence[Perturbation], rng: np.random.Generator) -> Examples:
    """The rows and a perturbed copy of each."""
    copy = perturbed_rows(examples, list(chosen), rng, low=0.05, high=0.6)
    return Examples(pl.concat([examples.table, copy.table]), examples.inputs, examples.target, examples.factors)


def crafted(examples: Examples, rng: np.random.Generator) -> dict[float, list[Examples]]:
    """All rows under each perturbation, one table a family, by severity."""
    made = dict[float, list[Examples]]()
    for severity in (FAINT, *SEVERITIES):
        made[severity] = [
            Examples(pl.concat([one(examples, severity, rng).table for one in members]), examples.inputs, examples.target)
            for members in families(IMAGES).values()
        ]  # fmt: skip
    return made


def on_crafted(fitted: Any, tables: Mapping[float, Sequence[Examples]]) -> Scores:
    """Accuracy in each family, by severity."""
    return {severity: np.array([share(fitted, t) for t in of_families]) for severity, of_families in tables.items()}


@study(
    slug="crafting-shifts",
    claim=[
        ("Accuracy on source images under crafted shifts orders methods by their accuracy on unseen domains better than accuracy "
         "on plain source images does.", "gain"),
        ("The correlation is high.", "correlation"),
        ("It chooses better methods.", "method_gain"),
        ("It chooses better learning rates.", "rate_gain"),
    ],
    source="Efthymiadis, Tolias & Chum (2025), Crafting Distribution Shifts for Validation and Training in Single Source Domain "
    "Generalization, WACV",
    link="https://arxiv.org/abs/2409.19774",
    did="Validated methods of single-source domain generalisation (plain, edge maps, augmentation) with three backbones on source "
    "images under ten groups of augmentations, in two folds where training used them, and compared ranks with those on PACS and "
    "other sets of domains.",
    here="Digits of 8 × 8 pixels as the source (900 training, 400 validation rows); unseen are four domains that join several "
    "changes (patterns blended in, dark on bright and out of focus, thick and turned, thin, turned and specked); four kinds of "
    "learner by images or edge maps, augmented or not; six families of perturbations. No pretrained backbones.",
    fidelity="C",
    parts=[
        headline("gain", "Rank correlation with unseen domains: by crafted shifts less by the source", claimed=0.3, refuted=0.0,
                 within=(-2.0, 2.0), basis="the authors' plots for PACS: 0.77 to 0.85 against 0.16; half of that"),
        side_part("correlation", "Rank correlation of crafted score and unseen domains", claimed=0.6, refuted=0.3,
                  within=DIFFERENCE, basis="'high'; 0.77 to 0.85 in the authors' plots"),
        side_part("method_gain", "Accuracy on unseen domains that the chosen method gains", claimed=0.04, refuted=0.0,
                  within=DIFFERENCE, basis="abstract: 15.4 % of the accuracy; half of that at an accuracy of one half"),
        side_part("rate_gain", "Accuracy on unseen domains that the chosen learning rate gains", claimed=0.004, refuted=-0.01,
                  within=DIFFERENCE, basis="abstract: 1.6 % of the accuracy; half of that at an accuracy of one half"),
        gate("learnt", "The methods learn the source: mean accuracy", at_least=0.9, within=SHARE, basis="digits are easy"),
        gate("spread", "They differ on unseen domains: deviation of accuracy", at_least=0.03, within=SHARE,
             basis="the authors' methods range from 0.35 to 0.75"),
        gate("room", "None is at the ceiling there: best accuracy", at_most=0.97, within=SHARE, basis="ceiling"),
        control("told", "Other images of the unseen domains order them", at_least=0.8, within=DIFFERENCE,
                basis="validation on the test distribution"),
        control("faint_gain", "With shifts too small to tell the gain goes", at_most=0.15, within=(-2.0, 2.0),
                basis="half of what is claimed", cuts="the size of the shifts"),
    ],
    units="seeds: split, perturbations, domains, initialisation and order redrawn.",
    seeds=range(10, 20),
    code="NikosEfth/crafting-shifts, aggregate_results.py (an augmented method's score is the mean over families of fits that were "
    "not augmented with them, two folds), make_scatter_plots.py (Spearman over backbones and methods), images/scatter.png, "
    "augmentations.py",
    oracle=["tests/shifts/test_perturbations.py"],
    reconstructed="Six families of 12 perturbations; validation at severities 0.3, 0.6 and 0.9, swept one by one. Ties of a score "
    "are chosen from at random, in the mean. Rates are chosen for a plain convolutional network. Measured beside it (strict): "
    "for each domain without the families that its changes belong to, over the eight methods without augmentation.",
    sweeps=[Sweep("severity of validation", "gain", {f"{s:g}": f"gain at {s:g}" for s in SEVERITIES})],
    history=[
        Change("2026-11-21", "New plan after one of the first form, whose targets were single changes; domains join several now, "
               "the strict form is measured beside.", tuple(range(5))),
        Change("2026-11-21", "Pilot on four seeds; its spread asked for 8, 10 in place of 12. Nothing else was changed.",
               (100, 101, 102, 103)),
    ],
    would_take="PACS with pretrained backbones (a day of a GPU each)",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Sixteen methods and six rates on source, crafted shifts and unseen domains."""
    rng = numpy_generator(seed, "crafting-shifts", 2)
    images, digits = digit_images()
    order, steps = rng.permutation(len(images)), 60 if quick else 300
    train, held = (_examples(images[r], digits[r]) for r in (order[:900], order[900:1300]))
    unseen, told = (
        [_examples(change(images[rows], rng), digits[rows]) for change, _ in DOMAINS.values()]
        for rows in (order[1300:], order[900:1300])
    )
    tables, folds = crafted(held.take(np.arange(50 if quick else 200)), rng), family_folds(IMAGES, 2, rng)
    source, shifted, by_domain, on_told = list[float](), list[Scores](), list[list[float]](), list[float]()
    for augment in (False, True):
        for on_edges in (False, True):
            for kind in KINDS[:2] if quick else KINDS:
                rows = augmented(train, IMAGES, rng) if augment else train
                fitted = method(kind, on_edges, steps).fit(rows, rng)
                source.append(share(fitted, held))
                by_domain.append([share(fitted, d) for d in unseen])
                on_told.append(float(np.mean([share(fitted, d) for d in told])))
                scores = on_crafted(fitted, tables)
                if augment:
                    for used, kept in folds:
                        part = method(kind, on_edges, steps).fit(augmented(train, used, rng), rng)
                        at = [FAMILIES.index(f) for f in families(kept)]
                        for severity, of_families in on_crafted(part, tables).items():
                            scores[severity][at] = of_families[at]
                shifted.append(scores)
    final = np.mean(by_domain, axis=1)

    def crafted_score(severities: Sequence[float]) -> np.ndarray:
        return np.array([np.mean([s[severity] for severity in severities]) for s in shifted])

    def gain(severities: Sequence[float]) -> float:
        return _rank_correlation(crafted_score(severities), final) - _rank_correlation(source, final)

    return {
        "gain": gain(SEVERITIES),
        "correlation": _rank_correlation(crafted_score(SEVERITIES), final),
        "correlation_source": _rank_correlation(source, final),
        "told": _rank_correlation(on_told, final),
        "faint_gain": gain((FAINT,)),
        **{f"gain at {s:g}": gain((s,)) for s in SEVERITIES},
        "method_gain": _chosen(crafted_score(SEVERITIES), final) - _chosen(source, final),
        "method_best": float(final.max()), "room": float(final.max()),
        "learnt": float(np.mean(source)), "spread": float(np.std(final)),
        **_strict(source, shifted, by_domain),
        **_rates(train, held, tables, unseen, rng, steps, RATES[2:4] if quick else RATES),
        **{f"unseen {'augmented ' if i >= len(final) // 2 else ''}{'edges' if (i // (len(final) // 4)) % 2 else 'images'}":
           float(final[i : i + len(final) // 4].mean()) for i in range(0, len(final), len(final) // 4)},
    }  # fmt: skip


def _strict(
    source: Sequence[float], shifted: Sequence[Scores], by_domain: Sequence[Sequence[float]]
) -> dict[str, float]:
    """Mean rank correlations with single domains, families like theirs left out; methods without augmentation."""
    n, crafted_by, source_by = len(source) // 2, list[float](), list[float]()
    for d, (_, like) in enumerate(DOMAINS.values()):
        kept = [i for i, f in enumerate(FAMILIES) if f not in like]
        scores = [np.mean([s[severity][kept] for severity in SEVERITIES]) for s in shifted[:n]]
        accuracy = [row[d] for row in by_domain[:n]]
        crafted_by.append(_rank_correlation(scores, accuracy))  # pyright: ignore[reportArgumentType]
        source_by.append(_rank_correlation(source[:n], accuracy))
    return {"strict_correlation": float(np.mean(crafted_by)), "strict_correlation_source": float(np.mean(source_by))}


def _rates(
    train: Examples, held: Examples, tables: Mapping[float, Sequence[Examples]], unseen: Sequence[Examples],
    rng: np.random.Generator, steps: int, rates: Sequence[float],
) -> dict[str, float]:  # fmt: skip
    found = list[tuple[float, float, float]]()
    for rate in rates:
        fitted = learner(KINDS[-1], steps, rate).fit(train, rng)
        scores = on_crafted(fitted, {s: tables[s] for s in SEVERITIES})
        found.append(
            (
                share(fitted, held),
                float(np.mean([*scores.values()])),
                float(np.mean([share(fitted, d) for d in unseen])),
            )
        )
    source, shifted, final = np.array(found).T
    return {"rate_gain": _chosen(shifted, final) - _chosen(source, final), "rate_best": float(final.max())}


def _chosen(score: Sequence[float] | np.ndarray, accuracy: np.ndarray) -> float:
    """Accuracy of what the score chooses; ties in the mean."""
    score = np.asarray(score)
    return float(accuracy[score == score.max()].mean())


def _examples(images: np.ndarray, digits: np.ndarray) -> Examples:
    items = pl.Series("item", [f"digit-{i:04d}" for i in range(len(digits))])
    columns = [items, image_column("image", images), pl.Series("digit", digits.astype(str).tolist())]
    return Examples(pl.DataFrame(columns), ("image",), "digit")


def _rank_correlation(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> float:
    """Spearman's, ties at their mean rank."""
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
