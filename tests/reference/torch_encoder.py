#!/usr/bin/env python3
"""An infomax encoder in PyTorch: loads a checkpoint and computes the features that `infomax embed` writes.

    infomax data export SET --split test --out images.safetensors
    infomax embed runs/NAME --split test --layer y --out y.safetensors
    python torch_encoder.py runs/NAME/checkpoints/best.safetensors images.safetensors y.safetensors

Needs torch and numpy. With a third file it compares and ends with an error when a feature differs by 1e-4 or more;
without it, it prints the shapes. `Encoder` is all that a program of yours needs.
"""
import json, sys
import numpy as np, torch
from torch import nn


def read(path):
    """A safetensors file: eight bytes of header length, a JSON header, the tensors."""
    with open(path, "rb") as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
        data = f.read()
    types = {"F32": "<f4", "I64": "<i8", "U8": "u1"}
    header.pop("__metadata__", None)
    return {name: torch.from_numpy(np.frombuffer(data[slice(*t["data_offsets"])], types[t["dtype"]]).reshape(t["shape"]).copy())
            for name, t in header.items()}


class Bottleneck(nn.Module):
    """Three convolutions beside a shortcut, then ReLU."""

    def __init__(self, path, shortcut):
        super().__init__()
        self.path, self.shortcut = path, shortcut

    def forward(self, x):
        return torch.relu(self.path(x) + self.shortcut(x))


class Fold(nn.Module):
    """Layers on each 8x8 crop at stride 4, whose vectors are a map again."""

    def __init__(self, each):
        super().__init__()
        self.each = each

    def forward(self, x):
        crops = x.unfold(2, 8, 4).unfold(3, 8, 4)
        b, c, rows, columns = crops.shape[:4]
        vectors = self.each(crops.permute(0, 2, 3, 1, 4, 5).reshape(-1, c, 8, 8))
        return vectors.reshape(b, rows, columns, -1).permute(0, 3, 1, 2)


class Encoder(nn.Module):
    """The encoder of a checkpoint, recognised by the names and sizes of its tensors: `Dcgan28`, `Dcgan32`, `Dcgan64`,
    `Alexnet64`, `Resnet19` or `FoldResnet19`."""

    def __init__(self, checkpoint):
        super().__init__()
        w = {name.removeprefix("encoder."): t for name, t in read(checkpoint).items() if name.startswith("encoder.")}

        def norm(kind, name):
            bn = kind(len(w[f"{name}.scale"]))
            bn.load_state_dict({"weight": w[f"{name}.scale"], "bias": w[f"{name}.bias"],
                                "running_mean": w[f"{name}.running_mean"], "running_var": w[f"{name}.running_var"]},
                               strict=False)
            return bn

        def conv(name, stride, padding, *then):
            weight = w[f"{name}.0.weight"]
            layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], stride, padding, bias=False)
            layer.weight.data = weight
            return nn.Sequential(layer, norm(nn.BatchNorm2d, f"{name}.1"), *then)

        def linear(weight, bias=None):
            layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
            layer.weight.data = weight
            if bias is not None:
                layer.bias.data = bias
            return layer

        def hidden(name):
            return nn.Sequential(nn.Flatten(), linear(w[f"{name}.0.weight"].flatten(1)), norm(nn.BatchNorm1d, f"{name}.1"), nn.ReLU())

        def bottleneck(name, stride):
            widens = f"{name}.0.r.0.weight" in w
            path = f"{name}.0.f" if widens else f"{name}.0.0"
            layers = nn.Sequential(conv(f"{path}.0", 1, 0, nn.ReLU()), conv(f"{path}.1", stride, 1, nn.ReLU()), conv(f"{path}.2", 1, 0))
            return Bottleneck(layers, conv(f"{name}.0.r", stride, 0) if widens else nn.Identity())

        def residual(first, blocks):
            strides = [1, 1, 2, 1, 2, 1]
            return nn.Sequential(conv(first, 2, 1, nn.ReLU()), *map(bottleneck, blocks, strides))

        pool, fc = [nn.MaxPool2d(3, 2)], [hidden(name) for name in ("fc", "fc1", "fc2") if f"{name}.0.weight" in w]
        if "crops.each.0.0.weight" in w:
            blocks = [f"crops.each.{width}.{i}" for width in (1, 2, 3) for i in (0, 1)]
            self.conv = Fold(residual("crops.each.0", blocks))
        elif "block1.0.r.0.weight" in w:
            self.conv = residual("conv", [f"block{i}" for i in range(1, 7)])
        elif "conv5.0.weight" in w:
            self.conv = nn.Sequential(*(conv(f"conv{i}", 1, 1, nn.ReLU(), *(pool if i in (1, 2, 5) else [])) for i in range(1, 6)))
        else:
            stages = [f"conv{i}" for i in range(1, 5) if f"conv{i}.0.weight" in w]
            self.conv = nn.Sequential(*(conv(name, 2, 2 if w[f"{name}.0.weight"].shape[2] == 5 else 1, nn.ReLU()) for name in stages))
        self.fc = nn.Sequential(*fc)
        self.y = linear(w["y.weight"], w["y.bias"])

    def forward(self, images):
        """Images `[B, C, H, W]` in [-1, 1] to the features of conv, fc and Y."""
        conv = self.conv(images)
        fc = self.fc(conv)
        return {"conv": conv.flatten(1), "fc": fc, "Y": self.y(fc)}


if __name__ == "__main__":
    encoder = Encoder(sys.argv[1]).eval()
    images = read(sys.argv[2])["images"].float() / 127.5 - 1
    with torch.no_grad():
        parts = [encoder(batch) for batch in images.split(500)]
    features = {layer: torch.cat([p[layer] for p in parts]) for layer in parts[0]}
    if len(sys.argv) < 4:
        print("\n".join(f"{layer} {list(f.shape)}" for layer, f in features.items()))
        sys.exit()
    expected = read(sys.argv[3])["features"]
    layer = next((name for name, f in features.items() if f.shape == expected.shape), None)
    if layer is None:
        sys.exit(f"no layer gives features {list(expected.shape)} of these images")
    off = (features[layer] - expected).abs().max().item()
    print(f"{layer}: {list(expected.shape)}, largest value {expected.abs().max().item():.3f}, largest difference {off:.2e}")
    sys.exit(off >= 1e-4)
