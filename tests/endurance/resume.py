#!/usr/bin/env python3
"""A large embedding under a memory limit, killed again and again and gone on with, against one that was left alone.

    tests/endurance/resume.py --program target/release/terroir --side 40000 --kills 10 --memory-mib 3000

Both fields must be equal in every code, and the peak of memory must not depend on how often it was killed. The scene is the
bundled one, enlarged. Needs gdal_translate, and room for about 400 bytes a pixel (650 GB for 40,000 x 40,000).
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from counts import counts  # noqa: E402


def embed(given, folder, scene, out, kill_after_s=None):
    """Runs it; returns (whether it ended by itself, seconds, peak MiB)."""
    command = [str(given.program.resolve()), "embed", str(scene), "--wavelengths", "1=490nm,2=560nm,3=665nm,4=842nm", "--device",
               "cpu", "--out", str(out), "--quiet"]
    environment = dict(os.environ, HOME=str(folder), TERROIR_MODELS=str(folder / "none"))
    since, peak = time.monotonic(), 0
    limit = given.memory_mib << 20
    process = subprocess.Popen(["prlimit", f"--as={limit}", *command], env=environment, cwd=folder, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        found = counts(process.pid)
        peak = max(peak, found[0] if found else 0)
        if kill_after_s is not None and time.monotonic() - since > kill_after_s:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return False, time.monotonic() - since, peak
        time.sleep(0.02)
    if process.returncode != 0:
        raise SystemExit(f"exit code {process.returncode}: {process.stderr.read()}")
    return True, time.monotonic() - since, peak


def blocks_done(out):
    done = out.with_name(out.stem + ".terroir-part") / "done.txt"
    return len(done.read_text().splitlines()) if done.exists() else 0


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--side", type=int, default=2000, help="pixels; the scene is a square")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--memory-mib", type=int, default=3000, help="address space the process may ask for")
    parser.add_argument("--seed", type=int, default=0, help="of the moments it is killed at")
    parser.add_argument("--work", type=Path, help="folder with room; a temporary one without this")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    sample = Path(__file__).resolve().parents[2] / "assets/sample/S2_2021-07-28.tif"
    folder = Path(tempfile.mkdtemp(prefix="terroir-resume-", dir=given.work)).resolve()
    try:
        scene = folder / "scene.tif"
        subprocess.run(["gdal_translate", "-q", "-b", "2", "-b", "3", "-b", "4", "-b", "8", "-r", "bilinear", "-co", "TILED=YES",
                        "-co", "COMPRESS=DEFLATE", "-outsize", str(given.side), str(given.side), str(sample), str(scene)], check=True)
        _, whole_s, whole_mib = embed(given, folder, scene, folder / "whole.tif")
        print(f"{given.side} x {given.side} pixels left alone: {whole_s:.0f} s, {whole_mib:.0f} MiB at most", flush=True)
        whole = codes(folder / "whole.tif")
        (folder / "whole.tif").unlink()
        out, kills, peak, spent_s = folder / "killed.tif", 0, 0, 0.0
        while True:
            # Moments spread over the whole run: each life gets its share of what the run takes, more or less.
            share = chance.uniform(0.5, 1.5) / (given.kills + 1)
            ended, seconds, mib = embed(given, folder, scene, out, whole_s * share + 0.5 if kills < given.kills else None)
            peak, spent_s = max(peak, mib), spent_s + seconds
            if ended:
                break
            kills += 1
            print(f"killed {kills}: after {seconds:.1f} s, {blocks_done(out)} blocks on the disk", flush=True)
            if out.exists():
                raise SystemExit("a field stands at its place although the job was killed")
        found = codes(out)
        left = sorted(set(os.listdir(folder)) - {"scene.tif", "scene.tif.aux.xml", "killed.tif", "killed.projection.json",
                                                 "whole.projection.json", ".cache", ".local", ".config"})
        print(f"killed {kills} times: {spent_s:.0f} s in all, {peak:.0f} MiB at most")
        print(f"codes: {found[1]} bytes, SHA-256 {found[0]} and {whole[0]}; left behind: {', '.join(left) or 'nothing'}")
        if found != whole or left or kills < given.kills:
            print("WRONG: the fields differ, something is left, or it ended before all kills")
            return 1
        print("equal")
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
