"""What a file is, told from its first bytes; its name says nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

Content: TypeAlias = Literal[
    "safetensors", "zip", "pickle", "lfs", "hdf5", "gguf", "picture", "page", "json", "text", "empty", "unknown"
]

MAX_HEADER_BYTES = 100_000_000
"""The longest header the safetensors format allows."""

DESCRIPTIONS: dict[Content, str] = {
    "safetensors": "a safetensors file",
    "zip": "a ZIP archive or PyTorch checkpoint",
    "pickle": "a Python pickle",
    "lfs": "a Git LFS pointer",
    "hdf5": "an HDF5 file",
    "gguf": "a GGUF file",
    "picture": "a picture",
    "page": "a web page saved under this name",
    "json": "a JSON file",
    "text": "a text file",
    "empty": "an empty file",
    "unknown": "a file of an unknown kind",
}

WEIGHTS: tuple[Content, ...] = ("safetensors", "zip", "pickle")
"""What a file of weights can be."""

_MAGIC: tuple[tuple[bytes, Content], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"version https://git-lfs.github.com/spec/", "lfs"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"GGUF", "gguf"),
    (b"\x89PNG\r\n\x1a\n", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
)


def content_of(path: Path) -> Content:
    """The kind of a regular file, from its first 512 bytes. Raises OSError."""
    with path.open("rb") as file:
        return content_of_bytes(file.read(512))


def content_of_bytes(head: bytes) -> Content:
    """The kind of a file that begins with `head` (512 bytes are enough)."""
    if not head:
        return "empty"
    for magic, content in _MAGIC:
        if head.startswith(magic):
            return content
    # Eight bytes of header length, then the header, a JSON object. The length may begin like a pickle.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= MAX_HEADER_BYTES:
        return "safetensors"
    if head[0] == 0x80 and len(head) > 1 and 2 <= head[1] <= 5:
        return "pickle"
    # A protocol-0 pickle is readable text, and is called that: neither is opened.
    text = head.decode("utf-8", errors="replace")
    if any(ord(character) < 32 and character not in "\t\n\r\f" for character in text) or "�" in text[:-4]:
        return "unknown"
    if text.lstrip("\ufeff \t\r\n").lower().startswith(("<!doctype html", "<html")):
        return "page"
    return "json" if text.lstrip("\ufeff \t\r\n").startswith("{") else "text"
