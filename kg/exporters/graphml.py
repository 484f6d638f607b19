"""GraphML, which Gephi, Cytoscape and yEd read: every attribute a number or a string.

Brandes, Eiglsperger, Herman, Himsolt & Marshall (2002), GraphML progress report,
doi:10.1007/3-540-45848-4_59. A list becomes one string with "; " between. What has no such form is
left out: the lists of communities and of relations, and which source cites which, for sources are
no nodes of the graph; what a statement reports of a cited source stands at its node. Characters
that XML 1.0 cannot hold, such as the control characters that PDFs leave behind, are left out too.
"""

import re
from collections.abc import Mapping
from typing import TextIO

import networkx as nx

_NOT_XML = re.compile(r"[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


class GraphmlExporter:
    """Writes GraphML."""

    name = "graphml"

    def write(self, graph: nx.Graph, stream: TextIO) -> None:
        """Write the graph as one XML document."""
        flat = nx.Graph(**_scalars(graph.graph))
        for node, attributes in graph.nodes(data=True):
            flat.add_node(node, **_scalars(attributes))
        flat.add_edges_from((u, v, _scalars(data)) for u, v, data in graph.edges(data=True))
        stream.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        stream.writelines(f"{line}\n" for line in nx.generate_graphml(flat))


def _scalars(attributes: Mapping[str, object]) -> dict[str, object]:
    """Return what GraphML can hold of a node's, an edge's or a graph's attributes."""
    scalars: dict[str, object] = {}
    for name, value in attributes.items():
        if isinstance(value, str):
            scalars[name] = _NOT_XML.sub("", value)
        elif isinstance(value, int | float):
            scalars[name] = value
        elif isinstance(value, list) and all(isinstance(part, str) for part in value):
            scalars[name] = _NOT_XML.sub("", "; ".join(value))
    return scalars
