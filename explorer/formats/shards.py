"""Weights in several files: the index beside them that says which tensor lies in which.

diffusion_pytorch_model.safetensors.index.json      {"weight_map": {tensor: file}}
diffusion_pytorch_model-00001-of-00002.safetensors  the files, in the index's own folder
"""

from __future__ import annotations

import re
from pathlib import Path

from explorer.facts import ModelError
from explorer.formats.fields import read_json, short

MAX_SHARDS = 256
INDEX_NAME = re.compile(r"(?:diffusion_pytorch_|pytorch_)?model\.(safetensors|bin)\.index(?:\.([\w-]{1,40}))?\.json")
"""Kind of the files and variant."""
_FILE = re.compile(r"[\w.-]{1,200}\.(?:safetensors|bin)")


def is_index(path: Path) -> bool:
    """True for a file that is called like such an index."""
    return INDEX_NAME.fullmatch(path.name) is not None


def read_index(path: Path, label: str) -> dict[Path, tuple[str, ...]]:
    """The names of the tensors in each file, files in the order of their names. label: what messages call the index.

    Raises ModelError for an index that is none, that points out of its folder, or whose files are not all there.
    """
    table = read_json(path, label).get("weight_map")
    if not isinstance(table, dict) or not table:
        raise ModelError(f"In {label}, weight_map must say which tensor lies in which file, not {short(table)}.")
    found: dict[str, list[str]] = {}
    for name, file in table.items():
        if not isinstance(file, str) or not _FILE.fullmatch(file):
            raise ModelError(f"{label} names {short(file)} as a file of weights: only files beside it are read.")
        found.setdefault(file, []).append(name)
    if len(found) > MAX_SHARDS:
        raise ModelError(f"{label} names {len(found):,} files: more than {MAX_SHARDS} are not read.")
    for file in found:
        if not (path.parent / file).is_file():
            raise ModelError(f"{file}, which {label} names, is missing: download the folder again.")
    return {path.parent / file: tuple(found[file]) for file in sorted(found)}


def weights_size(path: Path, label: str) -> tuple[int, int]:
    """How many files hold the weights at `path`, a file of them or an index, and their bytes. Raises ModelError."""
    files = list(read_index(path, label)) if is_index(path) else [path]
    return len(files), sum(file.stat().st_size for file in files)
