"""Names, sizes, true mutual information and some statistics of the 40 tasks of Czyż et al. 2023, from their package.

Python 3.11 and: benchmark-mi==0.1.3 jax==0.4.25 jaxlib==0.4.25 "scipy<1.13" "scikit-learn<1.5" "pyarrow<18" "numpy<2"

    python make_beyond_normal.py > beyond_normal.json

For the first three columns of x and of y (in this order): `quantiles` has their 0.1, 0.5, 0.8 quantiles; `below` has, for
each two of these columns, the share of rows where both are at or under their 0.5 quantiles, then the same for 0.8.
"""
import itertools
import json

import numpy as np
from bmi.benchmark.task_list import BENCHMARK_TASKS_LIST

ROWS = 20_000
SHOWN = 3

tasks = []
for task in BENCHMARK_TASKS_LIST:
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
            "nats": float(task.mutual_information),
            "quantiles": [[float(f"{v:.6g}") for v in column] for column in quantiles.T],
            "below": below,
        }
    )

lines = ",\n".join(json.dumps(task) for task in tasks)
print(f'{{"rows": {ROWS}, "tasks": [\n{lines}\n]}}')
