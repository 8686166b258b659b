#!/usr/bin/env python3
"""Reference values from scipy and scikit-learn for tests/classical.rs.

    python make_classical.py [OUT_DIR]

Needs numpy, scipy and scikit-learn. Writes OUT_DIR/classical.json: samples, and what the formulas give on them, written
here the way NPEET does (scipy's cKDTree, max norm) or from a library.
"""
import json, pathlib, sys
import numpy as np, scipy, sklearn
from scipy import stats
from scipy.linalg import qr, svd
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from scipy.special import digamma, gammaln
from sklearn.feature_selection._mutual_info import _compute_mi_cc, _compute_mi_cd
from sklearn.metrics import mutual_info_score

rng = np.random.default_rng(20)
N = 200


def counts(z, radius):
    tree = cKDTree(z)
    # Strictly inside, the point itself included.
    return np.array([len(tree.query_ball_point(p, np.nextafter(r, 0), p=np.inf)) for p, r in zip(z, radius)])


def ksg1(x, y, k):
    radius = cKDTree(np.hstack([x, y])).query(np.hstack([x, y]), k + 1, p=np.inf)[0][:, k]
    return digamma(k) + digamma(len(x)) - np.mean(digamma(counts(x, radius)) + digamma(counts(y, radius)))


def ksg2(x, y, k):
    dx, dy = cdist(x, x, "chebyshev"), cdist(y, y, "chebyshev")
    total = 0.0
    for i in range(len(x)):
        d = np.maximum(dx[i], dy[i])
        d[i] = np.inf
        near = np.argsort(d)[:k]
        n_x, n_y = (dx[i] <= dx[i, near].max()).sum() - 1, (dy[i] <= dy[i, near].max()).sum() - 1
        total += digamma(n_x) + digamma(n_y)
    return digamma(k) - 1 / k + digamma(len(x)) - total / len(x)


def ksg1_euclidean(x, y, k):
    dx, dy = cdist(x, x), cdist(y, y)
    radius = np.sort(np.maximum(dx, dy), 1)[:, k]
    n_x, n_y = (dx < radius[:, None]).sum(1), (dy < radius[:, None]).sum(1)
    return digamma(k) + digamma(len(x)) - np.mean(digamma(n_x) + digamma(n_y))


def entropy(x, k, p):
    n, d = x.shape
    radius = cKDTree(x).query(x, k + 1, p=p)[0][:, k]
    ball = d * np.log(2) if p == np.inf else d / 2 * np.log(np.pi) - gammaln(1 + d / 2)
    return digamma(n) - digamma(k) + ball + d * np.mean(np.log(radius))


def canonical(x, y):
    basis = [qr(z - z.mean(0), mode="economic")[0] for z in (x, y)]
    return svd(basis[0].T @ basis[1], compute_uv=False)


def scores(z):
    return stats.norm.ppf(stats.rankdata(z, axis=0) / (len(z) + 1))


def wishart(dx, dy, n):
    s = lambda d: sum(digamma((n - i) / 2) for i in range(1, d + 1))
    return 0.5 * (s(dx) + s(dy) - s(dx + dy))


sets = {}
for name, dx, dy in [("one", 1, 1), ("few", 2, 3), ("many", 6, 5)]:
    x = rng.standard_normal((N, dx))
    y = rng.standard_normal((N, dy))
    y[:, 0] = 0.8 * x[:, 0] + 0.6 * y[:, 0]
    y[:, -1] += 0.3 * x[:, -1] ** 2
    x, y = x.round(6), y.round(6)
    label = (x[:, 0] + 0.7 * rng.standard_normal(N) > 0).astype(int) + (x[:, -1] > 1.2)
    other = (y[:, 0] > 0.3).astype(int) + 2 * (rng.random(N) > 0.8)
    rho, rho_scores = canonical(x, y), canonical(scores(x), scores(y))
    mi = lambda r: float(-0.5 * np.log1p(-r**2).sum())
    table = np.zeros((label.max() + 1, other.max() + 1))
    np.add.at(table, (label, other), 1)
    k_x, k_y, k_xy = len(set(label)), len(set(other)), int((table > 0).sum())
    used = table[table.sum(1) > 0][:, table.sum(0) > 0]
    g = stats.chi2_contingency(used, correction=False, lambda_="log-likelihood")
    bartlett = -(N - 1 - (dx + dy + 1) / 2) * np.log1p(-rho**2).sum()
    plug = float(mutual_info_score(label, other))
    sets[name] = dict(
        x=x.ravel().tolist(), y=y.ravel().tolist(), columns=[dx, dy], label=label.tolist(), other=other.tolist(),
        ksg1={k: ksg1(x, y, k) for k in (1, 3, 10)}, ksg2={k: ksg2(x, y, k) for k in (1, 3, 10)},
        ksg1_euclidean={k: ksg1_euclidean(x, y, k) for k in (3, 10)},
        entropy_max=entropy(x, 3, np.inf), entropy_euclidean=entropy(x, 3, 2),
        mixed=float(_compute_mi_cd(x[:, 0], label, 3)),
        rho=rho.tolist(), cca=mi(rho), copula=mi(rho_scores), wishart=wishart(dx, dy, N),
        p_value=float(stats.chi2.sf(bartlett, dx * dy)),
        discrete=plug, miller_madow=plug + (k_x + k_y - k_xy - 1) / (2 * N), g_p_value=float(g.pvalue), g=float(g.statistic),
    )
    if name == "one":
        sets[name]["sklearn"] = float(_compute_mi_cc(x[:, 0], y[:, 0], 3))
        edges = lambda v: np.minimum(((v - v.min()) / (v.max() - v.min()) * 8).astype(int), 7)
        sets[name]["histogram"] = float(mutual_info_score(edges(x[:, 0]), edges(y[:, 0])))
made = dict(numpy=np.__version__, scipy=scipy.__version__, sklearn=sklearn.__version__, seed=20)
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
text = json.dumps(dict(made_with=made, sets=sets), default=float)
(folder / "classical.json").write_text(text + "\n")
print(len(text), "bytes", {n: {k: v for k, v in s.items() if isinstance(v, (float, dict))} for n, s in sets.items()})
