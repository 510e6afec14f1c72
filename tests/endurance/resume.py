#!/usr/bin/env python3
"""A large embedding under a memory limit, killed again and again and gone on with, against one that was left alone.

    tests/endurance/resume.py --program target/release/terroir --side 40000 --kills 10 --memory-mib 1000

Both fields must be equal in every code, and the peak of memory must depend neither on how often it was killed nor on the size of
the scene: a scene of a sixteenth of the pixels is embedded first. The scenes are the bundled one, enlarged. Needs gdal_translate,
and room for about 400 bytes a pixel (650 GB for 40,000 x 40,000).
"""

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


# What the peak of a large scene, or of a run killed again and again, may be above that of a small one: the allocator's play and
# the list of finished blocks.
PLAY_MIB = 64


def embed(given, folder, scene, out, kill_at=None, wait_s=0.0):
    """Runs it, and kills it a moment after so many blocks are on the disk; returns (whether it ended by itself, seconds, peak
    MiB, blocks seen)."""
    command = [str(given.program.resolve()), "embed", str(scene), "--wavelengths", "1=490nm,2=560nm,3=665nm,4=842nm", "--device",
               "cpu", "--out", str(out), "--quiet"]
    environment = dict(os.environ, HOME=str(folder), TERROIR_MODELS=str(folder / "none"))
    since, peak, blocks = time.monotonic(), 0, 0
    limit = given.memory_mib << 20
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(["prlimit", f"--as={limit}", *command], env=environment, cwd=folder, stdout=subprocess.DEVNULL,
                                   stderr=told)
        try:
            while process.poll() is None:
                peak, blocks = max(peak, peak_mib(process.pid)), max(blocks, blocks_done(out))
                if kill_at is not None and blocks >= kill_at:
                    time.sleep(wait_s)
                    peak = max(peak, peak_mib(process.pid))
                    process.send_signal(signal.SIGKILL)
                    if process.wait() == -signal.SIGKILL:
                        return False, time.monotonic() - since, peak, blocks
                time.sleep(0.02)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode != 0:
            told.seek(0)
            raise SystemExit(f"exit code {process.returncode}: {told.read()}")
    return True, time.monotonic() - since, peak, blocks


def peak_mib(pid):
    """The most memory the process ever held; 0 once it is gone."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) / 1024 if found else 0


def blocks_done(out):
    done = out.with_name(out.stem + ".terroir-part") / "done.txt"
    try:
        return len(done.read_text().splitlines())
    except OSError:
        return 0


def codes(field):
    """Hash of all codes, read by another program than ours."""
    raw = field.with_suffix(".raw")
    subprocess.run(["gdal_translate", "-q", "-of", "ENVI", str(field), str(raw)], check=True)
    digest = hashlib.sha256()
    with raw.open("rb") as file:
        while block := file.read(1 << 24):
            digest.update(block)
    size = raw.stat().st_size
    for name in field.parent.glob(field.stem + ".*"):
        if name.suffix in (".raw", ".hdr") or name.name.endswith(".raw.aux.xml"):
            name.unlink()
    return digest.hexdigest(), size


def make_scene(sample, folder, side):
    scene = folder / f"scene_{side}.tif"
    subprocess.run(["gdal_translate", "-q", "-b", "2", "-b", "3", "-b", "4", "-b", "8", "-r", "bilinear", "-co", "TILED=YES", "-co",
                    "COMPRESS=DEFLATE", "-co", "BIGTIFF=IF_SAFER", "-outsize", str(side), str(side), str(sample), str(scene)],
                   check=True)
    scene.with_name(scene.name + ".aux.xml").unlink(missing_ok=True)
    return scene


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--side", type=int, default=2000, help="pixels; the scene is a square")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--memory-mib", type=int, default=1000, help="address space the process may ask for")
    parser.add_argument("--seed", type=int, default=0, help="of the moments it is killed at")
    parser.add_argument("--work", type=Path, help="folder with room; a temporary one without this")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    sample = Path(__file__).resolve().parents[2] / "assets/sample/S2_2021-07-28.tif"
    folder = Path(tempfile.mkdtemp(prefix="terroir-resume-", dir=given.work)).resolve()
    try:
        small, scene = (make_scene(sample, folder, side) for side in (given.side // 4, given.side))
        _, small_s, small_mib, _ = embed(given, folder, small, folder / "small.tif")
        print(f"{given.side // 4} x {given.side // 4} pixels: {small_s:.0f} s, {small_mib:.0f} MiB at most", flush=True)
        for file in [small, *folder.glob("small.*")]:
            file.unlink()
        _, whole_s, whole_mib, blocks = embed(given, folder, scene, folder / "whole.tif")
        print(f"{given.side} x {given.side} pixels left alone: {whole_s:.0f} s, {whole_mib:.0f} MiB at most, {blocks} blocks or more",
              flush=True)
        whole = codes(folder / "whole.tif")
        (folder / "whole.tif").unlink()
        out, kills, peak, spent_s = folder / "killed.tif", 0, 0, 0.0
        while True:
            # Moments spread over the whole run, anywhere between two blocks; the first may be before any block is done.
            kill_at = round((kills + chance.uniform(0, 0.9)) * blocks / given.kills) if kills < given.kills else None
            ended, seconds, mib, _ = embed(given, folder, scene, out, kill_at, chance.uniform(0, 2 * whole_s / max(1, blocks)))
            peak, spent_s = max(peak, mib), spent_s + seconds
            if ended:
                break
            kills += 1
            print(f"killed {kills}: after {seconds:.1f} s, {blocks_done(out)} blocks on the disk", flush=True)
            if out.exists():
                raise SystemExit("a field stands at its place although the job was killed")
        found = codes(out)
        left = sorted(set(os.listdir(folder)) - {scene.name, "killed.tif", "killed.projection.json",
                                                 "whole.projection.json", ".cache", ".local", ".config"})
        print(f"killed {kills} times: {spent_s:.0f} s in all, {peak:.0f} MiB at most")
        print(f"codes: {found[1]} bytes, SHA-256 {found[0]} and {whole[0]}; left behind: {', '.join(left) or 'nothing'}")
        wrong = []
        if found != whole:
            wrong.append("the fields differ")
        if left:
            wrong.append("something is left")
        if kills < given.kills:
            wrong.append("it ended before all kills")
        if max(whole_mib, peak) > small_mib + PLAY_MIB:
            wrong.append("memory grew with the scene or with the kills")
        if wrong:
            print(f"WRONG: {', '.join(wrong)}")
            return 1
        print("equal, and memory did not grow")
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
