"""CBPE against NannyML, where it is installed (extra ``oracles``)."""

import numpy as np
import pytest

from unseen.estimates.unlabelled.label_free import Rows, cbpe


@pytest.mark.filterwarnings("ignore")
def test_cbpe_agrees_with_nannyml():
    nannyml = pytest.importorskip("nannyml")
    import pandas as pd

    rng = np.random.default_rng(0)
    c, t = rng.beta(2, 1.5, 20_000), rng.beta(1.5, 2, 20_000)
    y = (rng.random(20_000) < c**1.5).astype(int)
    reference = pd.DataFrame({"y": y, "proba": c, "pred": 1})
    analysis = pd.DataFrame({"proba": t, "pred": 1})
    estimator = nannyml.CBPE(
        y_pred_proba="proba", y_pred="pred", y_true="y", problem_type="classification_binary", metrics=["accuracy"],
        chunk_size=20_000,
    )  # fmt: skip
    estimator.fit(reference)
    theirs = estimator.estimate(analysis).to_df()[("accuracy", "value")].iloc[-1]
    ours = cbpe(Rows.of(c, y, np.arange(20_000), t, 20_000 + np.arange(20_000))).accuracy()
    assert ours.value == pytest.approx(theirs, abs=0.005)
