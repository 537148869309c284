"""Batch-norm adaptation and Tent, against closed forms and autograd."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.adaptation.base import Batch, Source, adapt  # noqa: E402
from unseen.adaptation.batch_norm import AdaptedNorm, BatchNormAdaptation, with_adapted_norms  # noqa: E402
from unseen.adaptation.tent import Tent, affine_parameters, mean_entropy  # noqa: E402
from unseen.errors import BadInput  # noqa: E402
from unseen.learners.architectures.featured import FeaturedCNN, FeaturedMLP  # noqa: E402

torch.set_num_threads(1)
LABELS = np.arange(3)


def trained(seed=0, classes=3):
    """A small network on blobs, with batch norm."""
    torch.manual_seed(seed)
    net = FeaturedMLP(4, classes, 16, 2, batch_norm=True)
    x, y = rows(600, seed, classes)
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    return net.eval()


def rows(n, seed, classes=3):
    g = torch.Generator().manual_seed(seed + 100)
    y = torch.randint(classes, (n,), generator=g)
    return 3 * torch.eye(classes, 4)[y] + torch.randn(n, 4, generator=g), y


def test_statistics_are_those_of_the_batch_mixed_with_the_source():
    layer = nn.BatchNorm2d(3).eval()
    layer.running_mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    layer.running_var.copy_(torch.tensor([4.0, 1.0, 0.5]))
    x = torch.randn(6, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    for prior in (0.0, 6.0, 18.0):
        share = 6 / (6 + prior)
        mean = share * x.mean((0, 2, 3)) + (1 - share) * layer.running_mean
        var = share * x.var((0, 2, 3), correction=0) + (1 - share) * layer.running_var
        exact = (x - mean[:, None, None]) / torch.sqrt(var + layer.eps)[:, None, None]
        with torch.no_grad():
            assert torch.allclose(AdaptedNorm(layer, prior, False)(x), exact, atol=1e-5)
        assert torch.allclose(AdaptedNorm(layer, prior, False)(x), exact, atol=1e-5)


def test_without_prior_it_is_the_training_mode_and_with_much_the_evaluation_mode():
    net, (x, _) = trained(), rows(64, 1)
    source = Source(LABELS, 3, module=net)
    with torch.no_grad():
        evaluation = torch.softmax(net(x), 1).numpy()
        batchwise = torch.softmax(with_train_statistics(net)(x), 1).numpy()
    assert BatchNormAdaptation(source, prior=0.0).predict(Batch(inputs=x)) == pytest.approx(batchwise, abs=1e-5)
    assert BatchNormAdaptation(source, prior=1e9).predict(Batch(inputs=x)) == pytest.approx(evaluation, abs=1e-5)


def with_train_statistics(net):
    import copy

    made = copy.deepcopy(net)
    for m in made.modules():
        if isinstance(m, nn.BatchNorm1d):
            m.train()
    return made


def test_cumulative_statistics_are_those_of_all_rows_since_the_reset():
    x = torch.randn(30, 5, generator=torch.Generator().manual_seed(1)) * 3 + 1
    layer = AdaptedNorm(nn.BatchNorm1d(5), 0.0, True)
    with torch.no_grad():
        layer(x[:10])
        second = layer(x[10:])
        exact = (x[10:] - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + layer.eps)
    assert torch.allclose(second, exact, atol=1e-4)


def test_batch_norm_adaptation_undoes_a_change_of_offset_and_scale():
    net, (x, y) = trained(), rows(600, 2)
    moved = x * torch.tensor([2.0, 1.0, 0.5, 1.0]) + torch.tensor([-6.0, 6.0, 6.0, 0.0])
    with torch.no_grad():
        before = float((net(moved).argmax(1) == y).float().mean())
    adapter = BatchNormAdaptation(Source(LABELS, 3, module=net), prior=4.0)
    made = np.concatenate(adapt(adapter, [Batch(inputs=p) for p in moved.split(100)]))
    assert before < 0.7
    assert np.mean(made.argmax(1) == y.numpy()) > 0.9


def test_module_methods_leave_the_module_alone_and_are_deterministic():
    net, (x, _) = trained(), rows(200, 3)
    kept = {k: v.clone() for k, v in net.state_dict().items()}
    batches = [Batch(inputs=p, domain=i // 2) for i, p in enumerate(x.split(50))]
    for adapter in (BatchNormAdaptation(Source(LABELS, 3, module=net)), Tent(Source(LABELS, 3, module=net), rate=0.01)):
        for setting in ("episodic", "online", "continual"):
            a, b = (np.concatenate(adapt(adapter, batches, setting)) for _ in range(2))
            assert np.array_equal(a, b)
        first = adapt(adapter, batches, "episodic")
        assert all(
            np.array_equal(p, q) for p, q in zip(first, adapt(adapter, batches[::-1], "episodic")[::-1], strict=True)
        )
        online = adapt(adapter, batches, "online")
        assert np.array_equal(online[2], first[2])
        assert not np.array_equal(online[3], adapt(adapter, batches, "continual")[3])
    assert all(torch.equal(v, kept[k]) for k, v in net.state_dict().items())
    assert all(p.requires_grad for p in net.parameters())


def test_tent_takes_adam_steps_on_the_mean_entropy_of_affine_parameters_only():
    net, (x, _) = trained(), rows(40, 4)
    tent = Tent(Source(LABELS, 3, module=net), rate=0.01, guard=False)
    names = {id(p): n for n, p in tent.module.named_parameters()}
    before = {n: p.detach().clone() for n, p in tent.module.named_parameters()}
    twin = with_train_statistics(net)
    logits = twin(x)
    p = torch.softmax(logits, 1)
    entropy = -(p * torch.log(p)).sum(1).mean()
    assert float(mean_entropy(logits).detach()) == pytest.approx(float(entropy.detach()), rel=1e-5)
    affine = [q for m in twin.modules() if isinstance(m, nn.BatchNorm1d) for q in (m.weight, m.bias)]
    gradients = torch.autograd.grad(entropy, affine)
    tent.predict(Batch(inputs=x))
    for mine, exact in zip(tent.parameters, gradients, strict=True):
        assert torch.allclose(mine.grad, exact, atol=1e-5)
        # Adam's first step has the length of the rate, against the sign of the gradient.
        moved = mine.detach() - before[names[id(mine)]]
        large = exact.abs() > 1e-4
        assert torch.allclose(moved[large], -0.01 * exact.sign()[large], atol=1e-4)
    changed = {n for n, q in tent.module.named_parameters() if not torch.equal(q, before[n])}
    assert changed == {names[id(q)] for q in tent.parameters}
    assert len(changed) == 4


def test_tent_lowers_the_entropy_and_again_shows_it_at_once():
    net, (x, _) = trained(), rows(200, 5)
    moved = 0.6 * x
    late, now = (Tent(Source(LABELS, 3, module=net), rate=0.01, again=a, guard=False) for a in (False, True))
    first, second = (late.predict(Batch(inputs=moved)) for _ in range(2))
    again = now.predict(Batch(inputs=moved))

    def surprise(p):
        return float(-(p * np.log(p)).sum(1).mean())

    assert surprise(second) < surprise(first)
    assert again == pytest.approx(second, abs=1e-5)


def test_the_guard_stops_a_collapse_that_bare_tent_runs_into():
    net, (x, y) = trained(), rows(1200, 6)
    # Weak, noisy inputs and a rate far too high: the surest answer is one class for all.
    g = torch.Generator().manual_seed(9)
    weak = 0.3 * x + torch.randn(x.shape, generator=g)
    batches = [Batch(inputs=p, domain="weak") for p in weak.repeat(3, 1).split(60)]
    bare = Tent(Source(LABELS, 3, module=net), rate=0.3, guard=False)
    guarded = Tent(Source(LABELS, 3, module=net), rate=0.3)
    lost = np.concatenate(adapt(bare, batches, "continual"))[-600:].argmax(1)
    held = np.concatenate(adapt(guarded, batches, "continual"))[-600:].argmax(1)
    truth = y.repeat(3).numpy()[-600:]
    assert np.bincount(lost, minlength=3).min() == 0
    assert guarded.messages
    assert "went back to the source's parameters in domain 'weak'" in guarded.messages[0]
    assert np.mean(held == truth) > np.mean(lost == truth) + 0.1
    assert np.bincount(held, minlength=3).min() > 0.15 * 600
    assert not bare.messages


def test_the_guard_sees_a_jump_of_confidence_before_the_classes_fall_together():
    net, (x, _) = trained(), rows(600, 6)
    noise = torch.randn(60, 4, generator=torch.Generator().manual_seed(3))
    tent = Tent(Source(LABELS, 3, module=net), rate=0.1, bound=0.0, jump=0.05)
    adapt(tent, [Batch(inputs=noise), *(Batch(inputs=p) for p in x.split(60))], "continual")
    assert "the mean largest probability rose from" in tent.messages[0]
    # Right after the guard acted the parameters are the source's.
    fresh = Tent(Source(LABELS, 3, module=net))
    tent.reset()
    assert all(torch.equal(a, b) for a, b in zip(tent.parameters, fresh.parameters, strict=True))


def test_the_guard_is_silent_on_a_mild_run():
    net, (x, _) = trained(), rows(600, 7)
    tent = Tent(Source(LABELS, 3, module=net))
    adapt(tent, [Batch(inputs=p) for p in x.split(60)], "continual")
    assert not tent.messages


def test_layer_norms_serve_where_there_is_no_batch_norm_and_nothing_is_refused():
    net = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 3))
    assert len(affine_parameters(net)) == 2
    Tent(Source(LABELS, 3, module=net)).predict(Batch(inputs=rows(10, 8)[0]))
    with pytest.raises(BadInput, match="no normalisation layer"):
        Tent(Source(LABELS, 3, module=FeaturedMLP(4, 3)))
    with pytest.raises(BadInput, match="no batch-norm layer"):
        with_adapted_norms(FeaturedMLP(4, 3), 1.0)
    with pytest.raises(BadInput, match="one row has no variance"):
        BatchNormAdaptation(Source(LABELS, 3, module=trained()), prior=0.0).predict(Batch(inputs=rows(1, 9)[0]))
    two_heads = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 6), nn.Unflatten(1, (2, 3)))
    for method in (BatchNormAdaptation, Tent):
        with pytest.raises(BadInput, match="one row of logits a row"):
            method(Source(LABELS, 3, module=two_heads)).predict(Batch(inputs=rows(9, 9)[0]))


def test_images_go_through():
    torch.manual_seed(0)
    net = FeaturedCNN(1, 8, 3, 4, batch_norm=True).eval()
    x = torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for adapter in (BatchNormAdaptation(Source(LABELS, 3, module=net)), Tent(Source(LABELS, 3, module=net))):
        assert adapter.predict(Batch(inputs=x)).sum(1) == pytest.approx(np.ones(20))
