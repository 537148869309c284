"""Other units for unseen inputs are found where they were planted, and not where inputs are alike or only nearer to another answer."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.errors import TooFewUnits  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.pathways.carried import carried_over  # noqa: E402
from unseen.measures.pathways.units import Units  # noqa: E402


def routed():
    """Two classes by the first of four inputs, or by the second, through eight units each."""
    net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    torch.manual_seed(0)
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].bias.zero_()
        net[2].weight.zero_()
        net[2].bias.zero_()
        for unit in range(16):
            sign = 1.0 if unit % 2 else -1.0
            net[0].weight[unit, unit // 8] = sign * (0.7 + 0.05 * unit % 0.4)
            net[2].weight[int(unit % 2), unit] = 1.0
    return net


def inputs(n, rng, by, scale=1.0):
    x = np.zeros((n, 4), dtype="float32")
    x[:, by] = rng.choice([-1, 1], n) * rng.uniform(0.5, 1.5, n) * scale
    x[:, 2:] = rng.normal(size=(n, 2))
    return Sample.of((x, (x[:, by] > 0).astype(int)), name=f"by {by}")


def found(seen, unseen, rng, net=None, **more):
    network = Network.of(net or routed(), seen)
    return carried_over(Units.of(network, seen), seen, unseen, rng=rng, **more)


def test_units_of_another_path_are_found():
    rng = np.random.default_rng(0)
    told = found(inputs(120, rng, 0), inputs(120, rng, 1), rng)
    assert told.seen.value > 0.9
    # Half of the unseen inputs are answered alike by chance as long as none of their own units is there.
    assert told.unseen.value < 0.7
    assert told.gained.low > 0
    assert told.kept <= 8
    # Ways of equal strength are exchanged for each other by the smallest imbalance, so that p says less here than the interval.


def test_units_of_the_same_path_carry_inputs_that_are_nearer_to_the_boundary():
    rng = np.random.default_rng(1)
    told = found(inputs(120, rng, 0), inputs(120, rng, 0, scale=0.2), rng)
    assert told.gained.low <= 0 <= told.gained.high
    assert told.p_value > 0.05
    # All units that the answers run through: the curve ends at one.
    assert told.curve[-1][1:] == (1.0, 1.0)


def trained(seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 300)
    x = (np.eye(3, 8)[y] * 1.5 + rng.normal(size=(300, 8))).astype("float32")
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 3))
    step = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(80):
        step.zero_grad()
        nn.functional.cross_entropy(net(torch.tensor(x)), torch.tensor(y)).backward()
        step.step()
    return net, x, y


def test_inputs_that_are_alike_are_rarely_said_to_have_other_units():
    """Level of the test and coverage of the interval where both sides are draws of one kind, in clusters of two."""
    net, x, y = trained(0)
    hits, covered, draws = 0, 0, 40
    for k in range(draws):
        rng = np.random.default_rng(100 + k)
        rows = rng.permutation(300)
        cluster = rows // 2
        seen, unseen = (
            Sample(torch.tensor(x[part]), torch.tensor(y[part]), "a", cluster=cluster[at])
            for part, at in ((rows[cluster % 2 == 0], cluster % 2 == 0), (rows[cluster % 2 == 1], cluster % 2 == 1))
        )
        told = found(seen, unseen, rng, net=net, permutations=19, bootstraps=20)
        hits += told.p_value <= 0.05
        covered += told.gained.low <= 0 <= told.gained.high
    # 5 % of 40 are 2; 7 or more come with a chance of 0.3 %, on either count.
    assert hits <= 6
    assert covered >= 34


def test_equal_generators_tell_the_same():
    rng = np.random.default_rng(3)
    sides = inputs(60, rng, 0), inputs(60, rng, 1)
    one, two = (found(*sides, np.random.default_rng(5), permutations=19, bootstraps=10) for _ in range(2))
    assert (one.gained, one.p_value, one.curve) == (two.gained, two.p_value, two.curve)


def test_few_inputs_are_told():
    rng = np.random.default_rng(4)
    with pytest.raises(TooFewUnits, match="of by 1 and judged on the other: 15 independent examples, 20 are needed"):
        found(inputs(40, rng, 0), inputs(15, rng, 1), rng)


def test_another_mix_of_classes_needs_no_other_units():
    """Units for class 2 are of no use where it does not come; without answers counting the same, p is 0.05 or less in a quarter of draws."""
    net, x, y = trained(1)
    hits = 0
    for k in range(20):
        rng = np.random.default_rng(200 + k)
        rows = rng.permutation(300)
        few = rows[150:][y[rows[150:]] < 2]
        seen, unseen = (Sample(torch.tensor(x[part]), torch.tensor(y[part]), "a") for part in (rows[:150], few))
        told = found(seen, unseen, rng, net=net, permutations=39, bootstraps=20)
        hits += told.p_value <= 0.05 and told.gained.low > 0
    # At 5 % five or more of 20 come with a chance of 0.3 %.
    assert hits <= 4
