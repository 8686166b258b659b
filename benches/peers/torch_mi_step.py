#!/usr/bin/env python3
"""Training steps of a mutual-information critic in PyTorch: the peer of benches/mi.rs.

Correlated Gaussians (d numbers each), a fresh batch every step, InfoNCE or NWJ over all pairs, Adam 5e-4.
separable: two perceptrons of two hidden layers of 256, 32 outputs, dot product; concat: one of two hidden layers of 256.

    python torch_mi_step.py [--critic separable|concat] [--d 20] [--batch 64] [--threads 2] [--steps 200]

Prints one JSON line: median milliseconds a step.
"""
import argparse, json, math, statistics, time
import torch, torch.nn as nn

p = argparse.ArgumentParser()
p.add_argument("--critic", default="separable", choices=["separable", "concat"])
p.add_argument("--d", type=int, default=20)
p.add_argument("--batch", type=int, default=64)
p.add_argument("--threads", type=int, default=2)
p.add_argument("--steps", type=int, default=200)
a = p.parse_args()
torch.manual_seed(0)
torch.set_num_threads(a.threads)
mlp = lambda i, o: nn.Sequential(nn.Linear(i, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, o))
if a.critic == "separable":
    g, h = mlp(a.d, 32), mlp(a.d, 32)
    params = [*g.parameters(), *h.parameters()]
    scores = lambda x, y: g(x) @ h(y).T
else:
    net = mlp(2 * a.d, 1)
    params = [*net.parameters()]
    B = a.batch
    scores = lambda x, y: net(torch.cat([x[:, None].expand(B, B, a.d), y[None].expand(B, B, a.d)], 2)).view(B, B)
opt = torch.optim.Adam(params, 5e-4)
rho = math.sqrt(1 - math.exp(-2 * 4 / a.d))


def step():
    x = torch.randn(a.batch, a.d)
    y = rho * x + math.sqrt(1 - rho * rho) * torch.randn(a.batch, a.d)
    s = scores(x, y)
    loss = (s.logsumexp(0) - s.diagonal()).mean() - math.log(a.batch)
    opt.zero_grad()
    loss.backward()
    opt.step()


for _ in range(a.steps // 4 + 2):
    step()
times = []
for _ in range(a.steps):
    t = time.perf_counter()
    step()
    times.append(1e3 * (time.perf_counter() - t))
print(json.dumps({"peer": f"torch {torch.__version__}", "critic": a.critic, "median_ms": statistics.median(times)}))
