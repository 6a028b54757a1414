"""Objects as NVlabs' torch_utils.persistence pickles them: a class's name, its source, and its state. None is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explorer.facts import ModelError
from explorer.formats.references import TensorRef
from explorer.formats.stubs import Stub

PERSISTENT = "_reconstruct_persistent_obj"
MAX_ENTRIES, MAX_NAME = 500_000, 500
"""Of all modules of a network together, each counted as often as it is mentioned; and of the longest name's letters."""


def described(value: Any) -> Mapping[str, Any] | None:
    """What NVlabs' persistence wrote of an object: class_name, module_src, state; None for anything else."""
    if isinstance(value, Stub) and value.name.endswith(PERSISTENT) and value.arguments:
        return mapping(value.arguments[0])
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """A dictionary, or the dictionary that an object is; {} for anything else."""
    if isinstance(value, Stub):
        return value.attributes
    return {key: item for key, item in value.items() if isinstance(key, str)} if isinstance(value, Mapping) else {}


def plain(value: Any) -> dict[str, Any]:
    """Arguments as JSON would have them."""
    return {key: list(item) if isinstance(item, tuple) else item for key, item in mapping(value).items()}


def named_tensors(network: Mapping[str, Any]) -> dict[str, TensorRef]:
    """The named parameters and buffers of a network, as its state_dict would have them. Raises ModelError."""
    found: dict[str, TensorRef] = {}
    waiting, seen = [("", mapping(network.get("state")))], 0
    while waiting:
        prefix, state = waiting.pop()
        tables = [mapping(state.get(kind)) for kind in ("_parameters", "_buffers", "_modules")]
        seen += 1 + len(state) + sum(map(len, tables))
        longest = max((len(name) for table in tables for name in table), default=0)
        if seen > MAX_ENTRIES or len(prefix) + longest > MAX_NAME:
            raise ModelError("The file describes more modules than any network has, so it was not opened.")
        parameters, buffers, modules = tables
        for name, tensor in (*parameters.items(), *buffers.items()):
            if isinstance(tensor, TensorRef):
                found[f"{prefix}{name}"] = tensor
        for name, module in modules.items():
            meta = described(module)
            waiting.append((f"{prefix}{name}.", mapping(module) if meta is None else mapping(meta.get("state"))))
    return found
