#!/usr/bin/env python3
"""Reference values of the bounds from PyTorch for tests/bounds/reference.rs.

    python make_bounds.py [OUT_DIR]

Needs torch and numpy. Every bound is written from its formula on an [N, N] score matrix s[i, j] = f(x_i, y_j) with joint
pairs on the diagonal, and differentiated by autograd. Writes OUT_DIR/bounds.safetensors: float64 tensors named
"<case>.<name>": the inputs "s" and "b" (second input, where there is one), the objective "y", the read-out "nats", and the
objective's gradients "g_s" and "g_b". A stopped gradient is detach().
"""
import json, math, pathlib, struct, sys
import torch, torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.manual_seed(4)
out = {}
N = 7
EYE = torch.eye(N, dtype=torch.bool)


def case(name, f, **inputs):
    """Runs f, which returns (objective, read-out), on leaf copies of the inputs and records everything."""
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y, nats = f(**leaves)
    y.backward()
    tensors = dict(inputs, y=y, nats=nats, **{f"g_{k}": v.grad for k, v in leaves.items()})
    out.update({f"{name}.{k}": v.detach().clone().contiguous() for k, v in tensors.items()})


def joint(s):
    return s.diagonal().mean()


def log_mean(s):
    return s[~EYE].logsumexp(0) - math.log(N * (N - 1))


def dv(s):
    y = joint(s) - log_mean(s)
    return y, y


def nwj(s):
    y = joint(s) - (s[~EYE] - 1).exp().mean()
    return y, y


def tuba(s, b):
    r = s - b[None, :]
    y = 1 + joint(r) - r[~EYE].exp().mean()
    return y, y


PAST = 1.3  # log of the moving average before this batch
def mine(s, m=0.9):
    average = (m * math.exp(PAST) + (1 - m) * log_mean(s).exp()).detach()
    return 1 + joint(s) - average.log() - s[~EYE].exp().mean() / average, dv(s)[0]


def js(s):
    return -F.softplus(-s.diagonal()).mean() - F.softplus(s[~EYE]).mean()


def js_nwj(s):
    return js(s), nwj(s + 1)[0]


def smile(s, tau):
    return js(s), joint(s) - log_mean(s.clamp(-tau, tau))


def dime_gan(s):
    d = 1 / (1 + s.exp())  # the probability that a pair is a marginal one
    return (1 - d).diagonal().log().mean() + d[~EYE].log().mean(), ((1 - d) / d).diagonal().log().mean()


def dime_kl(s):
    return 1 + joint(s) - s[~EYE].exp().mean(), joint(s)


def nce(s, dim):
    y = (s.diagonal() - s.logsumexp(dim)).mean()
    return y, y + math.log(N)


def nce_symmetric(s):
    (a, an), (b, bn) = nce(s, 0), nce(s, 1)
    return (a + b) / 2, (an + bn) / 2


def flat(s):
    l = (s - s.diagonal()[:, None]).masked_fill(EYE, -torch.inf).logsumexp(1)
    # The paper's loss is mean(exp(l - sg(l)) - 1); its gradient is that of mean(l).
    loss = ((l - l.detach()).exp() - 1).mean()
    return -loss - l.mean().detach(), nce(s, 1)[1]


def i_alpha(s, b, alpha):
    total = torch.zeros(())
    for j in range(N):  # y_j, its own x is x_j
        q = b[j].exp()

        def mixed(left_out):
            others = [k for k in range(N) if k != left_out]
            return alpha * s[others, j].exp().mean() + (1 - alpha) * q
        others = [k for k in range(N) if k != j]
        first = sum(s[j, j] - mixed(k).log() for k in others) / len(others)
        second = (s[others, j].exp() / mixed(j)).mean()
        total = total + 1 + first - second
    return total / N, total / N


def flo(s, b):
    marginal = s.masked_fill(EYE, -torch.inf).logsumexp(1) - math.log(N - 1)
    y = 1 + (b - (b - s.diagonal() + marginal).exp()).mean()
    return y, y


def ba(s):
    return joint(s), joint(s) + 1.5


def l1_out(s):
    y = (s.diagonal() - s.masked_fill(EYE, -torch.inf).logsumexp(0) + math.log(N - 1)).mean()
    return y, y


def club(s):
    y = joint(s) - s.mean()
    return y, y


def club_sample(s):
    y = joint(s) - s[~EYE].mean()
    return y, y


s, b = 2 * torch.randn(N, N) + 3 * torch.eye(N), torch.randn(N)
for name, f in {"dv": dv, "nwj": nwj, "mine": mine, "js_nwj": js_nwj, "dime_gan": dime_gan, "dime_kl": dime_kl,
                "smile_1": lambda s: smile(s, 1.0), "smile_5": lambda s: smile(s, 5.0),
                "nce_columns": lambda s: nce(s, 0), "nce_rows": lambda s: nce(s, 1), "nce_symmetric": nce_symmetric,
                "flat": flat, "ba": ba, "l1_out": l1_out, "club": club, "club_sample": club_sample}.items():
    case(name, f, s=s)
for name, f in {"tuba": tuba, "flo": flo}.items():
    case(name, f, s=s, b=b)
for alpha in (0.0, 0.01, 0.5, 1.0):
    case(f"i_alpha_{alpha}", lambda s, b: i_alpha(s, b, alpha), s=s, b=b)
# Scores of ±500, where the value is a number in float64.
far = torch.where(torch.rand(N, N) < 0.5, -500.0, 500.0)
for name, f in {"dv": dv, "nwj": nwj, "js_nwj": js_nwj, "smile_5": lambda s: smile(s, 5.0),
                "nce_columns": lambda s: nce(s, 0), "nce_rows": lambda s: nce(s, 1), "flat": flat,
                "l1_out": l1_out}.items():
    case(name + "_far", f, s=far)

header, data = {"__metadata__": {"made_with": "torch " + torch.__version__, "seed": "4"}}, b""
for name, t in sorted(out.items()):
    raw = t.numpy().astype("<f8").tobytes()
    header[name] = {"dtype": "F64", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
(folder / "bounds.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
print(len(out), "tensors,", len(data), "bytes, torch", torch.__version__)
