"""Does my architecture generalise to longer inputs? From task to audit; run with the extra torch."""

import numpy as np
import polars as pl

import unseen
from unseen import tasks, training
from unseen.engine.seeds import torch_generator
from unseen.learners.architectures.recurrent import Recurrent
from unseen.learners.architectures.transformer import Transformer
from unseen.shifts import LongerThan

examples = tasks.load("even-pairs").sample(2000, 0, length=(1, 24))
split = LongerThan("length", 12).split(examples, np.random.default_rng(0))
models = {
    "lstm": lambda vocabulary: Recurrent(len(vocabulary), width=32, cell="lstm"),
    "transformer": lambda vocabulary: Transformer(len(vocabulary), width=32, layers=2),
}
config = training.TrainConfig(steps=400, batch_size=64, lr=3e-3, eval_every=100, stop_at=1.0, stop_on="seen")

answers = []
for name, build in models.items():
    fitted = training.fit_sequences(
        build,
        split.train,
        evaluate={"seen": split.seen, "unseen": split.unseen},
        config=config,
        generator=torch_generator(0, name),
    )
    for side, data in (("seen", split.seen), ("unseen", split.unseen)):
        _, confidence = fitted.predict(data)
        known = data.table.select("item", "length")
        scored = {"score": fitted.accuracy(data).astype(float), "confidence": confidence}
        answers.append(
            known.with_columns(model=pl.lit(name), split=pl.lit(side), **{k: pl.Series(v) for k, v in scored.items()})
        )

audit = unseen.audit(pl.concat(answers))
print(audit)
audit.save_html("own-study.html")
