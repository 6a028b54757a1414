"""A Save request becomes a file. A new format is a file here with a function, and a line in WRITERS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from explorer.engine.frame import Frame, Saved
from explorer.engine.sharing import (
    chain_numbers,
    chain_page,
    chain_script,
    diffusers_script,
    films,
    numbers,
    page,
    pictures,
    script,
)
from explorer.engine.sharing.files import replacing, write_npz
from explorer.engine.sharing.material import AnyMaterial, ChainMaterial, Material, Saving
from explorer.facts import ModelError
from explorer.request import Save

OF_TILES: dict[str, Callable[[AnyMaterial, BinaryIO], Saving]] = {
    ".png": pictures.write,
    ".gif": films.write_gif,
    ".mp4": films.write_mp4,
}
"""By the file's ending: what only shows tiles."""
WRITERS: dict[str, Callable[[Material, BinaryIO], Saving]] = {**OF_TILES, ".npz": numbers.write, ".html": page.write}
CHAIN_WRITERS: dict[str, Callable[[ChainMaterial, BinaryIO], Saving]] = {
    **OF_TILES,
    ".npz": chain_numbers.write,
    ".html": chain_page.write,
}
ENDINGS = (*WRITERS, ".py")


def save(material: Material | ChainMaterial, request: Save) -> Iterator[Frame]:
    """Progress, then Saved. Raises ModelError or ValueError, one sentence, where it is not possible."""
    path = Path(request.path)
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ModelError(f"“{path.name}” does not say in which format to save; the endings are {', '.join(ENDINGS)}.")
    if ending == ".py":
        yield from _script(material, request, path)
        return
    with replacing(path) as file:
        if isinstance(material, ChainMaterial):
            yield from CHAIN_WRITERS[ending](material, file)
        else:
            yield from WRITERS[ending](material, file)
    yield Saved(str(path))


def _script(material: Material | ChainMaterial, request: Save, path: Path) -> Saving:
    """A script, and the arrays that it needs beside it."""
    arrays: script.Arrays = {}
    name, note = path.stem, ""
    if isinstance(material, ChainMaterial):
        if request.plain_diffusers:
            raise ModelError(f"{material.model.facts.title} is a chain of latent variables, which diffusers has not.")
        text, arrays = chain_script.script(material, name)
    elif request.plain_diffusers:
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
