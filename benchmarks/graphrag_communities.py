"""Time GraphRAG's community step on a graph, in an environment that has graphrag 3.

    graphrag/bin/python benchmarks/graphrag_communities.py edges.npz

`edges.npz` has the columns head, tail and weight. Prints, as JSON, the CPU seconds of
`cluster_graph` alone and how many levels it made, and writes each vertex's community at the top
level to `top.npy` beside it, -1 for those that it leaves out. Its settings are those of GraphRAG,
but for the largest connected component: it is given all of the graph, as we are.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from graphrag.index.operations.cluster_graph import cluster_graph


def main() -> None:
    """Cluster the graph and print how long it took."""
    path = Path(sys.argv[1])
    columns = np.load(path)
    edges = pd.DataFrame(
        {
            "source": columns["head"].astype(str),
            "target": columns["tail"].astype(str),
            "weight": columns["weight"].astype(float),
        }
    )
    began = time.process_time()
    communities = cluster_graph(edges, max_cluster_size=10, use_lcc=False, seed=0xDEADBEEF)
    seconds = time.process_time() - began
    top = np.full(int(max(columns["head"].max(), columns["tail"].max())) + 1, -1)
    for level, number, _parent, members in communities:
        if level == 0:
            top[np.array(members, dtype=np.int64)] = number
    np.save(path.with_name("top.npy"), top)
    levels = 1 + max(level for level, *_ in communities)
    print(json.dumps({"cpu_seconds": seconds, "levels": levels}))


if __name__ == "__main__":
    main()
