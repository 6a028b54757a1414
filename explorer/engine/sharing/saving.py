"""A Save request becomes a file. A new format is a file here with a function, and a line in WRITERS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from explorer.engine.frame import Frame, Saved
from explorer.engine.sharing import diffusers_script, films, numbers, page, pictures, script
from explorer.engine.sharing.files import replacing, write_npz
from explorer.engine.sharing.material import Material, Saving
from explorer.facts import ModelError
from explorer.request import Save

WRITERS: dict[str, Callable[[Material, BinaryIO], Saving]] = {
    ".npz": numbers.write,
    ".png": pictures.write,
    ".gif": films.write_gif,
    ".mp4": films.write_mp4,
    ".html": page.write,
}
"""By the file's ending."""
ENDINGS = (*WRITERS, ".py")


def save(material: Material, request: Save) -> Iterator[Frame]:
    """Progress, then Saved. Raises ModelError or ValueError, one sentence, where it is not possible."""
    path = Path(request.path)
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ModelError(f"“{path.name}” does not say in which format to save; the endings are {', '.join(ENDINGS)}.")
    if ending == ".py":
        yield from _script(material, request, path)
        return
    with replacing(path) as file:
        yield from WRITERS[ending](material, file)
    yield Saved(str(path))


def _script(material: Material, request: Save, path: Path) -> Saving:
    """A script, and the arrays that it needs beside it."""
    arrays: script.Arrays = {}
    name, note = path.stem, ""
    if request.plain_diffusers:
        text = diffusers_script.script(material, name)
    else:
        text, arrays = script.script(material, name)
    if arrays:
        with replacing(path.with_suffix(".npz")) as file:
            write_npz(file, arrays)
        note = f"with {name}.npz, which it needs beside it"
    with replacing(path) as file:
        file.write(text.encode())
    yield Saved(str(path), note)
