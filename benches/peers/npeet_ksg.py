#!/usr/bin/env python3
"""KSG I the way NPEET does it: scipy's k-d trees, max norm. Needs numpy and scipy.

    python npeet_ksg.py FILE ROWS X_COLUMNS Y_COLUMNS K

FILE holds x, then y, as little-endian float64, rows one after the other. Prints {"seconds", "nats"} as JSON. The noise of
1e-10 that NPEET adds to every number is left out, so that values compare; the radius is shrunk by 1e-15 as there.
"""
import json, sys, time
import numpy as np
from scipy.spatial import cKDTree
from scipy.special import digamma

path, rows, dx, dy, k = sys.argv[1], *map(int, sys.argv[2:6])
raw = np.fromfile(path, "<f8")
x, y = raw[: rows * dx].reshape(rows, dx), raw[rows * dx :].reshape(rows, dy)


def average_digamma(points, radius):
    tree = cKDTree(points)
    inside = tree.query_ball_point(points, radius - 1e-15, p=np.inf, return_length=True)
    return digamma(inside).mean()


start = time.perf_counter()
joint = np.hstack([x, y])
radius = cKDTree(joint).query(joint, k=k + 1, p=np.inf)[0][:, k]
nats = digamma(k) + digamma(rows) - average_digamma(x, radius) - average_digamma(y, radius)
print(json.dumps({"seconds": time.perf_counter() - start, "nats": float(nats)}))
