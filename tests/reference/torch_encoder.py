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


class Encoder(nn.Module):
    """The encoder of a checkpoint: `Dcgan32` where it has three convolutions, `Dcgan28` where it has two."""

    def __init__(self, checkpoint):
        super().__init__()
        w = {name.removeprefix("encoder."): t for name, t in read(checkpoint).items() if name.startswith("encoder.")}
        kernel = w["conv1.0.weight"].shape[2]
        stages = [name.split(".")[0] for name in w if name.startswith("conv") and name.endswith(".0.weight")]

        def norm(kind, name):
            bn = kind(len(w[f"{name}.1.scale"]))
            bn.load_state_dict({"weight": w[f"{name}.1.scale"], "bias": w[f"{name}.1.bias"],
                                "running_mean": w[f"{name}.1.running_mean"], "running_var": w[f"{name}.1.running_var"]},
                               strict=False)
            return bn

        def conv(name):
            weight = w[f"{name}.0.weight"]
            layer = nn.Conv2d(weight.shape[1], weight.shape[0], kernel, 2, kernel // 2 if kernel % 2 else 1, bias=False)
            layer.weight.data = weight
            return nn.Sequential(layer, norm(nn.BatchNorm2d, name), nn.ReLU())

        def linear(weight, bias=None):
            layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
            layer.weight.data = weight
            if bias is not None:
                layer.bias.data = bias
            return layer

        self.conv = nn.Sequential(*(conv(name) for name in sorted(stages)))
        self.fc = nn.Sequential(nn.Flatten(), linear(w["fc.0.weight"].flatten(1)), norm(nn.BatchNorm1d, "fc"), nn.ReLU())
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
