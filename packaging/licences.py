#!/usr/bin/env python3
"""Licences of everything the program is linked with: name, version, licence and text of every crate, equal texts once.

    packaging/licences.py [--check] [TARGET]

Reads `cargo metadata` (offline) and the crates in cargo's registry; follows the dependencies of the package `terroir` that
end up in the program (not those of builds and tests). `--check` prints only what has no text. Ends with code 1 if a crate
states no licence at all.
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys

NAMES = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense|ofl|ufl|ubuntu)", re.IGNORECASE)


def metadata(target):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", target]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def linked(graph):
    """Ids of the packages linked into `terroir`."""
    nodes = {node["id"]: node for node in graph["resolve"]["nodes"]}
    packages = {package["id"]: package for package in graph["packages"]}
    waiting = [id for id, package in packages.items() if package["name"] == "terroir"]
    found = set()
    while waiting:
        id = waiting.pop()
        if id in found:
            continue
        found.add(id)
        for dependency in nodes[id]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    return [packages[id] for id in found]


def texts(package):
    """Licence texts of a crate, also those of fonts in folders of it."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = [file for file in folder.rglob("*") if file.is_file() and NAMES.match(file.name)]
    files = [file for file in files if file.suffix.lower() in ("", ".txt", ".md", ".mit", ".apache", ".apache-2.0", ".html")
             or re.match(r"^\.[a-z0-9-]+$", file.suffix, re.IGNORECASE) and file.suffix.lower() not in (".rs", ".toml", ".json")]
    for file in sorted(files):
        text = file.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").strip("\n")
        if text:
            yield file.relative_to(folder).as_posix(), text


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    target = arguments[0] if arguments else "x86_64-unknown-linux-gnu"
    packages = sorted(linked(metadata(target)), key=lambda package: (package["name"], package["version"]))
    packages = [package for package in packages if package["source"]]
    users, bodies, without, unstated = {}, {}, [], []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if not package["license"] and not package["license_file"]:
            unstated.append(name)
        has_text = False
        for file, text in texts(package):
            # Equal but for spaces is equal.
            key = hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
            bodies.setdefault(key, text)
            users.setdefault(key, []).append(name)
            has_text = True
        if not has_text:
            without.append(f"{name} ({package['license']})")
    if "--check" in sys.argv:
        print("\n".join(without))
    else:
        print("Terroir is linked with the following libraries. Their licences follow, equal texts once.\n")
        for package in packages:
            where = package["repository"] or ""
            print(f"{package['name']} {package['version']}  {package['license'] or 'see its text'}  {where}".rstrip())
        print("\nGDAL, PROJ and the libraries below them are linked when the program starts; their licences come with them.")
        if without:
            print("\nThese crates bring no text of their own; the standard text of the licence they name applies, as printed")
            print("below for others: " + ", ".join(without))
        for key in sorted(users, key=lambda key: users[key][0]):
            print("\n" + "=" * 100 + "\n" + ", ".join(dict.fromkeys(users[key])) + "\n" + "-" * 100 + "\n")
            print(bodies[key])
    if unstated:
        print("no licence is stated by: " + ", ".join(unstated), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
