#!/usr/bin/env python3
"""Reference values of evaluation measures for tests/evaluation.rs.

    python make_evaluation.py [OUT_DIR]

Needs numpy, scikit-learn, torch and pytorch-msssim (1.0.0); where they are not in one environment, name the parts that
are to be made anew: `python make_evaluation.py OUT_DIR svm knn rank_me` and `python make_evaluation.py OUT_DIR ms_ssim`.
Writes OUT_DIR/evaluation.json. Inputs are made by a linear congruential generator, the same in the test, and are not
stored.
"""
import json, pathlib, sys
import numpy as np

CLASSES, DIM, TRAIN, TEST = 4, 12, 600, 1000


def uniforms(seed, n):
    """Uniform on [-1, 1), exact in single precision."""
    state, out = seed, np.empty(n)
    for i in range(n):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = (state >> 8) / 2**23 - 1
    return out


def features(seed, rows):
    labels = np.arange(rows) % CLASSES
    noise = uniforms(seed, rows * DIM).reshape(rows, DIM)
    centres = uniforms(99, CLASSES * DIM).reshape(CLASSES, DIM)
    return (noise + 0.3 * centres[labels]).astype(np.float32).astype(np.float64), labels


def svm():
    from sklearn.svm import LinearSVC
    (x, y), (tx, ty) = features(1, TRAIN), features(2, TEST)
    found = []
    for c in [0.01, 1.0]:
        model = LinearSVC(C=c, dual=False, tol=1e-10, max_iter=100000).fit(x, y)
        found.append(dict(c=c, weights=model.coef_.ravel().tolist(), bias=model.intercept_.tolist(),
                          accuracy=float(model.score(tx, ty))))
    return found


def knn():
    (x, y), (tx, ty) = features(1, TRAIN), features(2, TEST)
    unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)
    cos = unit(tx) @ unit(x).T
    found = []
    for k, temperature in [(1, 0.1), (20, 0.07), (200, 0.1), (TRAIN, 0.5)]:
        near = np.argsort(-cos, axis=1, kind="stable")[:, :k]
        weight = np.exp(np.take_along_axis(cos, near, 1) / temperature)
        votes = np.stack([(weight * (y[near] == c)).sum(1) for c in range(CLASSES)], 1)
        found.append(dict(k=k, temperature=temperature, accuracy=float((votes.argmax(1) == ty).mean())))
    return found


def rank_me():
    x, _ = features(3, 300)
    scales = 0.5 ** np.arange(DIM)
    found = []
    for z in [x, x * scales, (x * scales)[:5]]:
        s = np.linalg.svd(z.astype(np.float32).astype(np.float64), compute_uv=False)
        p = s / s.sum() + 1e-7
        found.append(float(np.exp(-(p * np.log(p)).sum())))
    return found


def images(n, c, h, w, mix):
    """Waves with noise, and the same with other noise mixed in."""
    at = np.arange(n * c * h * w)
    wave = 0.5 * np.sin(at % w / 9) * np.cos(at // w % h / 7)
    x = (wave + 0.5 * uniforms(5, at.size)).astype(np.float32)
    y = ((1 - mix) * x.astype(np.float64) + mix * uniforms(6, at.size)).astype(np.float32)
    return x.reshape(n, c, h, w), y.reshape(n, c, h, w)


def ms_ssim():
    import torch
    from pytorch_msssim import ms_ssim
    five = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    found = []
    for shape, mix, window, weights in [
        ((2, 3, 176, 192), 0.2, 11, five),
        ((1, 1, 177, 163), 0.6, 11, five),
        ((2, 1, 161, 175), 1.0, 11, five),
        ((1, 2, 90, 97), 0.3, 5, five),
    ]:
        x, y = images(*shape, mix)
        value = ms_ssim(torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64), data_range=2.0,
                        win_size=window, weights=weights)
        found.append(dict(shape=list(shape), mix=mix, window=window, weights=weights, value=float(value)))
    return found


out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent) / "evaluation.json"
made = json.loads(out.read_text()) if out.exists() else {}
for part in sys.argv[2:] or ["svm", "knn", "rank_me", "ms_ssim"]:
    made[part] = {"svm": svm, "knn": knn, "rank_me": rank_me, "ms_ssim": ms_ssim}[part]()
out.write_text(json.dumps(made, indent=1) + "\n")
