import pytest

torch = pytest.importorskip("torch")

from unseen.errors import BadInput  # noqa: E402
from unseen.training.batched.full_batch import adamw_stacked  # noqa: E402

K, D = 3, 4


def problem():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(20, D, generator=generator, dtype=torch.float64)
    y = torch.randn(20, generator=generator, dtype=torch.float64)
    start = {
        "w": torch.randn(K, D, generator=generator, dtype=torch.float64),
        "b": torch.randn(K, generator=generator, dtype=torch.float64),
    }

    def losses(p):
        return ((torch.tanh(p["w"] @ x.T) + p["b"][:, None] - y) ** 2).mean(1)

    return start, losses


def test_every_model_follows_torch_adamw_run_alone():
    start, losses = problem()
    decay = [0.0, 0.1, 1.0]
    found = adamw_stacked(start, losses, steps=40, lr=0.02, weight_decay=torch.tensor(decay, dtype=torch.float64))
    for k in range(K):
        alone = {name: value[k : k + 1].clone().requires_grad_() for name, value in start.items()}
        optimizer = torch.optim.AdamW(alone.values(), lr=0.02, betas=(0.9, 0.98), weight_decay=decay[k])
        for _ in range(40):
            optimizer.zero_grad()
            losses(alone).sum().backward()
            optimizer.step()
        for name, value in alone.items():
            torch.testing.assert_close(found[name][k : k + 1], value.detach())


def test_masked_weights_stay_zero_and_the_others_train_as_if_alone():
    start, losses = problem()
    mask = torch.tensor([[1, 0, 1, 0]] * K, dtype=torch.float64)
    found = adamw_stacked(start, losses, steps=10, lr=0.05, masks={"w": mask})
    assert (found["w"][:, [1, 3]] == 0).all()
    zeroed = {"w": start["w"] * mask, "b": start["b"]}

    def restricted(p):
        return losses(
            {"w": torch.stack([p["w"][:, 0], 0 * p["w"][:, 0], p["w"][:, 2], 0 * p["w"][:, 0]], 1), "b": p["b"]}
        )

    other = adamw_stacked(zeroed, restricted, steps=10, lr=0.05)
    torch.testing.assert_close(found["w"][:, [0, 2]], other["w"][:, [0, 2]])


def test_watching_starts_before_the_first_update_and_can_end_the_run():
    start, losses = problem()
    seen = []
    found = adamw_stacked(start, losses, steps=9, every=2, watch=lambda s, p: seen.append(s) or s >= 4)
    shorter = adamw_stacked(start, losses, steps=4)
    assert seen == [0, 2, 4]
    torch.testing.assert_close(found["w"], shorter["w"])


def test_different_numbers_of_models_are_named():
    with pytest.raises(BadInput, match="'b': 2"):
        adamw_stacked({"a": torch.ones(3, 1), "b": torch.ones(2, 1)}, lambda p: p["a"].sum(1), steps=1)
