"""``unseen task play``: whole games of a language model against players by rule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from unseen.cli.printing import print_json


def play(
    game: Annotated[str, typer.Argument(help="tic-tac-toe, connect-four or battleship.")],
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Who plays: a folder, a .gguf file, openai:MODEL …; or random or best, by rule.",
        ),
    ],
    opponent: Annotated[
        list[str] | None,
        typer.Option("--opponent", help="random, minimax; of battleship random, map. Repeatable; default both."),
    ] = None,
    games: Annotated[int, typer.Option("--games", "-n", min=1, help="Games against each opponent.")] = 50,
    tries: Annotated[
        int,
        typer.Option(
            "--tries", min=1, help="Answers to one question, until one is a legal move; then the game is over."
        ),
    ] = 1,
    measure: Annotated[
        str, typer.Option("--score", help="Of the table: outcome (a row a game), legal or best (a row a move).")
    ] = "outcome",
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal opponents.")] = 0,
    chat: Annotated[
        bool | None,
        typer.Option("--chat/--text", help="Send questions as messages, or as text; default: as the model takes them."),
    ] = None,
    tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="Most tokens of an answer.")] = 12,
    budget: Annotated[
        int | None, typer.Option("--budget", min=1, help="Most tokens of all questions and answers.")
    ] = None,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .parquet or .csv file: a table of answers for unseen audit."),
    ] = None,
) -> None:
    """Play whole games: how they end, and how many answers are legal and best moves; a table for ``unseen audit``."""
    import io

    from unseen.errors import BadInput
    from unseen.files import write_atomically
    from unseen.tasks.games.playing import MEASURES, Measure, play

    chosen: Measure | None = next((m for m in MEASURES if m == measure), None)
    if chosen is None:
        raise BadInput(f"--score {measure!r} is not one of {', '.join(MEASURES)}.")
    if format not in ("text", "json"):
        raise BadInput(f"--format {format!r} is not one of text, json.")
    if output is not None and output.suffix not in (".parquet", ".csv"):
        raise BadInput(f"{output}: games are written as .parquet or .csv.")
    player = model if model in ("random", "best") else _asked(model, chat, tokens, budget)
    played = play(game, player, model=model, opponents=tuple(opponent or ()), games=games, tries=tries, seed=seed)
    if output is not None:
        table, buffer = played.table(chosen), io.BytesIO()
        _ = table.write_parquet(buffer) if output.suffix == ".parquet" else table.write_csv(buffer)
        write_atomically(output, buffer.getvalue())
    counts = played.counts()
    if format == "json":
        print_json(counts)
        return
    typer.echo(f"{model} in {game}: how {games} games against each opponent ended")
    typer.echo(
        f"{'opponent':9} {'side':7} {'games':>6} {'win':>5} {'draw':>5} {'loss':>5} {'illegal':>8}  legal answers  best moves"
    )
    for row in counts:
        shares = (
            "–" if row[name] is None else f"{100 * float(row[name] or 0):.0f} %"
            for name in ("legal_moves", "best_moves")
        )
        typer.echo(
            f"{row['opponent']:9} {row['side']:7} {row['games']:6} {row['win']:5} {row['draw']:5} {row['loss']:5} "
            f"{row['illegal']:8}  {next(shares):>13}  {next(shares):>10}"
        )


def _asked(model: str, chat: bool | None, tokens: int, budget: int | None):  # noqa: ANN202
    """A language model as a player."""
    from unseen.cli.models import opened
    from unseen.learners.language.base import Generation, Prompt

    kept = opened(model, chat=chat, tokens=budget)
    messages = bool(getattr(kept, "chats", False)) if chat is None else chat
    settings = Generation(max_tokens=tokens, stop=() if messages else ("\n",))

    def player(texts: Sequence[str]) -> list[str]:
        prompts: list[Prompt] = [[{"role": "user", "content": t}] if messages else f"{t}\nMove:" for t in texts]
        return [answer.text.strip() for answer in kept.generate(prompts, settings)]

    return player
