"""How much of anything a file may ask for. A few bytes can name the same long list a million times: what is made of
them is counted, not only what is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from explorer.formats.references import DamagedError

MAX_STEPS = 2_000_000
"""Instructions of a pickle, and elements of what they copy. A network of a thousand tensors takes some 50,000."""
MAX_COPIES = 8
"""How often the bytes of a file may be read, nested pickles and texts turned into bytes included."""
MAX_SHARED = 8
"""How many times the file's own size its tensors may be when each has its own memory: tied weights share theirs."""
MAX_ODD_KEYS = 1000
"""Keys of tables that are neither texts nor small whole numbers: of others, files can be made in which all have the
same hash, so that each is compared with every one before it."""
SMALL = 1 << 60
"""Whole numbers below are their own hashes."""
MAX_KEY_PARTS = 1000
"""Of a tuple that is a key. Its hash is taken of all its parts, the same ones as often as they are mentioned."""


class LimitError(DamagedError):
    """A file that asks for more than any network needs."""


@dataclass
class Budget:
    """What is left for one file, its nested pickles included."""

    steps: int
    bytes: int
    odd_keys: int = MAX_ODD_KEYS
    harmful: set[str] = field(default_factory=set)
    """What was found in it that only a file made to do harm names."""

    @classmethod
    def of(cls, size: int) -> Budget:
        """For a file of `size` bytes."""
        return cls(MAX_STEPS, MAX_COPIES * (size + 1024))

    def spend(self, steps: int = 0, bytes: int = 0) -> None:
        """Raises LimitError where nothing is left."""
        self.steps -= steps
        self.bytes -= bytes
        if self.steps < 0 or self.bytes < 0:
            raise LimitError("it describes more than any network has")


def check_key(key: object, budget: Budget) -> None:
    """Raises LimitError for a key of a table whose hash would take long, or that is one odd key too many."""
    if isinstance(key, str | bytes) or (isinstance(key, int) and abs(key) < SMALL):
        return
    budget.odd_keys -= 1
    if budget.odd_keys < 0:
        raise LimitError("its tables have names that are no names")
    if not isinstance(key, tuple | frozenset):
        return
    waiting, parts = [key], 0
    while waiting:
        value = waiting.pop()
        parts += len(value)
        if parts > MAX_KEY_PARTS:
            raise LimitError("a name in it has too many parts")
        waiting.extend(part for part in value if isinstance(part, tuple | frozenset))
