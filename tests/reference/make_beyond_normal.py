"""Names, sizes, true mutual information and some statistics of the tasks of Czyż et al. from their package: the 40 of
2023 and the mixtures of 2025. `error` is the standard error of a truth by Monte Carlo.

Python 3.11 and: benchmark-mi==0.1.3 jax==0.4.25 jaxlib==0.4.25 "scipy<1.13" "scikit-learn<1.5" "pyarrow<18" "numpy<2"

    python make_beyond_normal.py > beyond_normal.json

For the first three columns of x and of y (in this order): `quantiles` has their 0.1, 0.5, 0.8 quantiles; `below` has, for
each two of these columns, the share of rows where both are at or under their 0.5 quantiles, then the same for 0.8.
"""
import itertools
import json

import jax
import numpy as np
from bmi.benchmark.task_list import BENCHMARK_TASKS_LIST
from bmi.benchmark.tasks import mixtures
from bmi.samplers import bmm

ROWS = 20_000
SHOWN = 3
TRUTH_ROWS = 200_000

MIXTURES = [
    mixtures.task_x(),
    mixtures.task_ai(),
    mixtures.task_waves(),
    mixtures.task_galaxy(),
    *(mixtures.task_concentric_multinormal(d, c) for d, c in [(3, 5), (5, 5), (3, 10), (5, 10), (25, 5)]),
    *(
        mixtures.task_multinormal_sparse_w_inliers(d, d, inlier_fraction=f)
        for d, f in [(5, 0.2), (25, 0.2), (5, 0.5), (25, 0.5)]
    ),
]


def truth(task):
    if task not in MIXTURES:
        return float(task.mutual_information), None
    sampler = task.sampler
    while hasattr(sampler, "_base_sampler"):
        sampler = sampler._base_sampler
    return tuple(map(float, bmm.monte_carlo_mi_estimate(jax.random.PRNGKey(7), sampler._dist, TRUTH_ROWS)))


tasks = []
for task in list(BENCHMARK_TASKS_LIST) + MIXTURES:
    nats, error = truth(task)
    x, y = (np.asarray(v, dtype=np.float64) for v in task.sample(ROWS, 1))
    columns = np.concatenate([x[:, :SHOWN], y[:, :SHOWN]], axis=1)
    quantiles = np.quantile(columns, [0.1, 0.5, 0.8], axis=0)
    pairs = itertools.combinations(range(columns.shape[1]), 2)
    below = [
        [float(((columns[:, i] <= q[i]) & (columns[:, j] <= q[j])).mean()) for q in quantiles[1:]] for i, j in pairs
    ]
    tasks.append(
        {
            "name": task.id,
            "dims": [task.dim_x, task.dim_y],
            "nats": nats,
            "error": error,
            "quantiles": [[float(f"{v:.6g}") for v in column] for column in quantiles.T],
            "below": below,
        }
    )

lines = ",\n".join(json.dumps(task) for task in tasks)
print(f'{{"rows": {ROWS}, "tasks": [\n{lines}\n]}}')
