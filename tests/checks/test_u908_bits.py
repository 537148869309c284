"""U908 counts bits that are there, none where a network knows what its examples give, and says among which functions."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import unseen  # noqa: E402
from unseen.measures.difficulty_in_bits.beyond import bits_beyond  # noqa: E402


class Says(nn.Module):
    """A network that knows the rule, up to a slip and one parameter."""

    def __init__(self, slip=0.0):
        super().__init__()
        self.shift, self.slip = nn.Parameter(torch.zeros(1)), slip

    def forward(self, x):
        return torch.sin(3 * x[:, :1]) + self.slip * torch.cos(5 * x[:, 1:]) + self.shift


def made(n, seed):
    x = np.random.default_rng(seed).uniform(-2, 2, (n, 2)).astype("float32")
    return x, np.sin(3 * x[:, 0]).astype("float32")


def told(net, train, test=None, **more):
    audit = unseen.audit(module={"net": net}, train=train, test=test, select="U908", **more)
    return audit.context[0] if audit.context else audit["U908"][0]


def test_a_network_that_knows_the_rule_shows_bits_that_one_that_knows_less_does_not(tmp_path):
    train, test = made(80, 0), made(120, 1)
    nets = {"knows": Says(0.05), "nearly": Says(0.3)}
    audit = unseen.audit(module=nets, train=train, test=test, select="U908,U101")
    knows, nearly = (c.details for c in audit.context)
    assert knows.bits.low > nearly.bits.value > 0
    assert audit.context[0].statement.startswith("knows: its answers to 120 test examples show ")
    assert (
        "bits beyond what its 80 training examples give, counted among functions of a Gaussian process"
        in audit.context[0].statement
    )
    assert knows.dimension.low < 2 < knows.dimension.high
    assert "open" not in audit.context[0].statement
    assert knows.complexity is None
    assert "bits that test answers show beyond" in audit.save_html(tmp_path / "r.html").read_text().lower()


def test_the_mean_of_all_that_fit_shows_no_bits_and_a_worse_guess_fewer_than_none():
    from unseen.measures.difficulty_in_bits.gaussian import exponential, hypotheses_that_fit

    (x, y), (new, truth) = made(60, 2), made(100, 3)
    first = bits_beyond((x, y, y), (new, truth, np.zeros(100)))
    mean = hypotheses_that_fit(
        exponential(first.length, first.height),
        (x, y - y.mean()),
        (new, truth - y.mean()),
        noise=1e-6 * float(np.var(y)),
    ).mean[:, 0]
    assert abs(bits_beyond((x, y, y), (new, truth, mean + y.mean())).bits.value) < 0.01
    assert first.bits.high < 0


def test_intervals_cover_what_other_test_examples_of_the_number_give():
    x, y = made(60, 4)

    def said(x):
        return np.sin(3 * x[:, 0]) + 0.15 * np.cos(2 * x[:, 1])

    each = []
    for k in range(60):
        new, truth = made(60, 100 + k)
        each.append(bits_beyond((x, y, said(x)), (new, truth, said(new))).bits)
    middle = np.mean([e.value for e in each])
    # 0.95 nominal; three standard errors of 60 below.
    assert np.mean([e.low <= middle <= e.high for e in each]) >= 0.95 - 3 * 0.028


def test_copies_of_test_examples_in_one_cluster_do_not_narrow_the_interval():
    (x, y), (new, truth) = made(60, 5), made(60, 6)
    said = truth + 0.1 * np.cos(2 * new[:, 1])
    near = np.repeat(new, 3, axis=0) + np.random.default_rng(0).normal(0, 1e-2, (180, 2))
    triple = (near, np.repeat(truth, 3), np.repeat(said, 3))
    as_one = bits_beyond((x, y, y), triple, np.repeat(np.arange(60), 3)).bits
    as_many = bits_beyond((x, y, y), triple).bits
    assert as_one.units == 60
    assert as_one.width > 1.3 * as_many.width


def test_without_a_test_set_the_shape_of_the_data_is_told_with_its_assumption():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    x = rng.normal(size=(200, 3)).astype("float32")
    x[:, 0] += 6 * y
    outcome = told(nn.Linear(3, 2), (x, y))
    assert "training inputs vary in" in outcome.statement
    assert "bits beyond 200 training examples, if all functions of that resolution are as likely." in outcome.statement
    assert outcome.details.bits is None
    assert outcome.details.complexity.low < outcome.details.complexity.value < outcome.details.complexity.high


def test_classes_are_counted_by_their_probabilities_and_one_input_in_two_classes_has_no_resolution():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 120)
    x = (np.eye(3)[y] * 3 + rng.normal(size=(120, 3))).astype("float32")
    net = nn.Linear(3, 3)
    with torch.no_grad():
        net.weight.copy_(3 * torch.eye(3))
        net.bias.zero_()
    outcome = told(net, (x[:60], y[:60]), (x[60:], y[60:]))
    brier = np.mean((torch.softmax(net(torch.tensor(x[60:])), 1).detach().numpy() - np.eye(3)[y[60:]]) ** 2)
    assert outcome.details.error == pytest.approx(brier, rel=1e-5)
    twice = told(net, (np.r_[x[:60], x[:1]], np.r_[y[:60], (y[:1] + 1) % 3]), (x[60:], y[60:]))
    assert twice.details.resolution is None
    assert "the same input stands in two classes" in twice.details.refused[0]


def test_what_has_no_distances_or_too_few_tests_is_told():
    tokens = np.random.default_rng(0).integers(0, 5, (40, 6))
    net = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(24, 2))
    assert "between which there are no distances" in told(net, (tokens, tokens[:, 0] % 2)).statement
    few = told(Says(), made(60, 0), made(12, 1))
    assert "12 test clusters, 20 are needed" in few.statement
    copies = tuple(np.repeat(part, 10, axis=0) for part in made(5, 1))
    assert "5 test clusters, 20 are needed" in told(Says(), made(60, 0), copies).statement


def test_bits_that_may_be_none_and_errors_above_the_mean_are_said():
    train, test = made(80, 0), made(120, 1)
    assert "(it errs more than the mean of these functions)" in told(Says(3.0), train, test).statement
    few = (test[0][:24], test[1][:24])
    nearly = next(
        s for s in (told(Says(k / 20), train, few) for k in range(4, 30)) if s.estimate.low < 0 < s.estimate.high
    )
    assert "(whether there are any is open)" in nearly.statement


def test_the_same_audit_twice_says_the_same():
    train, test = made(80, 0), made(260, 1)
    assert told(Says(0.1), train, test).details.plain() == told(Says(0.1), train, test).details.plain()
