"""Where terminal reports are written to: a text, or standard output at a width that can be read."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from unseen.plain_text import TWINS, line

if TYPE_CHECKING:
    from rich.console import Console

# Wider lines are harder to read, however wide the terminal is.
MAX_WIDTH = 100


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
