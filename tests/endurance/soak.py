#!/usr/bin/env python3
"""Scripted use of the real window without end: its memory, handles and threads must not grow.

    tests/endurance/soak.py --program target/release/terroir --minutes 30

Rounds of painting, panning, zooming, undoing, changing tools, classes, panels and the window's size, on a display without a screen
and Mesa's software rasteriser. Every round ends as it began: all strokes undone, the whole scene in view. Needs Xvfb, xdotool, and
ImageMagick's `import` for --picture. Ends with 1 if the window ended or grew.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from counts import children, counts, handles, verdict  # noqa: E402

# What the window may hold more of late than early, MiB: caches that are bounded but not yet full, and the allocator's play.
PLAY_MIB = 80
DRIVER = Path("/usr/share/vulkan/icd.d/lvp_icd.x86_64.json")
SIZE = (1280, 800)


class Session:
    def __init__(self, program, folder, display):
        self.environment = dict(os.environ, DISPLAY=display, LANG="C", HOME=str(folder), TERROIR_MODELS=str(folder / "none"))
        for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            (folder / name).mkdir()
            self.environment[name] = str(folder / name)
        for name in ("WAYLAND_DISPLAY", "WAYLAND_SOCKET"):
            self.environment.pop(name, None)
        if DRIVER.exists():
            self.environment.update(VK_DRIVER_FILES=str(DRIVER), VK_ICD_FILENAMES=str(DRIVER))
        self.log = (folder / "log.txt").open("w")
        self.process = subprocess.Popen([str(program)], env=self.environment, cwd=folder, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 240
        self.id = ""
        while not self.id and time.monotonic() < deadline and self.process.poll() is None:
            self.id = self.tell("search", "--onlyvisible", "--name", "Terroir").split("\n")[0]
            time.sleep(0.5)
        time.sleep(8)
        self.tell("windowfocus", "--sync", self.id)

    def tell(self, *words):
        return subprocess.run(["xdotool", *map(str, words)], env=self.environment, capture_output=True, text=True, timeout=60,
                              check=False).stdout

    def keys(self, *keys):
        for key in keys:
            self.tell("key", key)
            time.sleep(0.06)

    def at(self, x, y):
        self.tell("mousemove", x, y)

    def drag(self, start, end, button=1):
        words = ["mousemove", *start, "mousedown", button]
        for step in range(1, 9):
            words += ["mousemove", *(round(a + (b - a) * step / 8) for a, b in zip(start, end)), "sleep", "0.02"]
        self.tell(*words, "mouseup", button)

    def wheel(self, place, button, times):
        self.at(*place)
        self.tell("click", "--repeat", times, "--delay", 30, button)


def one_round(session, chance):
    """Some minutes' work of a user in some seconds, and everything taken back."""
    middle = lambda: (chance.randint(430, 850), chance.randint(220, 560))  # noqa: E731
    session.keys("p")
    strokes = 0
    for class_number in (1, 2):
        session.keys(f"alt+{class_number}")
        for _ in range(3):
            session.drag(middle(), middle())
            strokes += 1
    time.sleep(0.5)
    session.keys("h")
    for _ in range(3):
        session.wheel(middle(), 4, chance.randint(2, 6))
        session.drag(middle(), middle())
        session.wheel(middle(), 5, chance.randint(2, 6))
    for _ in range(10):
        session.at(*middle())
        time.sleep(0.03)
    # The list of commands, opened and closed; panels; another size of the window and back.
    session.keys("ctrl+k")
    session.tell("type", "--delay", 10, chance.choice(["band", "train", "style", "export", "model", "time"]))
    time.sleep(0.2)
    session.keys("Escape", "Escape")
    session.tell("windowsize", session.id, SIZE[0] - chance.randint(0, 200), SIZE[1] - chance.randint(0, 120))
    time.sleep(0.3)
    session.tell("windowsize", session.id, *SIZE)
    for _ in range(strokes + 2):
        session.keys("ctrl+z")
    session.keys("ctrl+shift+f")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--display", default=":87")
    parser.add_argument("--picture", type=Path, help="keep a picture of the window at the end")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        server = subprocess.Popen(["Xvfb", given.display, "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten", "tcp"],
                                  stderr=subprocess.DEVNULL)
        time.sleep(2)
        session, rows, rounds, known = None, [], 0, set()
        try:
            session = Session(given.program.resolve(), folder, given.display)
            if session.process.poll() is not None or not session.id:
                print(f"the window did not open: {(folder / 'log.txt').read_text()[-500:]}")
                return 1
            since = time.monotonic()
            while time.monotonic() - since < given.minutes * 60:
                one_round(session, chance)
                time.sleep(1)
                rounds += 1
                row = counts(session.process.pid)
                if row is None or session.process.poll() is not None:
                    print(f"the window ended in round {rounds}: {(folder / 'log.txt').read_text()[-500:]}")
                    return 1
                rows.append(row)
                now = handles(session.process.pid)
                if known and set(now) - known:
                    print(f"round {rounds}, new handles: {', '.join(sorted(set(now) - known))}", flush=True)
                known |= set(now)
                if rounds % 10 == 1:
                    others = len(children(session.process.pid)) - 1
                    print(f"round {rounds}, {time.monotonic() - since:.0f} s: {row[0]:.0f} MiB, {row[1]} handles, {row[2]} threads, "
                          f"{others} other processes", flush=True)
            if given.picture:
                subprocess.run(["import", "-window", "root", str(given.picture)], env=session.environment, check=False)
            text = (folder / "log.txt").read_text()
            minutes = (time.monotonic() - since) / 60
        finally:
            if session:
                session.process.kill()
                session.process.wait()
                session.log.close()
            server.kill()
            server.wait()
    is_flat, lines = verdict(rows, 0.25, PLAY_MIB)
    print(f"{rounds} rounds in {minutes:.0f} minutes")
    print("\n".join(lines))
    if "panicked" in text:
        print(f"a thread panicked: {text[-500:]}")
        return 1
    return 0 if is_flat else 1


if __name__ == "__main__":
    sys.exit(main())
