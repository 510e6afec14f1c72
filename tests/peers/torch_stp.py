#!/usr/bin/env python3
"""PyTorch's side of `terroir bench stp`: the same STP network, layer for layer, on the processor or an NVIDIA card.

Reads a plan (JSON) from standard input:
  {"kind": "forward" | "training_step", "config": {widths, heads, blocks, sources, targets as in the weights file's header},
   "side", "frames": [frames of each source], "batch", "repeats", "warm_ups", "threads", "bfloat16": bool,
   "tf32": bool, "device": "cpu" | "cuda"}
Writes one JSON document to standard output: {"name", "seconds": [...], "peak_mb"}
Needs torch.

`--check FOLDER` compares it with the reference network in FOLDER (stp_tiny.safetensors, stp_tiny.json) instead.
"""
import json
import math
import os
import struct
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

EMBEDDING = 64


def time_code(days, count, longest=3652.425, shortest=4.0):
    """days [...] f64 -> [..., count]"""
    k = torch.arange(count // 2, dtype=torch.float64, device=days.device)
    periods = longest * (shortest / longest) ** (k / (count // 2 - 1))
    turns = days[..., None] / periods
    phase = 2 * math.pi * (turns - turns.floor())
    return torch.cat([phase.sin(), phase.cos()], -1).float()


def relative_code(tau, count):
    return time_code(tau, count, 2.0, 1 / 64)


def groups_of(channels):
    return next(g for g in (8, 4, 2, 1) if channels % g == 0)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.heads = heads

    def forward(self, x, mask=None):
        """x [N, T, D]; mask [N, T] of keys that are there, or None"""
        n, t, d = x.shape
        q, k, v = (part(x).view(n, t, self.heads, -1).transpose(1, 2) for part in (self.q, self.k, self.v))
        bias = None if mask is None else mask[:, None, None, :]
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.o(mixed.transpose(1, 2).reshape(n, t, d))


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Tokens(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp = Attention(width, heads), Mlp(width)

    def forward(self, x, code=None, mask=None):
        x = x + self.attn(self.ln1(x if code is None else x + code), mask)
        return x + self.mlp(self.ln2(x))


class Precision(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gn = nn.GroupNorm(groups_of(width), width)
        self.conv1 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.conv2 = nn.Conv2d(2 * width, width, 3, padding=1)

    def forward(self, x):
        return x + self.conv2(F.gelu(self.conv1(self.gn(x))))


class Exchange(nn.Module):
    def __init__(self, p, t, s):
        super().__init__()
        self.down_pt = nn.Conv2d(p, t, 4, 4)
        self.down_ts = nn.Conv2d(t, s, 2, 2)
        self.up_st = nn.ConvTranspose2d(s, t, 2, 2)
        self.up_tp = nn.ConvTranspose2d(t, p, 4, 4)

    def forward(self, p, t, s):
        a = self.down_pt(p)
        c = self.up_st(s)
        return p + self.up_tp(t + c), t + a + c, s + self.down_ts(t + a)


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        p, t, s = c["precision"], c["time"], c["space"]
        self.space, self.time = Tokens(s, c["space_heads"]), Tokens(t, c["time_heads"])
        self.tcode = nn.Linear(c["code"], t)
        self.prec, self.ex = Precision(p), Exchange(p, t, s)

    def forward(self, p, t, s, code, shape, mask):
        b, n = shape
        _, ds, h, w = s.shape
        s = self.space(s.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(b * n, ds, h, w)
        _, dt, h, w = t.shape
        x = t.view(b, n, dt, h * w).permute(0, 3, 1, 2).reshape(b * h * w, n, dt)
        e = self.tcode(code).repeat_interleave(h * w, 0)
        m = None if mask is None else mask.repeat_interleave(h * w, 0)
        x = self.time(x, e, m)
        t = x.view(b, h * w, n, dt).permute(0, 2, 3, 1).reshape(b * n, dt, h, w)
        p, t, s = self.ex(self.prec(p), t, s)
        if mask is not None:
            f = mask.reshape(-1, 1, 1, 1).float()
            p, t, s = p * f, t * f, s * f
        return p, t, s


class Projector(nn.Module):
    def __init__(self, bands, p):
        super().__init__()
        self.conv1 = nn.Conv2d(bands, p, 3, 2, 1)
        self.gn = nn.GroupNorm(groups_of(p), p)
        self.conv2 = nn.Conv2d(p, p, 3, 1, 1)

    def forward(self, x):
        return self.conv2(F.gelu(self.gn(self.conv1(x))))


class Query(nn.Module):
    def __init__(self, code, p):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(2 * code, p), nn.Linear(p, p)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Decoder(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.fc3(F.gelu(self.fc2(F.gelu(self.fc1(x)))))


class Stp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        p, t, s = c["precision"], c["time"], c["space"]
        names = [source["name"] for source in c["sources"]]
        self.names = names
        self.proj = nn.ModuleDict({x["name"]: Projector(x["bands"], p) for x in c["sources"]})
        self.src = nn.ParameterDict({name: nn.Parameter(torch.randn(p) * 0.02) for name in names})
        self.in_pt, self.in_ts = nn.Conv2d(p, t, 4, 4), nn.Conv2d(t, s, 2, 2)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c["blocks"]))
        self.ln = nn.LayerNorm(p)
        self.out_st, self.out_tp = nn.ConvTranspose2d(s, t, 2, 2), nn.ConvTranspose2d(t, p, 4, 4)
        self.q0 = nn.Parameter(torch.randn(p) * 0.02)
        self.query, self.kcode = Query(c["code"], p), nn.Linear(c["code"], p)
        self.pool = nn.ModuleDict({name: nn.Linear(p, p) for name in "qkvo"})
        self.up, self.head = nn.ConvTranspose2d(p, p, 4, 2, 1), nn.Conv2d(p, EMBEDDING, 1)
        self.dec = nn.ModuleDict(
            {
                x["name"]: Decoder(EMBEDDING + c["relative_code"] + x["meta"], c["decoder"], x["outputs"])
                for x in c["targets"]
            }
        )

    def encode(self, frames, days, mask=None):
        """frames: {source: [B, N, C, L, L]}, days [B, T] f64, mask [B, T] or None -> [B, T, D_P, L/2, L/2]"""
        parts = []
        for name in self.names:
            x = frames[name]
            b, n = x.shape[:2]
            y = self.proj[name](x.flatten(0, 1)) + self.src[name].view(1, -1, 1, 1)
            parts.append(y.view(b, n, *y.shape[1:]))
        p = torch.cat(parts, 1)
        b, n = p.shape[:2]
        p = p.flatten(0, 1)
        f = 1.0 if mask is None else mask.reshape(-1, 1, 1, 1).float()
        p = p * f if mask is not None else p
        t = self.in_pt(p)
        s = self.in_ts(t * f if mask is not None else t)
        t = t * f if mask is not None else t
        s = s + self.positions(s)
        s = s * f if mask is not None else s
        code = time_code(days, self.c["code"])
        for block in self.blocks:
            p, t, s = block(p, t, s, code, (b, n), mask)
        x = p + self.out_tp(t + self.out_st(s))
        x = self.ln(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = x * f if mask is not None else x
        return x.view(b, n, *x.shape[1:])

    @staticmethod
    def positions(s):
        _, d, h, w = s.shape
        q = d // 4
        count = lambda n, **how: torch.arange(n, device=s.device, **how)
        omega = 10000 ** (-count(q, dtype=torch.float64) / q)
        y, x = torch.meshgrid(count(h), count(w), indexing="ij")
        y, x = y[..., None] * omega, x[..., None] * omega
        return torch.cat([y.sin(), y.cos(), x.sin(), x.cos()], -1).permute(2, 0, 1)[None].float()

    def summarise(self, features, days, periods, mask=None):
        """periods [B, 2] f64 -> [B, 64, L, L]"""
        b, n, d, h, w = features.shape
        heads, count = self.c["pool_heads"], self.c["code"]
        q = self.query(time_code(periods, count).flatten(1)) + self.q0
        q = self.pool["q"](q).view(b, heads, -1)
        x = features.permute(0, 1, 3, 4, 2).reshape(b, n, h * w, d)
        k = self.pool["k"](x + self.kcode(time_code(days, count))[:, :, None]).view(b, n, h * w, heads, -1)
        v = self.pool["v"](x).view(b, n, h * w, heads, -1)
        logits = torch.einsum("bnphd,bhd->bnph", k, q) / math.sqrt(d // heads)
        if mask is not None:
            logits = logits.masked_fill(~mask[:, :, None, None], -1e9)
        share = logits.softmax(1)
        x = torch.einsum("bnph,bnphd->bphd", share, v).reshape(b, h * w, d)
        x = self.pool["o"](x).transpose(1, 2).view(b, d, h, w)
        return F.normalize(self.head(F.gelu(self.up(x))), dim=1, eps=1e-6)

    def decode(self, name, u, tau, meta=None):
        b, _, h, w = u.shape
        told = relative_code(tau, self.c["relative_code"])
        told = told if meta is None else torch.cat([told, meta], 1)
        x = torch.cat([u.permute(0, 2, 3, 1), told[:, None, None].expand(b, h, w, -1)], -1)
        return self.dec[name](x).permute(0, 3, 1, 2)


def peak_mb(device):
    """Of the process on the processor, of the card's memory on a card."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved() / 2**20
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


def check(folder):
    with open(os.path.join(folder, "stp_tiny.json")) as file:
        about = json.load(file)
    with open(os.path.join(folder, "stp_tiny.safetensors"), "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {
        name: torch.frombuffer(bytearray(data[slice(*x["data_offsets"])]), dtype=torch.float32).view(x["shape"])
        for name, x in header.items()
    }
    c = about["config"]
    config = {
        "precision": c["dp"], "time": c["dt"], "space": c["ds"], "blocks": c["blocks"],
        "space_heads": c["hs"], "time_heads": c["ht"], "pool_heads": c["hp"], "decoder": c["dw"],
        "code": c["ncode"], "relative_code": c["nrel"],
        "sources": [{"name": name, "bands": bands} for name, bands in c["sources"].items()],
        "targets": [
            {"name": name, "outputs": bands, "meta": c["meta"].get(name, 0)} for name, bands in c["targets"].items()
        ],
    }
    model = Stp(config)
    model.load_state_dict({name[2:]: x for name, x in tensors.items() if name.startswith("w.")})
    model.eval()
    days = torch.tensor([about["days"]["s2"][0] + about["days"]["s1"][0]], dtype=torch.float64)
    mask = torch.tensor([about["mask"]["s2"][0] + about["mask"]["s1"][0]])
    with torch.inference_mode():
        x = model.encode({"s2": tensors["in.s2"], "s1": tensors["in.s1"]}, days, mask)
        mu = model.summarise(x, days, torch.tensor(about["valid_period_days"], dtype=torch.float64), mask)
        tau = torch.tensor([about["decode"]["s1"]["tau"]], dtype=torch.float64)
        drawn = model.decode("s1", mu, tau, torch.tensor([about["decode"]["s1"]["meta"]]))
    for name, found in (("features", x[..., ::2, ::2]), ("mu", mu), ("rec_s1", drawn)):
        print(name, (found - tensors["out." + name]).abs().max().item())


def wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        return check(sys.argv[2])
    plan = json.load(sys.stdin)
    torch.set_num_threads(plan["threads"])
    torch.manual_seed(0)
    device = torch.device(plan["device"])
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = plan["tf32"]
    config, batch, side = plan["config"], plan["batch"], plan["side"]
    model = Stp(config).to(device)
    frames = {
        source["name"]: torch.randn(batch, count, source["bands"], side, side, device=device)
        for source, count in zip(config["sources"], plan["frames"])
    }
    count = sum(plan["frames"])
    days = (torch.arange(count, dtype=torch.float64, device=device) * 365 / count).expand(batch, count)
    periods = torch.tensor([[0.0, 365.0]], dtype=torch.float64, device=device).expand(batch, 2)
    dtype = torch.bfloat16 if plan["bfloat16"] else torch.float32

    if plan["kind"] == "training_step":
        model.train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
        truths = {x["name"]: torch.randn(batch, x["outputs"], side, side, device=device) for x in config["targets"]}
        tau = torch.full((batch,), 0.5, dtype=torch.float64, device=device)

        def run():
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype=dtype, enabled=plan["bfloat16"]):
                features = model.encode(frames, days)
                loss = 0.0
                for name, truth in truths.items():
                    mu = model.summarise(features, days, periods)
                    loss = loss + (model.decode(name, mu, tau) - truth).abs().mean()
            loss.backward()
            optimiser.step()
    else:
        model.eval()

        def run():
            with torch.inference_mode(), torch.autocast(device.type, dtype=dtype, enabled=plan["bfloat16"]):
                model.summarise(model.encode(frames, days), days, periods)

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
