"""Networks that differ in their optimiser, side by side; and how many runs a design needs."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.atlas.studies.measures._optimiser_multiverse import (  # noqa: E402
    BATCH,
    WIDTH,
    runs_to,
    spread_out,
    trained_together,
)


@pytest.mark.parametrize("adam", [True, False])
def test_networks_side_by_side_are_those_that_torch_trains_one_by_one(adam):
    """The same weights, batches and settings by torch's own optimisers answer the same images alike."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 8)), rng.integers(10, size=200)
    new, truth = rng.normal(size=(100, 8)), rng.integers(10, size=100)
    rates, second = np.array([0.003, 0.03]), np.array([1e-8, 0.1]) if adam else np.array([0.0, 0.9])
    (found,) = trained_together([(x, y), (new, truth)], rates, second, adam=adam, steps=25, seed=3)
    for rate, other, accuracy in zip(rates, second, found, strict=True):
        generator = torch.Generator().manual_seed(3)
        layers = []
        for a, b in ((8, WIDTH), (WIDTH, WIDTH), (WIDTH, 10)):
            layer = torch.nn.Linear(a, b)
            with torch.no_grad():
                layer.weight.copy_((torch.randn(a, b, generator=generator) * (2 / a) ** 0.5).T)
                layer.bias.zero_()
            layers += [layer, torch.nn.ReLU()]
        net = torch.nn.Sequential(*layers[:-1])
        own = (
            torch.optim.Adam(net.parameters(), float(rate), eps=float(other))
            if adam
            else torch.optim.SGD(net.parameters(), float(rate), momentum=float(other))
        )
        rows, labels = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y)
        for _ in range(25):
            take = torch.randint(len(rows), (BATCH,), generator=generator)
            own.zero_grad()
            torch.nn.functional.cross_entropy(net(rows[take]), labels[take]).backward()
            own.step()
        with torch.no_grad():
            guesses = net(torch.as_tensor(new, dtype=torch.float32)).argmax(1).numpy()
        # One image whose two best answers are tied to rounding may go either way.
        assert (guesses == truth).mean() == pytest.approx(accuracy, abs=0.011)


def test_runs_are_counted_to_where_the_error_stays_below_the_target():
    along = np.array([0.5, 0.2, 0.3, 0.1, 0.05])
    assert [runs_to(t, along) for t in (0.6, 0.3, 0.25, 0.07, 0.01)] == [6, 7, 9, 10, 11]


def test_a_space_is_all_combinations():
    assert spread_out({"a": np.array([0.0, 1.0]), "b": np.array([0.0, 0.5])}).tolist() == [
        [0, 0],
        [0, 0.5],
        [1, 0],
        [1, 0.5],
    ]
