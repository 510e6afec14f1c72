#!/usr/bin/env python3
"""PyTorch's side of `terroir bench kgvsf`: the same KG-VSF network, layer for layer, on the processor or an NVIDIA card.

Reads a plan (JSON) from standard input:
  {"kind": "forward" | "training_step", "config": {sizes as in the weights file's header}, "step_days", "batch", "repeats",
   "warm_ups", "threads", "bfloat16": bool, "tf32": bool, "device": "cpu" | "cuda"}
Writes one JSON document to standard output: {"name", "seconds": [...], "peak_mb"}
Needs torch.

`--check FILE` compares it with the reference network in FILE (kgvsf_micro.json) instead.
"""
import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, d, heads, mlp):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.f1, self.f2 = nn.Linear(d, mlp), nn.Linear(mlp, d)
        self.heads = heads

    def forward(self, x, causal=False):
        b, n, d = x.shape
        q, k, v = self.qkv(self.n1(x)).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        x = x + self.proj(mixed.transpose(1, 2).reshape(b, n, d))
        return x + self.f2(F.gelu(self.f1(self.n2(x))))


def positions(side, d, device):
    count = lambda n: torch.arange(n, dtype=torch.float64, device=device)
    omega = 10000 ** (-count(d // 4) / (d // 4))
    y, x = torch.meshgrid(*[count(side)] * 2, indexing="ij")
    parts = [f(v.reshape(-1, 1) * omega) for v in (y, x) for f in (torch.sin, torch.cos)]
    return torch.cat(parts, 1).float()


def day_code(doy):
    turn = 2 * math.pi * doy.double() / 365.25
    return torch.stack([f(k * turn) for k in (1, 2, 3, 4) for f in (torch.sin, torch.cos)], -1).float()


def gap_code(days):
    days = days.double()
    return torch.stack([days / 30, (1 + days).log() / math.log(366)], -1).float()


def aggregate(weather, anchor, day):
    """weather [B, L, V], rows [B, K] -> [B, K, 4 V + 1]"""
    b, l, v = weather.shape
    row = torch.arange(l, device=weather.device)
    inside = (row > anchor[..., None]) & (row <= day[..., None])
    days = inside.sum(-1, keepdim=True)
    w, m = weather[:, None], inside[..., None]
    total = (w * m).sum(2)
    low = w.masked_fill(~m, math.inf).amin(2)
    high = w.masked_fill(~m, -math.inf).amax(2)
    out = torch.cat([total / days.clamp(min=1), low, high, total / 30, days / 30], -1)
    return torch.where(days > 0, out, torch.zeros(()))


class Kgvsf(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, p = c["width"], c["patch_px"]
        self.p, self.c = p, c["bands"]
        self.embed, self.embed_n = nn.Linear(p * p * (c["bands"] + 1), d), nn.LayerNorm(d)
        self.cloud, self.mask_tok = nn.Parameter(0.02 * torch.randn(d)), nn.Parameter(0.02 * torch.randn(d))
        blocks = lambda count: nn.ModuleList(Block(d, c["heads"], c["mlp"]) for _ in range(count))
        self.vit, self.vit_n = blocks(c["image_blocks"]), nn.LayerNorm(d)
        self.lstm, self.h_n = nn.LSTM(c["drivers"], d, batch_first=True), nn.LayerNorm(d)
        self.doy, self.delta, self.w_in = nn.Linear(8, d), nn.Linear(2, d), nn.Linear(d, d)
        self.fuse_n, self.fu1, self.fu2 = nn.LayerNorm(d), nn.Linear(d, 2 * d), nn.Linear(2 * d, d)
        self.seq, self.seq_n = blocks(c["sequence_blocks"]), nn.LayerNorm(d)
        self.drive_h, self.drive_a = nn.Linear(2 * d, d), nn.Linear(4 * c["drivers"] + 1, d)
        self.cn, self.film, self.fn = nn.LayerNorm(d), nn.Linear(d, 2 * d), nn.LayerNorm(d)
        self.f1, self.f2 = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)
        self.dec, self.dec_n = blocks(c["decoder_blocks"]), nn.LayerNorm(d)
        self.out = nn.Linear(d, p * p * c["bands"])

    def forward(self, x, m, weather, row, doy, target_row, target_doy):
        """Image k is where forecast k starts from. x [B, T, C, H, W]; returns [B, T, C, H, W]"""
        b, t, c, height, width = x.shape
        p, g = self.p, height // self.p
        z = torch.cat([x * m[:, :, None], m[:, :, None]], 2)
        patches = lambda z: z.view(b * t, -1, g, p, g, p).permute(0, 2, 4, 3, 5, 1).reshape(b * t, g * g, -1)
        z = self.embed_n(self.embed(patches(z)))
        share = patches(m[:, :, None]).mean(-1, keepdim=True)
        pos = positions(g, z.shape[-1], z.device)
        z = torch.where(share < 0.25, self.cloud, z) + pos
        for block in self.vit:
            z = block(z)
        z = self.vit_n(z)
        h = self.h_n(self.lstm(weather)[0])
        at = lambda rows: torch.gather(h, 1, rows[..., None].expand(-1, -1, h.shape[-1]))
        gap = torch.cat([torch.zeros_like(row[:, :1]), row[:, 1:] - row[:, :-1]], 1)
        u = self.w_in(at(row)) + self.doy(day_code(doy)) + self.delta(gap_code(gap))
        z = self.fuse_n(z + u.view(b * t, 1, -1))
        z = z + self.fu2(F.gelu(self.fu1(z)))
        n, d = z.shape[1:]
        z = z.view(b, t, n, d).transpose(1, 2).reshape(b * n, t, d)
        for block in self.seq:
            z = block(z, causal=True)
        e = self.seq_n(z).view(b, n, t, d).transpose(1, 2).reshape(b * t, n, d)
        drive = self.drive_h(torch.cat([at(target_row), at(row)], -1))
        drive = drive + self.drive_a(aggregate(weather, row, target_row))
        drive = drive + self.doy(day_code(target_doy)) + self.delta(gap_code(target_row - row))
        gamma, beta = self.film(F.gelu(self.cn(drive))).view(b * t, 1, -1).chunk(2, -1)
        y = self.fn(e) * (1 + gamma) + beta
        moved = e + self.f2(F.gelu(self.f1(y)))
        z = moved + pos
        for block in self.dec:
            z = block(z)
        r = self.out(self.dec_n(z)).view(b, t, g, g, p, p, c).permute(0, 1, 6, 2, 4, 3, 5).reshape(x.shape)
        last, base = torch.zeros_like(x[:, 0]), []
        for step in range(t):
            known = m[:, step, None]
            last = x[:, step] * known + last * (1 - known)
            base.append(last)
        return torch.stack(base, 1) + r


def huber(predicted, truth, valid):
    rho = F.huber_loss(predicted, truth, reduction="none")
    weight = valid.expand_as(rho)
    return (rho * weight).sum() / (weight.sum() + 1e-6)


def peak_mb(device):
    """Of the process on the processor, of the card's memory on a card."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved() / 2**20
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


def check(path):
    with open(path) as file:
        golden = json.load(file)
    c = golden["config"]
    config = {
        "width": c["D"], "patch_px": c["p"], "bands": c["C"], "heads": c["heads"], "mlp": c["mlp"], "drivers": c["V"],
        "image_blocks": c["vit"], "sequence_blocks": c["seq"], "decoder_blocks": c["dec"],
    }
    tensor = lambda x: torch.tensor(x["data"], dtype=torch.float64).float().view(x["shape"])
    model = Kgvsf(config)
    model.load_state_dict({name: tensor(x) for name, x in golden["weights"].items() if name != "pos"})
    model.eval()
    x = {name: tensor(value) for name, value in golden["inputs"].items()}
    with torch.inference_mode():
        found = model(x["x"], x["m"], x["weather"], x["day"].long(), x["doy"], x["q_day"].long(), x["q_doy"])
    print("prediction", (found - tensor(golden["outputs"]["prediction"])).abs().max().item())


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
    c, batch, step = plan["config"], plan["batch"], plan["step_days"]
    model = Kgvsf(c).to(device)
    images, side, days = c["images"], c["image_px"], c["weather_days"]
    first = days - 1 - images * step
    row = (first + step * torch.arange(images, device=device)).expand(batch, images)
    target = row + step
    inputs = (
        torch.randn(batch, images, c["bands"], side, side, device=device),
        torch.ones(batch, images, side, side, device=device),
        torch.randn(batch, days, c["drivers"], device=device),
        row,
        1.0 + row,
        target,
        1.0 + target,
    )
    dtype = torch.bfloat16 if plan["bfloat16"] else torch.float32

    if plan["kind"] == "training_step":
        model.train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
        truth = torch.randn(batch, images, c["bands"], side, side, device=device)
        valid = torch.ones(batch, images, 1, side, side, device=device)

        def run():
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype=dtype, enabled=plan["bfloat16"]):
                loss = huber(model(*inputs), truth, valid)
            loss.backward()
            optimiser.step()
    else:
        model.eval()

        def run():
            with torch.inference_mode(), torch.autocast(device.type, dtype=dtype, enabled=plan["bfloat16"]):
                model(*inputs)

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
