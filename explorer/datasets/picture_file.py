"""A picture file as x_0 for a model."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from explorer.facts import ModelError

MAX_PIXELS = 64_000_000
"""Larger pictures are refused before they are decoded."""
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM", "ICO", "TGA")
"""Whatever the file is called. Pillow reads others too, EPS among them, which it has another program run."""


def read_picture(path: str, shape: tuple[int, ...], value_range: tuple[float, float]) -> NDArray[np.float32]:
    """The picture cropped to a centred square, scaled and converted: float32 `shape` = (channels, height, width).

    Raises ModelError for what is no picture, is empty, is larger than MAX_PIXELS, or fits no picture model.
    """
    name = Path(path).name
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise ModelError("A picture can be shown to models of grey or RGB pictures only.")
    if Path(path).exists() and not Path(path).is_file():
        raise ModelError(f"“{name}” is no picture file.")  # and reading from a pipe would never end
    try:
        with warnings.catch_warnings():
            # Of its size, to which the limit below is stricter, and of what is wrong with its EXIF data.
            warnings.simplefilter("ignore")
            Image.init()  # which of them there are, the installed version knows
            with Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN]) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise ModelError(
                        f"The picture “{name}” has {opened.width} × {opened.height} pixels; "
                        f"at most {MAX_PIXELS // 1_000_000} million can be opened."
                    )
                picture = _eight_bits(ImageOps.exif_transpose(opened)).convert("RGBA")
    except FileNotFoundError:
        raise ModelError(f"There is no file “{path}”.") from None
    except Image.DecompressionBombError:
        raise ModelError(
            f"The picture “{name}” is larger than the {MAX_PIXELS // 1_000_000} million pixels allowed."
        ) from None
    except UnidentifiedImageError:
        raise ModelError(f"“{name}” is not a picture this program can read (PNG, JPEG, WebP, GIF, BMP …).") from None
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise ModelError(f"The picture “{name}” cannot be read: {error}.") from None
    if 0 in picture.size:
        raise ModelError(f"The picture “{name}” is empty.")
    return _fit(picture, shape, value_range)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Pillow would cut 16-bit grey off at 255, which leaves a white picture."""
    if not picture.mode.startswith("I"):
        return picture
    return Image.fromarray((np.asarray(picture).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8))


def _fit(picture: Image.Image, shape: tuple[int, ...], value_range: tuple[float, float]) -> NDArray[np.float32]:
    channels, height, width = shape
    opaque = Image.new("RGBA", picture.size, "white")
    opaque.alpha_composite(picture)
    # Small pictures are pixel art: enlarging them must not blur.
    method = Image.Resampling.NEAREST if min(picture.size) <= min(height, width) else Image.Resampling.LANCZOS
    fitted = ImageOps.fit(opaque.convert("L" if channels == 1 else "RGB"), (width, height), method)
    pixels = np.asarray(fitted, np.float32).reshape(height, width, channels).transpose(2, 0, 1) / 255
    low, high = value_range
    return np.ascontiguousarray(low + (high - low) * pixels)
