"""PyTorch's own files, looked at before they are given to its weights-only reader, which believes what they say."""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import IO

import torch
from torch import Tensor

from explorer.facts import ModelError
from explorer.formats.archive import entries_of
from explorer.formats.checkpoint import MAX_PICKLE_BYTES, read_checkpoint
from explorer.formats.harm import wanted
from explorer.formats.limits import MAX_SHARED

PICKLE = b"\x80\x02"
"""How a pickle begins that PyTorch wrote. Its weights-only reader knows no other protocol."""
_REFUSED = re.compile(r"GLOBAL (\S{1,100})")
"""How PyTorch's reader names a class or function that it refuses."""


def check_pickles(path: Path, label: str, zipped: bool) -> None:
    """Raises ModelError for what PyTorch has not written, and for what asks Python to run something."""
    if zipped:
        _check_archive(path, label)
    else:
        _check_pickle(path.open("rb"), label)
    # PyTorch's reader believes the sizes that a file states; ours has compared them with the file first.
    checkpoint = read_checkpoint(path)
    if checkpoint.harmful:
        raise ModelError(
            f"{label} asks Python to run code ({wanted(checkpoint.harmful)}), so it was not opened: "
            "get the model as safetensors."
        )


def load_pickle(path: Path, label: str) -> dict[str, Tensor]:
    """A file that is no plain table of tensors, by PyTorch's own reader; few of them are weights in the end.

    Call it after `check_pickles`. Raises ModelError for what holds anything else than tensors.
    """
    try:
        with path.open("rb") as file:  # given a path, torch.load believes its ending
            values = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _REFUSED.search(str(error))
        if found is None:
            raise ModelError(f"{label} is damaged or is no file of weights: download it again.") from error
        raise ModelError(
            f"{label} holds Python code or objects besides weights ({found[1]}), so it was not opened: "
            "get the model as safetensors."
        ) from error
    except Exception as error:  # whatever a damaged pickle makes the reader stumble over
        raise ModelError(f"{label} is damaged or incomplete: download it again.") from error
    if not isinstance(values, dict) or not values:
        raise ModelError(f"{label} holds {_describe(values)}, not a table of named weights.")
    for name, tensor in values.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor) or tensor.device.type != "cpu":
            raise ModelError(
                f"{label} is not a plain table of weights: its entry {str(name)[:80]!r} is {_describe(tensor)}."
            )
    if sum(tensor.nbytes for tensor in values.values()) > MAX_SHARED * path.stat().st_size:
        raise ModelError(f"{label} describes many more numbers than it holds, so it was not opened.")
    return values


def _describe(value: object) -> str:
    if isinstance(value, dict) and not value:
        return "nothing"
    article = "an" if type(value).__name__[0] in "aeiouAEIOU" else "a"
    return f"{article} {type(value).__name__}"


def _check_pickle(file: IO[bytes], label: str) -> None:
    with file:
        if file.read(2) != PICKLE:
            raise ModelError(f"{label} is not a pickle that PyTorch wrote, so it was not opened: get safetensors.")


def _check_archive(path: Path, label: str) -> None:
    """PyTorch stores entries as they are; a compressed entry could swell to any size."""
    try:
        with path.open("rb") as file:
            entries = entries_of(file)
            pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
            if any(entry.compress_type == zipfile.ZIP_STORED for entry in pickles):
                with zipfile.ZipFile(file) as archive:
                    for entry in pickles:
                        _check_pickle(archive.open(entry), label)
    except (zipfile.BadZipFile, ValueError, EOFError, RuntimeError) as error:
        raise ModelError(f"{label} is damaged or incomplete: download it again.") from error
    if any(entry.filename.endswith("/constants.pkl") for entry in entries):
        raise ModelError(f"{label} is a TorchScript program, not weights, so it was not opened: get safetensors.")
    if not pickles:
        raise ModelError(f"{label} is a ZIP archive, not weights: unpack it first.")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ModelError(f"{label} is compressed, which PyTorch's own files never are, so it was not opened.")
    if sum(entry.file_size for entry in pickles) > MAX_PICKLE_BYTES:
        raise ModelError(f"{label} describes more tensors than any network has, so it was not opened.")
