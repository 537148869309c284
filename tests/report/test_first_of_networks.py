"""What the first screen tells of the inside of one network: what can be acted on, then the codes of the rest."""

import pytest

from unseen.report.first import _inside


def entry(code, name="net", **details):
    return {"code": code, "subject": {"kind": "model", "name": name}, "statement": f"{name}: told.", "details": details}


SUSPECTS = [{"train": f"train {i}"} for i in (7, 3, 12, 4)]


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([entry("U901"), entry("U903")], "inside the network: U901, U903 (--full)"),
        (
            [entry("U901"), entry("U905", suspects=SUSPECTS, doubted=31)],
            "inside the network: 31 labels to check, first train 7, train 3, train 12 (U905); also U901 (--full)",
        ),
        ([entry("U905", suspects=SUSPECTS, doubted=0)], "inside the network: no label stands out (U905)"),
        (
            [entry("U905", suspects=SUSPECTS, doubted=None)],
            "inside the network: examples to check first train 7, train 3, train 12 (U905)",
        ),
        (
            [entry("U904", bounds=[{"value": 0.31, "vacuous": False}])],
            "inside the network: error at most 0.31 (U904)",
        ),
        (
            [entry("U904", bounds=[{"value": 1.0, "vacuous": True}])],
            "inside the network: no bound says anything (U904)",
        ),
        (
            [entry("U905", suspects=SUSPECTS, doubted=2), entry("U905", "other", suspects=SUSPECTS, doubted=3)],
            "inside the network: U905 (--full)",
        ),
    ],
)
def test_one_network_is_told_by_what_can_be_acted_on(entries, told):
    assert _inside({"context": entries}) == [told]


def test_of_several_networks_what_orders_them_is_told():
    assert _inside({"context": [entry("U901"), entry("U907", "two networks")]}) == ["two networks: told."]


def test_a_page_has_the_rest_below(tmp_path):
    torch = pytest.importorskip("torch")
    import unseen

    torch.manual_seed(0)
    data = torch.randn(60, 3), torch.arange(60) % 2
    audit = unseen.audit(module=torch.nn.Linear(3, 2), train=data, test=data, select="U001,U901", progress=False)
    page = audit.save_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "inside the network: U901 (below)" in page
