"""What a probe found, as tables: fact by fact, hypothesis by hypothesis, and the finer questions."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from explorer.engine.probe_frame import ProbeChoice, Probed, ProbeRow, Verdict
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.short_text import capital, true_minus

RESIDUAL = "Error of x̂₀ over that of the best linear guess: below 1 the network knows more than the pictures' variance"
BEHIND = (
    "Increase of the logarithm of the error against the best, over the same pictures and noise, ± its standard error"
)
SIGMA = "Standard errors between what was found and the next best, or what the files say"
HEADS = {
    "out": "What the network's output is taken for",
    "range": "The numbers that black and white have",
    "schedule": "The noise levels that the times stand for; how the network is told a time, where that differs",
    "error": RESIDUAL,
}
KINDS = {"eps": "ε", "v": "v", "x0": "x₀", "flow": "û", "score": "score"}
MARKS = {"agrees": "✓", "contradicts": "✗", "unclear": "?"}
FINER = {"time_offset": "time offset", "weights": "weights"}
LEGEND = "Bold explains the pictures best. ◂ is in force."
MOST_SIGMA = 99


class ProbeTable(QWidget):
    """Shows one result at a time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("probeTable")
        self.setAccessibleName("What the probe found")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        self._parts: list[QWidget] = []

    def show_probed(self, found: Probed) -> None:
        """In place of what was shown."""
        self.clear()
        if found.verdicts:
            self._add(_facts(found.verdicts))
        self._add(_title("Hypotheses"))
        self._add(_hypotheses(found.rows))
        for key, title in FINER.items():
            choices = [choice for choice in found.choices if choice.key == key]
            if choices:
                self._add(_choices(title, choices))
        self._add(_text(f"{LEGEND} From {found.pictures}.", "muted"))
        if found.note:
            self._add(_text(found.note, "muted"))

    def clear(self) -> None:
        """Nothing is known."""
        for part in self._parts:
            part.hide()
            self._layout.removeWidget(part)
            part.deleteLater()
        self._parts.clear()

    def _add(self, part: QWidget) -> None:
        self._layout.addWidget(part)
        self._parts.append(part)


def _facts(verdicts: tuple[Verdict, ...]) -> QWidget:
    """One line for each fact that was probed."""
    table, grid = _table(1)
    for row, verdict in enumerate(verdicts):
        wrong = verdict.certainty == "contradicts"
        name = "alert" if wrong else "muted" if verdict.certainty == "unclear" else ""
        result, stated = (
            text.removesuffix("-prediction").removesuffix(" with noise") for text in (verdict.found, verdict.said)
        )
        said = {
            "contradicts": f"{result}, not {stated}",
            "unclear": "cannot be told",
            "agrees": result or "any",
        }[verdict.certainty]
        sigma = "" if verdict.sigma <= 0 else f"{min(round(verdict.sigma), MOST_SIGMA)} σ"
        mark = _cell(grid, row, 0, f"{MARKS[verdict.certainty]} {capital(verdict.name)}", verdict.sentence, name, wrong)
        mark.setAccessibleName(verdict.sentence)
        mark.setAlignment(Qt.AlignmentFlag.AlignTop)
        _cell(grid, row, 1, said, verdict.sentence, name, wrong).setWordWrap(True)
        _cell(grid, row, 2, sigma, SIGMA, "muted", right=True).setAlignment(
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop
        )
    return table


def _hypotheses(rows: tuple[ProbeRow, ...]) -> QWidget:
    table, grid = _table(2)
    for column, (head, tip) in enumerate(HEADS.items()):
        _cell(grid, 0, column, capital(head), tip, "muted", right=column == 3)
    line = QFrame()
    line.setObjectName("tableLine")
    line.setFixedHeight(1)
    grid.addWidget(line, 1, 0, 1, 4)
    for row, entry in enumerate(rows, 2):
        texts = (
            KINDS[entry.prediction] + (" ◂" if entry.in_force else ""),
            entry.value_range.replace(" … ", "…"),
            entry.schedule + ("" if entry.time == "as stated" else f", t {entry.time}"),
            f"{entry.residual:.3f}",
        )
        whole = f"{entry.prediction}, {entry.value_range}, {texts[2]}"
        tip = whole + (
            "\nExplains the pictures best"
            if entry.best
            else f"\nlog error {true_minus(f'{entry.behind:+.3f}')} ± {entry.error:.3f}"
        )
        tip += "\nAs the model is open now" if entry.in_force else ""
        for column, text in enumerate(texts):
            _cell(grid, row, column, text, tip, "", entry.best, column == 3, elided=column == 2)
    return table


def _choices(title: str, choices: list[ProbeChoice]) -> QWidget:
    """One line for each value, the error of the others behind the best."""
    table, grid = _table(1)
    _cell(grid, 0, 0, capital(title), "", "muted")
    _cell(grid, 0, 1, "Log error", BEHIND, "muted", right=True)
    line = QFrame()
    line.setObjectName("tableLine")
    line.setFixedHeight(1)
    grid.addWidget(line, 1, 0, 1, 2)
    for row, choice in enumerate(choices, 2):
        behind = "best" if choice.best else true_minus(f"{choice.behind:+.4f} ± {choice.error:.4f}")
        _cell(grid, row, 0, choice.text + (" ◂" if choice.in_force else ""), "", "", choice.best)
        _cell(grid, row, 1, behind, BEHIND, "", choice.best, right=True)
    return table


def _table(stretched: int) -> tuple[QWidget, QGridLayout]:
    """stretched: the column that takes the room that is left."""
    table = QWidget()
    grid = QGridLayout(table)
    grid.setContentsMargins(0, 2, 0, 2)
    grid.setHorizontalSpacing(6)
    grid.setVerticalSpacing(3)
    grid.setColumnStretch(stretched, 1)
    return table, grid


def _cell(
    grid: QGridLayout,
    row: int,
    column: int,
    text: str,
    tip: str,
    name: str = "",
    strong: bool = False,
    right: bool = False,
    elided: bool = False,
) -> QLabel:
    label: QLabel = ElidedLabel(text) if elided else QLabel(text)
    label.setObjectName(name)
    if tip:
        label.setToolTip(tip)
    if right:
        label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    font = label.font()
    font.setBold(strong)
    label.setFont(font)
    grid.addWidget(label, row, column)
    return label


def _title(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("sectionTitle")
    return label


def _text(text: str, name: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
