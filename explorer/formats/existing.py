"""The first question to a path, asked before the formats are read in, which takes longer than the answer."""

from __future__ import annotations

from pathlib import Path

from explorer.facts import ModelError


def existing(path: str | Path) -> Path:
    """The path, absolute; links are not followed: the cache of Hugging Face is made of them.

    Raises ModelError where nothing is there.
    """
    absolute = Path(path).absolute()
    if not absolute.exists():
        raise ModelError(f"There is no file or folder {absolute}.")
    return absolute
