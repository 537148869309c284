"""The errors that the library raises on purpose.

They stand below every floor and import nothing, so that each floor can raise and each can catch them.
Every message names what was given, where, and what to do about it.
"""

from __future__ import annotations


class UnseenError(Exception):
    """Base of all errors that are meant to be read by a person; the command line prints them without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of sixty lines of our own code; ``%tb`` still has them."""
        return [f"{type(self).__name__}: {self}"]


class BadInput(UnseenError, ValueError):
    """What the user gave can't be used: a file, a column, a value, an expression or an option."""


class NoArgument(BadInput, TypeError):
    """A function of the library has no such argument."""


class TooFewUnits(UnseenError, ValueError):
    """There are fewer independent units than the estimate needs, so that no interval exists."""


class Undefined(UnseenError, ValueError):
    """The quantity does not exist on these data (a constant column, a separated regression, no overlap)."""


class MissingExtra(UnseenError, ImportError):
    """An optional dependency is not installed; the message names the extra to install."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra '{extra}', which is not installed. Run: pip install 'unseen[{extra}]' (in a checkout: "
            f"pip install '.[{extra}]')"
        )
        self.extra = extra
