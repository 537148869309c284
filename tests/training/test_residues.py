import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.training.testbeds import residues  # noqa: E402


def test_tables_hold_every_cell_once_with_the_stated_corruption():
    table = residues.ResidueTable.of(7, train=0.5, corruption=0.2, rng=np.random.default_rng(0))
    a, b = table.inputs[:, :7].argmax(1), table.inputs[:, 7:].argmax(1)
    assert len({*zip(a.tolist(), b.tolist(), strict=True)}) == 49 == len(table.labels)
    assert ((a + b) % 7 == table.clean).all()
    assert int((table.labels != table.clean).sum()) == round(0.2 * 49)
    assert len(table.corrupted) == table.n_train == round(0.5 * 49)


def test_equal_generators_give_equal_tables_and_unordered_ones_hold_pairs_once():
    one, two, other = (
        residues.ResidueTable.of(5, train=0.5, rng=np.random.default_rng(s), unordered=True) for s in (1, 1, 2)
    )
    assert torch.equal(one.inputs, two.inputs)
    assert not torch.equal(one.inputs, other.inputs)
    assert len(one.labels) == 10
    assert (one.inputs[:, :5].argmax(1) < one.inputs[:, 5:].argmax(1)).all()


@pytest.mark.parametrize("activation", ["relu", "quadratic"])
def test_stacked_logits_equal_each_network_alone(activation):
    generator = torch.Generator().manual_seed(0)
    table = residues.ResidueTable.of(5, train=0.5, rng=np.random.default_rng(0))
    stacked = {
        "into": torch.randn(3, 10, 4, generator=generator),
        "out": torch.randn(3, 4, 5, generator=generator),
    }
    found = residues.logits(stacked, table.inputs, activation)
    for k in range(3):
        hidden = table.inputs @ stacked["into"][k]
        hidden = hidden.clamp(min=0) if activation == "relu" else hidden**2
        torch.testing.assert_close(found[k], hidden @ stacked["out"][k])


def test_embedded_logits_equal_the_maps_taken_one_after_another_and_are_symmetric():
    table = residues.ResidueTable.of(5, train=0.5, rng=np.random.default_rng(0))
    net = residues.start_embedded(5, 8, 6, torch.Generator().manual_seed(0))
    found = residues.embedded_logits(net, table.inputs)[0]
    embedded = table.inputs[:, :5] @ net["embed"][0] + table.inputs[:, 5:] @ net["embed"][0]
    plain = (embedded @ net["into"][0]).clamp(min=0) @ net["back"][0] @ net["unembed"][0]
    torch.testing.assert_close(found, plain)
    swapped = torch.cat([table.inputs[:, 5:], table.inputs[:, :5]], 1)
    torch.testing.assert_close(residues.embedded_logits(net, swapped)[0], found)


def test_right_counts_the_largest_output():
    outputs = torch.tensor([[[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]])
    assert residues.right(outputs, torch.tensor([1, 1])).tolist() == [0.5, 0.0]
