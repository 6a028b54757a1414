"""The average that score_sde_pytorch keeps: a list of tensors in the order of the network's parameters, unnamed."""

from __future__ import annotations

from collections.abc import Mapping

from explorer.formats.checkpoint import Checkpoint
from explorer.formats.references import TensorRef


def listed_average(checkpoint: Checkpoint, trained: Mapping[str, TensorRef]) -> dict[str, TensorRef]:
    """The averages by name, {} where there is no list that fits. trained: the parameters themselves, in their order."""
    shadow = checkpoint.get("ema", "shadow_params")
    if not isinstance(shadow, list) or len(shadow) != len(trained):
        return {}
    average = {
        name: value
        for (name, tensor), value in zip(trained.items(), shadow, strict=True)
        if isinstance(value, TensorRef) and value.shape == tensor.shape
    }
    return average if len(average) == len(trained) else {}
