"""Numbers as colours: zero in the middle, ends at the ends, and two ways to the same sheet."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from explorer.lenses.colour import (
    MAGNITUDE,
    SIGNED,
    bytes_of,
    contact_sheet,
    grid_shape,
    packed,
    packed_sheet,
    palette_table,
    table,
)
from explorer.lenses.drawable import Image, Palette


def one(values: list[float], palette: Palette = "data", limits: tuple[float, float] = (-1.0, 1.0)) -> Image:
    """A picture of one row."""
    return Image(np.array(values, np.float32).reshape(1, 1, 1, -1), palette, limits)


def shown(image: Image) -> list[int]:
    return bytes_of(image).reshape(-1).tolist()


def batch(n: int, channels: int = 1, height: int = 3, width: int = 5) -> Image:
    data = np.random.default_rng(n).uniform(-1.3, 1.3, (n, channels, height, width)).astype(np.float32)
    return Image(data, "data", (-1.0, 1.0))


# --- bytes -----------------------------------------------------------------------------------------------


def test_the_limits_are_the_ends_and_what_is_beyond_is_cut_off() -> None:
    values = [-9.0, -2.0, 3.0, 9.0, np.inf, -np.inf]
    assert shown(one(values, limits=(-2.0, 3.0))) == [0, 0, 255, 255, 255, 0]


def test_not_a_number_is_0() -> None:
    assert shown(one([np.nan, 1.0])) == [0, 255]


def test_bytes_of_pictures_come_back_unchanged() -> None:
    grey = np.arange(256)
    for low, high in (-1.0, 1.0), (0.0, 1.0), (0.0, 255.0), (-3.0, 5.0):
        data = (low + (high - low) * grey / 255).astype(np.float32)
        assert shown(Image(data.reshape(1, 1, 1, -1), "data", (low, high))) == grey.tolist()


def test_zero_is_the_middle_whatever_the_limits_are() -> None:
    """Or a score's ground would change its colour while t is dragged."""
    for noise in np.linspace(0.003, 1.0, 997):
        limit = 3.0 / noise
        assert shown(one([0.0, limit, -limit], "signed", (-limit, limit))) == [128, 255, 0]


def test_opposite_values_are_equally_far_from_the_middle() -> None:
    values = np.linspace(0.01, 0.99, 50)
    above, below = shown(one(values.tolist())), shown(one((-values).tolist()))
    assert all(abs((up - 127.5) + (down - 127.5)) <= 1 for up, down in zip(above, below, strict=True))


# --- palettes --------------------------------------------------------------------------------------------


def luminance(rgb: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> np.ndarray[tuple[int, ...], np.dtype[Any]]:
    """Relative luminance of sRGB (IEC 61966-2-1)."""
    linear = rgb / 255.0
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def test_the_signed_palette_is_pale_and_grey_at_zero_and_dark_at_both_ends() -> None:
    colours = table(SIGNED)
    middle = colours[128].astype(int)
    assert middle.min() > 215
    assert middle.max() - middle.min() < 15
    light = luminance(colours)
    assert np.argmax(light) in range(118, 139)
    assert light[0] < 0.1 * light[128]
    assert light[255] < 0.1 * light[128]


def test_the_sides_of_the_signed_palette_differ_in_hue() -> None:
    below, above = (table(SIGNED)[i].astype(int) for i in (60, 195))
    assert below[2] > below[0]  # blue
    assert above[0] > above[2]  # red


def test_magnitudes_rise_in_lightness() -> None:
    light = luminance(table(MAGNITUDE))[::8]
    assert (np.diff(light) > 0).all()


@pytest.mark.parametrize("palette", get_args(Palette))
def test_tables_have_a_colour_for_each_byte(palette: Palette) -> None:
    colours = palette_table(palette)
    assert colours.shape == (256, 3)
    assert colours.dtype == np.uint8


def test_data_is_grey_as_it_is() -> None:
    np.testing.assert_array_equal(palette_table("data"), np.arange(256)[:, None].repeat(3, axis=1))


@pytest.mark.parametrize("name", [SIGNED, MAGNITUDE, "gray"])
def test_packed_colours_are_those_of_the_table(name: str) -> None:
    red, green, blue = table(name).astype(int).T
    np.testing.assert_array_equal(packed(name), 0xFF000000 + 65536 * red + 256 * green + blue)


# --- sheets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(1, 30))
def test_grids_hold_all_and_are_nearly_square(n: int) -> None:
    rows, columns = grid_shape(n)
    assert (rows - 1) * columns < n <= rows * columns
    assert 0 <= columns - rows <= 1


@pytest.mark.parametrize("palette", get_args(Palette))
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 16])
def test_both_sheets_are_the_same(n: int, channels: int, palette: Palette) -> None:
    image = Image(batch(n, channels).data, palette, (-1.0, 1.0))
    rgb = contact_sheet(image).astype(np.uint32)
    packed_rgb = packed_sheet(image)
    assert packed_rgb.flags.c_contiguous
    np.testing.assert_array_equal(packed_rgb, 0xFF000000 | rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2])


@pytest.mark.parametrize("gap", [0, 2])
def test_pictures_lie_in_reading_order(gap: int) -> None:
    data = np.linspace(0, 1, 5, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 3, 4), np.float32)
    sheet = contact_sheet(Image(data, "data", (0.0, 1.0)), gap)
    assert sheet.shape == (2 * 3 + gap, 3 * 4 + 2 * gap, 3)
    for i in range(5):
        row, column = divmod(i, 3)
        y, x = row * (3 + gap), column * (4 + gap)
        assert (sheet[y : y + 3, x : x + 4] == round(255 * i / 4)).all()
    assert (sheet[3 + gap :, -4:] == 0).all()  # nothing in the sixth place
    assert (sheet[3 : 3 + gap] == 0).all()


def test_colours_of_data_stay_and_signed_channels_become_their_mean() -> None:
    data = np.array([1.0, -1.0, 0.5], np.float32).reshape(1, 3, 1, 1)
    assert contact_sheet(Image(data, "data", (-1.0, 1.0)))[0, 0].tolist() == [255, 0, 191]
    mean = contact_sheet(Image(data, "signed", (-1.0, 1.0)))[0, 0]
    expected = contact_sheet(one([0.5 / 3], "signed"))[0, 0]
    np.testing.assert_array_equal(mean, expected)


def test_a_tile_is_not_changed_by_drawing_it() -> None:
    image = batch(3, 3)
    before = image.data.copy()
    contact_sheet(image)
    packed_sheet(image)
    np.testing.assert_array_equal(image.data, before)
