"""The command line: the window, and the same engine without one. Nothing here imports Qt but the window's command,
and nothing heavy is imported before it is needed."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from typing import NoReturn, Protocol

from explorer import __version__
from explorer.cli import doctor, elbo, forms, inspect, look, probe, sample, train
from explorer.cli.session import check_session, is_session
from explorer.cli.usage import UsageError
from explorer.facts import ModelError
from explorer.formats import trust
from explorer.formats.existing import existing
from explorer.formats.plain_text import plain_text


class Command(Protocol):
    """A file of this folder."""

    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it; returns the exit code. Raises UsageError, ModelError or OSError for what a user can get wrong."""


COMMANDS: dict[str, Command] = {
    "inspect": inspect,
    "probe": probe,
    "look": look,
    "sample": sample,
    "elbo": elbo,
    "forms": forms,
    "train": train,
    "doctor": doctor,
}


TRUST = "--trust-adapter"
"""Lets models run that are programs: adapters, TorchScript and exported networks."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 for anything a user can get wrong."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name need not be text
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if TRUST in arguments:
            arguments.remove(TRUST)
            trust.agree_to_all()
        if arguments and arguments[0] in COMMANDS:
            command = COMMANDS[arguments[0]]
            parser = _Parser(prog=f"diffusion-explorer {arguments[0]}", description=command.SUMMARY)
            command.add_arguments(parser)
            return command.run(parser.parse_args(arguments[1:]))
        return _window(_window_parser().parse_args(arguments))
    except (UsageError, ModelError, ValueError, OSError, MemoryError, RuntimeError) as error:
        print("error:", plain_text(" ".join(_sentence(error).split())), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"“{error.filename}”: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError | RuntimeError):
        from explorer.engine.errors import sentence

        return sentence(error)
    return str(error)


def _window_parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  {name:<9} {command.SUMMARY}" for name, command in COMMANDS.items())
    parser = _Parser(
        prog="diffusion-explorer",
        description="Look into a trained diffusion model. Without a command: open the window.",
        epilog=f"commands (diffusion-explorer COMMAND --help says more):\n{commands}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", nargs="?", help="a model, or a .dxsession file; without it, the gallery")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def _window(options: argparse.Namespace) -> int:
    # A bad path is answered at once, before any window.
    if options.path is not None and is_session(options.path):
        check_session(options.path)
    elif options.path is not None:
        path = existing(options.path)
        from explorer.formats.registry import inspect

        inspect(path)
    from explorer.doctor import missing_libraries

    missing = missing_libraries()
    if missing:
        raise UsageError(f"The window needs system libraries that are not installed: {missing}.")
    from explorer.ui.app import has_display, run

    if not has_display():
        raise UsageError("There is no screen to open a window on: set DISPLAY or WAYLAND_DISPLAY.")
    return run(options.path)
