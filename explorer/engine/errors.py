"""Exceptions as one plain sentence."""

from __future__ import annotations

import torch

from explorer.facts import ModelError


def sentence(error: BaseException) -> str:
    """What to tell the user of an error raised while answering a request."""
    # The CPU's allocator raises a plain RuntimeError.
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator: can't allocate" in str(error):
        return "The device ran out of memory: show fewer samples at once, or choose another device."
    if isinstance(error, ModelError | ValueError):
        text = str(error)
        first = text[:1].upper() if text[:2].isalpha() else text[:1]  # a word, not a symbol such as t
        return f"{first}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"
    first_line = (str(error).strip().splitlines() or [""])[0]
    return f"Unexpected error, please report it: {type(error).__name__}: {first_line}"
