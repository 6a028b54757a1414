"""A Save request becomes a file. A new format is a file here with a function, and a line in WRITERS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from explorer.engine.frame import Frame, Saved
from explorer.engine.sharing import films, numbers, pictures
from explorer.engine.sharing.files import replacing
from explorer.engine.sharing.material import Material, Saving
from explorer.facts import ModelError
from explorer.request import Save

WRITERS: dict[str, Callable[[Material, BinaryIO], Saving]] = {
    ".npz": numbers.write,
    ".png": pictures.write,
    ".gif": films.write_gif,
    ".mp4": films.write_mp4,
}
"""By the file's ending."""


def save(material: Material, request: Save) -> Iterator[Frame]:
    """Progress, then Saved. Raises ModelError or ValueError, one sentence, where it is not possible."""
    path = Path(request.path)
    ending = path.suffix.lower()
    if ending not in WRITERS:
        raise ModelError(f"“{path.name}” does not say in which format to save; the endings are {', '.join(WRITERS)}.")
    with replacing(path) as file:
        yield from WRITERS[ending](material, file)
    yield Saved(str(path))
