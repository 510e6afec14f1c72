#!/usr/bin/env python3
"""Runs a Terroir command in shards on a Ray cluster and joins them.

    python terroir_ray.py --shards 64 --address auto -- \
        terroir embed /data/scene.tif --model dofa-small --device cpu --out /data/field.tif

Every shard is a Ray task that runs the command with --shard K/N; the last task runs `terroir merge`. The folder of --out
must be one that all nodes see. A node that is lost loses nothing: its shards are started again on others and go on with
the blocks that were done, because their working folders lie beside --out. (--out may also name a store that all nodes may
write, as /vsis3/bucket/field.tif; then the working folders are the nodes' own, and a lost shard starts anew.) A shard that is
finished already is seen to be so, which makes the whole run safe to repeat.

Needs: ray (tested with 2.60), the `terroir` program on every node. Runs on Linux and macOS.
"""

import argparse
import ctypes
import json
import os
import signal
import subprocess
import sys
import time

import ray


class ShardFailed(Exception):
    """The program ended without its result; worth another try, perhaps on another node."""


class WrongUsage(Exception):
    """The command line is wrong; another try would end the same."""


def end_with_parent():
    """A program whose Ray worker is killed must not go on beside the retry: on Linux it is killed, too."""
    if sys.platform == "linux":
        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)


def run_words(words, cpus):
    """Runs the program to its end; its outcome: a sentence, the files written, the warnings."""
    threads = str(max(1, int(cpus)))
    environment = dict(os.environ, RAYON_NUM_THREADS=threads, GDAL_NUM_THREADS=threads)
    done = subprocess.run(
        words + ["--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=end_with_parent,
    )
    if done.returncode == 2:
        raise WrongUsage(done.stderr.strip())
    if done.returncode != 0:
        raise ShardFailed(f"{' '.join(words)}\nended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def work(words, cpus):
    """What a task does: the program, and where and how long it ran."""
    begun = time.time()
    outcome = run_words(words, cpus)
    outcome["seconds"] = time.time() - begun
    outcome["node"] = ray.get_runtime_context().get_node_id()[:8]
    return outcome


def value_of(words, option):
    """The value of an option of the command, given as `--out X` or `--out=X`."""
    for at, word in enumerate(words):
        if word == option and at + 1 < len(words):
            return words[at + 1]
        if word.startswith(option + "="):
            return word[len(option) + 1 :]
    return None


def run_shards(words, shards, cpus=1, gpus=0, retries=10, log=print):
    """Runs `words` in shards on the cluster that is connected, joins them, and returns the merge task's outcome.

    `retries`: how often a shard is started again after its node was lost or it failed.
    """
    out = value_of(words, "--out")
    if out is None:
        raise WrongUsage("the command has no --out")
    if value_of(words, "--shard") is not None:
        raise WrongUsage("leave --shard out: the shards are made here")
    begun = time.time()

    def say(text):
        log(f"[{time.time() - begun:7.1f} s] {text}")

    task = ray.remote(work).options(
        num_cpus=cpus, num_gpus=gpus, max_retries=retries, retry_exceptions=[ShardFailed]
    )
    alive = alive_nodes()
    say(f"{shards} shards on {len(alive)} nodes: {' '.join(words)}")
    waiting = {
        task.remote(words + ["--shard", f"{number}/{shards}"], cpus): number
        for number in range(1, shards + 1)
    }
    files = {}
    while waiting:
        ready, _ = ray.wait(list(waiting), num_returns=1, timeout=1)
        now = alive_nodes()
        for node in sorted(alive - now):
            say(f"node {node} is lost; its shards are started again elsewhere")
        for node in sorted(now - alive):
            say(f"node {node} has joined")
        alive = now
        for reference in ready:
            number = waiting.pop(reference)
            outcome = ray.get(reference)
            for warning in outcome["warnings"]:
                if "interrupted run" in warning:
                    say(f"shard {number}/{shards}: {warning}")
            say(
                f"shard {number}/{shards} on node {outcome['node']}, "
                f"{outcome['seconds']:.1f} s: {outcome['summary']}"
            )
            # The main file comes first; a shard without rows has none.
            files.update({number: outcome["files"][0]} if outcome["files"] else {})
    names = [files[number] for number in sorted(files)]
    outcome = ray.get(task.remote([words[0], "merge", out] + names, cpus))
    say(f"joined on node {outcome['node']}, {outcome['seconds']:.1f} s: {outcome['summary']}")
    return outcome


def alive_nodes():
    return {node["NodeID"][:8] for node in ray.nodes() if node["Alive"]}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=int, required=True, help="how many; some times the number of CPUs of the cluster")
    parser.add_argument("--address", default=None, help="of the cluster, `auto` for the one this machine belongs to; without it Ray starts one here")
    parser.add_argument("--cpus", type=float, default=1, help="CPUs a shard is given (default 1)")
    parser.add_argument("--gpus", type=float, default=0, help="GPUs a shard is given (default 0)")
    parser.add_argument("--retries", type=int, default=10, help="starts of a shard after its first (default 10)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- terroir embed ... --out FILE")
    arguments = parser.parse_args()
    words = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not words:
        parser.error("name the command after --")
    if arguments.shards < 1:
        parser.error("--shards is 1 at least")
    ray.init(address=arguments.address, log_to_driver=False, logging_level="warning")
    try:
        run_shards(words, arguments.shards, arguments.cpus, arguments.gpus, arguments.retries)
    except WrongUsage as error:
        sys.exit(f"terroir_ray: {error}")
    except ray.exceptions.RayTaskError as error:
        sys.exit(f"terroir_ray: {error.cause}")


if __name__ == "__main__":
    main()
