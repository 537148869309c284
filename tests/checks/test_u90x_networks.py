"""What is said of the inside of networks: planted coherence, wrong labels, margins and orders of runs are told."""

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import unseen  # noqa: E402
from unseen.checks._networks import mean_of  # noqa: E402
from unseen.checks.base import Settings  # noqa: E402
from unseen.checks.u907_measures_that_rank import told_apart  # noqa: E402
from unseen.learners.networks import Sample  # noqa: E402
from unseen.learners.networks.network import digest  # noqa: E402


def made(n, seed, noise=0.0):
    """Two classes along one of six directions; some labels are wrong."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    x = rng.normal(size=(n, 6))
    x[:, 0] += 2 * (2 * y - 1)
    wrong = rng.random(n) < noise
    return x.astype("float32"), np.where(wrong, 1 - y, y), wrong


def trained(x, y, width=16, steps=150, seed=0):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 2))
    by = torch.optim.Adam(net.parameters(), lr=1e-2)
    inputs, targets = torch.tensor(x), torch.tensor(y)
    for _ in range(steps):
        by.zero_grad()
        nn.functional.cross_entropy(net(inputs), targets).backward()
        by.step()
    return net


@pytest.fixture(scope="module")
def noisy():
    x, y, wrong = made(400, 0, noise=0.05)
    test = made(300, 1)[:2]
    net = trained(x, y)
    return net, (x, y), test, wrong


def test_two_processes_tell_of_a_network_what_one_does(noisy, monkeypatch):
    net, train, test, _ = noisy
    from unseen import auditing
    from unseen.checks import _networks

    sent = []
    real = auditing.Aside
    monkeypatch.setattr(auditing, "Aside", lambda function, given: sent.append(given["codes"]) or real(function, given))
    monkeypatch.setattr(auditing, "free_cores", lambda: 2)
    monkeypatch.setattr(_networks, "LONG", 0)
    told = {n: unseen.audit(module=net, train=train, test=test, select="U9", workers=n).to_json() for n in (1, 2)}
    assert sent == [("U904", "U902", "U901")]
    assert told[1] == told[2]


def test_an_audit_of_a_module_tells_its_answers_and_its_inside(noisy, tmp_path):
    net, train, test, _ = noisy
    before = digest(net)
    audit = unseen.audit(module=net, train=train, test=test)
    assert digest(net) == before
    assert {c.code for c in audit.context} >= {"U901", "U902", "U903"}
    assert audit["U101"]
    sides = dict(audit.responses.table.group_by("split").len().iter_rows())
    assert sides == {"seen": 400, "unseen": 300}
    page = audit.save_html(tmp_path / "report.html").read_text()
    assert "distance to where the answer changes" in page
    assert "a step for one training example helps" in page


def test_margins_are_those_of_a_known_boundary():
    # One plane: x0 = 0 tells the classes apart, so that the margin of an example is |x0|.
    x, y, _ = made(300, 2)
    net = nn.Linear(6, 2)
    with torch.no_grad():
        net.weight.zero_()
        net.weight[1, 0] = 1.0
        net.bias.zero_()
    audit = unseen.audit(module=net, train=(x, y), select="U902")
    rows = {m.kind: m for m in audit.context[0].details.margins}
    right = (x[:, 0] > 0) == (y == 1)
    assert rows["input"].mean.value == pytest.approx(abs(x[right, 0]).mean(), rel=1e-3)
    assert rows["input"].unseen is None
    assert rows["constrained"].mean.value >= rows["input"].mean.value - 1e-6


def test_networks_that_predict_numbers_have_no_margins():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    audit = unseen.audit(module=nn.Linear(3, 1), train=(x, y), select="U9")
    assert {c.code for c in audit.context} >= {"U901", "U903"}
    assert "U902" not in {c.code for c in audit.context}
    assert [f.statement for f in audit["U902"]] == [
        "network predicts numbers, and a margin is the distance to another class."
    ]


@pytest.fixture(scope="module")
def sweep():
    test = made(400, 9)[:2]
    nets, settings = {}, {}
    for noise in (0.0, 0.15, 0.3, 0.45):
        for seed in (0, 1, 2):
            x, y, _ = made(60, 10 + seed, noise)
            name = f"noise {noise} seed {seed}"
            nets[name] = trained(x, y, width=32, steps=60, seed=seed)
            settings[name] = {"noise": noise, "seed": seed}
    return nets, settings, made(60, 10)[:2], test


def test_measures_that_follow_the_score_order_the_runs(sweep):
    nets, _, train, test = sweep
    audit = unseen.audit(module=nets, train=train, test=test, select="U907")
    told = audit.context[0].details
    by_name = {o.measure: o for o in told.ordered}
    assert by_name["training score"].tau.value > 0.5
    # Four configurations of three seeds.
    assert by_name["training score"].p_value < 0.05
    assert told.runs == 12
    assert "parameters" not in by_name
    assert [o.tau.value for o in told.ordered] == sorted((o.tau.value for o in told.ordered), reverse=True)
    assert len(told.each) == 12
    # Each by itself is for few networks.
    assert "too many" in unseen.audit(module=nets, train=train, test=test, select="U902")["U902"][0].statement


def test_an_audit_of_runs_is_the_same_twice(sweep):
    nets, _, train, test = sweep
    some = dict(list(nets.items())[:8])
    one, two = (unseen.audit(module=some, train=train, test=test, select="U907").context[0] for _ in range(2))
    assert one.statement == two.statement
    assert one.details.plain() == two.details.plain()


def test_few_runs_and_no_test_set_are_told(sweep):
    nets, _, train, test = sweep
    few = dict(list(nets.items())[:3])
    assert "8 of them, got 3" in unseen.audit(module=few, train=train, test=test, select="U907")["U907"][0].statement
    assert "no score to compare" in unseen.audit(module=few, train=train, select="U907")["U907"][0].statement
    assert (
        "One network has no order"
        in unseen.audit(module=next(iter(few.values())), train=train, select="U907")["U907"][0].statement
    )


def test_unseen_rows_of_a_test_set_are_those_of_a_condition(noisy):
    net, (x, y), _, _ = noisy
    table = pl.DataFrame(x, schema=[f"x{i}" for i in range(6)]).with_columns(
        label=pl.Series(y), site=pl.Series([1, 2] * 200)
    )
    audit = unseen.audit(table, module=net, train=table, target="label", drop="site", unseen="site == 2")
    assert dict(audit.responses.table.group_by("split").len().iter_rows()) == {"seen": 200, "unseen": 200}


def test_runs_are_told_apart_by_their_paired_difference():
    rng = np.random.default_rng(0)
    item = rng.random(500)
    same = (item > 0.3).astype(float)
    worse = np.where(rng.random(500) < 0.1, 0.0, same)
    apart = told_apart(np.stack([same, same, worse], 1), np.arange(500))
    assert apart.tolist() == [[False, False, True], [False, False, True], [True, True, False]]


def test_the_mean_over_clusters_covers():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        cluster = np.repeat(np.arange(25), rng.integers(1, 6, 25))
        values = rng.normal(size=len(cluster)) + rng.normal(size=25)[cluster]
        sample = Sample(torch.zeros(len(cluster), 1), torch.zeros(len(cluster)), cluster=cluster)
        found = mean_of(values, sample, Settings(), "mean")
        hits += found.low <= 0 <= found.high
    assert 0.91 <= hits / 300 <= 0.985


def test_what_is_missing_is_told(noisy):
    net, train, test, _ = noisy
    with pytest.raises(unseen.errors.BadInput, match="give train="):
        unseen.audit(module=net, test=test)
    with pytest.raises(unseen.errors.BadInput, match="give its weights too"):
        unseen.audit(module="nets:build", train=train)
    with pytest.raises(unseen.errors.BadInput, match="nothing to audit"):
        unseen.audit()


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.Embedding(9, 8)
        self.inner = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)
        self.told = nn.Linear(8, 2)

    def forward(self, x):
        return self.told(self.inner(self.read(x)).mean(1))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.read, self.told = nn.LSTM(1, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.told(self.read(x[..., None])[0][:, -1])


@pytest.mark.parametrize(("kind", "tokens"), [(Attending, True), (Recurrent, False)])
def test_attention_and_recurrence_have_an_inside(kind, tokens, recwarn):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 9, (60, 5)) if tokens else rng.normal(size=(60, 5)).astype("float32")
    torch.manual_seed(0)
    net = kind()
    audit = unseen.audit(module=net, train=(x, (x[:, 0] > 0).astype(int)), select=["U901", "U902", "U903"])
    assert {c.code for c in audit.context} == {"U901", "U902", "U903"}
    assert not [w for w in recwarn if "performance drop" in str(w.message)]
    trace = audit["U903"] or [c for c in audit.context if c.code == "U903"]
    assert np.isfinite(trace[0].details.trace.value)


def test_outputs_for_each_step_of_a_sequence_end_no_audit():
    x = np.random.default_rng(0).integers(0, 4, (40, 6))
    net = nn.Sequential(nn.Embedding(4, 4))
    net.append(nn.Module())
    net[1].forward = lambda h: h.transpose(1, 2)
    audit = unseen.audit(module=net, train=(x, x), select=["U901", "U902"])
    assert [c.code for c in audit.context] == ["U901"]
    with torch.no_grad():
        right = (net(torch.tensor(x)).argmax(1).numpy() == x).mean(1)
    assert audit.responses.table["score"].to_list() == pytest.approx(right.tolist())
    assert "shape (40, 4, 6)" in audit["U902"][0].statement


def test_a_network_that_draws_is_the_same_twice_and_leaves_the_users_draws():
    class Drawing(nn.Linear):
        def forward(self, x):
            return super().forward(x + 0.5 * torch.randn_like(x))

    x, y, _ = made(60, 3)
    torch.manual_seed(5)
    net = Drawing(6, 2)
    before = torch.get_rng_state()
    one, two = (unseen.audit(module=net, train=(x, y), test=made(60, 4)[:2], select="U9") for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert [c.statement for c in one.context] == [c.statement for c in two.context]
    assert one.responses.table.equals(two.responses.table)


def test_principal_directions_are_worked_out_once(sweep, monkeypatch):
    from unseen.measures.margins import margins

    made = []
    kept = margins.principal_directions
    monkeypatch.setattr(margins, "principal_directions", lambda *given: (made.append(1), kept(*given))[1])
    nets, _, train, test = sweep
    unseen.audit(module=dict(list(nets.items())[:8]), train=train, test=test, select=["U902", "U907"])
    assert len(made) == 1
