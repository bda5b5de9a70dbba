"""The package as a whole: documentation at run time, stubs, what its import brings, and the
guide."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lapwing

PYTHON = Path(__file__).parent.parent


def test_every_public_name_is_documented_at_run_time() -> None:
    bare: list[str] = []
    for name in lapwing.__all__:
        thing = getattr(lapwing, name)
        if name == "__version__" or inspect.ismodule(thing):
            continue
        bare += [] if (inspect.getdoc(thing) or "").strip() else [name]
        if inspect.isclass(thing):
            own = {key: value for key, value in vars(thing).items() if not key.startswith("_")}
            members = {
                key: value
                for key, value in own.items()
                if callable(value) or inspect.isdatadescriptor(value)
            }
            bare += [
                f"{name}.{key}"
                for key, value in members.items()
                if not (inspect.getdoc(value) or "").strip()
            ]
    assert bare == []


def test_documentation_has_the_sections_that_sphinx_reads() -> None:
    """Parameters as the signature has them; no section without its line."""
    for name in lapwing.__all__:
        thing = getattr(lapwing, name)
        if not inspect.isfunction(thing):
            continue
        text = inspect.getdoc(thing) or ""
        lines = text.splitlines()
        for heading in ("Parameters", "Returns", "Raises", "Attributes", "Warns", "Notes"):
            if heading in lines:
                assert lines[lines.index(heading) + 1] == "-" * len(heading), (name, heading)
        parameters = list(inspect.signature(thing).parameters)
        if parameters and "Parameters for" not in text and "Parameters as for" not in text:
            assert "Parameters" in lines, name
            for parameter in parameters:
                assert parameter in text, (name, parameter)


def test_the_guide_names_every_function() -> None:
    guide = PYTHON.parent / "docs" / "python.md"
    if not guide.is_file():
        pytest.skip("not in the repository")
    text = guide.read_text(encoding="utf-8")
    missing = [
        name
        for name in lapwing.__all__
        if name != "__version__" and f"`{name}" not in text and f".{name}" not in text
    ]
    assert missing == []


def test_stubs_are_those_of_the_compiled_part(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    words = [sys.executable, "-m", "mypy.stubtest", "lapwing._lapwing", "--ignore-missing-stub"]
    # Elsewhere than beside the sources, which lack the compiled part where the package is
    # installed.
    home = Path(lapwing.__file__).parent.parent
    known = {} if "site-packages" in home.parts else {"MYPYPATH": str(home)}
    done = subprocess.run(
        words, cwd=tmp_path, env={**os.environ, **known}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_import_brings_neither_numpy_nor_a_notebook() -> None:
    heavy = "{'numpy', 'IPython', 'html', 'zlib', 'inspect'}"
    code = f"import sys, lapwing; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not {"numpy", "IPython"} & set(done.stdout.split())


def test_options_of_reading_are_the_keywords_of_load() -> None:
    keywords = set(inspect.signature(lapwing.load).parameters) - {"path", "memory", "scratch"}
    assert set(lapwing.ReadingOptions.__annotations__) == keywords


def test_the_package_is_small() -> None:
    """A wheel stays below 12 MB; pages and pictures of the package itself are a small part of
    it."""
    folder = Path(lapwing.__file__).parent
    own = [
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith("_lapwing.")
    ]
    assert (folder / "_viewer.html").is_file() and sum(
        path.stat().st_size for path in own
    ) < 400_000
