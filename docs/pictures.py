#!/usr/bin/env python3
"""Makes the pictures of the pages under docs/start from the commands that stand there.

    docs/pictures.py LAPWING

LAPWING is the program. Every `sh` block of a page is run in a folder of its own, and the picture copied to docs/images. Those of
other pages: `just picture` (the report), bench/real_pictures.py, bench/electron_scan.py and bench/near_field_star.py.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURES = {
    "xray": ("result/amplitude.png", "start-xray.png"),
    "electrons": ("atoms/phase.png", "start-electrons.png"),
}


def run(page: str, program: Path, folder: Path) -> None:
    shutil.copytree(ROOT / "examples" / "electrons", folder / "examples" / "electrons")
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", page, re.M | re.S):
        if language == "toml":
            name = block.splitlines()[0].removeprefix("# ")
            (folder / name).write_text(block)
        if language == "sh":
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                # The study has a picture of its own.
                if words[0] == "lapwing" and words[1] != "study":
                    subprocess.run([program, *words[1:]], cwd=folder, check="exit code" not in line)


def main() -> None:
    program = Path(sys.argv[1]).resolve()
    for name, (made, picture) in PICTURES.items():
        with tempfile.TemporaryDirectory() as folder:
            run((ROOT / "docs" / "start" / f"{name}.md").read_text(), program, Path(folder))
            shutil.copy(Path(folder) / made, ROOT / "docs" / "images" / picture)


main()
