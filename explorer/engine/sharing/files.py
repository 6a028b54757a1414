"""Files that are either as they were or complete, whatever happens while they are written."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from explorer.facts import ModelError

REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk's quota is used up",
    errno.EACCES: "its folder does not allow it",
    errno.EPERM: "its folder does not allow it",
    errno.EROFS: "the disk is read-only",
    errno.ENOENT: "there is no such folder",
    errno.ENOTDIR: "there is no such folder",
    errno.EISDIR: "a folder has that name",
    errno.ENAMETOOLONG: "its name is too long",
}

PART = ".part"
NAMED = 8
"""Letters of the file's name in that of the one that is to take its place, which must not be too long."""

Work = Callable[[], object]


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when all of it is on the disk, and is forgotten otherwise.

    Raises ModelError, one sentence, where the disk is full or the folder cannot be written to.
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        target = target.resolve()  # a link stays, and what it points to is replaced
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        temporary = target.with_name(f".{target.stem[:NAMED]}.{secrets.token_hex(6)}{PART}")
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        temporary = None
    except OSError as error:
        reason = REASONS.get(error.errno or 0, error.strerror or str(error))
        raise ModelError(f"“{target}” could not be written: {reason}.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def aside(work: Work) -> Iterator[None]:
    """Do something that takes a while in a thread of its own; yields until it is done, so that looks can go ahead."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 — it is raised below, where somebody waits for it
            failed.append(error)

    thread = threading.Thread(target=run, name="save")
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.01)
            yield
    finally:
        thread.join()
    if failed:
        raise failed[0]


def forget_parts(path: str | Path, older_than: float = 0.0) -> None:
    """Delete what is left of writings of this file that were broken off by the end of their program.

    older_than: seconds; a younger one may be of a program that is writing now.
    """
    target = Path(path)
    for part in target.parent.glob(f".{glob.escape(target.stem[:NAMED])}.*{PART}"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime >= older_than:
                part.unlink()


def write_npz(file: BinaryIO, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Arrays by name as `.npz`. To an open file: given a name, numpy would append .npz to .NPZ."""
    np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy takes them for its own options
