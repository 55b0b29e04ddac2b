"""The command line: one module for each group of commands, imported when one of them is asked for.

All errors of ``kg.errors`` end here as one message and exit code 1; a wrong option is exit code 2.
May import everything in ``kg``; nothing in ``kg`` but ``__main__`` may import it, and ``webapp`` never.
"""

from __future__ import annotations

import os
import signal
import sys

import click

from kg.cli.group import cli
from kg.errors import KgError

__all__ = ["cli", "main"]


def main() -> None:
    """Run the command line and leave with its exit code."""
    # As Ctrl-C does: what is under way ends, and takes its temporary files with it.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone, as in `kg dump | head`; what Python flushes last must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KgError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"error: {error.filename or 'output'}: {error.strerror or error}.", err=True)
        sys.exit(1)
