"""Plays whole games with a player who is asked in words, many games at a time, and tabulates how they went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from unseen.errors import BadInput
from unseen.tasks.base import near
from unseen.tasks.draws import Draws
from unseen.tasks.games.battleship import BattleshipMatch
from unseen.tasks.games.matches import ConnectFourMatch, Match, Read, TicTacToeMatch

GAMES: Mapping[str, type[Match]] = {m.name: m for m in (TicTacToeMatch, ConnectFourMatch, BattleshipMatch)}
Measure = Literal["outcome", "legal", "best"]
MEASURES: tuple[Measure, ...] = ("outcome", "legal", "best")
WORTH = {"win": 1.0, "draw": 0.5, "loss": 0.0, "illegal": 0.0}
# Answers of a player to questions, in their order.
Player = Callable[[Sequence[str]], Sequence[str]]


@dataclass(slots=True)
class Asked:
    """One question to the player and what came of it.

    Attributes:
        ply: Number of the player's move, from 1; a question that is asked again keeps it.
        text: The question.
        answer: What the player said.
        read: How that was read.
        choices: How many moves were legal.
        best: The best moves, as far as the rule behind them sees.
        move: The move as read.
    """

    ply: int
    text: str
    answer: str
    read: Read
    choices: int
    best: list[str]
    move: str


@dataclass(slots=True)
class Played:
    """Games of one player.

    Attributes:
        model: Name of the player.
        game: Name of the game.
        matches: The games with their names (opponent and number).
        asked: The questions of each game.
    """

    model: str
    game: str
    matches: dict[str, Match] = field(default_factory=dict[str, Match])
    asked: dict[str, list[Asked]] = field(default_factory=dict[str, list[Asked]])

    def table(self, measure: Measure = "outcome") -> pl.DataFrame:
        """A table of answers, as ``unseen audit`` reads it.

        Games of one number are the same for each player (who begins, and what chance brings), so that players compare by item.

        Args:
            measure: ``outcome``: a row a game, 1 for a win and 0.5 for a draw; ``unparsable`` where an answer that was no legal
                move ended it. ``legal``: a row a question, 1 where the answer was a legal move. ``best``: a row a legal move
                where not all were equally good, 1 where it is one of the best.

        Raises:
            BadInput: There is no such measure.
        """
        if measure not in MEASURES:
            raise BadInput(f"a table of games measures one of {', '.join(MEASURES)}, got {measure!r}.")
        rows = [
            row
            for item in self.matches
            for row in (self._game(item) if measure == "outcome" else self._moves(item, measure))
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def _game(self, item: str) -> list[dict[str, object]]:
        match, asked = self.matches[item], self.asked[item]
        outcome = match.outcome or "illegal"
        return [
            {
                "model": self.model,
                "item": item,
                "score": WORTH[outcome],
                "against": match.opponent,
                "side": "first" if match.first else "second",
                "prediction": outcome,
                "target": "win",
                "unparsable": outcome == "illegal",
                "raw_answer": " / ".join(" ".join(a.answer.split()) for a in asked),
                "question": asked[0].text,
            }
        ]

    def _moves(self, item: str, measure: Measure) -> list[dict[str, object]]:
        match = self.matches[item]
        return [
            {
                "model": self.model,
                "item": f"{item}/{i}",
                "score": float(a.read == "legal" if measure == "legal" else a.move in a.best),
                "cluster": item,
                "against": match.opponent,
                "side": "first" if match.first else "second",
                "ply": a.ply,
                "choices": a.choices,
                "question": a.text,
                "raw_answer": a.answer,
                "prediction": a.move,
                "target": ", ".join(a.best),
                "unparsable": a.read == "unreadable",
            }
            for i, a in enumerate(self.asked[item], 1)
            if measure == "legal" or (a.read == "legal" and len(a.best) < a.choices)
        ]

    def counts(self) -> list[dict[str, str | int | float | None]]:
        """For each opponent and side: games, how they ended, and shares of answers that were legal and best moves."""
        found: list[dict[str, str | int | float | None]] = []
        groups = dict.fromkeys((m.opponent, m.first) for m in self.matches.values())
        for opponent, first in groups:
            items = [i for i, m in self.matches.items() if (m.opponent, m.first) == (opponent, first)]
            ends = [self.matches[i].outcome or "illegal" for i in items]
            asked = [a for i in items for a in self.asked[i]]
            known = [a for a in asked if a.read == "legal" and len(a.best) < a.choices]
            found.append(
                {
                    "opponent": opponent,
                    "side": "first" if first else "second",
                    "games": len(items),
                    **{end: ends.count(end) for end in WORTH},
                    "answers": len(asked),
                    "legal_moves": sum(a.read == "legal" for a in asked) / len(asked) if asked else None,
                    "best_moves": sum(a.move in a.best for a in known) / len(known) if known else None,
                }
            )
        return found


def play(
    game: str,
    player: Player | str,
    *,
    model: str = "",
    opponents: Sequence[str] = (),
    games: int = 50,
    tries: int = 1,
    seed: int = 0,
) -> Played:
    """Play whole games, all at a time: each round asks the player one question a game that goes on.

    Games alternate between moving first and second. An answer that is no legal move is told to be none, and one is asked for
    again, until ``tries`` answers to one question were none; then the game is over, with the outcome ``illegal``.

    Args:
        game: One of ``GAMES``.
        player: Answers questions; or "random" or "best" (``Match.best``), players by rule, for a scale.
        model: Name of the player; of a player by rule its own.
        opponents: Of ``Match.opponents``; all of them where none is named.
        games: Against each opponent.
        tries: Answers to one question, at most.
        seed: Of who begins and of what opponents draw.

    Raises:
        BadInput: An unknown game, opponent or player, fewer than one game or try, or a player who gives more or fewer answers than
            there were questions.

    >>> play("tic-tac-toe", "best", opponents=("minimax",), games=4).table()["score"].to_list()
    [0.5, 0.5, 0.5, 0.5]
    """
    if game not in GAMES:
        raise BadInput(f"no game {game!r}{near(game, GAMES)}; there are {', '.join(GAMES)}.")
    kind = GAMES[game]
    wrong = next((o for o in opponents if o not in kind.opponents), None)
    if wrong is not None:
        raise BadInput(f"{game} has no opponent {wrong!r}; it has {' and '.join(kind.opponents)}.")
    if games < 1 or tries < 1:
        raise BadInput(f"games and tries are 1 or more, got {games} and {tries}.")
    if isinstance(player, str) and player not in ("random", "best"):
        raise BadInput(f"a player by rule is random or best, got {player!r}; other players are functions of questions.")
    done = Played(model or (player if isinstance(player, str) else "player"), game)
    for opponent in opponents or kind.opponents:
        for i in range(games):
            item = f"{game}/{opponent}/{seed}-{i}"
            done.matches[item] = kind(opponent, i % 2 == 0, Draws(f"play:{item}"))
            done.asked[item] = []
    failed = dict.fromkeys(done.matches, 0)
    chance = {item: Draws(f"player:{item}") for item in done.matches}
    while going := [item for item, match in done.matches.items() if match.outcome is None]:
        texts = [done.matches[item].asked() + (_again(done.asked[item][-1]) if failed[item] else "") for item in going]
        if isinstance(player, str):
            answers: Sequence[str] = [_ruled(player, done.matches[item], chance[item]) for item in going]
        else:
            answers = player(texts)
        if len(answers) != len(texts):
            raise BadInput(f"the player gave {len(answers)} answers to {len(texts)} questions.")
        for item, text, answer in zip(going, texts, answers, strict=True):
            failed[item] = _answered(done.matches[item], done.asked[item], text, answer, failed[item], tries)
    return done


def _again(asked: Asked) -> str:
    """What is said before a question is asked again: the same answer would come to the same question."""
    answer = " ".join(asked.answer.split())
    shown = f"{answer[:40]}…" if len(answer) > 40 else answer
    return f'\nYou answered "{shown}", which is no legal move here. Make one that is.'


def _ruled(player: str, match: Match, d: Draws) -> str:
    return d.choice(match.best() if player == "best" else match.legal())


def _answered(match: Match, asked: list[Asked], text: str, answer: str, failed: int, tries: int) -> int:
    """Enter an answer and go on with the game; how many answers in a row were no legal move."""
    read, move = match.read(answer)
    ply = 1 if not asked else asked[-1].ply + (asked[-1].read == "legal")
    asked.append(Asked(ply, text, answer, read, len(match.legal()), match.best(), move))
    if read != "legal":
        if failed + 1 >= tries:
            match.outcome = "illegal"
        return failed + 1
    match.take(move)
    if match.outcome is None:
        match.reply()
    return 0
