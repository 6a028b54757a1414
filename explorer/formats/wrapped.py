"""The tables of weights inside a training checkpoint, without what training put around their names.

Training scripts save a network under a key of their own (`model_state_dict`, `net_model`, `state_dict` of Lightning),
its average under another (`ema_model`, `state_dict_ema`) or as a list without names (torch_ema's `shadow_params`), and
wrappers put words before the names: `module.` (DataParallel), `_orig_mod.` (torch.compile), `model.` and the like.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from explorer.formats.checkpoint import Checkpoint
from explorer.formats.references import TensorRef

MAX_DEPTH, MAX_ENTRIES = 3, 10_000
"""How deep tables are looked for, and how many entries of the tables around them are looked at."""
LEAST = 4
"""Tensors of a network."""
SHARE = 5
"""A part of a table with at least one name in this many may be a network by itself."""
COMPILED = "_orig_mod."
_AVERAGED = re.compile(r"(?<![a-z])(ema|average[d]?|shadow)(?![a-z])")


@lru_cache(maxsize=4)
def unwrapped(checkpoint: Checkpoint) -> tuple[tuple[str, Checkpoint], ...]:
    """What may be networks, each as a checkpoint of nothing else: "ema" or "raw", and the table; averages first."""
    tables = list(_tables(checkpoint.content, "", MAX_DEPTH))
    found: list[tuple[str, Checkpoint]] = []
    for place, table in tables:
        for name, part in _parts(place, {key.replace(COMPILED, ""): value for key, value in table.items()}, MAX_DEPTH):
            found.append((name, replace(checkpoint, content=part, whole=checkpoint.content)))
    for place, tensors in _lists(checkpoint.content, "", MAX_DEPTH):
        for _, view in tuple(found):
            if [tensor.shape for tensor in view.content.values()] == [tensor.shape for tensor in tensors]:
                named = dict(zip(view.content, tensors, strict=True))
                found.append((_set(place), replace(checkpoint, content=named, whole=checkpoint.content)))
                break
    return tuple(sorted(found, key=lambda pair: pair[0]))


def _tables(content: Any, place: str, depth: int) -> Iterator[tuple[str, dict[str, TensorRef]]]:
    """Those with names for tensors, with the keys that lead to them."""
    if not isinstance(content, Mapping):
        return
    tensors = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, TensorRef)}
    if len(tensors) >= LEAST:
        yield place, tensors
    elif depth and len(content) <= MAX_ENTRIES:
        for key, value in content.items():
            if isinstance(key, str):
                yield from _tables(value, f"{place}.{key}", depth - 1)


def _lists(content: Any, place: str, depth: int) -> Iterator[tuple[str, list[TensorRef]]]:
    """Lists of nothing but tensors, with the keys that lead to them."""
    if isinstance(content, list) and len(content) >= LEAST and all(isinstance(value, TensorRef) for value in content):
        yield place, content
    elif isinstance(content, Mapping) and depth and len(content) <= MAX_ENTRIES:
        for key, value in content.items():
            if isinstance(key, str):
                yield from _lists(value, f"{place}.{key}", depth - 1)


def _parts(place: str, table: dict[str, TensorRef], depth: int) -> Iterator[tuple[str, dict[str, TensorRef]]]:
    """The table, and the parts of it that share the first word of their names."""
    yield _set(place), table
    if not depth:
        return
    words = Counter(name.split(".", 1)[0] for name in table if "." in name)
    for word, count in words.items():
        if count >= max(LEAST, len(table) / SHARE) and not word.isdecimal():
            start = f"{word}."
            part = {name.removeprefix(start): value for name, value in table.items() if name.startswith(start)}
            yield from _parts(f"{place}.{word}", part, depth - 1)


def _set(place: str) -> str:
    return "ema" if _AVERAGED.search(place.lower().replace("_", ".")) else "raw"
