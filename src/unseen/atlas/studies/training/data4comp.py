"""More primitives and less repetition in training make unseen combinations right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from unseen.atlas.plan import (
    DIFFERENCE,
    SHARE,
    Change,
    Measurement,
    Sweep,
    control,
    gate,
    headline,
    side_part,
    study,
)
from unseen.atlas.small_models import share_right
from unseen.data import Examples
from unseen.engine.seeds import torch_generator
from unseen.tasks.grammar.scan_like import ScanLike

FEW, MANY = 4, 80
# 2 and 200 times the primitives of SCAN; MANY is 20 times.
TWICE, MOST = 8, 800
# Short action sequences keep an update cheap; conjunctions stay.
SHORT: dict[str, Any] = {"actions": (1, 6), "conjunctions": (0, 1)}
# Share of training rows that show jump alone: a tenth in SCAN's own split of four primitives.
ALONE, SHARES = 0.03, (0.01, 0.03, 0.1)
TEST = 300


def composed(n: int, primitives: int, seed: int, *, jump: bool = False) -> tuple[Examples, Examples]:
    """N different commands for training and up to 300 others, over all primitives, with or without jump.

    Of four primitives there are 2,455 commands this short: those that are left over are the others.
    """
    first = 0 if jump else 1
    drawn = ScanLike(primitives=primitives).sample(n + TEST, seed, use=(first, primitives - 1), **SHORT)
    return drawn.take(np.arange(n)), drawn.take(np.arange(n, n + TEST))


def alone(number: int, primitives: int, copies: int) -> pl.DataFrame:
    """A primitive by itself, as many times as asked for."""
    shown = ScanLike(primitives=primitives).sample(1, 0, use=(number, number), difficulty=0, turn=False)
    return pl.concat([shown.table] * copies)


def with_lone_jump(commands: Examples, primitives: int, share: float = ALONE) -> Examples:
    """The commands, and jump alone as a share of all rows."""
    copies = max(1, round(len(commands) * share / (1 - share)))
    return _with(commands, [alone(0, primitives, copies)])


def with_lone_primitives(commands: Examples, primitives: int, share: float = ALONE) -> Examples:
    """The cut: jump alone as before, and as many rows of the further primitives, each of them alone, too."""
    copies = max(1, round(len(commands) * share / (1 - share)) // (primitives - FEW))
    further = [alone(k, primitives, copies) for k in range(FEW, primitives)]
    return _with(with_lone_jump(commands, primitives, share), further)


def _with(commands: Examples, more: list[pl.DataFrame]) -> Examples:
    table = pl.concat([commands.table, *more])
    return Examples(table, commands.inputs, commands.target, commands.factors)


def jump_test(n: int, seed: int) -> Examples:
    """Commands over the four primitives of SCAN with jump in combinations."""
    drawn = ScanLike(primitives=FEW).sample(4 * n, seed, difficulty=(1, 40), **SHORT)
    rows = [row for row, verbs in enumerate(drawn.table["primitives"].to_list()) if "jump" in verbs]
    return drawn.take(rows[:n])


def fitted(train: Examples, known: Examples, seed: int, name: str, steps: int) -> Any:
    """An encoder–decoder of three layers with relative positions (rotary) trained for a number of updates."""
    from unseen.learners.architectures.transformer import EncoderDecoder
    from unseen.training import TrainConfig, fit_sequences
    from unseen.training.vocabulary import Vocabulary

    config = TrainConfig(
        steps=steps, lr=4e-3, warmup=max(1, steps // 10), schedule="cosine", clip=1.0, eval_every=steps, train_eval=64
    )
    return fit_sequences(
        lambda v: EncoderDecoder(len(v), width=64, layers=3, heads=4, position="rotary"),
        train, None, config, torch_generator(seed, "data4comp", 3, name), layout="seq2seq",
        vocabulary=Vocabulary.of(train, known),
    )  # fmt: skip


@study(
    slug="data4comp",
    claim=[
        ("More complex training sets raise accuracy on unseen combinations.", "complexity"),
        ("More different primitives do so by themselves, at equal size.", "diversity"),
        ("Less repetition does so by itself, at equal primitives.", "repetition"),
        ("It rises on from 2 to 200 times the primitives.", "further"),
    ],
    source="Zhou, Jiang, Bansal (2023), Data Factors for Better Compositional Generalization, EMNLP",
    link="https://arxiv.org/abs/2311.04420",
    did="Trained encoder–decoder Transformers of three layers and width 256 from scratch on SCAN with 2, 20 and 200 times its "
    "primitives for as many updates, and tested jump, which training shows alone only, and around right in combinations; took "
    "the gain apart into more diverse and less repeated examples; varied difficulty, and repeated it on natural language.",
    here="Commands in the manner of SCAN of at most 6 actions; an encoder–decoder of three layers and width 64 with "
    "rotary positions, 700 updates of 64, and 1,000 where 8 and 800 primitives are compared; 2,000 commands of 4 primitives "
    "against 8,000 of 8, 80 and 800 (2, 20 and 200 times). Jump only; difficulty and natural language are not tested.",
    fidelity="B",
    parts=[
        headline("complexity", "Jump in combinations: 8,000 commands of 80 primitives less 2,000 of 4", claimed=0.1, refuted=0.0,
                 within=DIFFERENCE, basis="abstract: from 'severe problems' to 'better'; threshold of the first form"),
        side_part("diversity", "2,000 commands of 80 primitives less 2,000 of 4", claimed=0.1, refuted=0.0, within=DIFFERENCE,
                  basis="abstract: 'more diverse examples'; threshold of the first form"),
        side_part("repetition", "8,000 commands of 80 primitives less 2,000, repeated four times as often", claimed=0.05,
                  refuted=0.0, within=DIFFERENCE, basis="abstract: 'reduced repetition'; threshold of the first form"),
        side_part("further", "8,000 commands of 800 primitives less 8,000 of 8", claimed=0.1, refuted=0.0, within=DIFFERENCE,
                  basis="figure 2: rises from 2 to 200 times; threshold as for the headline"),
        gate("learnt_few", "Held-out commands of 4 primitives are right", at_least=0.9, within=SHARE, basis="learnt"),
        gate("learnt_many", "Held-out commands of 80 primitives are right (mean of 2,000 and 8,000)", at_least=0.9, within=SHARE,
             basis="learnt"),
        gate("learnt_most", "Held-out commands of 800 primitives are right", at_least=0.9, within=SHARE, basis="learnt",
             of=["further"]),
        gate("room", "There is room: jump in combinations with 4 primitives", at_most=0.5, within=SHARE,
             basis="'severe problems' with SCAN as it is"),
        control("shown", "With jump in combinations in training, 4 primitives are enough", at_least=0.9, within=SHARE,
                basis="nothing is unseen then"),
        control("cut", "Gain with the further 76 primitives alone only", at_most=0.1, within=DIFFERENCE,
                basis="the first form's least gain", cuts="the further primitives' combinations: as many words, as few of "
                "them combined"),
    ],
    units="seeds: commands, initialisation and order redrawn; 300 commands a share.",
    seeds=range(34, 40),
    code="owenzx/data4comp, scripts/SCAN_transformer_huge_origin.sh (2, 20 and 200 times the primitives, 50,000 updates of 128), "
    "src/transformer_encdec.py ('3layer_new': width 256, 4 heads, relative positions up to 20); their data sets could not be had",
    oracle=["tests/tasks/test_scan_like.py", "tests/atlas/test_data4comp.py"],
    reconstructed="Numbered verbs serve as further primitives. How many rows show jump alone is swept (a tenth in "
    "SCAN's own split).",
    sweeps=[Sweep("share of rows that show jump alone", "complexity", {f"{s:g}": f"complexity at {s:g}" for s in SHARES})],
    history=[
        Change("2026-11-22", "New plan after one of the first form, whose decoder-only network got 0.07 of jump. First tries on "
               "one seed chose size and updates: width 48, sinusoidal positions, 200 primitives 0.19; width 64, rotary ones, 80 "
               "primitives 0.80; 4 primitives 0.", (*range(5), 100)),
        Change("2026-11-22", "Pilot: gates and controls hold, complexity 0.59. The spread of its two seeds asked for 13 (halfway "
               "between refuted and claimed); 5 is what time allowed. Nothing was changed.", (100, 101)),
        Change("2026-11-22", "The headline's threshold had been raised to 0.3 after first tries had shown 0.4 to 0.8; it came "
               "to supported, 0.58 [0.46, 0.70], with seeds 10 to 14. It is 0.1 again, as before any try, on fresh seeds.",
               tuple(range(10, 15))),
        Change("2026-11-23", "Three layers, as the authors have, in place of two, and their 2, 20 and 200 times the primitives in "
               "place of 20 alone. On one seed 800 primitives were learnt to 0.00 after 350 updates and to 0.98 after 600, so that "
               "all get 700; jump was 0, 0, 0.76 and 0.33 then. Thresholds as before, fresh seeds.",
               (*range(20, 28), 103)),
        Change("2026-11-23", "Seeds 28 to 33 gave 0.81 [0.74, 0.88] and left it open by the gate of the largest set alone, 0.92 "
               "[0.84, 1.00]. That gate is of the part on 2 to 200 times the primitives, which no longer holds back the headline; "
               "both sets of that part get 1,000 updates (0.99 learnt on one seed). Thresholds as before, fresh seeds.",
               (*range(28, 34), 104, 105)),
    ],
    would_take="commands of full length, three layers of 256 and 50,000 updates, a GPU hour a seed",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Jump in combinations after training on sets that differ in primitives, in size, and in how they show both."""
    few, many, steps, longer = (200, 400, 10, 10) if quick else (2000, 8000, 700, 1000)
    test = jump_test(30 if quick else TEST, seed + 1)
    plain, plain_left = composed(few, FEW, seed)
    rich, rich_left = composed(many, MANY, seed)
    scarce = rich.take(np.arange(few))
    twice, (most, most_left) = composed(many, TWICE, seed)[0], composed(many, MOST, seed)
    sets = {
        "few": with_lone_jump(plain, FEW),
        "diverse": with_lone_jump(scarce, MANY),
        "twice": with_lone_jump(twice, TWICE),
        "most": with_lone_jump(most, MOST),
        "shown": composed(few, FEW, seed + 2, jump=True)[0],
        "cut": with_lone_primitives(plain, MANY),
        **{f"many at {s:g}": with_lone_jump(rich, MANY, s) for s in SHARES},
    }
    models = {
        name: fitted(train, test, seed, name, longer if name in ("twice", "most") else steps)
        for name, train in sets.items()
    }
    jump = {name: share_right(model, test) for name, model in models.items()}
    main, base = jump[f"many at {ALONE:g}"][0], jump["few"][0]
    both = [share_right(models[name], rich_left)[0] for name in ("diverse", f"many at {ALONE:g}")]
    return {
        "complexity": main - base,
        "diversity": jump["diverse"][0] - base,
        "repetition": main - jump["diverse"][0],
        "further": jump["most"][0] - jump["twice"][0],
        **{f"complexity at {s:g}": jump[f"many at {s:g}"][0] - base for s in SHARES},
        "learnt_few": share_right(models["few"], plain_left),
        "learnt, cut": share_right(models["cut"], plain_left),
        "learnt_most": share_right(models["most"], most_left),
        "learnt_many": (float(np.mean(both)), len(rich_left)),
        "room": jump["few"],
        "shown": jump["shown"],
        "cut": jump["cut"][0] - base,
        **{f"jump, {name}": value for name, value in jump.items()},
    }
