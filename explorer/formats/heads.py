"""How many heads an attention has, or how wide each of them is: what the weights do not show."""

from __future__ import annotations

import re
from dataclasses import dataclass

from explorer.facts import ModelError
from explorer.formats.fields import whole

MAX = 8192
WRITTEN = re.compile(r"(?:(of)\s+)?(\d{1,4})(\s+channels)?")


@dataclass(frozen=True)
class Heads:
    """Either their number or the width of each; the other is 0."""

    count: int = 0
    width: int = 0

    def __str__(self) -> str:
        return f"of {self.width} channels" if self.width else str(self.count)

    def of(self, channels: int) -> int:
        """Their number on so many channels."""
        return max(channels // self.width, 1) if self.width else self.count


def parse_heads(value: object) -> str:
    """A number of heads, or "of 64 channels", as the text that `read_heads` reads. Raises ValueError."""
    found = WRITTEN.fullmatch(str(value).strip()) if whole(value) or isinstance(value, str) else None
    if found is None or not 1 <= int(found[2]) <= MAX:
        raise ValueError(f"the number of heads, 1 to {MAX:,}, or their width, such as “of 64 channels”")
    wide = bool(found[1] or found[3])
    return str(Heads(0, int(found[2])) if wide else Heads(int(found[2])))


def read_heads(text: str) -> Heads:
    """Of a text that `parse_heads` made."""
    return Heads(0, int(text.split()[1])) if text.startswith("of") else Heads(int(text))


def check_heads(heads: Heads, channels: int) -> None:
    """Raises ModelError where they do not divide an attention on so many channels."""
    if channels % heads.of(channels):
        raise ModelError(f"{heads.of(channels)} attention heads do not divide {channels} channels.")
