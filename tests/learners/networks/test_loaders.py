"""Loaders of torch as inputs and targets."""

import pytest

torch = pytest.importorskip("torch")
from torch.utils import data  # noqa: E402

import unseen  # noqa: E402
from unseen.errors import BadInput  # noqa: E402
from unseen.learners.networks.loaders import unrolled  # noqa: E402

X = torch.arange(20.0)[:, None] * torch.ones(3)
Y = torch.arange(20) % 2
PAIRS = data.TensorDataset(X, Y)


class Stream(data.IterableDataset):
    def __iter__(self):
        yield from zip(X, Y, strict=True)


@pytest.mark.parametrize(
    "loader",
    [
        data.DataLoader(PAIRS, 7),
        data.DataLoader(PAIRS, 7, shuffle=True, drop_last=True),
        data.DataLoader(PAIRS, batch_sampler=data.BatchSampler(data.SequentialSampler(PAIRS), 3, False)),
        data.DataLoader(data.TensorDataset(X[None], Y[None]), batch_size=None),
        data.DataLoader(Stream(), 6),
    ],
)
def test_every_example_comes_once_and_in_order(loader):
    inputs, targets = unrolled(loader, "train")
    assert torch.equal(inputs, X)
    assert torch.equal(targets, Y)


def test_a_subset_of_rows_stays_one():
    inputs, _ = unrolled(data.DataLoader(PAIRS, 4, sampler=data.SubsetRandomSampler([9, 2, 5])), "train")
    assert inputs[:, 0].tolist() == [2, 5, 9]


def test_what_collates_batches_is_the_loader_s_own():
    loader = data.DataLoader(
        PAIRS, 4, collate_fn=lambda rows: (torch.stack([x + 1 for x, _ in rows]), torch.stack([y for _, y in rows]))
    )
    assert torch.equal(unrolled(loader, "train")[0], X + 1)


@pytest.mark.parametrize(
    ("loader", "told"),
    [
        (data.DataLoader(PAIRS, 4, sampler=data.WeightedRandomSampler([1.0] * 20, 20)), "WeightedRandomSampler"),
        (data.DataLoader(PAIRS, 4, sampler=data.RandomSampler(PAIRS, replacement=True)), "train=loader.dataset"),
        (data.DataLoader(data.TensorDataset(X), 4), "the first here is 1 parts"),
        (data.DataLoader([{"input": 1.0, "label": 2}], 4), "a dict of input, label"),
        (data.DataLoader([(X[0], 0), (X[0, :2], 1)], 1, collate_fn=lambda rows: rows[0]), "Both begin with the number"),
        (
            data.DataLoader(Stream(), 6, collate_fn=lambda rows: (X[: len(rows), : len(rows)], Y[: len(rows)])),
            "one shape",
        ),
    ],
)
def test_what_can_t_be_unrolled_is_told(loader, told):
    with pytest.raises(BadInput, match=told):
        unrolled(loader, "train")


def test_an_audit_of_a_loader_is_that_of_its_examples():
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 2)

    def audited(train, test):
        found = unseen.audit(module=net, train=train, test=test, select="U101,U901", progress=False)
        return [(f["statement"], f["details"]) for f in (*found.document["findings"], *found.document["context"])]

    loaded = audited(data.DataLoader(PAIRS, 4, shuffle=True), data.DataLoader(PAIRS, 5))
    assert loaded == audited((X, Y), (X, Y))


def test_one_logit_reads_0_0_and_1_0_as_its_two_classes():
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 1)

    def scores(targets):
        found = unseen.audit(
            module=net, train=(X, targets), test=(X, targets), loss="binary", select="U002", progress=False
        )
        return found.responses.table["score"].to_list()

    assert scores(Y.float()) == scores(Y.float()[:, None]) == scores(Y)
    assert set(scores(Y)) <= {0.0, 1.0}
    # Shares stay numbers.
    assert not set(scores(Y * 0.9)) <= {0.0, 1.0}


def test_a_frame_without_a_target_is_told_the_option():
    import polars as pl

    with pytest.raises(BadInput, match="say which column is predicted: target="):
        unseen.audit(module=torch.nn.Linear(3, 2), train=pl.DataFrame({"a": [1.0], "y": [0]}))
