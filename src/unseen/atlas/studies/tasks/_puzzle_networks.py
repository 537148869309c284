"""Picture puzzles as rows of cells, and networks that read them: a series of sizes, each trained for so many updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unseen import tasks
from unseen.engine.seeds import draw_seed, seeded_torch
from unseen.tasks.base import Example
from unseen.tasks.logic.abstract_pictures import PLACES, RULES, VALUES
from unseen.tasks.logic.algorithmic_pictures import DAYS, MAKERS, SIDE

CELLS, CELL_WIDTH, LAYERS = 9, 8, 2
ABSTRACT, ALGORITHMIC = tasks.load("abstract-picture"), tasks.load("algorithmic-picture")
PAD = ""
# Every cell and word, so that no network is told by its vocabulary what a puzzle is about.
WORDS = [PAD, "?", ".", "#", "o", "x", "~", "-", *"rgby", *(v for some in VALUES.values() for v in some), *VALUES, *RULES,
         *MAKERS, *DAYS, "yes", "no", *(str(n) for n in (0, *range(10, 32)))]  # fmt: skip
ID = {word: i for i, word in enumerate(WORDS)}
ROWS = {"abstract": 2 * PLACES + 1, "algorithmic": 7}
BATCH = 96
# What an abstract puzzle comes with, and how often in training; text stands without the picture.
STAGES = {"nothing": 0.4, "text": 0.2, "perception": 0.2, "rule": 0.2}
WEEK = 7


@dataclass(frozen=True, slots=True)
class Puzzles:
    """Puzzles of one family, as cells.

    Attributes:
        family: abstract or algorithmic.
        cells: Words of each row, shape (puzzles, rows, 9); of abstract ones six parts (the missing
            one says what is asked), six in words, and rules.
        answer: Words, shape (puzzles, 2); -1 where there is no second question.
        kind: Which kind each is.
    """

    family: str
    cells: Tensor
    answer: Tensor
    kind: np.ndarray

    def __len__(self) -> int:
        return len(self.answer)

    def keep(self, stage: Tensor) -> Tensor:
        """Which rows may be read at each stage (by number in ``STAGES``), shape (puzzles, rows)."""
        keep = self.cells.any(-1)
        if self.family == "abstract":
            stage = stage[:, None]
            keep[:, :PLACES] &= (stage != 1) | (self.cells[:, :PLACES, 0] == ID["?"])
            keep[:, PLACES : 2 * PLACES] &= stage >= 1
            keep[:, 2 * PLACES :] &= stage == 3
        return keep

    def where(self, rows: Tensor) -> Puzzles:
        """Some of them."""
        return Puzzles(self.family, self.cells[rows], self.answer[rows], self.kind[rows.numpy()])

    def seen_of(self, other: np.ndarray) -> Puzzles:
        """The same pictures, with what is seen (and the rule) of other puzzles."""
        cells = self.cells.clone()
        cells[:, PLACES:] = self.cells[torch.tensor(other), PLACES:]
        return Puzzles(self.family, cells, self.answer, self.kind)


def drawn(family: str, n: int, rng: np.random.Generator) -> Puzzles:
    """Puzzles of a family without repeats."""
    if family == "abstract":
        examples = ABSTRACT.draw_many(n, rng, second=("no", "colour"), given="rule")
    else:
        examples = ALGORITHMIC.draw_many(n, rng)
    rows = np.zeros((n, ROWS[family], CELLS), np.int64)
    answer = np.full((n, 2), -1)
    for i, e in enumerate(examples):
        for place, row in enumerate(_rows(family, e)):
            rows[i, place, : len(row)] = [ID[w] for w in row]
        answer[i, : len(e.target)] = [ID[w] for w in e.target]
    kinds = np.array([_kind(family, e) for e in examples])
    return Puzzles(family, torch.tensor(rows), torch.tensor(answer), kinds)


def _kind(family: str, e: Example) -> str:
    if family == "algorithmic":
        return str(e.factors["kind"])
    return str(e.factors["concept"]) + ("" if e.factors["second"] == "no" else "+colour")


def _rows(family: str, e: Example) -> list[Sequence[str]]:
    if family == "algorithmic":
        return [[str(e.factors["kind"])], *_board(str(e.factors["kind"]), list(e.input[1:]))]
    hidden: Mapping[str, list[list[str]]] = e.hidden
    asked = ["?", *e.hidden["concepts"]]
    picture = [asked if part == ["?"] else e.input[10 * i : 10 * i + 9] for i, part in enumerate(hidden["parts"])]
    return [*picture, *hidden["parts"], e.hidden["rules"]]


def _board(kind: str, cells: list[str]) -> list[Sequence[str]]:
    """A picture and what is asked beside it, row by row."""
    if kind in ("rot", "tiles"):
        return [cells[SIDE * i : SIDE * (i + 1)] for i in range(SIDE)]
    if kind == "jugs":
        rows, row = list[Sequence[str]](), list[str]()
        for cell in cells[: cells.index("goal")]:
            if cell == "u":
                rows.append(row)
                row = []
            else:
                row.append(cell)
        return [*rows, [cells[-1]]]
    at = cells.index("months")
    weeks = [cells[WEEK * i : min(WEEK * (i + 1), at)] for i in range(-(-at // WEEK))]
    return [*weeks, [cells[-1], *cells[at + 1 : cells.index("day")]]]


class Mixing(nn.Module):
    """A layer that mixes rows and then what stands in each, after Tolstikhin et al. (2021), MLP-Mixer.

    Args:
        rows: How many.
        width: Width of a row.
    """

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.rows = nn.Sequential(nn.Linear(rows, 4 * rows), nn.GELU(), nn.Linear(4 * rows, rows))
        self.inner = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, rows, width) → the same."""
        x = x + self.rows(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        return x + self.inner(self.norms[1](x))


class PuzzleNetwork(nn.Module):
    """Each row of cells is encoded alike, rows are mixed, and the answer is read off where the missing part stands.

    Args:
        width: Width of rows.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cell = nn.Embedding(len(WORDS), CELL_WIDTH)
        self.row = nn.Sequential(nn.Linear(CELLS * CELL_WIDTH, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.scale = nn.LayerNorm(width)
        self.place = nn.ParameterDict({f: nn.Parameter(torch.randn(n, width)) for f, n in ROWS.items()})
        self.mix = nn.ModuleDict(
            {f: nn.Sequential(*(Mixing(n, width) for _ in range(LAYERS))) for f, n in ROWS.items()}
        )
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 2 * len(WORDS))

    def forward(self, puzzles: Puzzles, stage: Tensor) -> Tensor:
        """Logits of both questions, shape (puzzles, 2, words)."""
        keep = puzzles.keep(stage)
        place = self.place[puzzles.family]
        if puzzles.family == "abstract":
            # What is seen of a part stands at its place in the ring.
            ring, words = place[:PLACES], place[PLACES : 2 * PLACES]
            place = torch.cat([ring, ring + words, place[2 * PLACES :]])
        x = self.scale(self.row(self.cell(puzzles.cells).flatten(2))) + place
        x = self.mix[puzzles.family](x * keep[..., None])
        # The missing part of a ring, or the row that names the kind.
        at = (puzzles.cells[:, :PLACES, 0] == ID["?"]).long().argmax(1)
        return self.out(self.norm(x[torch.arange(len(x)), at])).view(len(x), 2, len(WORDS))

    def cost(self, updates: int) -> float:
        """Operations of its training: six a weight, and one use a row, or for weights between rows one a number of a row."""
        total = 0
        for family, rows in ROWS.items():
            shared = sum(p.numel() for p in self.row.parameters())
            layers: list[Mixing] = list(self.mix[family])  # type: ignore[arg-type]
            for layer in layers:
                shared += sum(p.numel() for p in layer.inner.parameters())
                total += self.norm.normalized_shape[0] * sum(p.numel() for p in layer.rows.parameters())
            total += rows * shared
        return 6.0 * total * updates * BATCH / 2


def fitted(pools: Sequence[Puzzles], width: int, updates: int, rate: float, rng: np.random.Generator) -> PuzzleNetwork:
    """A network trained on both families in equal parts; stages of abstract ones are drawn.

    Args:
        pools: What is learnt from, a family each.
        width: Width of the network.
        updates: How many.
        rate: Highest learning rate; it rises for a tenth of the updates and falls to a twentieth.
        rng: Source of first weights and of order.
    """
    with seeded_torch(draw_seed(rng)):
        net = PuzzleNetwork(width)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    for step in range(updates):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / (updates / 10)) * (1 - 0.95 * step / updates)
        loss = torch.zeros(())
        for pool in pools:
            rows = torch.tensor(rng.integers(len(pool), size=BATCH // 2))
            stage = torch.tensor(rng.choice(len(STAGES), BATCH // 2, p=list(STAGES.values())))
            logits = net(pool.where(rows), stage)
            loss = loss + F.cross_entropy(logits.flatten(0, 1), pool.answer[rows].flatten(), ignore_index=-1)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    return net.eval()


@torch.no_grad()
def right(net: PuzzleNetwork, puzzles: Puzzles, stage: str = "nothing") -> np.ndarray:
    """Which puzzles are answered rightly, every question of them."""
    found = net(puzzles, torch.full((len(puzzles),), list(STAGES).index(stage))).argmax(-1)
    return ((found == puzzles.answer) | (puzzles.answer < 0)).all(-1).numpy()


@torch.no_grad()
def certainty(net: PuzzleNetwork, puzzles: Puzzles) -> np.ndarray:
    """Probability of the right answer to every question of a puzzle, from the picture alone."""
    logits = net(puzzles, torch.zeros(len(puzzles), dtype=torch.long)).log_softmax(-1)
    each = logits.gather(-1, puzzles.answer.clamp(min=0)[..., None])[..., 0]
    return each.masked_fill(puzzles.answer < 0, 0).sum(-1).exp().numpy()


def usual(pool: Puzzles, puzzles: Puzzles) -> np.ndarray:
    """Which puzzles are answered rightly by the most frequent answer to their kind in a pool."""
    found = np.zeros(len(puzzles), dtype=bool)
    for kind in np.unique(puzzles.kind):
        answers, counts = np.unique(pool.answer[torch.tensor(pool.kind == kind)].numpy(), axis=0, return_counts=True)
        own = puzzles.kind == kind
        found[own] = (puzzles.answer.numpy()[own] == answers[counts.argmax()]).all(-1)
    return found
