"""The command ``unseen``: one file a verb; imports wait until a verb runs."""

from __future__ import annotations

import contextlib
import errno
import os
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

    code: str | int | None = EXIT_OK
    try:
        try:
            build()()
        except SystemExit as stop:
            code = stop.code
            if isinstance(stop.__context__, BrokenPipeError):
                code = EXIT_OK
        # What waits in the buffer is written here, where a failure can still be told.
        sys.stdout.flush()
    except UnseenError as error:
        sys.stderr.write(f"unseen: {error}\n")
        code = EXIT_BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("unseen: interrupted; nothing was written.\n")
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe went away (`unseen task sample scan | head`): that is no error.
        _drop_output()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        sys.stderr.write(f"unseen: the output could not be written ({error.strerror}).\n")
        code = EXIT_BAD_INPUT
        _drop_output()
    sys.exit(code)


def _drop_output() -> None:
    """Send what is still buffered nowhere, so that Python does not try to write it again while it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
