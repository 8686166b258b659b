#!/usr/bin/env python3
"""Batches of CIFAR-10 with Hugging Face datasets + torchvision v2 + DataLoader, timed: the peer of the data bench.

The work: read train-*.parquet in DIR, random crop of 32 with 4 pixels of padding, mirror left to right, normalise by
channel, shuffled batches of 64 as float tensors. `cold` is everything from opening the files to the last batch of the
first epoch (imports not counted), `warm` the second epoch.

    python hf_data.py DIR [--workers 2] [--batch 64]

Prints one JSON line: images a second, cold and warm, and the largest resident memory of parent and workers, MB.
Needs datasets, torch, torchvision, pillow.
"""
import argparse, glob, json, resource, tempfile, time
import torch
from datasets import load_dataset
from torchvision.transforms import v2

p = argparse.ArgumentParser()
p.add_argument("dir"); p.add_argument("--workers", type=int, default=2); p.add_argument("--batch", type=int, default=64)
a = p.parse_args()
steps = v2.Compose([
    v2.PILToTensor(), v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True),
    v2.Normalize([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
])


def transform(rows):
    return {"img": [steps(i.convert("RGB")) for i in rows["img"]], "label": rows["label"]}


def main():
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        files = sorted(glob.glob(f"{a.dir}/train-*.parquet"))
        data = load_dataset("parquet", data_files=files, split="train", cache_dir=cache).with_transform(transform)
        loader = torch.utils.data.DataLoader(data, batch_size=a.batch, shuffle=True, drop_last=True,
                                             num_workers=a.workers, persistent_workers=a.workers > 0)
        times = []
        for _ in range(2):
            images = 0
            for batch in loader:
                assert batch["img"].shape[1:] == (3, 32, 32) and batch["img"].dtype == torch.float32
                images += len(batch["label"])
            times.append(time.perf_counter() - start)
            start = time.perf_counter()
        del loader
    memory = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    import datasets, torchvision
    print(json.dumps({"peer": f"datasets {datasets.__version__}, torchvision {torchvision.__version__}",
                      "cold": round(images / times[0]), "warm": round(images / times[1]), "peak_mb": round(memory)}))


if __name__ == "__main__":
    main()
