"""Features and head make the whole."""

import pytest

torch = pytest.importorskip("torch")

from unseen.learners.architectures.featured import Featured, FeaturedCNN, FeaturedMLP  # noqa: E402


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(
    ("build", "shape"),
    [(lambda b: FeaturedMLP(12, 3, batch_norm=b), (12,)), (lambda b: FeaturedCNN(2, 9, 3, batch_norm=b), (2, 9, 9))],
)
def test_the_model_is_its_head_on_its_features(build, shape, batch_norm):
    model = build(batch_norm).eval()
    x = torch.randn(5, *shape, generator=torch.Generator().manual_seed(0))
    assert isinstance(model, Featured)
    assert torch.equal(model(x), model.head(model.features(x)))
    assert model(x).shape == (5, 3)
    assert torch.equal(model(x.flatten(1)), model(x))
