#!/usr/bin/env python3
"""Lists everything that is compiled into the program, as CycloneDX 1.5 (JSON) on standard output.

    packaging/sbom.py [TARGET] > lapwing.cdx.json

Taken from `cargo metadata` and the checksums of Cargo.lock; without a target, what any target compiles. Tests and build scripts'
own dependencies are left out as `cargo tree -e normal` leaves them out. Needs Python 3.11 and cargo, no network.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def normal(node):
    """Ids that a package links to."""
    return [dep["pkg"] for dep in node["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]


def main() -> None:
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--offline"]
    command += [f"--filter-platform={target}" for target in sys.argv[1:]]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    sums = {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    links = {node["id"]: normal(node) for node in metadata["resolve"]["nodes"]}

    start = next(id for id, package in packages.items() if package["name"] == "lapwing")
    reached, waiting = set(), [start]
    while waiting:
        id = waiting.pop()
        if id not in reached:
            reached.add(id)
            waiting += links[id]

    def component(id):
        package = packages[id]
        name, version = package["name"], package["version"]
        # A slash is an old spelling of OR.
        licence = (package["license"] or "").replace(" / ", " OR ").replace("/", " OR ")
        found = {
            "type": "application" if id == start else "library",
            "bom-ref": f"{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:cargo/{name}@{version}",
            "licenses": [{"expression": licence}],
        }
        if checksum := sums.get((name, version)):
            found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        return found

    ref = {id: f"{packages[id]['name']}@{packages[id]['version']}" for id in reached}
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(start)},
        "components": sorted((component(id) for id in reached - {start}), key=lambda found: found["bom-ref"]),
        "dependencies": sorted(
            ({"ref": ref[id], "dependsOn": sorted(ref[other] for other in set(links[id]) & reached)} for id in reached),
            key=lambda found: found["ref"],
        ),
    }
    print(json.dumps(bom, indent=1))


main()
