"""Which programs the user lets run. A model that is a program is opened only after its content was agreed to.

TorchScript archives and torch.export's are programs: PyTorch's readers of both run what they hold (operators that
touch files in the first, pickles and expressions in the second), so neither is treated as mere weights.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from explorer.facts import ModelError

EVERYTHING = "every program"
_agreed: set[str] = set()
"""Digests, or EVERYTHING: one choice of the whole process."""


def digest(path: Path) -> str:
    """SHA-256 of a file's content. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def agree(content: str) -> None:
    """Let the program with this digest run while the process lives."""
    _agreed.add(content)


def agree_to_all() -> None:
    """Let every program run that is opened: what --trust-adapter says."""
    _agreed.add(EVERYTHING)


def forget() -> None:
    """Nothing is agreed to."""
    _agreed.clear()


def agreed(path: Path) -> bool:
    """Whether the program in a file, as it is now, may run. Raises OSError."""
    return EVERYTHING in _agreed or (bool(_agreed) and digest(path) in _agreed)


def check(path: Path, what: str) -> None:
    """Raises ModelError unless the program may run. what: "a TorchScript program", for the message."""
    if not agreed(path):
        raise _refused(path, what)


def agreed_text(path: Path, what: str) -> bytes:
    """The content of a small program that may run: the very bytes that were agreed to, whatever becomes of the file.

    Raises as `check` does; OSError.
    """
    content = path.read_bytes()
    if EVERYTHING not in _agreed and hashlib.sha256(content).hexdigest() not in _agreed:
        raise _refused(path, what)
    return content


def _refused(path: Path, what: str) -> ModelError:
    return ModelError(
        f"{path.name} is {what}: opening it runs its code, so it needs your consent (in the window, or by "
        "--trust-adapter)."
    )
