"""The page that shows arrays: whole by itself, true to its numbers, and drawn by a browser where
there is one."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lapwing


def stored(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found.group(1))
    return data


def numbers(panel: dict[str, Any], layer: int = 0) -> np.ndarray:
    values = np.frombuffer(zlib.decompress(base64.b64decode(panel["layers"][layer])), "<u2").astype(
        float
    )
    shown = panel["least"] + values / 65534 * (panel["most"] - panel["least"])
    return np.where(values == 65535, np.nan, shown).reshape(panel["rows"], panel["columns"])


@pytest.fixture(scope="module")
def made(scan: lapwing.Dataset) -> lapwing.Reconstruction:
    return lapwing.reconstruct(scan, algorithm="LSQML", epochs=8, error_maps=2, probe_modes=2)


def test_a_page_needs_nothing_else_and_holds_the_numbers(
    made: lapwing.Reconstruction, tmp_path: Path
) -> None:
    viewer = made.view(title="<mine> & others")
    viewer.save_html(tmp_path / "view.html")
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    assert page == viewer.html and "<mine>" not in page and "&lt;mine&gt; &amp; others" in page
    assert not re.search(r"(src|href)\s*=|https?:|@import|fetch\(|%[A-Z]+%", page)
    data = stored(page)
    panels = {panel["title"]: panel for panel in data["panels"]}
    amplitude = numbers(panels["amplitude"])
    assert np.abs(amplitude - abs(made.object)).max() < 1e-4 * abs(made.object).max()
    assert np.allclose(
        numbers(panels["error of the phase"]),
        made.phase_sd,
        atol=1e-3 * np.nanmax(made.phase_sd),
        equal_nan=True,
    )
    # Phases are those of the object but for one angle.
    turn = np.exp(1j * numbers(panels["phase"])) / (made.object / abs(made.object))
    assert np.abs(turn / turn[0, 0] - 1).max() < 2e-3
    assert len(panels["probe, amplitude"]["layers"]) == 2 and sum(data["modes"]) == pytest.approx(1)
    assert np.allclose(data["scan"], made.positions - np.asarray(made.origin), atol=1e-3)
    assert len(data["loss"]) == 8


def test_large_pictures_are_shown_by_blocks() -> None:
    rng = np.random.default_rng(1)
    object = (1 + 0.1 * rng.standard_normal((2100, 60))).astype(np.complex64)
    made = lapwing.Reconstruction(
        object,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        np.array([]),
        None,
        (0, 0),
        None,
        None,
        None,
        None,
    )
    panel = stored(made.view().html)["panels"][0]
    assert (panel["by"], panel["rows"], panel["columns"]) == (2, 1050, 30)
    assert np.allclose(
        numbers(panel), abs(object).reshape(1050, 2, 30, 2).mean(axis=(1, 3)), atol=1e-4
    )


def test_data_sets_and_comparisons_are_shown(
    scan: lapwing.Dataset, made: lapwing.Reconstruction
) -> None:
    titles = [panel["title"] for panel in stored(scan.view(title="cells").html)["panels"]]
    assert titles[0] == "mean pattern" and "object, phase" in titles
    panel = stored(lapwing.view(scan).html)["panels"][0]
    mean = scan.counts().mean(axis=0)
    assert np.allclose(10 ** numbers(panel)[mean > 1], mean[mean > 1], rtol=1e-3)
    bare = lapwing.view(scan.replace(object=None))
    assert "patterns over the scan" in repr(bare)
    compared = stored(made.compare(scan).view().html)["panels"]
    assert compared[0]["low"] == compared[1]["low"] and "phase error" in [
        panel["title"] for panel in compared
    ]
    with pytest.raises(ValueError, match="expected a Reconstruction"):
        lapwing.view(scan.positions)  # type: ignore[arg-type]


def test_a_notebook_shows_it_in_a_frame(made: lapwing.Reconstruction) -> None:
    viewer = made.view(height=500)
    frame = viewer._repr_html_()
    inner = re.search(r'srcdoc="([^"]*)"', frame)
    assert (
        inner is not None
        and html.unescape(inner.group(1)) == viewer.html
        and "height:500px" in frame
    )


def test_a_browser_draws_it_and_zooms(made: lapwing.Reconstruction, tmp_path: Path) -> None:
    browser = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if browser is None:
        pytest.skip("no chromium")
    # Zooms about a point of the first picture, and writes down what is seen then.
    drive = """
    start().then(() => {
      const canvas = panels[0].canvas, plane = panels[0].plane;
      const box = canvas.getBoundingClientRect();
      const at = { clientX: box.left + 0.25 * box.width, clientY: box.top + 0.5 * box.height,
        bubbles: true, pointerId: 1 };
      const about = panels[0].place(at), before = plane.side;
      canvas.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY: -1, cancelable: true }));
      canvas.dispatchEvent(new PointerEvent("pointermove", at));
      panels.forEach(panel => panel.draw());
      const after = panels[1].place({
        clientX: panels[1].canvas.getBoundingClientRect().left + 0.25 * box.width,
        clientY: panels[1].canvas.getBoundingClientRect().top + 0.5 * box.height });
      const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      document.body.dataset.seen = JSON.stringify({
        by: plane.side / before, apart: Math.hypot(after.x - about.x, after.y - about.y),
        said: panels[1].value.textContent,
        shades: new Set(image.filter((_, i) => i % 4 === 0)).size });
    });
    </script>
    """
    page = made.view().html.replace("start();\n</script>", drive)
    (tmp_path / "view.html").write_text(page, encoding="utf-8")
    words = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=20000",
        "--window-size=1200,900",
        "--dump-dom",
    ]
    done = subprocess.run(
        [browser, *words, (tmp_path / "view.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    seen = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert seen is not None, done.stderr[-2000:]
    found = json.loads(html.unescape(seen.group(1)))
    assert found["by"] == pytest.approx(np.exp(-0.15)) and found["apart"] < 0.1, (
        "the point under the cursor stays"
    )
    assert " rad at (y, x) = (" in found["said"], "cursors go together"
    assert found["shades"] > 20


def test_counts_are_of_what_the_beam_consists_of(scan: lapwing.Dataset) -> None:
    assert scan.metadata is not None and "photons per pattern" in scan.view().html
    physics = {**scan.metadata["physics_parameters"], "wavelength_m": 1.97e-12}
    electrons = scan.replace(metadata={**scan.metadata, "physics_parameters": physics})
    assert "electrons per pattern" in electrons.view().html
    assert "photons" not in electrons._repr_html_()
