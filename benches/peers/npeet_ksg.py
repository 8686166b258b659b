#!/usr/bin/env python3
"""KSG I the way NPEET does it. Needs numpy, scipy and, for the second way, scikit-learn.

    python npeet_ksg.py FILE ROWS X_COLUMNS Y_COLUMNS K [scipy|sklearn]

FILE holds x, then y, as little-endian float64, rows one after the other. Prints {"seconds", "nats"} as JSON. "scipy":
cKDTree with the max norm, all points in one call (NPEET itself calls it point by point, which is slower). "sklearn":
KDTree, from 20 columns on BallTree, with the Chebyshev metric. The noise of 1e-10 that NPEET adds to every number is left
out, so that values compare; the radius is shrunk by 1e-15 as there. The seconds are the median of as many estimates as
half a second holds, at least one.
"""
import json, sys, time
import numpy as np
from scipy.spatial import cKDTree
from scipy.special import digamma

path, rows, dx, dy, k = sys.argv[1], *map(int, sys.argv[2:6])
way = sys.argv[6] if len(sys.argv) > 6 else "scipy"
raw = np.fromfile(path, "<f8")
x, y = raw[: rows * dx].reshape(rows, dx), raw[rows * dx :].reshape(rows, dy)

if way == "scipy":
    build = cKDTree
    kth = lambda tree, z: tree.query(z, k=k + 1, p=np.inf)[0][:, k]
    inside = lambda tree, z, r: tree.query_ball_point(z, r, p=np.inf, return_length=True)
else:
    from sklearn.neighbors import BallTree, KDTree

    build = lambda z: (BallTree if z.shape[1] >= 20 else KDTree)(z, metric="chebyshev")
    kth = lambda tree, z: tree.query(z, k=k + 1)[0][:, k]
    inside = lambda tree, z, r: tree.query_radius(z, r, count_only=True)


def estimate():
    joint = np.hstack([x, y])
    radius = kth(build(joint), joint) - 1e-15
    return digamma(k) + digamma(rows) - sum(digamma(inside(build(z), z, radius)).mean() for z in (x, y))


seconds = []
while sum(seconds) < 0.5:
    start = time.perf_counter()
    nats = estimate()
    seconds.append(time.perf_counter() - start)
print(json.dumps({"seconds": sorted(seconds)[len(seconds) // 2], "nats": float(nats)}))
