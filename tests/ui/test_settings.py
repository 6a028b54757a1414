"""What is remembered between two starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray, QSettings
from pytestqt.qtbot import QtBot

from explorer.ui.settings import MAX_RECENT, Settings


@pytest.fixture(autouse=True)
def application(qtbot: QtBot) -> None:
    """QSettings wants one."""


def test_a_new_user_has_defaults() -> None:
    settings = Settings()
    assert settings.theme == "dark"
    assert settings.recent() == []
    assert settings.bytes("geometry") is None


def test_everything_is_there_at_the_next_start() -> None:
    first = Settings()
    first.theme = "light"
    first.add_recent("/a")
    first.set_bytes("geometry", QByteArray(b"\0\1\2"))
    second = Settings()
    assert second.theme == "light"
    assert second.recent() == ["/a"]
    assert second.bytes("geometry") == QByteArray(b"\0\1\2")


def test_the_newest_comes_first_once_and_old_ones_are_forgotten() -> None:
    settings = Settings()
    for i in range(MAX_RECENT + 3):
        settings.add_recent(f"/model {i}")
    settings.add_recent("/model 5")
    recent = Settings().recent()
    assert len(recent) == MAX_RECENT
    assert recent[:2] == ["/model 5", f"/model {MAX_RECENT + 2}"]
    assert len(set(recent)) == MAX_RECENT


def test_a_spoilt_file_of_settings_is_no_obstacle(own_folders: Path) -> None:
    store = QSettings("diffusion-explorer", "diffusion-explorer")
    store.setValue("theme", "purple")
    store.setValue("recent", 7)
    store.setValue("layout/geometry", "no bytes")
    store.sync()
    settings = Settings()
    assert settings.theme == "dark"
    assert settings.recent() in ([], ["7"])
    assert settings.bytes("geometry") is None
