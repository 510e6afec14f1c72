#!/usr/bin/env python3
"""Counts calls of Burn and the models while the window opens: there should be none.

    tests/endurance/untouched.py PROGRAM [--every 40]

Needs root, uprobes (tracefs), nm, readelf and Xvfb. Every so many functions whose name begins with one of CRATES get a probe (with all
of them the kernel takes half an hour to take the probes away again); the window opens on the sample and closes once all is drawn;
then a field is made on the command line, which must be seen, or the probes saw nothing at all.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

TRACING = "/sys/kernel/tracing"
CRATES = r"<?(burn_|burn::|cubecl|terroir_models::)"


def put(name, text):
    with open(f"{TRACING}/{name}", "w") as file:
        file.write(text)


def functions(program):
    """Offsets in the file of the functions that are looked for."""
    headers = subprocess.run(["readelf", "-lW", program], check=True, capture_output=True, text=True).stdout
    segments = [
        [int(word, 16) for word in line.split()[1:5]] for line in headers.splitlines() if line.split()[:1] == ["LOAD"]
    ]
    symbols = subprocess.run(["nm", "-C", "--defined-only", program], check=True, capture_output=True, text=True).stdout
    found = set()
    for line in symbols.splitlines():
        words = line.split(" ", 2)
        if len(words) < 3 or words[1] not in "tT" or not re.match(CRATES, words[2]):
            continue
        address = int(words[0], 16)
        for offset, start, _, size in segments:
            if start <= address < start + size:
                found.add(address - start + offset)
    return found


def calls():
    with open(f"{TRACING}/trace") as trace:
        return sum(not line.startswith("#") for line in trace)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--every", type=int, default=40)
    arguments = parser.parse_args()
    home = tempfile.mkdtemp()
    # A copy: nobody else runs that file.
    program = shutil.copy(arguments.program, os.path.join(home, "terroir"))
    assets = os.path.join(os.path.dirname(__file__), "../../assets")
    environment = dict(os.environ, HOME=home, TERROIR_ASSETS=os.path.abspath(assets), DISPLAY=":97", WAYLAND_DISPLAY="")
    found = sorted(functions(program))[:: arguments.every]
    with open(f"{TRACING}/uprobe_events", "w") as events:
        for number, offset in enumerate(found):
            events.write(f"p:burn/p{number} {program}:0x{offset:x}\n")
            events.flush()
    screen = subprocess.Popen(["Xvfb", ":97", "-screen", "0", "1280x800x24"], stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        put("trace", "")
        put("events/burn/enable", "1")
        picture = os.path.join(home, "window.png")
        subprocess.run([program, "--screenshot", picture], env=environment, check=True, timeout=300)
        at_start = calls()
        scene = os.path.join(assets, "sample/S2_2021-07-28.tif")
        command = [program, "embed", scene, "--device", "cpu", "--out", os.path.join(home, "field.tif"), "--quiet"]
        subprocess.run(command, env=environment, check=True, timeout=600, stdout=subprocess.DEVNULL)
        in_all = calls()
    finally:
        put("events/burn/enable", "0")
        put("uprobe_events", "")
        screen.kill()
        shutil.rmtree(home)
    print(f"{len(found)} functions; calls while the window opened: {at_start}; while a field was made: {in_all - at_start}")
    sys.exit(at_start != 0 or in_all == at_start)


if __name__ == "__main__":
    main()
