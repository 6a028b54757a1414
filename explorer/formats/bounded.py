"""Parts of a file, read no further than they reach."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO

from explorer.formats.limits import Budget
from explorer.formats.references import DamagedError


@dataclass(frozen=True)
class Blob:
    """Bytes left in the file."""

    offset: int
    length: int


class Bounded:
    """A part of a file, whose reads never ask for more than there is. budget: shared by what is nested in it."""

    def __init__(self, file: IO[bytes], offset: int, length: int, budget: Budget | None = None) -> None:
        self.file, self.end = file, offset + length
        self.budget = budget or Budget.of(length)
        file.seek(offset)

    @property
    def left(self) -> int:
        """Bytes up to the end."""
        return self.end - self.file.tell()

    def read(self, count: int) -> bytes:
        """Exactly so many. Raises DamagedError where there are fewer."""
        if not 0 <= count <= self.left:
            raise DamagedError("it ends too early")
        self.budget.spend(bytes=count)
        return self.file.read(count)

    def readline(self) -> bytes:
        """Of a megabyte at most."""
        line = self.file.readline(min(self.left, 1 << 20))
        self.budget.spend(bytes=len(line))
        return line

    def skip(self, count: int) -> Blob:
        """Where so many bytes lie, which are not read. Raises DamagedError where there are fewer."""
        if not 0 <= count <= self.left:
            raise DamagedError("it ends too early")
        blob = Blob(self.file.tell(), count)
        self.file.seek(count, io.SEEK_CUR)
        return blob
