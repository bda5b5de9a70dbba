"""The examples and the tutorial run, and the types of both and of the package are right."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

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
    found = example("reconstruct_file").main(str(tmp_path / "scan.npz"), str(tmp_path / "result.npz"), epochs=3)
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
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    for name in ("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    notebook = nbformat.read(PYTHON / "tutorial.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "clear the outputs before committing"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    pictures = [
        output for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 3, "the reconstruction, the data set and the figure"
    kept = os.environ.get("LAPWING_TUTORIAL")
    if kept:
        nbformat.write(notebook, kept)
