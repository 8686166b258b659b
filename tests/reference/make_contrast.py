#!/usr/bin/env python3
"""Reference values of contrastive losses and of colours from PyTorch for tests/contrastive.rs.

    python make_contrast.py [OUT_DIR]

Needs torch. NT-Xent is written as it is in SimCLR's code (google-research/simclr, objective.py: four blocks of logits, the two
of a view with itself masked), not from the formula; the loss of two views as two cross-entropies over a matrix of cosines.
Both are differentiated by autograd in float64. Colours go through the definition of CIE L*a*b* with the matrix of
IEC 61966-2-1 as (x, y) of its primaries. Writes OUT_DIR/contrast.json.
"""
import json, pathlib, sys
import torch, torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(6)


def nt_xent(z, temperature):
    n = len(z) // 2
    a, b = F.normalize(z[:n], dim=1), F.normalize(z[n:], dim=1)
    labels, masks = torch.arange(n), torch.eye(n) * 1e9
    aa, bb = a @ a.T / temperature - masks, b @ b.T / temperature - masks
    ab, ba = a @ b.T / temperature, b @ a.T / temperature
    first = F.cross_entropy(torch.cat([ab, aa], 1), labels)
    second = F.cross_entropy(torch.cat([ba, bb], 1), labels)
    # The code adds the means over N of both; the paper's is the mean over 2N.
    return (first + second) / 2


def two_views(a, b, temperature):
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    labels = torch.arange(len(a))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def case(f, temperature, *inputs):
    leaves = [v.clone().requires_grad_() for v in inputs]
    loss = f(*leaves, temperature)
    loss.backward()
    return dict(temperature=temperature, loss=loss.item(), inputs=[v.flatten().tolist() for v in inputs],
                gradients=[v.grad.flatten().tolist() for v in leaves])


def to_lab(rgb):
    """Colours [N, 3] in [0, 1]. The matrix is made from the primaries' chromaticities and white (0.3127, 0.3290)."""
    xy = torch.tensor([[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]])
    columns = torch.stack([xy[:, 0] / xy[:, 1], torch.ones(3), (1 - xy.sum(1)) / xy[:, 1]])
    white = torch.tensor([0.95047, 1.0, 1.08883])
    matrix = columns * torch.linalg.solve(columns, white)
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    t = linear @ matrix.T / white
    f = torch.where(t > (6 / 29) ** 3, t ** (1 / 3), t * (29 / 6) ** 2 / 3 + 4 / 29)
    return torch.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


N, P = 6, 5
z = torch.randn(2 * N, P)
colours = torch.cat([torch.rand(20, 3), torch.eye(3), torch.tensor([[0.0, 0, 0], [1, 1, 1], [0.02, 0.03, 0.001]])])
out = dict(made_with="torch " + torch.__version__,
           nt_xent=[case(nt_xent, t, z * scale) for t, scale in [(0.5, 1.0), (0.1, 3.0), (0.02, 0.5)]],
           two_views=[case(two_views, t, torch.randn(N, P), torch.randn(N, P)) for t in (0.1, 1.0)],
           colours=colours.flatten().tolist(), lab=to_lab(colours).flatten().tolist())
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
(folder / "contrast.json").write_text(json.dumps(out) + "\n")
