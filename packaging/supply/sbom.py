#!/usr/bin/env python3
"""What the program is made of, as a CycloneDX 1.5 document: every crate linked into it with version, checksum and licence,
who needs whom, and the system libraries it is built against.

    packaging/supply/sbom.py [TARGET] > terroir.cdx.json

Reads `cargo metadata`, `cargo tree` (offline) and `Cargo.lock`. The same sources give the same bytes: the serial number is made of the lock
file, the date is `SOURCE_DATE_EPOCH` where that is set and left out where it is not.
"""

import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging"))
from licences import linked, metadata  # noqa: E402

SYSTEM = {"gdal": ["gdal-config", "--version"], "proj": ["pkg-config", "--modversion", "proj"]}


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def licence_of(package):
    text = re.sub(r"\s*/\s*", " OR ", package["license"] or "")
    return [{"expression": text}] if text else [{"license": {"name": package["license_file"] or "not stated"}}]


def component(package, sums):
    found = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
        "licenses": licence_of(package),
        "scope": "required",
    }
    checksum = sums.get((package["name"], package["version"]))
    if checksum:
        found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        found["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return found


def built(target):
    """Name and version of what is really compiled in: `cargo metadata` also lists what features merely mention."""
    command = ["cargo", "tree", "--locked", "--offline", "--package", "terroir", "--edges", "normal", "--target", target,
               "--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {(words[0], words[1].removeprefix("v")) for words in map(str.split, lines) if len(words) > 1}


def system_components():
    for name, command in SYSTEM.items():
        try:
            version = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            continue
        yield {"type": "library", "bom-ref": f"system:{name}", "name": name, "version": version, "scope": "required",
               "description": "of the system the program was built on, linked dynamically"}


def main():
    os.chdir(ROOT)
    target = sys.argv[1] if len(sys.argv) > 1 else "x86_64-unknown-linux-gnu"
    graph = metadata(target)
    lock = (ROOT / "Cargo.lock").read_bytes()
    sums = {(entry["name"], entry["version"]): entry.get("checksum") for entry in tomllib.loads(lock.decode())["package"]}
    compiled = built(target)
    packages = {package["id"]: package for package in linked(graph) if (package["name"], package["version"]) in compiled}
    nodes = {node["id"]: node for node in graph["resolve"]["nodes"]}
    program = next(package for package in packages.values() if package["name"] == "terroir")
    order = sorted(packages.values(), key=lambda package: (package["name"], package["version"]))
    system = list(system_components())
    needs = []
    for package in order:
        of = [dependency["pkg"] for dependency in nodes[package["id"]]["deps"]
              if any(kind["kind"] is None for kind in dependency["dep_kinds"]) and dependency["pkg"] in packages]
        refs = sorted({purl(packages[id]) for id in of})
        if package["name"] in ("gdal-sys", "proj-sys"):
            name = package["name"].removesuffix("-sys")
            refs += [entry["bom-ref"] for entry in system if entry["name"] == name]
        needs.append({"ref": purl(package), "dependsOn": refs})
    about = {"component": {"type": "application", "bom-ref": purl(program), "name": "terroir", "version": program["version"],
                           "purl": purl(program), "licenses": licence_of(program)},
             "properties": [{"name": "target", "value": target}]}
    if "SOURCE_DATE_EPOCH" in os.environ:
        moment = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
        about["timestamp"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": "urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(lock).hexdigest())),
        "version": 1,
        "metadata": about,
        "components": [component(package, sums) for package in order if package is not program] + system,
        "dependencies": needs,
    }
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
