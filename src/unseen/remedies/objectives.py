"""Remedies on how a torch module is trained: domain objectives, averaged weights, decay, early stop."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from unseen.engine.torch_extra import needs_torch
from unseen.remedies.base import DOMAIN, Call, Remedy


def with_objective(call: Call, *, objective: str, **hyper: Any) -> Any:
    """The module under another objective, with the held-out factor's levels as domains."""
    with needs_torch(f"the objective {objective}"):
        from unseen.training.objectives.domains.registry import objective_named
    learner = call.make()
    learner.objective, learner.domain = objective_named(objective, **hyper), DOMAIN
    if "unlabelled" in learner.objective.needs:
        return learner.fit(call.train, call.rng, unlabelled=call.target)
    return learner.fit(call.train, call.rng)


def shared_directions(call: Call, **hyper: Any) -> Any:
    """The module on directions that many rows share: winsorised to a percentage, or the median of a few groups' means."""
    with needs_torch("winsorised descent"):
        from unseen.training.objectives.domains.robust_gradients import MedianOfMeans, Winsorised
    learner = call.make()
    learner.objective, learner.domain = (Winsorised(**hyper) if "percent" in hyper else MedianOfMeans(**hyper)), DOMAIN
    return learner.fit(call.train, call.rng)


def averaged(call: Call, *, averaging: str) -> Any:
    """The module with the mean of its weights along the run."""
    learner = call.make()
    learner.averaging, learner.domain = averaging, DOMAIN
    if averaging == "swad":
        learner.validation = learner.validation or 0.2
    return learner.fit(call.train, call.rng)


def decayed(call: Call, *, weight_decay: float) -> Any:
    """The module under weight decay."""
    learner = call.make()
    learner.config = replace(learner.config, weight_decay=weight_decay)
    return learner.fit(call.train, call.rng)


def stopped_early(call: Call, *, patience: int = 3) -> Any:
    """The module, stopped where the loss on held-back rows of each domain no longer falls."""
    learner = call.make()
    every = max(1, learner.config.steps // 20)
    learner.config = replace(learner.config, stop_on="validation", patience=patience, eval_every=every)
    learner.validation, learner.domain = 0.2, DOMAIN
    return learner.fit(call.train, call.rng)


def _objective(
    name: str, title: str, what: str, needs: tuple[str, ...], grid: tuple[dict[str, Any], ...], assumptions: str,
    source: str, studies: tuple[str, ...] = (), *, as_remedy: str = "", cost: str = "one fit", sees_target: bool = False,
) -> Remedy:  # fmt: skip
    return Remedy(
        as_remedy or name, "objective", title, what, ("torch", *needs),
        grid, cost, assumptions, (source,), studies,
        fit=partial(with_objective, objective=name), sees_target=sees_target,
    )  # fmt: skip


GULRAJANI = "settings as in Gulrajani & Lopez-Paz (2021), In search of lost domain generalization"
REMEDIES: tuple[Remedy, ...] = (
    _objective(
        "label-smoothing", "label smoothing",
        "Trains towards 0.9 for the true class instead of 1. Answers become less sure.", ("classes",), ({},),
        "Labels are noisy, or the module is too sure.", "Szegedy et al. (2016), Rethinking the Inception architecture",
    ),
    _objective(
        "focal", "focal loss", "Weighs rows that are answered well already down. Hard rows decide the fit.", ("classes",),
        ({},), "Easy rows are many and hard rows are right.", "Lin et al. (2017), Focal loss for dense object detection",
    ),
    _objective(
        "group-dro", "worst domain first",
        "Weighs domains by how badly they are answered, updated along the run. The worst training domain decides.",
        ("domains",), ({},), "The next domain is like the worst training domain.",
        "Sagawa et al. (2020), Distributionally robust neural networks for group shifts",
    ),
    _objective(
        "irm", "invariant risk minimisation",
        "Adds a penalty unless one and the same last layer is best in every domain. Features that predict differently in "
        "each domain then cost.",
        ("domains",), ({"weight": 100.0}, {"weight": 1.0}),
        "Some features predict alike in all domains, and domains are many and different enough to tell which.",
        "Arjovsky et al. (2019), Invariant risk minimization; " + GULRAJANI,
    ),
    _objective(
        "v-rex", "equal risks", "Adds the variance of the domains' risks to their mean. No domain is left behind.",
        ("domains",), ({},), "As for irm; domains are equally noisy.",
        "Krueger et al. (2021), Out-of-distribution generalization via risk extrapolation",
    ),
    _objective(
        "coral", "features with equal moments",
        "Adds the difference of means and covariances of the features between domains. Features then say less about the "
        "domain.",
        ("domains", "module features"), ({},), "Domains differ in their inputs and not in how often classes occur.",
        "Sun & Saenko (2016), Deep CORAL; " + GULRAJANI,
    ),
    _objective(
        "mmd", "features with equal distributions",
        "Adds the maximum mean discrepancy of the features between domains. As coral, with all moments.",
        ("domains", "module features"), ({},), "As for coral.",
        "Li et al. (2018), Domain generalization with adversarial feature learning",
    ),
    _objective(
        "dann", "features that hide the domain",
        "Trains a discriminator to name the domain from the features, and the features to mislead it.",
        ("domains", "module features"), ({},), "As for coral.",
        "Ganin et al. (2016), Domain-adversarial training of neural networks",
    ),
    _objective(
        "mixup", "mixed rows", "Trains on mixtures of pairs of rows and of their targets. Between rows the answer is straight.",
        (), ({},), "Mixtures of inputs make sense.", "Zhang et al. (2018), mixup: Beyond empirical risk minimization",
    ),
    _objective(
        "logit-adjustment", "logits shifted by class shares",
        "Adds the log share of each class to the logits in training. The module then answers as if classes were equally "
        "frequent.",
        ("classes",), ({"tau": 1.0},), "At the target the classes are closer to equally frequent than in training.",
        "Menon et al. (2021), Long-tail learning via logit adjustment", as_remedy="logit-adjusted-training",
    ),
    _objective(
        "memorisation-aware", "memorisation-aware training",
        "Shifts each row's logits by the log probability that models not fitted to the row give. What can only be "
        "memorised no longer pulls.",
        ("classes",), ({},), "A spurious cue explains most rows, and the rest would be memorised.",
        "Bayat et al. (2025), The pitfalls of memorization", ("memorization-aware-training",), cost="three fits",
    ),
    _objective(
        "feasible", "feasible learning",
        "Asks that each row's loss falls below a bound instead of lowering the mean. No row is given up for the others.",
        (), ({},), "Every row can be fitted, and the tail matters.", "Ramirez et al. (2025), Feasible learning",
        ("feasible-learning",),
    ),
    _objective(
        "feasible-relaxed", "feasible learning, relaxed",
        "As feasible, with a slack that rows pay for. Rows that can't be fitted no longer dominate.", (), ({},),
        "Most rows can be fitted.", "Ramirez et al. (2025), Feasible learning", ("feasible-learning",),
    ),
    _objective(
        "divdis", "two heads that disagree on the target",
        "Trains two heads that are both right in training and independent on the target's inputs; the first answers. "
        "Which one is right can only be told with labels.",
        ("classes", "module features"), ({},), "Several cues explain training alike.",
        "Lee et al. (2023), Diversify and disambiguate", ("diversification-ood",),
        cost="one fit of two heads for each target", sees_target=True,
    ),
    _objective(
        "d-bat", "a second member that disagrees on the target",
        "Trains a second member to be right in training and to contradict the first on the target's inputs; the first "
        "answers.",
        ("classes",), ({},), "As for divdis.", "Pagliardini et al. (2023), Agree to disagree", ("diversification-ood",),
        cost="one fit of two members for each target", sees_target=True,
    ),
    Remedy(
        "winsorised-descent", "objective", "winsorised descent",
        "Draws each coordinate of the rows' gradients in to its c-th lowest and highest value before their mean is taken. What a "
        "few rows alone ask for does not move the weights.",
        ("torch", "rows apart"), ({"percent": 2.0}, {"percent": 8.0}),
        cost="one fit, at the gradient of each row (some five times the time)",
        assumptions="Some labels are wrong, and the module has the room to learn them by heart.",
        sources=("Chatterjee (2020), Coherent gradients: an approach to understanding generalization in gradient descent",
                 "Chatterjee & Zielinski (2022), On the generalization mystery in deep learning"),
        studies=("coherent-gradients",), fit=shared_directions, fits=5,
    ),
    Remedy(
        "median-of-means", "objective", "median of three gradients",
        "Cuts each batch into three groups and takes the median of their gradients, coordinate by coordinate. As winsorised "
        "descent, at the price of plain training.",
        ("torch",), ({"groups": 3},), assumptions="As for winsorised descent; gradients of the groups agree on what matters.",
        sources=("Zielinski, Krishnan & Chatterjee (2020), Weak and strong gradient directions",), studies=("coherent-gradients",),
        fit=shared_directions,
    ),
    Remedy(
        "weight-averaging", "objective", "averaged weights (SWA, SWAD)",
        "Averages the weights over the last quarter of the run (SWA), or over the valley of the validation loss (SWAD). "
        "Flat solutions carry further.",
        ("torch",), ({"averaging": "swa"}, {"averaging": "swad"}), assumptions="The run is long enough to wander around.",
        sources=("Izmailov et al. (2018), Averaging weights leads to wider optima and better generalization",
                 "Cha et al. (2021), SWAD: Domain generalization by seeking flat minima"), fit=averaged,
    ),
    Remedy(
        "weight-decay", "objective", "weight decay",
        "Pulls weights towards zero at every update. Small weights react less to odd inputs.",
        ("torch",), ({"weight_decay": 0.01}, {"weight_decay": 0.1}), assumptions="The module overfits.",
        sources=("Loshchilov & Hutter (2019), Decoupled weight decay regularization",), fit=decayed,
    ),
    Remedy(
        "early-stop", "choice", "early stop on held-back rows",
        "Holds a fifth of each domain's rows back and stops where their loss no longer falls. What is learnt last holds "
        "least.",
        ("torch",), ({"patience": 3},), assumptions="The module overfits within the run.",
        sources=("Prechelt (1998), Early stopping: but when?",), fit=stopped_early,
    ),
)  # fmt: skip
