#!/usr/bin/env python3
"""Jobs without end through one worker process: its memory and its handles must not grow.

    tests/endurance/jobs.py --program target/release/terroir --jobs 1000

Every job is one a window would send; one in ten fails on purpose. Ends with 1 if the worker ended or grew.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from counts import counts, verdict  # noqa: E402

# What a job's worker may hold more of after many jobs than after some, MiB: the allocator's play.
PLAY_MIB = 32


def specs(sample, out, number):
    """The n-th job."""
    scene, field, labels = sample / "S2_2021-07-28.tif", sample / "field.tif", sample / "labels.geojson"
    train = {"job": "train", "field": str(field), "labels": str(labels), "class_attribute": "class", "kind": "logistic", "folds": 0, "seed": number}
    turn = number % 10
    if turn in (0, 5):
        return {**train, "out": str(out / "head.json")}
    if turn in (1, 6):
        return {"job": "predict", "field": str(field), "head": str(out / "head.json"), "out": str(out / "map.tif")}
    if turn in (2, 7):
        return {"job": "calc", "scene": str(scene), "expression": "(b8 - b4) / (b8 + b4)", "ramp": "viridis",
                "out": str(out / "index.tif")}
    if turn == 3:
        return {"job": "pca", "fields": [str(field)], "out": str(out / "colours.json")}
    if turn == 4:
        return {"job": "assess", "map": str(out / "map.tif"), "reference": str(sample / "reference.tif"), "out": str(out / "report.json")}
    if turn == 8:
        # A worker that keeps what failed jobs held would grow by this one.
        return {**train, "field": str(out / "no such field.tif"), "out": str(out / "never.json")}
    if number % 50 == 9:
        return {"job": "embed", "scene": str(scene), "model": "dofa-tiny", "device": "cpu", "out": str(out / "field.tif")}
    return {"job": "cluster", "field": str(field), "clusters": 4, "fit_pixels": 2000, "out": str(out / "groups.tif"), "seed": number}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--most-minutes", type=float, default=60)
    given = parser.parse_args()
    sample = Path(__file__).resolve().parents[2] / "assets/sample"
    failed, rows, since = {}, [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        environment = dict(os.environ, HOME=folder, TERROIR_MODELS=str(out / "none"), TERROIR_ASSETS=str(sample.parent))
        worker = subprocess.Popen([given.program.resolve(), "worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True, env=environment)
        done = 0
        try:
            for number in range(given.jobs):
                spec = specs(sample, out, number)
                worker.stdin.write(json.dumps({"command": "run", "id": number + 1, "spec": spec}) + "\n")
                worker.stdin.flush()
                for line in worker.stdout:
                    event = json.loads(line)
                    if event.get("id") == number + 1 and event["event"] in ("finished", "failed", "cancelled"):
                        if event["event"] != "finished":
                            failed.setdefault(spec["job"], []).append(event["failure"]["what"].splitlines()[0])
                        break
                else:
                    print(f"the worker ended at job {number + 1}")
                    return 1
                done = number + 1
                rows.append(counts(worker.pid))
                if done % 100 == 0:
                    mib, handles, threads = rows[-1]
                    print(f"{done} jobs, {time.monotonic() - since:.0f} s: {mib:.0f} MiB, {handles} handles, {threads} threads", flush=True)
                if time.monotonic() - since > given.most_minutes * 60:
                    print(f"stopped after {done} jobs: the time is up")
                    break
        finally:
            worker.stdin.close()
            worker.wait(20)
    is_flat, lines = verdict(rows, 0.1, PLAY_MIB)
    print(f"{done} jobs through one worker in {time.monotonic() - since:.0f} s")
    print("\n".join(lines))
    wanted = sum(1 for number in range(done) if number % 10 == 8)
    bad = {job: words[:2] for job, words in failed.items() if job != "train"}
    if bad or len(failed.get("train", [])) != wanted:
        print(f"jobs failed that should not: {bad or failed['train'][:3]}")
        return 1
    return 0 if is_flat else 1


if __name__ == "__main__":
    sys.exit(main())
