"""How decompositions, and what was found out about them, look in a terminal."""

from collections.abc import Iterable

from api.views.decompositions import ComponentsView, DecompositionDetailView
from decomposition.reports import Component

Lines = Iterable[str]


def decomposition(view: DecompositionDetailView) -> Lines:
    """Show the living subcomponents of a decomposition, and its components if they are known."""
    alive = [part for part in view.subcomponents if part.is_alive]
    yield (
        f"run {view.run}, {view.target} (seed {view.seed}): "
        f"{len(alive)} of {len(view.subcomponents)} subcomponents alive"
    )
    for part in alive:
        inputs = f"  {', '.join(part.top_inputs)}" if part.top_inputs else ""
        yield f"  {part.id:<24} importance {part.mean_importance:.4f}  norm {part.norm:.3f}{inputs}"
    if view.components:
        yield from components(view.components)
    else:
        yield f"group them: claimgraph components {view.run}"


def components(view: ComponentsView) -> Lines:
    """Show which subcomponents act together."""
    found = view.found
    yield (
        f"{len(found.components)} components of {found.subcomponents} subcomponents "
        f"(alpha {view.config['alpha']:g}): {found.bits_before:.3f} → {found.bits_after:.3f} "
        f"bits a position, over {found.positions} positions"
    )
    yield from map(_component, found.components)
    yield (
        f"{len(found.communities)} communities of the co-importance graph "
        f"(resolution {view.config['resolution']:g}); adjusted Rand index with the components "
        f"{found.agreement:.3f}"
    )
    yield from map(_component, found.communities)
    if found.known_agreement is not None:
        yield (
            f"with the known mechanisms: components {found.known_agreement:.3f}, "
            f"communities {found.known_agreement_communities:.3f}"
        )


def _component(component: Component) -> str:
    return (
        f"  density {component.density:.4f}  cohesion {component.cohesion:.2f}  "
        f"{' '.join(component.members)}"
    )
