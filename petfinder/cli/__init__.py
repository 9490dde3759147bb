"""The command line `petfinder`: its entry, which loads the verbs, and the exit codes of what can end any of them."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress

from petfinder.cli.exit_codes import INTERRUPTED, TROUBLE


def main() -> None:
    """The entry point of the `petfinder` command."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a stream of somebody else's, in a notebook or a test; or None, closed
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        from petfinder.cli.app import app

        app(prog_name="petfinder")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still to be printed would fail once more at the end
        if sys.stderr is not None:
            sys.stderr.write("petfinder: the disk is full; what was printed is not whole\n")
        sys.exit(TROUBLE)
