"""The table of contents of a ZIP archive, which is as long as its file says."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import IO

from explorer.formats.references import DamagedError

MAX_DIRECTORY = 20_000_000
"""Bytes of an archive's table of contents: some 100,000 entries."""
_END, _END_SIZE = b"PK\x05\x06", 22
_LONG_END = b"PK\x06\x06"
_TAIL = _END_SIZE + 65_535 + 20 + 56
"""How far before a file's end the record of the directory's size may begin: both records, a pointer, a comment."""


def entries_of(file: IO[bytes]) -> list[zipfile.ZipInfo]:
    """What an archive says it holds, in its order; no entry is opened. Raises DamagedError, OSError."""
    if _directory_size(file) > MAX_DIRECTORY:
        raise DamagedError("its table of contents is longer than that of any checkpoint")
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, struct.error):
        raise DamagedError("its end, with the table of contents, is missing") from None
    if len({entry.filename for entry in entries}) != len(entries):
        # Readers differ in which of them they take: what one has checked, another would not read.
        raise DamagedError("it holds two entries of one name")
    return entries


def _directory_size(file: IO[bytes]) -> int:
    """In bytes, as the end of the file says: the greatest of what could be meant; 0 where nothing is said."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(size - _TAIL, 0))
    tail = file.read(_TAIL)
    found, place = 0, tail.rfind(_END)
    if place >= 0 and place + 16 <= len(tail):
        found = struct.unpack_from("<I", tail, place + 12)[0]
    place = tail.rfind(_LONG_END)
    if found == 0xFFFFFFFF and 0 <= place <= len(tail) - 48:
        found = struct.unpack_from("<Q", tail, place + 40)[0]
    return int(min(found, size))
