"""The examples and the tutorial run, and the types of both and of the package are right."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import lapwing

PYTHON = Path(__file__).parent.parent


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PYTHON / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_quality_rises_with_dose_and_overlap() -> None:
    rows = example("dose_and_overlap").main(field=60.0, epochs=15)
    assert len(rows) == 9
    by_case = {(dose, spacing): correlation for dose, spacing, _, correlation in rows}
    assert by_case[10_000, 1.0] > by_case[1_000, 1.0] > by_case[100, 1.0]
    assert by_case[10_000, 1.0] > by_case[10_000, 16.0]


def test_a_file_is_reconstructed(scan: lapwing.Dataset, tmp_path: Path) -> None:
    scan.save(tmp_path / "scan.npz")
    found = example("reconstruct_file").main(
        str(tmp_path / "scan.npz"), str(tmp_path / "result.npz"), epochs=3
    )
    assert found.options["noise"] == "poisson" and (tmp_path / "result.npz").is_file()


def test_types_are_right() -> None:
    pytest.importorskip("mypy")
    words = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "-p", "lapwing"]
    package = subprocess.run(words, cwd=PYTHON, capture_output=True, text=True)
    assert package.returncode == 0, package.stdout
    examples = sorted(str(path) for path in (PYTHON / "examples").glob("*.py"))
    done = subprocess.run([*words[:5], *examples], cwd=PYTHON, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_misspelt_options_are_found_by_the_type_check(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import lapwing\nlapwing.reconstruct(lapwing.load('x'), epoch=3)\n")
    words = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(wrong)]
    done = subprocess.run(words, cwd=PYTHON, capture_output=True, text=True)
    assert done.returncode == 1 and '"epoch"' in done.stdout, done.stdout


@pytest.mark.filterwarnings("default")
def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LAPWING_TUTORIAL=python/tutorial.ipynb keeps the outputs of this run in the file."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    for name in ("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    notebook = nbformat.read(PYTHON / "tutorial.ipynb", as_version=4)
    stored = [shown(cell) for cell in notebook.cells]
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    whole = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    frames = [
        output for output in whole if "<iframe" in output.get("data", {}).get("text/html", "")
    ]
    bars = [
        output
        for output in whole
        if 'aria-valuenow="100.0"' in output.get("data", {}).get("text/html", "")
    ]
    assert len(frames) == 1 and len(bars) == 2, (
        "the viewer, and two displays of progress at their end"
    )
    assert (tmp_path / "study" / "report" / "index.html").is_file()
    for cell in notebook.cells:
        # What runs programs is not kept, and a picture beside its own table once.
        cell["outputs"] = (
            [output for output in cell.get("outputs", []) if output not in frames]
            if "outputs" in cell
            else []
        )
        for output in cell["outputs"]:
            if "text/html" in output.get("data", {}):
                output["data"].pop("image/png", None)
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] != "code":
            cell.pop("outputs")
    kept = os.environ.get("LAPWING_TUTORIAL")
    if kept:
        nbformat.write(notebook, kept)
        return
    assert stored == [shown(cell) for cell in notebook.cells], (
        "keep the outputs of a new run: see above"
    )
    assert sum("image" in kinds for kinds in stored) == 3, (
        "the reconstruction, the data set and the figure"
    )
    assert (PYTHON / "tutorial.ipynb").stat().st_size < 2_000_000


def shown(cell: Any) -> list[str]:
    """What kinds of output a cell shows; numbers differ from machine to machine."""
    kinds: list[str] = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        page = data.get("text/html", "")
        kinds.append(
            "image"
            if "image/png" in data or "<img" in page
            else "table"
            if page
            else output["output_type"]
        )
    return kinds
