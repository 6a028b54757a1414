"""What is remembered between two starts: window layout, theme, recent models, programs that may run."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings

from explorer.ui.theme import ThemeName

MAX_RECENT = 8


class Settings:
    """A typed face of QSettings."""

    def __init__(self) -> None:
        self._store = QSettings("diffusion-explorer", "diffusion-explorer")

    @property
    def theme(self) -> ThemeName:
        return "light" if self._store.value("theme") == "light" else "dark"

    @theme.setter
    def theme(self, name: ThemeName) -> None:
        self._store.setValue("theme", name)

    @property
    def streamlines(self) -> bool:
        """Whether vector fields are drawn as curves along them."""
        return self._store.value("streamlines") in (True, "true")

    @streamlines.setter
    def streamlines(self, on: bool) -> None:
        self._store.setValue("streamlines", on)

    def recent(self) -> list[str]:
        """Paths of models opened lately, the newest first."""
        return self._texts("recent")

    def add_recent(self, path: str) -> None:
        paths = [path, *(other for other in self.recent() if other != path)]
        self._store.setValue("recent", paths[:MAX_RECENT])

    def trusted(self) -> list[str]:
        """SHA-256 of the programs that the user let run."""
        return self._texts("trusted")

    def add_trusted(self, digest: str) -> None:
        """Remember that the program with this digest may run."""
        self._store.setValue("trusted", [digest, *(other for other in self.trusted() if other != digest)])

    def bytes(self, key: str) -> QByteArray | None:
        """A saved layout, None where there is none."""
        value = self._store.value(f"layout/{key}")
        return value if isinstance(value, QByteArray) else None

    def set_bytes(self, key: str, value: QByteArray) -> None:
        self._store.setValue(f"layout/{key}", value)

    def _texts(self, key: str) -> list[str]:
        """A list, of which QSettings gives back a single text where it has one entry, and None where it has none."""
        value = self._store.value(key)
        if isinstance(value, str):
            return [value]
        return [str(text) for text in value] if isinstance(value, list) else []
