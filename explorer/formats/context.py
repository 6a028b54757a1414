"""What a format asks while it finds out what a model is: the user goes before the card, the card before the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from explorer.facts import ModelError
from explorer.formats.corrections import Corrections
from explorer.formats.evidence import Candidate, Evidence
from explorer.formats.fields import short
from explorer.formats.heads import Heads, read_heads


@dataclass(frozen=True)
class Context:
    """What a format may ask while it finds out what a file is."""

    evidence: Evidence
    card: Corrections = field(default_factory=Corrections)
    user: Corrections = field(default_factory=Corrections)

    def choose(self, key: str, name: str, *candidates: Candidate[Any], default: Any, **show: Any) -> Any:
        """The user's, the card's or the first candidate's value of a fact. key: of Corrections."""
        said = (
            Candidate(getattr(self.user, key), "user"),
            Candidate(getattr(self.card, key), "card", "explorer.json"),
        )
        return self.evidence.choose(name, *said, *candidates, default=default, **show)

    def among(self, key: str, name: str, known: tuple[str, ...], own: Candidate[str]) -> str:
        """One of the known values of a fact, own.value where nobody says otherwise. Raises ModelError."""
        chosen: str = self.choose(key, name, own, default=known[0])
        if chosen not in known:
            raise ModelError(f"The given {key} must be one of {', '.join(known)}, not {short(chosen)}.")
        return chosen

    def weight_set(self, names: Iterable[str], where: str = "the names in it") -> str:
        """Which set of weights to read, the first where nobody says otherwise. Raises ModelError for an unknown one."""
        known = tuple(names)
        return self.among("weights", "set of weights", known, Candidate(known[0], "file", where))

    def shape(
        self,
        channels: int,
        own: Candidate[tuple[int, int]],
        default: tuple[int, int] = (32, 32),
        multiple: int = 1,
        ask: bool = True,
    ) -> tuple[int, int, int]:
        """(C, H, W) of the pictures. own: their height and width as the file has them, which few networks tell.
        multiple: what these must be divisible by. ask: warn where nobody says.

        Raises ModelError for a size that the network cannot work on.
        """

        def show(size: tuple[int, ...]) -> str:
            return f"{channels}×{size[-2]}×{size[-1]}"

        size: tuple[int, ...] = self.choose("size", "shape", own, default=default, show=show)
        if len(size) == 3 and size[0] != channels:
            raise ModelError(f"The shape cannot have {_counted(size[0])}: the weights are made for {channels}.")
        height, width = size[-2:]
        if height % multiple or width % multiple:
            whose = "" if self.resized or not own.where else f" ({own.where})"
            raise ModelError(
                f"Pictures of {height}×{width} do not fit the network{whose}: sides must be multiples of {multiple}."
            )
        if ask and own.value is None and not self.resized:
            self.evidence.warn(
                f"The file does not say how large its pictures are: {height}×{width} is taken. If pictures come out "
                "wrong, give the shape they were trained with."
            )
        return channels, height, width

    def said(self, key: str) -> bool:
        """True where the user or the card says something of a fact."""
        return getattr(self.user, key) is not None or getattr(self.card, key) is not None

    @property
    def resized(self) -> bool:
        """True where somebody says how large the pictures are."""
        return self.user.size is not None or self.card.size is not None

    def heads(self, own: Candidate[str], default: str, where: str) -> Heads:
        """The heads of attentions, see `parse_heads`."""
        text: str = self.choose("heads", "attention heads", own, default=default, where=where)
        return read_heads(text)


def _counted(channels: int) -> str:
    return f"{channels} channel{'' if channels == 1 else 's'}"
