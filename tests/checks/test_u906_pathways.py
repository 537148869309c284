"""Other units for unseen inputs are told where a network has two ways to answer, and not where inputs are alike."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import unseen  # noqa: E402
from unseen.checks import details  # noqa: E402
from unseen.learners.networks.network import digest  # noqa: E402


def drawn(n, seed, at=0):
    """Three classes, told by three of eight inputs: the first three, or the last."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    x = rng.normal(size=(n, 8)) * 0.7
    x[np.arange(n), at + y] += 3
    return x.astype("float32"), y


@pytest.fixture(scope="module")
def both_ways():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 3))
    parts = [drawn(300, 0), drawn(300, 1, at=5)]
    x, y = (torch.tensor(np.concatenate([p[i] for p in parts])) for i in (0, 1))
    step = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(100):
        step.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        step.step()
    return net


def told(net, test, **more):
    return unseen.audit(module={"net": net}, train=drawn(150, 2), test=test, select="U906", **more)


def test_another_way_to_answer_is_told_with_its_curve(both_ways, tmp_path):
    before = digest(both_ways)
    audit = told(both_ways, drawn(150, 3, at=5))
    (found,) = audit.context
    assert digest(both_ways) == before
    assert found.details.gained.low > 0
    assert found.details.p_value == 1 / 200
    assert found.estimate == found.details.gained
    assert "more of its unseen answers (p = 0.005): other units carry these." in found.statement
    assert found.details.curve[-1].units == found.details.units == 24
    assert found.details.curve[-1].seen == found.details.curve[-1].unseen == 1.0
    plain = json.loads(json.dumps(found.details.plain()))
    assert details.read(plain).plain() == found.details.plain()
    page = audit.save_html(tmp_path / "report.html").read_text()
    assert "hidden units kept" in page


def test_inputs_that_are_alike_are_not_said_to_take_another_way(both_ways):
    (found,) = told(both_ways, drawn(150, 4)).context
    assert found.details.gained.low <= 0
    assert "That others carry its unseen answers is not seen" in found.statement


def test_equal_seeds_tell_the_same(both_ways):
    one, two = (told(both_ways, drawn(60, 4), seed=3).context[0] for _ in range(2))
    assert one.details.plain() == two.details.plain()


def test_what_has_no_pathways_is_told(both_ways):
    assert "there are no pathways to compare" in told(both_ways, None)["U906"][0].statement
    assert "15 independent examples, 20 are needed" in told(both_ways, drawn(15, 4))["U906"][0].statement
    assert "has no hidden layer" in told(nn.Linear(8, 3), drawn(60, 4))["U906"][0].statement
    x, _ = drawn(60, 0)
    numbers = unseen.audit(module=nn.Linear(8, 1), train=(x, x[:, 0]), test=(x, x[:, 0]), select="U906")
    assert "gives no class an example" in numbers["U906"][0].statement
