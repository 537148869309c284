"""Methods that read probabilities and features, against closed forms, naive twins and brute force."""

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.neighbors import KNeighborsClassifier

from unseen.adaptation.adanpc import AdaNPC, largest
from unseen.adaptation.base import Batch, Source, Unchanged, adapt, batch_rows
from unseen.adaptation.ensembles import combine
from unseen.adaptation.label_shift import BlackBoxShift, PriorCorrection, em_prior, reweighted
from unseen.adaptation.lame import Lame, knn_affinity, lame
from unseen.adaptation.methods import NAMES, Method, grid, named
from unseen.adaptation.t3a import T3A
from unseen.errors import BadInput, Undefined


def gaussians(n, share, rng, gap=2.0):
    """Two classes N(±gap/2, 1) and their exact posterior under equal shares."""
    y = (rng.random(n) < share).astype(int)
    x = rng.normal(size=n) + gap * (y - 0.5)
    p = special.expit(gap * x)
    return np.stack([1 - p, p], 1), y


def blobs(n, rng, classes=3, d=4):
    centres = 3 * np.eye(classes, d)
    y = rng.integers(classes, size=n)
    z = centres[y] + rng.normal(size=(n, d))
    p = special.softmax(z @ centres.T / 2, axis=1)
    return z, y, p


def test_em_finds_the_maximum_of_the_likelihood_and_the_known_shares():
    rng = np.random.default_rng(0)
    p = gaussians(4000, 0.2, rng)[0]
    found = em_prior(p, np.array([0.5, 0.5]), tolerance=1e-10)[1]

    def loss(s):
        return -np.log(p[:, 1] * s / 0.5 + p[:, 0] * (1 - s) / 0.5).sum()

    best = optimize.minimize_scalar(loss, bounds=(1e-6, 1 - 1e-6), method="bounded", options={"xatol": 1e-9}).x
    assert found == pytest.approx(best, abs=1e-5)
    # The variance of the estimate is at most that of a share of 4000 rows over the squared separation (0.68).
    assert found == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / 4000) / 0.68)


def test_corrected_probabilities_are_the_posterior_under_the_new_shares():
    x = np.linspace(-3, 3, 9)
    p = special.expit(2 * x)
    exact = special.expit(2 * x + np.log(0.1 / 0.9))
    made = reweighted(np.stack([1 - p, p], 1), np.array([0.9, 0.1]) / 0.5)
    assert made[:, 1] == pytest.approx(exact)


@pytest.mark.parametrize("method", ["prior-correction", "bbse"])
def test_label_shift_is_corrected(method):
    rng = np.random.default_rng(1)
    p, y = gaussians(4000, 0.5, rng)
    adapter = named(method).build(Source(y, 2, p))
    q, t = gaussians(4000, 0.05, rng)
    batches = [Batch(part) for part in np.array_split(q, 20)]
    made = np.concatenate(adapt(adapter, batches, "online"))
    # Bayes accuracy is 0.841 under equal shares and 0.956 under the new ones.
    assert np.mean(q.argmax(1) == t) < 0.87
    assert np.mean(made.argmax(1) == t) > 0.94


def test_bbse_solves_the_confusion_equation():
    rng = np.random.default_rng(2)
    p, y = gaussians(2000, 0.5, rng)
    adapter = BlackBoxShift(Source(y, 2, p), ridge=0.0)
    q, _ = gaussians(2000, 0.2, rng)
    adapter.predict(Batch(q))
    joint = np.array([[np.mean((p.argmax(1) == i) & (y == j)) for j in (0, 1)] for i in (0, 1)])
    assert adapter.weights == pytest.approx(np.linalg.solve(joint, [np.mean(q.argmax(1) == i) for i in (0, 1)]))


def test_bbse_uses_held_out_rows_only_and_refuses_a_singular_confusion():
    rng = np.random.default_rng(3)
    p, y = gaussians(400, 0.5, rng)
    held = np.arange(400) < 200
    a = BlackBoxShift(Source(y, 2, p, held_out=held))
    assert a.confusion == pytest.approx(BlackBoxShift(Source(y[:200], 2, p[:200])).confusion)
    with pytest.raises(Undefined, match="no inverse"):
        BlackBoxShift(Source(y, 2, np.tile([0.9, 0.1], (400, 1))))


def test_pseudo_rows_hold_the_shares_of_a_small_batch():
    q = np.array([[0.99, 0.01]] * 3)
    free, held = (PriorCorrection(Source(np.array([0, 1]), 2), pseudo_rows=n) for n in (0.0, 1000.0))
    free.predict(Batch(q))
    held.predict(Batch(q))
    assert free.prior[0] > 0.99
    assert held.prior[0] == pytest.approx(0.5, abs=0.002)


def test_lame_is_the_paper_update_and_its_objective_falls():
    rng = np.random.default_rng(4)
    z, _, p = blobs(40, rng)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    w = unit @ unit.T  # no negative eigenvalue
    made, trace = lame(p, w, steps=7)
    twin = p.copy()
    for _ in range(7):
        new = np.empty_like(twin)
        for i in range(40):
            e = np.array([p[i, c] * np.exp(sum(w[i, j] * twin[j, c] for j in range(40))) for c in range(3)])
            new[i] = e / e.sum()
        twin = new
    assert made == pytest.approx(twin, abs=1e-9)
    assert (np.diff(lame(p, w)[1]) <= 0).all()
    direct = sum(made[i] @ (np.log(made[i]) - np.log(p[i])) for i in range(40)) - 0.5 * np.sum(w * (made @ made.T))
    assert trace[-1] == pytest.approx(direct)


def test_knn_affinity_is_brute_force():
    z = np.random.default_rng(5).normal(size=(30, 5))
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    one = np.zeros((30, 30))
    for i in range(30):
        order = [j for j in np.argsort(-(unit @ unit[i])) if j != i]
        one[i, order[:4]] = 1
    assert knn_affinity(z, 4).toarray() == pytest.approx((one + one.T) / 2)
    assert knn_affinity(z[:1], 4).toarray().tolist() == [[0.0]]


def test_lame_helps_where_neighbours_share_the_class():
    rng = np.random.default_rng(6)
    z, y, p = blobs(300, rng)
    noisy = special.softmax(np.log(p) / 4 + rng.normal(size=p.shape), axis=1)
    made = Lame(Source(y, 3)).predict(Batch(noisy, z))
    assert np.mean(made.argmax(1) == y) > np.mean(noisy.argmax(1) == y) + 0.1


def naive_t3a(weights, bias, batches, keep):
    sets = [[] for _ in weights]

    def soft(v):
        e = np.exp(v - v.max())
        return e / e.sum()

    def put(z):
        p = soft(weights @ z + bias)
        sets[int(p.argmax())].append((-(p * np.log(p)).sum(), z))

    for w in weights:
        put(w)
    out = []
    for batch in batches:
        for z in batch:
            put(z)
        for members in sets:
            members.sort(key=lambda pair: pair[0])
            del members[keep:]
        templates = [sum((z / np.linalg.norm(z) for _, z in m), np.zeros(weights.shape[1])) for m in sets]
        templates = [t / max(np.linalg.norm(t), 1e-12) for t in templates]
        out.append([soft(np.array([t @ z for t in templates])) for z in batch])
    return out


def test_t3a_is_the_naive_algorithm():
    rng = np.random.default_rng(7)
    weights, bias = 2 * np.eye(3, 4) + 0.1 * rng.normal(size=(3, 4)), rng.normal(size=3) / 5
    batches = [blobs(20, rng)[0] for _ in range(3)]
    adapter = T3A(Source(np.array([0, 1, 2]), 3, head=(weights, bias)), keep=5)
    made = [adapter.predict(Batch(special.softmax(z @ weights.T + bias, axis=1), z)) for z in batches]
    for a, b in zip(made, naive_t3a(weights, bias, batches, 5), strict=True):
        assert a == pytest.approx(np.array(b))


def test_t3a_without_a_head_starts_from_class_means_and_follows_a_shift():
    rng = np.random.default_rng(8)
    z, y, _ = blobs(600, rng)
    adapter = T3A(Source(y, 3, features=z), keep=50)
    t, truth, p = blobs(600, rng)
    batches = [Batch(p[i : i + 50], t[i : i + 50]) for i in range(0, 600, 50)]
    made = np.concatenate(adapt(adapter, batches, "continual"))
    assert np.mean(made.argmax(1) == truth) > 0.9
    assert np.bincount(adapter.labels).max() <= 50


def test_adanpc_without_insertion_is_weighted_knn():
    rng = np.random.default_rng(9)
    z, y, _ = blobs(200, rng)
    t, _, _ = blobs(50, rng)
    for temperature in (0.1, None):
        adapter = AdaNPC(Source(y, 3, features=z), k=7, temperature=temperature, margin=2.0)
        twin = KNeighborsClassifier(
            7, metric="cosine", algorithm="brute",
            weights="uniform" if temperature is None else lambda d: np.exp((1 - d) / 0.1),
        ).fit(z, y)  # fmt: skip
        assert adapter.predict(Batch(features=t)) == pytest.approx(twin.predict_proba(t), abs=1e-5)
        assert len(adapter) == 200


@pytest.mark.parametrize(("m", "k"), [(7, 7), (50, 3), (997, 5), (4000, 20), (30, 20)])
def test_the_largest_are_those_of_a_sort(m, k):
    values = np.random.default_rng(m).normal(size=(20, m))
    found = np.take_along_axis(values, largest(values, k), axis=1)
    assert np.sort(found, 1) == pytest.approx(np.sort(values, 1)[:, -k:])


def test_many_features_are_projected_without_loss_where_they_lie_in_few_directions():
    rng = np.random.default_rng(16)
    z, y, _ = blobs(300, rng)
    turn = np.linalg.qr(rng.normal(size=(500, 4)))[0].T
    t, _, _ = blobs(50, rng)
    wide, narrow = (AdaNPC(Source(y, 3, features=x), k=7, margin=2.0) for x in (z @ turn, z))
    assert wide._features.shape[1] == 4
    assert wide.predict(Batch(features=t @ turn)) == pytest.approx(narrow.predict(Batch(features=t)), abs=1e-4)


def test_adanpc_inserts_sure_rows_drops_the_oldest_and_forgets():
    rng = np.random.default_rng(10)
    z, y, _ = blobs(90, rng)
    adapter = AdaNPC(Source(y, 3, features=z), k=5, temperature=None, margin=0.6, source_limit=30, memory_limit=8)
    assert len(adapter) == 30
    t, _, _ = blobs(40, rng)
    p = adapter.predict(Batch(features=t))
    top = np.sort(p, 1)
    sure = np.flatnonzero(top[:, -1] - top[:, -2] >= 0.6)[-8:]
    assert adapter.seen == pytest.approx(t[sure] / np.linalg.norm(t[sure], axis=1, keepdims=True), abs=1e-6)
    assert adapter.seen_labels.tolist() == p[sure].argmax(1).tolist()
    adapter.reset()
    assert len(adapter) == 30


def test_adanpc_follows_a_drift_that_knn_on_the_source_loses():
    rng = np.random.default_rng(11)

    def turned(n, angle):
        y = rng.integers(2, size=n)
        a = angle + np.pi * y + 0.2 * rng.normal(size=n)
        return np.stack([np.cos(a), np.sin(a)], 1), y

    z, y = turned(300, 0.0)
    steps = [turned(100, a) for a in np.linspace(0.1, 0.7 * np.pi, 24)]
    batches = [Batch(features=x) for x, _ in steps]
    moving, still = (AdaNPC(Source(y, 2, features=z), k=10, margin=m) for m in (0.5, 2.0))
    right = [
        np.mean(a[-1].argmax(1) == steps[-1][1]) for a in (adapt(m, batches, "continual") for m in (moving, still))
    ]
    assert right[0] > 0.95  # each class is nearer to where the other began, which only the moving memory knows
    assert right[1] < 0.1


def test_combine_averages_and_counts():
    rng = np.random.default_rng(12)
    members = rng.dirichlet(np.ones(4), size=(5, 30))
    assert combine(members) == pytest.approx(sum(members) / 5)
    votes = combine(members, "vote")
    assert votes[3].tolist() == pytest.approx([np.mean(members[:, 3].argmax(1) == c) for c in range(4)])
    with pytest.raises(BadInput, match="average or vote"):
        combine(members, "median")


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("batch-norm", "tent")])
def test_settings_reset_where_they_say(name):
    rng = np.random.default_rng(13)
    z, y, p = blobs(200, rng)
    source = Source(y, 3, p, z)
    batches = []
    for domain in ("a", "a", "b", "b"):
        t, _, q = blobs(40, rng)
        batches.append(Batch(q, t + rng.normal(size=4), domain=domain))
    for method in grid(name):
        adapter = method.build(source)
        episodic = adapt(adapter, batches, "episodic")
        backwards = adapt(adapter, batches[::-1], "episodic")[::-1]
        online, alone = adapt(adapter, batches, "online"), adapt(adapter, batches[2:], "continual")
        for a, b in zip(episodic, backwards, strict=True):
            assert np.array_equal(a, b)
        for a, b in zip(online[2:], alone, strict=True):
            assert np.array_equal(a, b)
        assert np.array_equal(np.concatenate(adapt(adapter, batches, "online")), np.concatenate(online))
        assert np.concatenate(online).sum(1) == pytest.approx(np.ones(160))


@pytest.mark.parametrize("name", ["prior-correction", "t3a", "adanpc"])
def test_continual_carries_over_what_online_forgets(name):
    rng = np.random.default_rng(14)
    z, y, p = blobs(200, rng)
    shifted = [blobs(60, rng) for _ in range(2)]
    batches = [Batch(q[t == i], x[t == i] + 1.0, domain=i) for i, (x, t, q) in enumerate(shifted)]
    adapter = named(name).build(Source(y, 3, p, z))
    assert not np.allclose(adapt(adapter, batches, "online")[1], adapt(adapter, batches, "continual")[1])


def test_batches_lie_within_a_domain_and_cover_every_row_once():
    domains = np.random.default_rng(15).choice(["x", "y", "z"], 101)
    cut = batch_rows(domains, 10)
    assert sorted(np.concatenate([rows for _, rows in cut]).tolist()) == list(range(101))
    for name, rows in cut:
        assert len(rows) <= 10
        assert set(domains[rows]) == {name}
        assert (np.diff(rows) > 0).all()


def test_bad_input_is_named():
    source = Source(np.array([0, 1]), 2)
    with pytest.raises(BadInput, match=r"did you mean adanpc"):
        Method("adapnc")
    with pytest.raises(BadInput, match="lame neighbors=3"):
        named("lame", neighbors=3).build(source)
    with pytest.raises(BadInput, match="needs the features of the source"):
        named("adanpc").build(source)
    with pytest.raises(BadInput, match="needs the features of each batch"):
        Lame(source).predict(Batch(np.eye(2)))
    with pytest.raises(BadInput, match="no setting 'offline'"):
        adapt(Unchanged(source), [], "offline")
    with pytest.raises(BadInput, match="from 0 to 1"):
        Source(np.array([0, 2]), 2)
