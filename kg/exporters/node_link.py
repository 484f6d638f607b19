"""Node-link JSON, which networkx and D3 read: one document, with its lists kept as lists."""

import json
from typing import TextIO

import networkx as nx


class NodeLinkExporter:
    """Writes the data of `networkx.node_link_data`, edges under `edges`."""

    name = "json"

    def write(self, graph: nx.Graph, stream: TextIO) -> None:
        """Write the graph as one JSON document."""
        data = nx.node_link_data(graph, edges="edges")
        json.dump(data, stream, ensure_ascii=False, allow_nan=False, indent=1)
        stream.write("\n")
