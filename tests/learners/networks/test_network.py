"""A network is read as it is: gradients of single examples are those of a loop, and bad modules and data are named."""

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.errors import BadInput  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.learners.networks.network import digest  # noqa: E402


def data(n=12, width=4, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return Sample.of((rng.normal(size=(n, width)).astype("float32"), rng.integers(0, classes, n)))


def built(*layers):
    torch.manual_seed(0)
    return nn.Sequential(*layers)


def looped(network, sample):
    """Gradients by one backward pass an example."""
    made = []
    for i in range(len(sample)):
        network.module.zero_grad()
        network.loss(network.module(sample.inputs[i : i + 1]), sample.targets[i : i + 1]).sum().backward()
        made.append(torch.cat([p.grad.reshape(-1) for p in network.module.parameters()]))
    return torch.stack(made)


class Looks(nn.Module):
    """Code that looks at values, which can't be mapped over examples."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x) * (2.0 if float(x.sum()) > 0 else 1.0)


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)),
        (nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.ReLU(inplace=True), nn.Linear(8, 3)),
        (nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 5, 2), nn.Flatten(), nn.Tanh(), nn.Linear(5, 3)),
    ],
)
def test_gradients_of_single_examples_are_those_of_a_loop(layers):
    sample = data()
    network = Network.of(built(*layers), sample)
    got = torch.cat([part for _, part in network.gradients(sample, memory=16 * 4 * network.parameters * 5)])
    assert torch.allclose(got, looped(network, sample), atol=1e-6)


def test_code_that_cannot_be_mapped_gives_the_same_gradients_one_by_one():
    sample = data()
    network = Network.of(Looks(), sample)
    got = torch.cat([part for _, part in network.gradients(sample)])
    assert torch.allclose(got, looped(network, sample), atol=1e-6)


def test_nothing_of_the_users_module_changes():
    sample = data()
    module = built(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)).train()
    before = digest(module)
    network = Network.of(module, sample)
    list(network.gradients(sample))
    network.losses(sample)
    assert digest(module) == before == network.digest()
    assert module.training
    assert all(p.grad is None for p in module.parameters())
    assert network.notes == ("it was in training mode: read in evaluation mode",)


def test_half_precision_is_raised():
    sample = data()
    network = Network.of(built(nn.Linear(4, 3)).to(torch.bfloat16).eval(), sample)
    assert network.notes == ("half precision was raised to single",)
    assert network.outputs(sample.inputs).dtype == torch.float32


@pytest.mark.parametrize("loss", ["cross-entropy", None, nn.CrossEntropyLoss(), nn.CrossEntropyLoss(reduction="none")])
def test_a_loss_is_a_name_or_a_function_of_any_reduction(loss):
    sample = data()
    network = Network.of(built(nn.Linear(4, 3)), sample, loss=loss)
    wanted = nn.functional.cross_entropy(network.outputs(sample.inputs), sample.targets, reduction="none")
    assert torch.allclose(network.losses(sample), wanted)


def test_one_output_and_two_classes_is_a_logit():
    sample = data(classes=2)
    assert Network.of(built(nn.Linear(4, 1)), sample).loss_name == "binary"


def test_numbers_have_the_squared_error():
    rng = np.random.default_rng(0)
    sample = Sample.of((rng.normal(size=(6, 4)), rng.normal(size=6)))
    network = Network.of(built(nn.Linear(4, 1)), sample)
    assert torch.allclose(network.losses(sample), (network.outputs(sample.inputs)[:, 0] - sample.targets) ** 2)


class Detached(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x).detach()


def spoiled():
    module = nn.Linear(4, 3)
    with torch.no_grad():
        module.weight[0, 0] = float("nan")
    return module


def frozen():
    return nn.Linear(4, 3).requires_grad_(requires_grad=False)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("weights.pt", "is a str, not a torch module"),
        (nn.ReLU(), "has no parameters that can be trained"),
        (frozen(), "has no parameters that can be trained"),
        (spoiled(), r"weight holds values that are not finite \(1 of 12\)"),
        (nn.Linear(5, 3), r"does not take the inputs of train, of shape \(2, 4\)"),
        (nn.Linear(4, 2), r"train has class 2, and the network tells 2 classes \(0 to 1\) apart"),
        (Detached(), "its loss does not depend on its parameters"),
    ],
)
def test_a_module_that_cannot_be_read_is_named(module, words):
    with pytest.raises(BadInput, match=words):
        Network.of(module, data())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (([[1.0, np.nan]], [0]), "the input of row 0 is not finite"),
        (([[1.0], [2.0]], [0]), "2 inputs, but 1 targets"),
        ((np.zeros((0, 2)), np.zeros(0, dtype=int)), "there are no examples"),
        (([[1.0]], ["cat"]), "give the numbers of the classes"),
        ((["a"], [0]), "hold no numbers"),
        ("train.csv", "got str"),
    ],
)
def test_data_that_cannot_be_read_are_named(given, words):
    with pytest.raises(BadInput, match=words):
        Sample.of(given)


def test_a_frame_is_read_by_its_columns():
    table = pl.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "site": ["x", "y"], "person": [7, 7], "label": [0, 1]})
    sample = Sample.of(table, target="label", cluster="person")
    assert sample.inputs.tolist() == [[1.0, 0.5], [2.0, 1.5]]
    assert sample.clusters.tolist() == [0, 0]
    assert "site" in sample.table.columns
    with pytest.raises(BadInput, match="'site' holds String"):
        Sample.of(table, target="label", inputs=("a", "site"))
    with pytest.raises(BadInput, match="no column 'y'"):
        Sample.of(table, target="y")


def test_images_in_one_column_keep_their_shape():
    table = pl.DataFrame({"image": np.arange(24.0).reshape(2, 3, 4), "label": [0, 1]})
    assert tuple(Sample.of(table, target="label").inputs.shape) == (2, 3, 4)


def test_a_dataset_is_stacked():
    given = torch.utils.data.TensorDataset(torch.ones(5, 2), torch.arange(5))
    assert tuple(Sample.of(given).inputs.shape) == (5, 2)
    assert Sample.of(given).targets.tolist() == [0, 1, 2, 3, 4]


class Around(nn.Module):
    """A network whose forward is another's, with something around it."""

    def __init__(self, forward, outputs=2):
        super().__init__()
        self.net, self.around = nn.Linear(3, outputs), forward

    def forward(self, x):
        return self.around(self.net, x)


def few(n=6):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 3, generator=generator), torch.arange(n) % 2


def test_data_stay_as_they_are_where_a_network_changes_its_inputs_in_place():
    x, y = few()
    before = x.clone()
    net = Network.of(Around(lambda net, x: net(x.mul_(2))), Sample.of((x, y)))
    sample = Sample.of((x, y))
    first, _ = net.outputs(x), [part for _, part in net.gradients(sample)]
    assert torch.equal(x, before)
    assert torch.equal(net.outputs(x), first)
    assert torch.equal(first, net.module.net(2 * before).detach())


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.LazyLinear(2), "holds no values yet"),
        (nn.Linear(3, 2, device="meta"), "holds no values yet"),
        (Around(lambda net, x: net(x).mean()), "one number as outputs for 2"),
        (Around(lambda net, x: net(x).squeeze()), "can't be worked out on train"),
    ],
)
def test_modules_without_values_or_outputs_an_example_are_refused(module, words):
    with pytest.raises(BadInput, match=words):
        Network.of(module, Sample.of(few()))


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (nn.MSELoss(), "MSELoss.*can't be worked out.*shape"),
        (lambda _outputs, _targets: 1.0, "gives float"),
        (lambda _outputs, _targets: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_losses_that_do_not_fit_are_told(loss, words):
    with pytest.raises(BadInput, match=words):
        Network.of(nn.Linear(3, 2), Sample.of(few()), loss=loss)


def test_logits_are_found_by_name_and_behind_parallel_copies():
    x, y = few()
    net = nn.Linear(3, 2)
    plain = Network.of(net, Sample.of((x, y))).outputs(x)
    named = Around(lambda net, x: {"hidden": x, "logits": net(x)})
    named.net = net
    assert torch.equal(Network.of(named, Sample.of((x, y))).outputs(x), plain)
    assert torch.equal(Network.of(nn.DataParallel(net), Sample.of((x, y))).outputs(x), plain)


def test_classes_in_one_column_are_classes():
    x, y = few()
    assert torch.equal(Sample.of((x, y[:, None])).targets, y)


def test_a_failure_on_some_inputs_names_them():
    def picky(net, x):
        if float(x.max()) > 50:
            raise ValueError("too large")
        return net(x)

    x, y = few()
    net = Network.of(Around(picky), Sample.of((x, y)))
    x[5] = 100
    with pytest.raises(BadInput, match=r"inputs 4 to 5 .*too large"):
        net.outputs(x, batch=2)


def test_weights_as_one_vector_are_the_parameters_again():
    sample = data()
    network = Network.of(built(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)), sample)
    network.module[0].bias.requires_grad_(requires_grad=False)
    named = network.named(network.weights)
    assert all(torch.equal(named[k], v) for k, v in network.trained.items())
    assert set(network.fixed) == {"0.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"}
    assert torch.equal(network.at(named, sample.inputs), network.outputs(sample.inputs))
    zero = network.at(network.named(torch.zeros_like(network.weights)), sample.inputs)
    assert torch.equal(zero, torch.zeros(12, 3))


def hinge(outputs, targets):
    return (1 - (2 * targets - 1) * outputs[:, 0]).clamp(min=0)


def chance(outputs, targets):
    return nn.functional.binary_cross_entropy(outputs[:, 0], targets.float(), reduction="none")


@pytest.mark.parametrize(
    ("layers", "loss", "told"),
    [
        ((nn.Linear(1, 1),), hinge, [0, 0, 1, 1]),
        ((nn.Linear(1, 1), nn.Sigmoid()), chance, [0, 0, 1, 1]),
        # Minus 2, minus 0.4, 0.6 and 2 as numbers that are to be near the class.
        ((nn.Linear(1, 1),), lambda o, y: (o[:, 0] - y).abs(), [0, 0, 1, 2]),
    ],
)
def test_one_output_with_a_loss_of_ones_own_is_the_class_of_least_loss(layers, loss, told):
    net = built(*layers)
    with torch.no_grad():
        net[0].weight.fill_(1.0)
        net[0].bias.zero_()
    sample = Sample.of(([[-2.0], [-0.4], [0.6], [2.0]], told))
    network = Network.of(net, sample, loss=loss)
    scores = network.class_scores(network.outputs(sample.inputs))
    assert scores.argmax(1).tolist() == told
    if loss is chance:
        assert torch.allclose(scores.softmax(1)[:, 1], torch.sigmoid(sample.inputs[:, 0]), atol=1e-6)


def test_whole_numbers_that_are_no_classes_are_told():
    with pytest.raises(BadInput, match=r"whole numbers up to 5,000 as targets.*as decimal ones"):
        Network.of(nn.Linear(1, 1), Sample.of(([[1.0], [2.0]], [7, 5000])), loss="squared")


def test_log_probabilities_with_their_likelihood_are_the_cross_entropy():
    sample = data()
    layers = nn.Linear(4, 3)
    network = Network.of(nn.Sequential(layers, nn.LogSoftmax(1)), sample, loss=nn.NLLLoss())
    assert network.loss_name == "cross-entropy"
    assert torch.allclose(network.losses(sample), Network.of(layers, sample).losses(sample), atol=1e-6)
    # Of outputs that are no log-probabilities it is a loss of its own.
    assert Network.of(layers, sample, loss=nn.NLLLoss()).loss_name == "NLLLoss"


def test_losses_of_sequences_are_one_an_example():
    x = torch.arange(12).reshape(3, 4) % 5
    reads = nn.Embedding(5, 5)
    network = Network.of(Around(lambda net, x: reads(x).transpose(1, 2) + net.bias.sum()), Sample.of((x, x)))
    assert network.losses(Sample.of((x, x))).shape == (3,)


def test_memory_that_the_machine_has_not_is_told_before(monkeypatch):
    from unseen.engine import processes

    monkeypatch.setattr(processes, "_free_memory", lambda: 1000.0)
    with pytest.raises(
        BadInput, match=r"network: a copy in single precision would take 0.0 GB of memory, and 0.0 GB are free"
    ):
        Network.of(nn.Linear(30, 30), Sample.of((np.zeros((2, 30), dtype="float32"), [0, 1])))
