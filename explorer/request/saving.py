"""What is written to a file, and read from it again."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.request.looking import Look
from explorer.request.subject import ModelRef


@dataclass(frozen=True)
class Save:
    """Write what is on show to a file, or the run that it is a step of; the ending of `path` says in which format.

    look: what is on show. plain_diffusers: for a script, one that needs nothing of this program.
    """

    look: Look
    path: str
    plain_diffusers: bool = False


@dataclass(frozen=True)
class SaveSession:
    """Write everything that is open to a file. notes: what the window shows, JSON (see engine.sharing.session_file)."""

    model: ModelRef
    path: str
    notes: str


@dataclass(frozen=True)
class Autosave(SaveSession):
    """The same without the steps, which can be made again: small enough to be written every second."""


@dataclass(frozen=True)
class OpenSession:
    """Open what SaveSession wrote. What is open stays where that fails."""

    path: str
