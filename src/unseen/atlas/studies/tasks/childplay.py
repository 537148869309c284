"""Tic-tac-toe and connect four against a player at random: a language model, and a second player at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.atlas.subjects import Subject, subject
from unseen.engine.seeds import numpy_generator
from unseen.tasks.draws import Draws
from unseen.tasks.games.matches import ConnectFourMatch, RowMatch, TicTacToeMatch

MODEL = "qwen2.5-coder-0.5b-instruct"
GAMES: Mapping[str, tuple[type[RowMatch], int]] = {
    "tic-tac-toe": (TicTacToeMatch, 36),
    "connect-four": (ConnectFourMatch, 10),
}
# For each question the chosen among all moves that are written so, and among those that are legal.
Player = Callable[[Sequence[RowMatch]], Sequence[tuple[str, str]]]


def named(match: RowMatch) -> list[str]:
    """All moves that the game has, legal or not.

    >>> named(ConnectFourMatch("random", True, Draws("x")))
    ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    """
    return list(dict.fromkeys(match.written(cell) for cell in range(match.board.full.bit_length())))


def by_model(model: Subject) -> Player:
    """The move whose words are likeliest."""

    def player(matches: Sequence[RowMatch]) -> list[tuple[str, str]]:
        prompts = [[{"role": "user", "content": m.asked()}] for m in matches]
        moves = [named(m) for m in matches]
        found = list[tuple[str, str]]()
        for m, words, row in zip(matches, moves, model.score(prompts, moves), strict=True):
            worth = {w: s.logprob for w, s in zip(words, row, strict=True)}
            found.append((max(worth, key=worth.__getitem__), max(m.legal(), key=worth.__getitem__)))
        return found

    return player


def at_random(rng: np.random.Generator) -> Player:
    """Any legal move."""
    return lambda matches: [(move, move) for m in matches for move in [str(rng.choice(m.legal()))]]


def by_rule(rng: np.random.Generator) -> Player:
    """A winning move where there is one, else one that keeps the best result as far as minimax looks."""
    return lambda matches: [(move, move) for m in matches for move in [str(rng.choice(m.best()))]]


@dataclass(frozen=True, slots=True)
class Score:
    """How games ended.

    Attributes:
        won: Share won.
        points: Mean of 1 for a win, 0.5 for a draw.
        legal: Share of first choices that were legal.
        first: Share of moves that were the first of the list of all moves.
        questions: How many moves were asked for.
    """

    won: float
    points: float
    legal: float
    first: float
    questions: int


def played(game: str, player: Player, count: int, seed: int) -> Score:
    """So many games against a player at random, beginning in every other one; all players meet the same draws."""
    kind, _ = GAMES[game]
    matches = [kind("random", i % 2 == 0, Draws(f"childplay:{game}:{seed}:{i}")) for i in range(count)]
    legal, first = list[bool](), list[bool]()
    while going := [m for m in matches if m.outcome is None]:
        for m, (wanted, move) in zip(going, player(going), strict=True):
            legal.append(wanted in m.legal())
            first.append(move == m.legal()[0])
            m.take(move)
            if m.outcome is None:
                m.reply()
    ends = [m.outcome for m in matches]
    won, drawn = np.mean([e == "win" for e in ends]), np.mean([e == "draw" for e in ends])
    return Score(float(won), float(won + drawn / 2), float(np.mean(legal)), float(np.mean(first)), len(legal))


@study(
    slug="childplay",
    claim=[
        ("A general language model does little better in simple board games than a player at random.", "above"),
        ("This holds for tic-tac-toe.", "above_tic_tac_toe"),
        ("This holds for connect four.", "above_connect_four"),
    ],
    source="Hora de Carvalho, Knap & Pollice (2024), Show, Don't Tell: Evaluating Large Language Models Beyond Textual "
    "Understanding with ChildPlay, arXiv preprint",
    link="https://arxiv.org/abs/2407.11068",
    did="Had GPT-3.5, GPT-4 and two later models play tic-tac-toe, connect four and battleship in ASCII against a player at "
    "random, and read shapes, bricks and molecules: answers are meaningful, and models perform poorly.",
    here="A pretrained model of 0.5B that takes the legal move whose words are likeliest, so that no game is lost by an illegal "
    "one, against the same player at random; shapes, bricks, molecules and battleship are left out.",
    fidelity="C",
    parts=[
        headline("above", "Points a game above those of a player at random, both games alike", claimed=0.1, refuted=0.25,
                 within=DIFFERENCE, basis="the abstract: generally poor, limited generalisation of strategy; a tenth of a game is "
                 "little, a quarter is half of what minimax has above chance"),
        side_part("above_tic_tac_toe", "The same in tic-tac-toe", claimed=0.1, refuted=0.25, within=DIFFERENCE, basis="as above"),
        side_part("above_connect_four", "The same in connect four", claimed=0.1, refuted=0.25, within=DIFFERENCE, basis="as above"),
        gate("meaningful", "Tic-tac-toe: share of first choices among all nine cells that are free", at_least=0.5, within=SHARE,
             basis="the abstract: meaningful responses; most moves can be made"),
        control("minimax", "Points a game of a player who looks ahead above those at random, both games alike", at_least=0.25,
                within=DIFFERENCE, basis="strategy shows; as much as would refute"),
        control("chance", "Points a game of another player at random above those at random", at_most=0.1, within=DIFFERENCE,
                basis="as much as is claimed", cuts="moves do not depend on the board"),
    ],
    units="seeds: what the opponents draw; the model's moves follow from the board.",
    seeds=range(10, 16),
    code="BlueVelvetSackOfGoldPotatoes/child-play (scripts_games/tictactoe.py): the model begins and answers row and column by "
    "number, anything else loses; here it begins in every other game and can't lose so.",
    oracle=["tests/atlas/test_childplay.py", "tests/tasks/games/test_games.py"],
    reconstructed="Wording of rules and board; cells are named by letter and number.",
    history=[
        Change("2026-11-22", "Written; thresholds from the abstract before any run of it."),
    ],
    would_take="models whose first choice is a free cell, from 3B on",
    subjects={MODEL: 400_000},
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Both games by the model, by minimax and by two players at random."""
    rng = numpy_generator(seed, "childplay")
    players = {
        "model": by_model(subject(MODEL)), "random": at_random(rng), "chance": at_random(rng), "minimax": by_rule(rng),
    }  # fmt: skip
    # Players by rule cost little: ten times the games, so that what the model is held against has no noise of its own.
    games = {g: 6 if quick else count for g, (_, count) in GAMES.items()}
    scores = {
        (g, name): played(g, player, count * (1 if name in ("model", "minimax") else 10), seed)
        for g, count in games.items()
        for name, player in players.items()
    }
    above = {(g, name): s.points - scores[g, "random"].points for (g, name), s in scores.items()}

    def mean(name: str) -> float:
        return float(np.mean([above[g, name] for g in GAMES]))

    board, column = scores["tic-tac-toe", "model"], scores["connect-four", "model"]
    return {
        "above": mean("model"), "minimax": mean("minimax"), "chance": mean("chance"),
        "above_tic_tac_toe": above["tic-tac-toe", "model"], "above_connect_four": above["connect-four", "model"],
        "meaningful": (board.legal, board.questions), "meaningful_connect_four": (column.legal, column.questions),
        "won_tic_tac_toe": (board.won, games["tic-tac-toe"]), "won_connect_four": (column.won, games["connect-four"]),
        "first_free": (board.first, board.questions), "first_column": (column.first, column.questions),
        **{f"{g.replace('-', '_')}_random": s.points for (g, name), s in scores.items() if name == "random"},
    }  # fmt: skip
