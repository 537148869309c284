"""Domain objectives against closed forms, naive twins and definitions."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from unseen.errors import BadInput
from unseen.learners.architectures.featured import FeaturedMLP
from unseen.training.config import TrainConfig
from unseen.training.loop import train
from unseen.training.objectives.domains.alignment import GAMMAS, reverse_gradient
from unseen.training.objectives.domains.base import balanced_order
from unseen.training.objectives.domains.logit_shift import CrossRisk
from unseen.training.objectives.domains.registry import OBJECTIVES, candidates, hyper_parameters, objective_named
from unseen.training.objectives.domains.two_heads import Members, SharedHeads, disagreement, mutual_information

torch.set_num_threads(1)


class Line(nn.Module):
    """One weight, one bias or none."""

    def __init__(self, inputs=1, outputs=1, bias=True):
        super().__init__()
        self.head = nn.Linear(inputs, outputs, bias=bias)

    def features(self, x):
        return x

    def forward(self, x):
        return self.head(x)


def rows(n=27, d=3, classes=3, domains=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    return {
        "x0": torch.randn(n, d, generator=g), "y": torch.arange(n) % classes,
        "domain": torch.arange(n) // classes % domains, "index": torch.arange(n),
    }  # fmt: skip


def prepared(name, model, data, kind="classify", **hyper):
    objective = objective_named(name, **hyper)
    objective.prepare(model, data, kind, seed=3)
    return objective


def risks(model, data):
    each = nn.functional.cross_entropy(model(data["x0"]), data["y"], reduction="none")
    return torch.stack([each[data["domain"] == d].mean() for d in range(int(data["domain"].max()) + 1)])


def setup(**sizes):
    torch.manual_seed(0)
    data = rows(**sizes)
    return Line(data["x0"].shape[1], int(data["y"].max()) + 1), data


def test_the_registry_names_what_each_objective_needs_and_where_it_comes_from():
    for name, made in OBJECTIVES.items():
        assert made.name == name
        assert made.source
        assert set(hyper_parameters(name)) <= set(made.__doc__.replace(":", " ").split()) or not hyper_parameters(name)
        for settings in candidates(name):
            objective_named(name, **settings)
    with pytest.raises(BadInput, match=r"no objective 'group_dro' \(did you mean group-dro"):
        objective_named("group_dro")
    with pytest.raises(BadInput, match="irm has no hyper-parameter 'lambda_'; it has weight, anneal"):
        objective_named("irm", lambda_=1)


@pytest.mark.parametrize(
    ("name", "hyper"),
    [
        ("label-smoothing", {"smoothing": 0.0}), ("focal", {"gamma": 0.0}), ("mixup", {"lam": 1.0}),
        ("logit-adjustment", {"tau": 0.0}), ("logit-adjustment", {}), ("weighted-likelihood", {}),
        ("group-dro", {"eta": 0.0}), ("irm", {"weight": 0.0}), ("v-rex", {"weight": 0.0}), ("coral", {"weight": 0.0}),
        ("mmd", {"weight": 0.0}), ("memorisation-aware", {}),
    ],
)  # fmt: skip
def test_without_their_term_all_are_plain_risk_minimisation(name, hyper):
    """Classes and domains are balanced here, weights one and held-out probabilities uniform."""
    model, data = setup()
    data |= {"weight": torch.ones(27), "held_out": torch.full((27, 3), 1 / 3)}
    plain = prepared("erm", model, data).loss(model, data)
    assert prepared(name, model, data, **hyper).loss(model, data).item() == pytest.approx(plain.item(), abs=1e-5)


def test_groups_get_exponentiated_weights_and_in_the_limit_the_worst_group_alone():
    model, data = setup()
    found = risks(model, data)
    step = prepared("group-dro", model, data, eta=0.5)
    weights = torch.softmax(0.5 * found.detach(), 0)  # from equal weights
    assert step.loss(model, data).item() == pytest.approx((weights * found).sum().item(), rel=1e-5)
    again = torch.softmax(weights.log() + 0.5 * found.detach(), 0)
    step.loss(model, data)
    np.testing.assert_allclose(step.weights.numpy(), again.numpy(), rtol=1e-5)
    limit = prepared("group-dro", model, data, eta=1e5)
    assert limit.loss(model, data).item() == pytest.approx(found.max().item(), rel=1e-6)


def test_group_weights_of_absent_groups_stay_and_the_adjustment_is_by_group_size():
    model, data = setup()
    step = prepared("group-dro", model, data, eta=1.0, adjustment=2.0)
    part = {k: v[data["domain"] == 1] for k, v in data.items()}
    risk = risks(model, data)[1].item() + 2 / math.sqrt(9)
    loss = step.loss(model, part).item()
    weights = np.array([1, math.exp(risk), 1]) / (2 + math.exp(risk))
    np.testing.assert_allclose(step.weights.numpy(), weights, rtol=1e-5)
    assert loss == pytest.approx(weights[1] * risk, rel=1e-5)


@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_the_invariance_penalty_is_the_product_of_gradients_by_a_scale_of_one(kind):
    model, data = setup()
    if kind == "regress":
        model, data["y"] = Line(3, 1), torch.randn(27, generator=torch.Generator().manual_seed(1))
    objective = prepared("irm", model, data, kind, weight=7.0, anneal=0)
    total, penalty = [], []
    for d in range(3):
        x, y = data["x0"][data["domain"] == d], data["y"][data["domain"] == d]
        scale = torch.tensor(1.0, requires_grad=True)
        each = objective.row_losses(objective.shaped(model(x)) * scale, y)
        a = torch.autograd.grad(each[::2].mean(), scale, create_graph=True)[0]
        b = torch.autograd.grad(each[1::2].mean(), scale, create_graph=True)[0]
        total.append(each.mean())
        penalty.append(a * b)
    naive = (torch.stack(total).mean() + 7 * torch.stack(penalty).mean()) / 7
    found = objective.loss(model, data)
    assert found.item() == pytest.approx(naive.item(), rel=1e-5)
    wanted = torch.autograd.grad(naive, model.head.weight)[0]
    np.testing.assert_allclose(
        torch.autograd.grad(found, model.head.weight)[0].numpy(), wanted.numpy(), rtol=1e-4, atol=1e-6
    )


def test_the_penalty_waits_for_its_update():
    model, data = setup()
    objective = prepared("v-rex", model, data, weight=50.0, anneal=2)
    found = risks(model, data)
    mean, variance = found.mean().item(), found.var(unbiased=False).item()
    losses = [objective.loss(model, data).item() for _ in range(3)]
    assert losses == pytest.approx([mean + variance, mean + variance, (mean + 50 * variance) / 50], rel=1e-5)


def test_coral_is_the_difference_of_means_and_covariances():
    model, data = setup()
    x, d = data["x0"].numpy(), data["domain"].numpy()
    naive = [
        np.mean((x[d == a].mean(0) - x[d == b].mean(0)) ** 2)
        + np.mean((np.cov(x[d == a], rowvar=False) - np.cov(x[d == b], rowvar=False)) ** 2)
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    expected = risks(model, data).mean().item() + 3 * np.mean(naive)
    assert prepared("coral", model, data, weight=3.0).loss(model, data).item() == pytest.approx(expected, rel=1e-5)


def test_mmd_is_the_mean_of_kernels_over_all_pairs():
    model, data = setup()
    parts = [data["x0"][data["domain"] == d].numpy() for d in (0, 1, 2)]

    def mean_kernel(u, v):
        return np.mean([sum(math.exp(-g * np.sum((p - q) ** 2)) for g in GAMMAS) for p in u for q in v])

    naive = [
        mean_kernel(a, a) + mean_kernel(b, b) - 2 * mean_kernel(a, b)
        for a, b in ((parts[0], parts[1]), (parts[0], parts[2]), (parts[1], parts[2]))
    ]
    expected = risks(model, data).mean().item() + 2 * np.mean(naive)
    assert prepared("mmd", model, data, weight=2.0).loss(model, data).item() == pytest.approx(expected, rel=1e-4)


def test_the_reversed_gradient_changes_its_sign_and_the_discriminator_gets_its_own():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = reverse_gradient(x, 0.5)
    assert torch.equal(y, x)
    (y**2).sum().backward()
    assert x.grad.tolist() == [-1.0, -2.0]
    torch.manual_seed(0)
    data = rows()
    model = FeaturedMLP(3, 3, 8, 1)
    objective = prepared("dann", model, data, anneal=0, weight=0.3)
    objective.loss(model, data).backward()
    reversed_, own = model.body[0].weight.grad.clone(), objective.discriminator[0].weight.grad.clone()
    model.zero_grad()
    objective.zero_grad()
    features = model.features(data["x0"])
    risk = nn.functional.cross_entropy(model.head(features), data["y"])
    guess = nn.functional.cross_entropy(objective.discriminator(features), data["domain"])
    by_risk = torch.autograd.grad(risk, model.body[0].weight, retain_graph=True)[0]
    by_guess = torch.autograd.grad(guess, model.body[0].weight, retain_graph=True)[0]
    np.testing.assert_allclose(reversed_, (by_risk - 0.3 * by_guess).numpy(), atol=1e-6)
    np.testing.assert_allclose(own, torch.autograd.grad(guess, objective.discriminator[0].weight)[0].numpy(), atol=1e-6)


def test_the_discriminator_learns_in_the_loop():
    data = rows(60)
    data["x0"][:, 0] = data["domain"].float() * 3
    model = Line(3, 3)
    objective = prepared("dann", model, data)
    before = objective.discriminator[0].weight.detach().clone()
    train(model, objective, data, TrainConfig(steps=150, lr=0.02, batch_size=30), torch.Generator().manual_seed(0))
    assert not torch.equal(before, objective.discriminator[0].weight)
    right = (objective.discriminator(data["x0"]).argmax(1) == data["domain"]).float().mean()
    assert right > 0.9  # the features are the inputs: nothing can hide the domain


def test_mixup_mixes_rows_and_losses_in_one_share():
    model, data = setup()
    found = prepared("mixup", model, data, lam=0.3).loss(model, data).item()
    objective = prepared("mixup", model, data)
    other = objective.draws().permutation(27)
    out = model(0.3 * data["x0"] + 0.7 * data["x0"][other])
    log = torch.log_softmax(out, 1)
    mixed = 0.3 * torch.eye(3)[data["y"]] + 0.7 * torch.eye(3)[data["y"][other]]
    assert found == pytest.approx(-(mixed * log).sum(1).mean().item(), rel=1e-5)
    drawn = [objective.loss(model, data).item() for _ in range(2)]
    assert drawn[0] != drawn[1]
    again = prepared("mixup", model, data)
    assert [again.loss(model, data).item() for _ in range(2)] == drawn


def test_logit_adjustment_undoes_a_known_prior():
    """Without inputs the plain fit gives the class shares; the adjusted one gives a flat answer."""
    y = torch.tensor([0] * 9 + [1])
    data = {"x0": torch.zeros(10, 1), "y": y, "domain": torch.arange(10) % 2}
    for tau, share in ((0.0, 0.1), (1.0, 0.5)):
        torch.manual_seed(0)
        model = Line(1, 2)
        objective = prepared("logit-adjustment", model, data, tau=tau)
        train(model, objective, data, TrainConfig(steps=800, lr=0.05, batch_size=None), torch.Generator())
        assert model(torch.zeros(1, 1)).softmax(1)[0, 1].item() == pytest.approx(share, abs=0.01)


def test_shares_within_a_domain_take_out_what_the_domain_tells():
    data = rows(12, classes=2, domains=2)
    data["y"] = torch.tensor([0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1])
    data["domain"] = torch.tensor([0] * 6 + [1] * 6)
    objective = prepared("logit-adjustment", Line(3, 2), data, by_domain=True)
    np.testing.assert_allclose(objective.log_shares.exp().numpy(), [[5 / 8, 3 / 8], [2 / 8, 6 / 8]], rtol=1e-5)


def test_held_out_probabilities_are_calibrated_by_labels_and_shift_the_logits():
    torch.manual_seed(0)
    data = rows(6, classes=2)
    data["held_out"] = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9]])
    model = Line(3, 2)
    objective = prepared("memorisation-aware", model, data)
    q, y = data["held_out"].numpy(), data["y"].numpy()
    confusion = np.array([[q[y == k, c].sum() for k in (0, 1)] for c in (0, 1)])
    confusion /= confusion.sum(1, keepdims=True)
    shift = np.log(q @ confusion + 1e-6)
    np.testing.assert_allclose(objective.shift(data["held_out"]).numpy(), shift, rtol=1e-4)
    log = torch.log_softmax(model(data["x0"]) + torch.from_numpy(shift).float(), 1)
    assert objective.loss(model, data).item() == pytest.approx(-log[range(6), data["y"]].mean().item(), rel=1e-5)


def test_cross_risk_fits_each_row_by_its_own_member_and_turns_labels_by_the_other():
    torch.manual_seed(0)
    data = rows(400, classes=2)
    model = Members(lambda: Line(3, 2))
    objective = CrossRisk()
    objective.prepare(model, data, seed=5)
    side, own = objective.side, torch.arange(400)
    assert side.sum() == 200
    out = model(data["x0"])
    naive = nn.functional.cross_entropy(out[own, side], data["y"]).item()
    assert objective.loss(model, data).item() == pytest.approx(naive, rel=1e-6)
    sure, answer = out[own, 1 - side].softmax(-1).max(-1)
    apart = answer != data["y"]
    turned = objective.labels != data["y"]
    assert not (turned & ~apart).any()
    expected = (2 * sure[apart] - 1).sum().item()  # of K = 2: (p − ½) · 2
    spread = ((2 * sure[apart] - 1) * (2 - 2 * sure[apart])).sum().sqrt().item()
    assert abs(turned.sum().item() - expected) < 4 * spread


def test_weighted_likelihood_is_weighted_least_squares():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(50, 2)), rng.gamma(1.0, size=50)
    y = x[:, 0] ** 2 + x[:, 1] + rng.normal(size=50)
    design = np.concatenate([x, np.ones((50, 1))], 1)
    closed = np.linalg.solve(design.T @ (w[:, None] * design), design.T @ (w * y))
    data = {
        "x0": torch.from_numpy(x).float(),
        "y": torch.from_numpy(y).float(),
        "weight": torch.from_numpy(w / w.mean()).float(),
    }
    model = Line(2, 1)
    objective = prepared("weighted-likelihood", model, data, "regress")
    config = TrainConfig(steps=600, lr=0.1, optimizer="sgd", momentum=0.9, batch_size=None)
    train(model, objective, data, config, torch.Generator())
    np.testing.assert_allclose([*model.head.weight[0].tolist(), model.head.bias.item()], closed, atol=1e-3)


class Constant(nn.Module):
    """Answers one learnt number."""

    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.value.expand(len(x), 1)


def constant_fit(targets, steps=1500, **hyper):
    data = {"x0": torch.zeros(len(targets), 1), "y": torch.tensor(targets), "index": torch.arange(len(targets))}
    model = Constant()
    name = "feasible-relaxed" if "alpha" in hyper else "feasible"
    objective = prepared(name, model, data, "regress", **hyper)
    config = TrainConfig(steps=steps, lr=0.05, optimizer="sgd", batch_size=None, eval_every=steps)
    train(model, objective, data, config, torch.Generator())
    return model.value.item(), objective


def test_feasible_learning_meets_every_bound_where_the_mean_loss_does_not():
    # Half squared errors of at most 0.6 from 0 and from 2: between 2 − √1.2 and √1.2. The mean of the rows is 0.5.
    value, objective = constant_fit([0.0, 0.0, 0.0, 2.0], epsilon=0.6)
    assert 2 - math.sqrt(1.2) - 0.01 <= value <= math.sqrt(1.2) + 0.01
    left, right = objective.multipliers[:3].sum().item(), objective.multipliers[3].item()
    assert left * value == pytest.approx(right * (2 - value), abs=0.02 + 0.05 * right)


def test_relaxed_feasible_learning_finds_the_multipliers_of_its_optimum():
    """KKT by hand: with targets 0 and 2 the answer is 1, each loss ½, each slack ½ − ε and each multiplier α times that."""
    value, objective = constant_fit([0.0, 2.0], epsilon=0.1, alpha=2.0)
    assert value == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(objective.multipliers.numpy(), 0.8, atol=2e-3)
    np.testing.assert_allclose(objective.slack.numpy(), 0.4, atol=1e-3)


def test_relaxed_feasible_learning_solves_the_problem_that_a_general_solver_solves():
    from scipy.optimize import minimize

    targets, epsilon, alpha = np.array([0.0, 0.5, 3.0]), 0.2, 1.5
    slack = lambda v: np.maximum(0, 0.5 * (v - targets) ** 2 - epsilon)  # noqa: E731
    best = minimize(
        lambda v: 0.5 * alpha * np.sum(slack(v[0]) ** 2), [1.0], method="Nelder-Mead", options={"xatol": 1e-8}
    )
    value, objective = constant_fit(targets.tolist(), epsilon=epsilon, alpha=alpha)
    assert value == pytest.approx(best.x[0], abs=5e-3)
    np.testing.assert_allclose(objective.slack.numpy(), slack(best.x[0]), atol=0.02)


def test_plain_multipliers_grow_for_ever_where_no_answer_is_feasible():
    # At the answer 1 both losses are ½: each multiplier grows by 0.1 (½ − 0.1) an update.
    short, long = (constant_fit([0.0, 2.0], steps, epsilon=0.1)[1].multipliers.sum().item() for steps in (200, 400))
    assert long - short == pytest.approx(2 * 200 * 0.04, rel=0.01)


def test_mutual_information_and_disagreement_are_their_sums():
    rng = np.random.default_rng(0)
    a, b = (rng.dirichlet(np.ones(3), 20) for _ in range(2))
    joint = sum(np.outer(p, q) for p, q in zip(a, b, strict=True)) / 20
    naive = sum(
        joint[i, j] * math.log(joint[i, j] / (joint[i].sum() * joint[:, j].sum())) for i in range(3) for j in range(3)
    )
    ta, tb = torch.from_numpy(a), torch.from_numpy(b)
    assert mutual_information(ta, tb).item() == pytest.approx(naive)
    top = a.argmax(1)
    each = [-math.log(p[c] * (1 - q[c]) + (1 - p[c]) * q[c]) for p, q, c in zip(a, b, top, strict=True)]
    np.testing.assert_allclose(disagreement(ta, tb).numpy(), each)


def two_cues(n, agree, seed):
    """Both signs tell the label where ``agree``; else each is drawn by itself and the label is the first's."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 2, n)
    second = first if agree else rng.integers(0, 2, n)
    x = np.stack([2.0 * first - 1, 2.0 * second - 1], 1) + 0.1 * rng.normal(size=(n, 2))
    return torch.from_numpy(x).float(), torch.from_numpy(first), torch.from_numpy(second)


@pytest.mark.parametrize("name", ["divdis", "d-bat"])
def test_two_heads_differ_where_unlabelled_rows_tell_cues_apart_and_not_without_the_term(name):
    x, y, _ = two_cues(256, True, 0)
    apart, first, second = two_cues(256, False, 1)
    differ = {}
    for weight in (0.0, 10.0):
        torch.manual_seed(1)
        objective = objective_named(name, weight=weight, **({"first": 150} if name == "d-bat" else {}))
        model = SharedHeads(FeaturedMLP(2, 2, 32, 1)) if objective.shared else Members(lambda: FeaturedMLP(2, 2, 32, 1))
        objective.prepare(model, {"x0": x, "y": y}, seed=0, unlabelled=apart)
        train(model, objective, {"x0": x, "y": y}, TrainConfig(steps=400, lr=0.01), torch.Generator().manual_seed(0))
        answers = model.eval()(apart[first != second]).argmax(-1)
        differ[weight] = (answers[:, 0] != answers[:, 1]).float().mean().item()
        if (
            name == "divdis"
        ):  # with much weight D-BAT gives up some labelled rows for unlabelled ones that look the same
            assert (model(x).argmax(-1) == y[:, None]).float().mean() > 0.95
    assert differ[10.0] > 0.9 > 0.6 > differ[0.0]


def test_the_first_of_two_models_stays_as_it_was_in_its_turn():
    x, y, _ = two_cues(64, True, 0)
    torch.manual_seed(0)
    model, objective = Members(lambda: FeaturedMLP(2, 2, 8, 1)), objective_named("d-bat", first=5)
    objective.prepare(model, {"x0": x, "y": y}, unlabelled=x)
    kept = {}
    watch = lambda step, m: kept.update({step: m.members[0].head.weight.detach().clone()})  # noqa: E731
    config = TrainConfig(steps=10, batch_size=16, weight_decay=0.1)
    train(model, objective, {"x0": x, "y": y}, config, torch.Generator(), after_step=watch)
    assert not torch.equal(kept[4], kept[5])
    assert torch.equal(kept[5], kept[10])


def test_balanced_batches_hold_domains_in_equal_shares_and_all_rows_of_the_smallest():
    domain = torch.tensor([0] * 70 + [1] * 20 + [2] * 6)
    order = balanced_order(domain, 12, torch.Generator().manual_seed(0))
    assert len(order) == 96
    for part in order.split(12):
        assert torch.bincount(domain[part], minlength=3).tolist() == [4, 4, 4]
    assert set(order[domain[order] == 2].tolist()) == set(range(90, 96))
    many = torch.arange(400) % 50
    for part in balanced_order(many, 16, torch.Generator().manual_seed(0)).split(16):
        assert sorted(torch.bincount(many[part]).unique().tolist()) == [0, 4]


@pytest.mark.parametrize("name", ["group-dro", "irm", "dann", "mixup", "feasible"])
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(name, tmp_path):
    data, path = rows(54), tmp_path / "run.pt"
    config = TrainConfig(steps=12, batch_size=12, eval_every=4)

    def run(stop=None, checkpoint=None):
        torch.manual_seed(0)
        model = FeaturedMLP(3, 3, 8, 1)
        objective = prepared(name, model, data)

        def watch(step, _):
            if step == stop:
                raise KeyboardInterrupt

        try:
            generator = torch.Generator().manual_seed(1)
            train(model, objective, data, config, generator, checkpoint=checkpoint, after_step=watch)
        except KeyboardInterrupt:
            return None
        return model.head.weight.detach()

    whole = run(checkpoint=tmp_path / "whole.pt")
    assert run(stop=9, checkpoint=path) is None
    assert torch.equal(run(checkpoint=path), whole)


def test_what_an_objective_lacks_is_said():
    model, data = Line(3, 3), rows()
    del data["domain"]
    with pytest.raises(BadInput, match="irm needs 'domain' for each row, got x0, y, index"):
        prepared("irm", model, data)
    with pytest.raises(BadInput, match="at least two in training, got one"):
        prepared("v-rex", model, {**data, "domain": torch.zeros(27, dtype=torch.int64)})
    with pytest.raises(BadInput, match="focal is defined for classify, not for regress"):
        prepared("focal", model, data, "regress")
    with pytest.raises(BadInput, match="coral reads features: Linear needs features"):
        prepared("coral", nn.Linear(3, 3), rows())
    with pytest.raises(BadInput, match="divdis needs unlabelled inputs"):
        prepared("divdis", model, data)
    with pytest.raises(BadInput, match="epsilon and start can't be negative"):
        objective_named("feasible", epsilon=-1.0)
