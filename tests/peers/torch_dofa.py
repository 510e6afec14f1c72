#!/usr/bin/env python3
"""PyTorch's side of `terroir bench dofa`: the DOFA of torchgeo, the same shapes, on the processor or an NVIDIA card.

Reads a plan (JSON) from standard input:
  {"kind": "forward" | "training_step", "width", "depth", "heads", "patch", "image", "batch", "wavelengths_um": [...],
   "repeats", "warm_ups", "threads", "bfloat16": bool, "tf32": bool, "device": "cpu" | "cuda"}
Writes one JSON document to standard output: {"name", "seconds": [...], "peak_mb"}
Needs torch, torchvision, timm and torchgeo (only its file models/dofa.py is loaded).
"""
import importlib.util
import json
import os
import sys
import time

import torch


def dofa_module():
    found = importlib.util.find_spec("torchgeo")
    if found is None:
        sys.exit("torchgeo is not installed")
    path = os.path.join(found.submodule_search_locations[0], "models", "dofa.py")
    spec = importlib.util.spec_from_file_location("torchgeo_dofa", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def peak_mb(device):
    """Of the process on the processor, of the card's memory on a card."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved() / 2**20
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


def wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def main():
    plan = json.load(sys.stdin)
    torch.set_num_threads(plan["threads"])
    torch.manual_seed(0)
    device = torch.device(plan["device"])
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = plan["tf32"]
    classes = 10
    model = dofa_module().DOFA(
        img_size=plan["image"],
        patch_size=plan["patch"],
        embed_dim=plan["width"],
        depth=plan["depth"],
        num_heads=plan["heads"],
        num_classes=classes,
    ).to(device)
    waves = plan["wavelengths_um"]
    images = torch.randn(plan["batch"], len(waves), plan["image"], plan["image"], device=device)
    dtype = torch.bfloat16 if plan["bfloat16"] else torch.float32

    if plan["kind"] == "training_step":
        model.train()
        labels = torch.arange(plan["batch"], device=device) % classes
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)

        def run():
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype=dtype, enabled=plan["bfloat16"]):
                loss = torch.nn.functional.cross_entropy(model(images, waves), labels)
            loss.backward()
            optimiser.step()
    else:
        model.eval()

        def run():
            with torch.inference_mode(), torch.autocast(device.type, dtype=dtype, enabled=plan["bfloat16"]):
                model.forward_features(images, waves)

    for _ in range(plan["warm_ups"]):
        run()
    seconds = []
    for _ in range(plan["repeats"]):
        wait(device)
        start = time.perf_counter()
        run()
        wait(device)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"name": f"PyTorch {torch.__version__}", "seconds": seconds, "peak_mb": peak_mb(device)}))


main()
