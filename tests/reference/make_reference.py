#!/usr/bin/env python3
"""Reference values from PyTorch for tests/reference.rs.

    python make_reference.py [OUT_DIR]

Needs torch and numpy. Writes OUT_DIR/reference.safetensors: tensors named "<case>.<name>", all float64. For each case
there are the inputs and parameters, the output "y", an upstream gradient "gy", and "g_<name>", the gradient of
sum(y * gy) (of y itself for scalars) with respect to each input and parameter. The file's metadata says which torch.
"""
import json, pathlib, struct, sys
import torch, torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.manual_seed(20)
out = {}


def put(case, **tensors):
    for name, t in tensors.items():
        out[f"{case}.{name}"] = t.detach().clone().contiguous()


def case(name, f, **inputs):
    """Runs f on leaf copies of the inputs and records everything."""
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = f(**leaves)
    gy = torch.ones_like(y) if y.dim() == 0 else torch.randn_like(y)
    (y * gy).sum().backward()
    put(name, **inputs, y=y, gy=gy, **{f"g_{k}": v.grad for k, v in leaves.items()})


r = torch.randn
for name, (b, i, o, n, k, s, p) in {"conv_a": (3, 2, 5, 8, 4, 2, 1), "conv_b": (2, 3, 4, 7, 5, 2, 2),
                                    "conv_c": (2, 4, 3, 6, 3, 1, 1), "conv_d": (2, 3, 4, 5, 1, 1, 0)}.items():
    case(name, lambda x, w: F.conv2d(x, w, stride=s, padding=p), x=r(b, i, n, n), w=r(o, i, k, k))
for name, (b, i, o, n, k, s, p) in {"deconv_a": (2, 4, 3, 4, 4, 2, 1), "deconv_b": (2, 3, 2, 5, 3, 1, 1)}.items():
    case(name, lambda x, w: F.conv_transpose2d(x, w, stride=s, padding=p), x=r(b, i, n, n), w=r(i, o, k, k))
case("max_a", lambda x: F.max_pool2d(x, 3, 2), x=r(2, 3, 9, 9))
case("max_b", lambda x: F.max_pool2d(x, 3, 2, 1), x=r(2, 3, 8, 8))
case("avg_a", lambda x: F.avg_pool2d(x, 2, 2), x=r(2, 3, 8, 8))
case("avg_b", lambda x: F.avg_pool2d(x, 3, 2, 1), x=r(2, 3, 8, 8))
case("global_avg", lambda x: x.mean((2, 3)), x=r(2, 3, 5, 4))

for name, shape, relu in [("bn1", (6, 5), False), ("bn1_relu", (6, 5), True),
                          ("bn2", (4, 3, 5, 5), False), ("bn2_relu", (4, 3, 5, 5), True)]:
    c = shape[1]
    mean, var = r(c), torch.rand(c) + 0.5
    mean1, var1 = mean.clone(), var.clone()
    act = torch.relu if relu else (lambda t: t)
    x, weight, bias = r(*shape), r(c), r(c)
    case(name, lambda x, weight, bias: act(F.batch_norm(x, mean1, var1, weight, bias, True, 0.1, 1e-5)),
         x=x, weight=weight, bias=bias)
    put(name, mean0=mean, var0=var, mean1=mean1, var1=var1,
        eval=act(F.batch_norm(x, mean1, var1, weight, bias, False, 0.1, 1e-5)))

case("linear", F.linear, input=r(7, 5), weight=r(4, 5), bias=r(4))
case("flat_linear", lambda x, w: F.linear(x.flatten(1), w.flatten(1)), x=r(3, 2, 4, 4), w=r(5, 2, 4, 4))
case("layer_norm", lambda x, weight, bias: F.layer_norm(x, (8,), weight, bias, 1e-5), x=r(6, 8), weight=r(8), bias=r(8))

for name, make in {"adam": lambda p: torch.optim.Adam(p, 1e-2, (0.5, 0.999)),
                   "adam_l2": lambda p: torch.optim.Adam(p, 1e-2, (0.5, 0.999), weight_decay=0.1),
                   "adam_decoupled": lambda p: torch.optim.AdamW(p, 1e-2, (0.5, 0.999), weight_decay=0.1)}.items():
    p = torch.nn.Parameter(r(17))
    put(name, p0=p)
    opt = make([p])
    for t in range(1, 6):
        p.grad = r(17)
        put(name, **{f"g{t}": p.grad})
        opt.step()
        put(name, **{f"p{t}": p})
    put(name, m5=opt.state[p]["exp_avg"], v5=opt.state[p]["exp_avg_sq"])


# Bounds: u[i, l, j] is the score of location l of image i with global vector j.
def jsd_all(u):
    same = torch.eye(u.shape[0], dtype=torch.bool)[:, None, :].expand_as(u)
    return -F.softplus(-u[same]).mean() - F.softplus(u[~same]).mean()


def infonce_all(u):
    b = u.shape[0]
    terms = []
    for j in range(b):
        negatives = torch.cat([u[i, :, j] for i in range(b) if i != j]).logsumexp(0)
        terms += [u[j, l, j] - torch.logaddexp(u[j, l, j], negatives) for l in range(u.shape[1])]
    return torch.stack(terms).mean()


# Rolled: v[i, l, k] is the score of location l of image i with global vector (i + k) mod B.
def jsd_rolled(v):
    return -F.softplus(-v[:, :, 0]).mean() - F.softplus(v[:, :, 1:]).mean()


def infonce_rolled(v):
    b, _, k = v.shape
    terms = []
    for j in range(b):
        negatives = torch.cat([v[(j - s) % b, :, s] for s in range(1, k)]).logsumexp(0)
        terms += [v[j, l, 0] - torch.logaddexp(v[j, l, 0], negatives) for l in range(v.shape[1])]
    return torch.stack(terms).mean()


for scale, suffix in [(2.0, ""), (500.0, "_extreme")]:
    scores = r(5, 6, 5) * scale if scale < 100 else torch.sign(r(5, 6, 5)) * scale
    case("jsd_all" + suffix, jsd_all, u=scores)
    case("infonce_all" + suffix, infonce_all, u=scores)
case("jsd_rolled", lambda u: jsd_rolled(u), u=2 * r(5, 6, 3))
case("infonce_rolled", lambda u: infonce_rolled(u), u=2 * r(5, 6, 3))


# Critics on m [B, C, 2, 2] and y [B, Y]; scores [B, L, B] with l row by row.
def rows(m):
    return m.flatten(2).transpose(1, 2)


def dot(m, y_in, w1, b1, w2, b2, v1, c1, v2, c2):
    local = F.linear(F.relu(F.linear(rows(m), w1, b1)), w2, b2)
    return torch.einsum("ilu,ju->ilj", local, F.linear(F.relu(F.linear(y_in, v1, c1)), v2, c2))


def concat_pair(m, y, w1, b1, w2, b2, w3, b3):
    h = torch.cat([rows(m), y[:, None, :].expand(-1, m.shape[2] * m.shape[3], -1)], 2)
    return F.linear(F.relu(F.linear(F.relu(F.linear(h, w1, b1)), w2, b2)), w3, b3)[:, :, 0]


def concat_all(m, y_in, **p):
    return torch.stack([concat_pair(m, y_in[j:j + 1].expand_as(y_in), **p) for j in range(len(y_in))], 2)


def concat_rolled(m, y_in, **p):
    return torch.stack([concat_pair(m, torch.roll(y_in, -k, 0), **p) for k in range(2)], 2)


case("dot", dot, m=r(4, 3, 2, 2), y_in=r(4, 5), w1=r(6, 3), b1=r(6), w2=r(6, 6), b2=r(6), v1=r(6, 5), c1=r(6), v2=r(6, 6),
     c2=r(6))
for name, f in {"concat_all": concat_all, "concat_rolled": concat_rolled}.items():
    case(name, f, m=r(4, 3, 2, 2), y_in=r(4, 5), w1=r(6, 8), b1=r(6), w2=r(6, 6), b2=r(6), w3=r(1, 6), b3=r(1))

header, data = {"__metadata__": {"made_with": "torch " + torch.__version__, "seed": "20"}}, b""
for name, t in sorted(out.items()):
    raw = t.numpy().astype("<f8").tobytes()
    header[name] = {"dtype": "F64", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
(folder / "reference.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
print(len(out), "tensors,", len(data), "bytes, torch", torch.__version__)
