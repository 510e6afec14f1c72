#!/usr/bin/env python3
"""The fault table: every operation of Terroir under every fault, and what must hold afterwards.

    tests/faults/run.py --program target/debug/terroir --suite target/debug/deps/terroir-0123 --out docs/fault-table.md

Needs Linux, Python 3, strace, util-linux and gdalinfo; root for the faults of disks. What a machine cannot do is said and
counted as not tried. Ends with 1 if a case went wrong.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cases import FAULTS, Case, Problem, Skip, outcome  # noqa: E402
from hub import Hub  # noqa: E402
from operations import Bench, operations  # noqa: E402

# What the suite tries: the commonest faults on one operation of each way of writing.
SHORT_FAULTS = ["disk full", "disk read-only", "no permission", "disk breaks while writing", "crash between two writes",
                "two at once", "server breaks"]
SHORT_OPERATIONS = ["train", "predict (map)", "labels", "project", "weights"]


class Cell:
    """One fault on one operation."""

    def __init__(self, counts=None, problems=None, messages=None, skipped=None):
        self.counts, self.problems, self.messages = counts or {}, problems or [], messages or {}
        self.skipped = skipped

    def add(self, words, ended):
        kind = outcome(ended)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind == "told":
            message = plain(ended.text)
            self.messages.setdefault(message, words)

    def text(self):
        if self.problems:
            return f"**{len(self.problems)} wrong**"
        if self.skipped:
            return "not tried"
        if not self.counts:
            return "—"
        order = ["told", "killed", "done"]
        return ", ".join(f"{kind} {self.counts[kind]}" for kind in order if kind in self.counts)


def plain(text):
    """The message of a run, without remarks and without what differs from run to run."""
    lines = [line.strip() for line in text.splitlines() if not line.startswith(("(--verbose", "warning: ", "strace: "))]
    # What stands before the program's own words is the shell's or the test harness's.
    words = " ".join(line for line in lines if line)
    words = words[max(0, words.find("terroir: ")) :]
    words = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", words)
    words = re.sub(r"/\S*/(disk/out|in)/", r"\1/", words)
    words = re.sub(r"/\S*/[\w-]*: error while", "error while", words)
    return words.removeprefix("terroir: ")[:400]


def try_cell(bench, fault, operation, results, folder, effort):
    cell = Cell()
    number = iter(range(1, 100_000))

    def make(is_old_there=True):
        for old in folder.glob("*"):
            if old not in kept:
                shutil.rmtree(old, ignore_errors=True)
        return Case(bench, operation, results, folder / str(next(number)), is_old_there)

    kept = set()
    folder.mkdir(parents=True)
    try:
        for words, attempt in FAULTS[fault](make, effort):
            try:
                cell.add(words, attempt())
            except Problem as problem:
                cell.problems.append((words, plain(str(problem))))
    except Skip as skip:
        cell.skipped = str(skip)
    except Problem as problem:
        cell.problems.append(("undisturbed", plain(str(problem))))
    shutil.rmtree(folder, ignore_errors=True)
    return cell


def page(cells):
    faults = [fault for fault in FAULTS if any(one == fault for one, _ in cells)]
    names = [operation.name for operation in operations() if any(name == operation.name for _, name in cells)]
    untried = Cell(skipped="no such try was made for this table")
    cells = {(fault, name): cells.get((fault, name), untried) for fault in faults for name in names}
    notes = {}
    for (fault, name), cell in cells.items():
        if cell.skipped:
            notes.setdefault((fault, cell.skipped), []).append(name)
    lines = [
        "# The fault table",
        "",
        "What happens to an operation while something breaks. Written by `tests/faults/run.py`, which breaks the real program on",
        "the bundled sample with the system's own means: small and read-only disks, permissions, calls that fail or kill the",
        "program at the n-th write (`strace`), memory limits, control groups, a second copy of the program, signals, a false clock,",
        "a web server that breaks. The numbers count tries; `--one-in` says how many of a fault's moments are tried.",
        "",
        "- **told**: it ended with exit code 1 and said what happened, on which file, and what to do; the old files are untouched.",
        "- **killed**: the system ended it; each file is the old one or the new one, whole.",
        "- **done**: it came to the right result all the same.",
        "- —: the fault has nothing to break there.",
        "",
        "After each try the same command is run again without the fault; it must succeed, give the right result and leave nothing",
        "but its files. A half file under a final name, a lost old file, a panic, a message without file or advice, a left-over",
        "that is neither named nor cleaned: each would stand here as wrong.",
        "",
        "| | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for fault in faults:
        lines.append(f"| {fault} | " + " | ".join(cells[fault, name].text() for name in names) + " |")
    lines += ["", "## What is done to it", ""]
    lines += [f"- **{fault}**: {FAULTS[fault].__doc__}" for fault in faults]
    lines += ["", "## What it says", ""]
    for fault in faults:
        said = {}
        for name in names:
            for message, words in cells[fault, name].messages.items():
                said.setdefault(message, (name, words))
        if said:
            lines += [f"### {fault}", ""]
            lines += [f"- {name}, {words}: “{message}”" for message, (name, words) in said.items()]
            lines.append("")
    wrong = [(fault, name, *problem) for fault in faults for name in names for problem in cells[fault, name].problems]
    if wrong:
        lines += ["## Wrong", ""]
        lines += [f"- {fault} × {name}, {words}: {problem}" for fault, name, words, problem in wrong]
        lines.append("")
    if notes:
        lines += ["## Not tried", ""]
        lines += [f"- {fault} × {', '.join(of)}: {why}" for (fault, why), of in notes.items()]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=Path, help="the terroir executable")
    parser.add_argument("--suite", type=Path, help="the binary of the integration tests, which saves projects")
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file")
    parser.add_argument("--cells", type=Path, help="keep what was found in this file (.json) and go on from it")
    parser.add_argument("--short", action="store_true", help="a selection that ends within two minutes")
    parser.add_argument("--one-in", type=int, default=1, metavar="N", help="try only every so many of each fault's moments")
    parser.add_argument("--fault", action="append", help="only this fault; may be repeated")
    parser.add_argument("--operation", action="append", help="only this operation; may be repeated")
    parser.add_argument("--work", type=Path, help="folder for the tries; a temporary one without this")
    parser.add_argument("--at-once", type=int, default=2, help="tries side by side")
    given = parser.parse_args()
    for tool in ("strace", "gdalinfo", "gdal_translate", "prlimit", "setpriv"):
        if not shutil.which(tool):
            print(f"SKIPPED: {tool} is not installed")
            return 0
    assets = Path(__file__).resolve().parents[2] / "assets"
    faults = given.fault or (SHORT_FAULTS if given.short else list(FAULTS))
    wanted = given.operation or (SHORT_OPERATIONS if given.short else [operation.name for operation in operations()])
    chosen = [operation for operation in operations() if operation.name in wanted]
    if not given.suite:
        print("SKIPPED project: no --suite")
        chosen = [operation for operation in chosen if not operation.suite]
    work = Path(tempfile.mkdtemp(prefix="terroir-faults-", dir=given.work)).resolve()
    served = work / "served"
    served.mkdir()
    shutil.copy2(assets / "weights/stp-tiny/stp-tiny.safetensors", served / "new.safetensors")
    shutil.copy2(assets / "sample/S2_2021-07-28.tif", served / "scene.tif")
    hub = Hub(served)
    lock = threading.Lock()
    found = json.loads(given.cells.read_text()) if given.cells and given.cells.exists() else []
    cells = {(fault, name): Cell(**cell) for fault, name, cell in found}
    new = []

    def operations_at(operation):
        return [one.name for one in operations()].index(operation.name)

    def effort(most):
        return max(1, most // (8 if given.short else given.one_in))

    def try_one(fault, operation, results):
        since = time.monotonic()
        folder = work / "cells" / f"{list(FAULTS).index(fault)}-{operations_at(operation)}"
        cell = try_cell(bench, fault, operation, results, folder, effort)
        with lock:
            cells[fault, operation.name] = cell
            new.append(cell)
            if given.cells:
                kept = [(one_fault, name, vars(one)) for (one_fault, name), one in cells.items()]
                given.cells.write_text(json.dumps(kept))
            print(f"{fault} x {operation.name}: {cell.text()} ({time.monotonic() - since:.0f} s)", flush=True)
            for words, problem in cell.problems:
                print(f"    {words}: {problem}", flush=True)
            if cell.skipped:
                print(f"    SKIPPED: {cell.skipped}", flush=True)

    try:
        bench = Bench(work, given.program.resolve(), given.suite and given.suite.resolve(), assets, hub)
        bench.make_inputs()
        results = {operation.name: bench.prepare(operation) for operation in chosen}
        with ThreadPoolExecutor(given.at_once) as pool:
            tries = [pool.submit(try_one, fault, operation, results[operation.name])
                     for fault in faults for operation in chosen]
            for one in tries:
                one.result()
    finally:
        hub.close()
        subprocess.run(["chmod", "-R", "u+rwx", str(work)], check=False)
        shutil.rmtree(work, ignore_errors=True)
    if given.out:
        given.out.write_text(page(cells))
    wrong = sum(len(cell.problems) for cell in new)
    tried = sum(sum(cell.counts.values()) for cell in new) + wrong
    print(f"{tried} tries of {len(new)} cells, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
