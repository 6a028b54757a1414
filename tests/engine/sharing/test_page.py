"""The page of a run: whole in one file, and its slider works in a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from explorer.engine.engine import Engine
from explorer.engine.sharing.snr_plot import LEFT, RIGHT, WIDTH, SnrPlot
from explorer.request import Guidance
from tests.engine.models import T_PICTURES
from tests.engine.running import request_of
from tests.engine.sharing.test_saving import made, save

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No network: no name is found, and every connection would go to a port where nobody listens.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
)


@pytest.fixture(scope="module")
def page(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    engine, file = Engine(), tmp_path_factory.mktemp("page") / "run.html"
    request = request_of(pictures, "heun", steps=12, guidance=Guidance(1, 2.0))
    made(engine, request)
    save(engine, request, file)
    return file


def test_it_needs_nothing_but_itself(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "{{" not in text
    assert not re.search(r"(src|href)\s*=\s*[\"']?(?!data:)", text)
    assert not re.search(r"https?://", text)
    assert "default-src 'none'" in text
    assert text.count('class="sprite') == 4
    for words in ("Heun", "class 1", "γ = 2", "prediction type", "x̂<sub>0</sub>"):
        assert words in text


def test_a_title_and_a_summary_cannot_become_code(pictures: str, tmp_path: Path) -> None:
    engine, request = Engine(), request_of(pictures)
    bad = "</script><script>alert(1)</script>{{js}}"
    request = replace(request, model=replace(request.model, overrides=(("title", bad),)))
    made(engine, request)
    save(engine, request, tmp_path / "run.html")
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert text.count("<script") == 2
    assert "alert(1)&lt;" in text


def test_points_have_a_page(points: str, tmp_path: Path) -> None:
    engine, request = Engine(), request_of(points, count=50)
    made(engine, request)
    save(engine, request, tmp_path / "run.html")
    assert (tmp_path / "run.html").stat().st_size < 2**20


def test_the_curve_spans_the_plot(engine: Engine, pictures: str) -> None:
    plot = SnrPlot(engine.model(request_of(pictures).model).denoiser.schedule, [T_PICTURES, 0])
    assert (plot.x(0), plot.x(T_PICTURES)) == (LEFT, WIDTH - RIGHT)
    assert plot.svg().count("<circle") == 1


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_its_slider_works_in_a_browser(page: Path, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    bodies = []
    for step in ("4", "12"):
        command = [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path / step}", "--dump-dom", f"{page.as_uri()}#step={step}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert f'data-step="{step}"' in done.stdout
        assert f"step {step} of 12" in done.stdout
        bodies.append(re.findall(r"background-position: ([^;]+);", done.stdout))
    assert len(bodies[0]) == 4
    said = re.findall(r'<div class="sprite[^>]*>([^<]*)</div>', done.stdout)
    assert said == [""] * 4, "every tile has a picture, those of the noise that of the last time with noise"
    notes = re.findall(r'<p class="note"[^>]*>([^<]*)</p>', done.stdout)
    assert notes[:2] == ["", ""]
    assert notes[2] == notes[3]
    assert notes[3].endswith("none at t = 0")
    assert bodies[0] != bodies[1]
