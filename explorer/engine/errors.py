"""Exceptions as one plain sentence."""

from __future__ import annotations

import re

import torch

from explorer.facts import ModelError
from explorer.formats.plain_text import plain_text

_WORD = re.compile(r"[^\W\d_]{2,}[ ,:;’']")
"""A word at the beginning: neither a symbol such as t, nor a path or the name of a file, which stay as they are."""


def sentence(error: BaseException) -> str:
    """What to tell the user of an error raised while answering a request."""
    # The CPU's allocator raises a plain RuntimeError.
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator: can't allocate" in str(error):
        return "The device ran out of memory: show fewer samples at once, or choose another device."
    if isinstance(error, ModelError | ValueError):
        text = plain_text(str(error))
        if _WORD.match(text):
            text = text[:1].upper() + text[1:]
        return f"{text}{'' if text.endswith(('.', '?', '!')) else '.'}"
    first_line = (str(error).strip().splitlines() or [""])[0]
    return f"Unexpected error, please report it: {type(error).__name__}: {first_line}"
