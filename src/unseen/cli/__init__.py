"""The command ``unseen``: one file a verb; imports wait until a verb runs."""

from __future__ import annotations

import sys

# Exit codes, documented in docs/cli.md.
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command; errors meant for people are printed without a traceback."""
    from unseen.cli.app import build
    from unseen.errors import UnseenError

    try:
        build()()
    except UnseenError as error:
        sys.stderr.write(f"unseen: {error}\n")
        sys.exit(EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        sys.stderr.write("unseen: interrupted; nothing was written.\n")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe went away (`unseen task sample scan | head`): that is no error.
        sys.stderr.close()
        sys.exit(EXIT_OK)
