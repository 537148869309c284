"""What users of torch hand over beside examples."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import unseen  # noqa: E402
from unseen.errors import BadInput  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.learners.networks.given import own_loss  # noqa: E402


def few(n=20):
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(1))
    return x, (x[:, 0] > 0).long()


@pytest.mark.parametrize(
    "loss", [lambda o, y: (o - y) ** 2, nn.MSELoss(reduction="none"), nn.MSELoss(), nn.functional.mse_loss]
)
def test_each_target_is_held_against_its_own_output(loss):
    x, _ = few()
    net, y = nn.Linear(3, 1), x[:, 0] * 2
    each = (net(x)[:, 0] - y).square()
    for targets in (y, y[:, None]):
        sample = Sample.of((x, targets))
        assert torch.allclose(Network.of(net, sample, loss=own_loss(loss)).losses(sample), each, atol=1e-5)


def test_a_chance_of_two_classes_takes_them_as_whole_numbers():
    x, y = few()
    net, loss = nn.Linear(3, 1), nn.BCEWithLogitsLoss()
    made = unseen.audit(module=net, train=(x, y), loss=loss, select="U901", progress=False).result.subject.module
    each = nn.functional.binary_cross_entropy_with_logits(net(x)[:, 0], y.float(), reduction="none")
    assert torch.allclose(made.networks[0].losses(made.train), each, atol=1e-5)


def test_a_loss_that_flattens_outputs_itself_is_left_alone():
    outputs, targets = torch.randn(5, 1), torch.randn(5)
    given = own_loss(lambda o, y: (o[:, 0] - y).abs())
    assert torch.equal(given(outputs, targets), (outputs[:, 0] - targets).abs())


def test_an_audit_reads_the_loss_so():
    x, _ = few()
    net, y = nn.Linear(3, 1), x[:, 0] * 2
    made = unseen.audit(
        module=net, train=(x, y), loss=lambda o, t: (o - t) ** 2, select="U901", progress=False
    ).result.subject.module
    assert torch.allclose(made.networks[0].losses(made.train), (net(x)[:, 0] - y).square(), atol=1e-5)


class Centred(nn.Module):
    """Takes the mean of the batch away."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 2)

    def forward(self, x):
        return self.inner(x - x.mean(0))


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 2)),
        nn.Sequential(
            nn.Unflatten(1, (1, 3)), nn.BatchNorm1d(1, track_running_stats=False), nn.Flatten(), nn.Linear(3, 2)
        ),
        Centred(),
    ],
)
def test_networks_whose_answers_hang_on_the_batch_are_refused(module):
    with pytest.raises(BadInput, match=r"depends on the others in the batch"):
        unseen.audit(module=module, train=few(), select="U901", progress=False)


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(4), nn.Dropout(), nn.LayerNorm(4)])
def test_networks_with_means_of_their_own_are_read(layer):
    net = nn.Sequential(nn.Linear(3, 4), layer, nn.Linear(4, 2))
    assert unseen.audit(module=net, train=few(), select="U901", progress=False).result.context
