"""Where terminal reports are written to: a text, or standard output at a width that can be read."""

from __future__ import annotations

import io
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any

from unseen.plain_text import TWINS, line

if TYPE_CHECKING:
    from rich.console import Console

# Wider lines are harder to read, however wide the terminal is.
MAX_WIDTH = 100
# Lines of a first screen, so that the path of a report fits as well.
MAX_LINES = 23
# A sign and its number, and the ends of an interval, are read in one go: no line ends between them.
TOGETHER = re.compile(r"(?<=[≥≤=<>]) (?=\S)|(?<=,) (?=[-−\d.∞]+\])")
# What stands for such a space while lines are made; text that is cleaned for a terminal holds none.
GLUE = "\x1f"


def as_text(write: Callable[[Console], None], *, color: bool, width: int) -> str:
    r"""What a function writes to a console, as text with colours (ANSI codes) or without.

    >>> as_text(lambda console: console.print("one"), color=False, width=20)
    'one\n'
    """
    from rich.console import Console

    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=color, color_system="standard" if color else None,
        highlight=False, markup=False, emoji=False, legacy_windows=False, force_jupyter=False,
    )  # fmt: skip
    write(console)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def on_screen(write: Callable[[Console], None], file: IO[str] | None, *, otherwise: int) -> None:
    """Let a function write to standard output: in colour where it is a terminal, in ASCII where it knows no more.

    Args:
        write: Gets the console.
        file: Another place to write to.
        otherwise: Width where there is no terminal.
    """
    from rich.console import Console

    console = Console(file=file or sys.stdout, highlight=False, markup=False, emoji=False, force_jupyter=False)
    if console.width > MAX_WIDTH or not console.is_terminal:
        console.width = min(console.width, MAX_WIDTH) if console.is_terminal else otherwise
    write(console)


def safe(words: str, console: Console, style: str = "") -> Any:
    """Text that is shown as it is: no markup, no control character and no workflow command of a name gets through."""
    from rich.text import Text

    return Text(fitting(words, console), style=style)


def fitting(words: str, console: Console) -> str:
    """Text cleaned for a terminal (``plain_text.line``), in the characters that it knows."""
    kept = line(words)
    if can_show(kept, console):
        return kept
    for fancy, simple in TWINS.items():
        kept = kept.replace(fancy, simple)
    return kept.encode(console.encoding, "replace").decode(console.encoding)


def can_show(words: str, console: Console) -> bool:
    """Whether a terminal knows all these characters."""
    try:
        words.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def wrapped(text: str, console: Console, most: int = 4, hanging: str = "") -> list[str]:
    """Words as lines of a console, at most so many; what is cut has a mark, and no interval is torn."""
    width = max(console.width, 20)
    made = textwrap.wrap(TOGETHER.sub(GLUE, fitting(text, console)), width, subsequent_indent=hanging) or [""]
    lines = [line.replace(GLUE, " ") for line in made]
    if len(lines) <= most:
        return lines
    # Whole words, and one mark of what is left out.
    last = lines[most - 1]
    last = last if len(last) <= width - 2 else last[: width - 1].rsplit(" ", 1)[0][: width - 2]
    return [*lines[: most - 1], f"{last} …"]


def aligned(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """Rows of cells as lines with columns of equal width, the named ones to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(text.rjust(w) if r else text.ljust(w) for text, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in rows
    ]
