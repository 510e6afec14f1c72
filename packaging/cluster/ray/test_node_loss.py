#!/usr/bin/env python3
"""A two-node Ray cluster on this machine; one node is killed in the middle of a run; the map must be the one of one machine.

    python packaging/cluster/ray/test_node_loss.py path/to/terroir [folder]

Needs: ray, and GDAL's `gdal_translate` to unpack the pixels. Works in `folder`, or in a temporary one; takes about as long
as embedding the scene twice. Prints the log of the run; exit code 0 and "the same" at the end mean that it passed.
"""

import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

# Workers of a cluster yield to what people do on its machines; here there is nobody to yield to.
os.environ.setdefault("RAY_worker_niceness", "0")
import ray
from ray.cluster_utils import Cluster

from terroir_ray import run_shards

SHARDS = 3
SCENE = pathlib.Path(__file__).resolve().parents[3] / "assets/sample/m_4709963_se_14_1_20160816_5m.tif"


def pixels_of(path):
    """Hash of all pixels of all bands, unpacked."""
    raw = path.with_suffix(".raw")
    subprocess.run(
        ["gdal_translate", "-q", "-of", "ENVI", "-co", "INTERLEAVE=BSQ", str(path), str(raw)], check=True
    )
    digest = hashlib.sha256(raw.read_bytes()).hexdigest()
    for suffix in [".raw", ".hdr", ".raw.aux.xml"]:
        path.with_suffix(suffix).unlink(missing_ok=True)
    return digest


def holder_of(folder, node_pids):
    """The shard and node whose working folder has a finished block, if any has: (number, node index)."""
    for done in folder.glob("field.shard-*-of-*.terroir-part/done.txt"):
        if "\n" not in done.read_text():
            continue
        name = done.parent.name.removesuffix(".terroir-part")
        number = int(name.split(".shard-")[1].split("-of-")[0])
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"{number}/{SHARDS}".encode() not in words or str(folder / "field.tif").encode() not in words:
                continue
            node = node_of(process.name, node_pids)
            if node is not None:
                return number, node
    return None


def node_of(pid, node_pids):
    """The index of the node whose raylet is an ancestor of a process."""
    while pid not in ("0", "1"):
        for index, raylet in enumerate(node_pids):
            if pid == str(raylet):
                return index
        try:
            pid = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            return None
    return None


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else temporary).resolve()
        (folder / "single").mkdir(parents=True, exist_ok=True)
        embed = [program, "embed", str(SCENE), "--model", "dofa-tiny", "--device", "cpu", "--out"]
        begun = time.time()
        single = folder / "single/field.tif"
        subprocess.run(embed + [str(single)], check=True, capture_output=True)
        print(f"one process: {time.time() - begun:.1f} s")

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        second = cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
        cluster.wait_for_nodes()
        # The driver lives on the first node, so the second is the one to lose.
        raylets = [
            info[0].process.pid
            for info in (node.all_processes["raylet"] for node in [cluster.head_node, second])
        ]
        lost = []

        def lose_a_node():
            """Waits until a shard on the second node has a finished block, then kills that node."""
            while not lost:
                found = holder_of(folder, raylets)
                if found is not None and found[1] == 1:
                    lost.append(found[0])
                    print(f"killing the node that works on shard {found[0]}/{SHARDS}, a block of which is done")
                    cluster.remove_node(second, allow_graceful=False)
                time.sleep(0.05)

        threading.Thread(target=lose_a_node, daemon=True).start()
        run_shards(embed + [str(folder / "field.tif")], SHARDS)
        ray.shutdown()
        cluster.shutdown()
        if not lost:
            sys.exit("the node was not lost in the middle: the run ended too early")
        one, other = pixels_of(single), pixels_of(folder / "field.tif")
        print(f"pixels of one machine:  {one}\npixels of the cluster:  {other}")
        if one != other:
            sys.exit("the maps DIFFER")
        print("the same")


if __name__ == "__main__":
    main()
