"""Picture files of every kind as x_0, and those that are none."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.datasets.picture_file import MAX_PIXELS, read_picture
from explorer.engine.sources import forward
from explorer.facts import ModelError
from explorer.formats.autoencoder import Autoencoder
from explorer.formats.registry import load
from explorer.request import Forward

GREY = (1, 8, 8)
RGB = (3, 8, 8)
BYTES = (0.0, 255.0)
"""A value range in which numbers are read as they are in the file."""


def refusal(path: Path, shape: tuple[int, ...] = RGB) -> str:
    with pytest.raises(ModelError) as caught:
        read_picture(str(path), shape, BYTES)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def noise(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def header_only(path: Path, width: int, height: int) -> Path:
    """A 1-bit PNG of that size with hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path


# --- pictures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp", "gif"])
def test_grey_pictures_of_the_models_size_are_read_as_they_are(tmp_path: Path, ending: str) -> None:
    picture = noise(8, 8)
    file = tmp_path / f"a.{ending}"
    lossless: dict[str, Any] = {"lossless": True} if ending == "webp" else {}
    Image.fromarray(picture).save(file, **lossless)
    found = read_picture(str(file), GREY, BYTES)
    assert found.dtype == np.float32
    assert found.shape == GREY
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found[0], picture, atol=1e-3)


def test_colours_and_value_range(tmp_path: Path) -> None:
    picture = noise(8, 8, 3)
    Image.fromarray(picture).save(tmp_path / "a.png")
    found = read_picture(str(tmp_path / "a.png"), RGB, (-2.0, 4.0))
    np.testing.assert_allclose(found, -2 + 6 * (picture / 255).transpose(2, 0, 1), atol=1e-5)


def test_the_ending_means_nothing(tmp_path: Path) -> None:
    picture = noise(8, 8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.txt")
    np.testing.assert_allclose(read_picture(str(tmp_path / "a.txt"), GREY, BYTES)[0], picture, atol=1e-3)


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[:4] = (200, 0, 0, 255)
    picture[4:6] = (200, 0, 0, 0)
    picture[6:] = (0, 0, 0, 128)
    Image.fromarray(picture).save(tmp_path / "a.png")
    found = read_picture(str(tmp_path / "a.png"), RGB, BYTES)
    np.testing.assert_allclose(found[:, 0, 0], (200, 0, 0), atol=1e-3)
    np.testing.assert_allclose(found[:, 5, 0], 255, atol=1e-3)
    np.testing.assert_allclose(found[:, 7, 0], 127, atol=1)


@pytest.mark.parametrize("transparency", [0, bytes([0, 255, 255])])
def test_palettes(tmp_path: Path, transparency: int | bytes) -> None:
    picture = Image.fromarray(np.repeat([[0], [1], [2], [1]], 2, axis=0).repeat(8, axis=1).astype(np.uint8), "L")
    picture = picture.convert("P")
    picture.putpalette([9, 9, 9, 10, 200, 30, 40, 50, 250])
    picture.putdata(list(np.repeat([0, 0, 1, 1, 2, 2, 1, 1], 8)))
    picture.save(tmp_path / "a.png", transparency=transparency)
    found = read_picture(str(tmp_path / "a.png"), RGB, BYTES)
    np.testing.assert_allclose(found[:, 0, 0], 255, atol=1e-3)
    np.testing.assert_allclose(found[:, 2, 0], (10, 200, 30), atol=1e-3)
    np.testing.assert_allclose(found[:, 4, 0], (40, 50, 250), atol=1e-3)


def test_one_bit_and_cmyk(tmp_path: Path) -> None:
    chequered = np.indices((8, 8)).sum(axis=0) % 2 == 0
    Image.fromarray(chequered).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_picture(str(tmp_path / "a.png"), GREY, BYTES)[0], chequered * 255.0, atol=1e-3)
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "a.tiff")
    np.testing.assert_allclose(read_picture(str(tmp_path / "a.tiff"), RGB, BYTES)[:, 0, 0], (0, 255, 255), atol=1)


def test_sixteen_bits_of_grey(tmp_path: Path) -> None:
    picture = noise(8, 8)
    Image.fromarray(picture.astype(np.uint16) * 257).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_picture(str(tmp_path / "a.png"), GREY, BYTES)[0], picture, atol=1e-3)


def test_pixel_art_is_enlarged_without_a_blur(tmp_path: Path) -> None:
    picture = noise(4, 4, 3)
    Image.fromarray(picture).save(tmp_path / "a.png")
    found = read_picture(str(tmp_path / "a.png"), (3, 16, 16), BYTES)
    expected = picture.repeat(4, axis=0).repeat(4, axis=1).transpose(2, 0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    Image.new("RGB", (1, 1), (7, 8, 9)).save(tmp_path / "b.png")
    found = read_picture(str(tmp_path / "b.png"), RGB, BYTES)
    np.testing.assert_allclose(found, np.broadcast_to([[[7]], [[8]], [[9]]], RGB), atol=1e-3)


def test_the_middle_of_an_oblong_is_taken(tmp_path: Path) -> None:
    picture = noise(8, 20)
    Image.fromarray(picture).save(tmp_path / "wide.png")
    np.testing.assert_allclose(read_picture(str(tmp_path / "wide.png"), GREY, BYTES)[0], picture[:, 6:14], atol=1e-3)
    Image.fromarray(picture.T).save(tmp_path / "high.png")
    np.testing.assert_allclose(read_picture(str(tmp_path / "high.png"), GREY, BYTES)[0], picture[:, 6:14].T, atol=1e-3)


def test_large_pictures_are_averaged(tmp_path: Path) -> None:
    picture = np.full((400, 400), 100, np.uint8)
    picture[::2] = 200
    Image.fromarray(picture).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_picture(str(tmp_path / "a.png"), GREY, BYTES), 150, atol=2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_turned_upright(tmp_path: Path, orientation: int) -> None:
    upright = noise(8, 8)
    stored = {  # how a camera that was held so stores them (EXIF 2.3, tag 274)
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_allclose(read_picture(str(tmp_path / "a.png"), GREY, BYTES)[0], upright, atol=1e-3)


# --- what is none ----------------------------------------------------------------------------------------


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("hello\n" * 100)
    (tmp_path / "weights.png").write_bytes(bytes(range(256)) * 10)
    for name in "empty.png", "text.png", "weights.png":
        assert f"“{name}” is not a picture" in refusal(tmp_path / name)
    assert "There is no file" in refusal(tmp_path / "absent.png")
    assert "is no picture file" in refusal(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "is no picture file" in refusal(tmp_path / "pipe.png")


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (2**31 - 1, 2**31 - 1), (MAX_PIXELS + 1, 1)])
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path, width: int, height: int) -> None:
    assert "64 million" in refusal(header_only(tmp_path / "huge.png", width, height))


def test_no_pixels_at_all(tmp_path: Path) -> None:
    refusal(header_only(tmp_path / "none.png", 0, 10))


@pytest.mark.parametrize("shape", [(2,), (4, 8, 8), (2, 8, 8)])
def test_models_of_other_things(tmp_path: Path, shape: tuple[int, ...]) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    assert "grey or RGB pictures only" in refusal(tmp_path / "a.png", shape)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_damaged_files_are_read_or_refused_in_a_sentence(tmp_path: Path, kind: str) -> None:
    """And never warned of: warnings are lines that nobody asked for."""
    file = tmp_path / "a"
    exif = Image.Exif()
    exif[274], exif[271] = 6, "a camera"
    Image.fromarray(noise(16, 16, 3)).save(file, kind, **({"exif": exif} if kind in ("PNG", "JPEG", "WEBP") else {}))
    whole = file.read_bytes()
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, min(len(whole), 300), random.integers(1, 8)):
            damaged[place] = random.integers(256)
        if random.random() < 0.3:
            del damaged[random.integers(len(whole)) :]
        file.write_bytes(damaged)
        try:
            assert np.isfinite(read_picture(str(file), RGB, BYTES)).all()
        except ModelError as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017
    assert refused > 0


# --- latents ---------------------------------------------------------------------------------------------


def test_a_picture_is_encoded_once_until_its_file_is_another(tmp_path: Path, pictures: str) -> None:
    encoded: list[torch.Tensor] = []

    class Counts:
        """In place of an autoencoder: its latents are the pictures."""

        def encode(self, picture: torch.Tensor) -> torch.Tensor:
            encoded.append(picture)
            return picture

    model = replace(load(pictures, "cpu"), autoencoder=cast(Autoencoder, Counts()))
    file = tmp_path / "a.png"
    Image.fromarray(noise(8, 8, 3)).save(file)
    first, again = (forward(model, Forward(picture=str(file)))[0] for _ in range(2))
    assert len(encoded) == 1
    assert torch.equal(first, again)
    Image.fromarray(255 - noise(8, 8, 3)).save(file)
    os.utime(file, ns=(0, 0))
    assert torch.equal(forward(model, Forward(picture=str(file)))[0], encoded[1])
    assert not torch.equal(encoded[0], encoded[1])
