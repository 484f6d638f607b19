"""How decompositions, and what was found out about them, look in a terminal."""

from collections.abc import Iterable

from api.counting import count_of
from api.reconstructions import reconstructions
from api.views.decompositions import (
    ComponentsView,
    DecompositionDetailView,
    DictionariesView,
    EditView,
    ExportedView,
    GraphView,
    HarvestView,
    ProfileView,
)
from api.views.reports import SweepTrial
from decomposition.reports import Agreement, Component, Context, Symbol

Lines = Iterable[str]

N_EDGES = 40
"""Edges of an attribution graph listed, at most."""


def decomposition(view: DecompositionDetailView) -> Lines:
    """Show the living subcomponents of a decomposition, and its components if they are known."""
    alive = [part for part in view.subcomponents if part.is_alive]
    yield (
        f"run {view.run}, {view.target} (seed {view.seed}): "
        f"{len(alive)} of {len(view.subcomponents)} subcomponents alive{_thresholds(view)}"
    )
    yield from _faithfulness(view)
    yield from sweep(view.sweep)
    for part in alive:
        inputs = f"  {', '.join(part.top_inputs)}" if part.top_inputs else ""
        yield f"  {part.id:<24} importance {part.mean_importance:.4f}  norm {part.norm:.3f}{inputs}"
    if view.components:
        yield from components(view.components)
    else:
        yield f"group them: claimgraph components {view.run}"


def _thresholds(view: DecompositionDetailView) -> str:
    """Say from what on a subcomponent counts, and L0 beside it, where the run says so."""
    found = view.metrics
    if not {"alive_threshold", "l0", "l0_threshold"} <= set(found):
        return ""
    return (
        f" (mean importance above {found['alive_threshold']:g}), L0 {found['l0']:.3g} "
        f"(importance above {found['l0_threshold']:g})"
    )


def _faithfulness(view: DecompositionDetailView) -> Lines:
    """Say how far the output is from the target's under each kind of masks."""
    found = reconstructions(view.metrics)
    if found is None:
        return
    yield f"error ({found.unit}) with its subcomponents masked:"
    for row in found.rows:
        yield f"  {row.error:<9.2g} {row.masks}"
    yield from (f"  {known}" for known in found.known)


def sweep(trials: Iterable[SweepTrial]) -> Lines:
    """Show what was tried to choose the cost of importances."""
    for trial in trials:
        yield (
            f"  minimality {trial.minimality:<8.3g} error under an adversary {trial.harm:.1%}, "
            f"L0 {trial.l0:.1%} of the ranks{'  taken' if trial.passes else ''}"
        )


def components(view: ComponentsView) -> Lines:
    """Show which subcomponents act together."""
    found = view.found
    yield (
        f"{count_of(len(found.components), 'component')} of {found.subcomponents} subcomponents "
        f"(alpha {view.config['alpha']:g}): {found.bits_before:.3f} → {found.bits_after:.3f} "
        f"bits a position, over {found.positions} positions"
    )
    yield from map(_component, found.components)
    yield (
        f"{count_of(len(found.communities), 'community', 'communities')} of the "
        f"co-importance graph (resolution {view.config['resolution']:g}); adjusted "
        f"Rand index with the components {found.agreement:.3f}"
    )
    yield from map(_component, found.communities)
    if found.known_agreement is not None:
        yield (
            f"with the known mechanisms: components {found.known_agreement:.3f}, "
            f"communities {found.known_agreement_communities:.3f}"
        )


def harvest(view: HarvestView) -> Lines:
    """Show what each subcomponent does, one a line."""
    found = view.found
    n = len(found.profiles)
    yield f"run {view.run}: {n} subcomponents act, over {found.positions} positions"
    for each in sorted(found.profiles, key=lambda profile: -profile.mean_importance):
        yield (
            f"  {each.id:<24} importance {each.mean_importance:.4f}  density {each.density:.4f}"
            f"  reads {_words(each.reads)}  writes {_words(each.writes)}"
        )
    if found.cells_dropped:
        yield f"  {found.cells_dropped} counts of rare symbols were given up"


def profile(view: ProfileView) -> Lines:
    """Show what one subcomponent does on the data."""
    found = view.profile
    yield (
        f"{found.id} of run {view.decomposition}: importance {found.mean_importance:.4f}, "
        f"density {found.density:.4f}, norm {found.norm:.3f}"
    )
    for title, symbols in (("reads", found.reads), ("writes", found.writes)):
        for symbol in symbols:
            yield f"  {title:<7} {symbol.word:<20} share {symbol.share:.3f}  PMI {symbol.pmi:.2f}"
    for partner in found.partners:
        yield f"  with    {partner.id:<20} Jaccard {partner.jaccard:.3f}  PMI {partner.pmi:.2f}"
    for title, contexts in (("top", found.contexts), ("random", found.examples)):
        for context in contexts:
            yield f"  {title:<7} {context.importance:.2f}  {_context(context)}"


def _words(symbols: list[Symbol]) -> str:
    return ", ".join(symbol.word for symbol in symbols[:3]) or "–"


def _context(context: Context) -> str:
    """Return the words of a place, the one it is in brackets; features as a list."""
    if context.at is None or len(context.words) < 2:
        return ", ".join(context.words)
    marked = [f"[{w}]" if i == context.at else w for i, w in enumerate(context.words)]
    return " ".join(marked)


def edit(view: EditView) -> Lines:
    """Say what an edit does."""
    found = view.found
    yield f"run {view.run}: {'; '.join(found.changes)} → {view.file}"
    for name in found.also_changed:
        yield f"  it changes {name} too, which shares the parameter"
    for name, effect in found.effects.items():
        numbers = (effect.on_target, effect.surrounding, effect.elsewhere)
        shown = "  ".join(
            f"{kind.replace('_', ' ')} {_number(value)}"
            for kind, value in zip(found.positions, numbers, strict=True)
        )
        yield f"  {name:<7} {shown}  ({found.unit})"
    if found.probability:
        before, after = found.probability["before"], found.probability["after"]
        yield f"  p({found.word}) on target: {before:.3f} → {after:.3f}"


def dictionaries(view: DictionariesView) -> Lines:
    """Show how many latents are alive in each kind and size."""
    found = view.found
    known = "" if found.known is None else f"; the target has {found.known} mechanisms there"
    yield f"run {view.run}: what {found.matrix} puts out{known}"
    for row in found.rows:
        explained = "" if row.explained is None else f"  explained {row.explained:.3f}"
        split = "" if row.split is None else f"  split {row.split:.0%}"
        yield (
            f"  {row.kind:<18} {row.size:>5} allotted {row.alive:>5} alive  "
            f"L0 {row.l0:.2f}{explained}{split}"
        )
    for kind, slope in found.slopes.items():
        yield f"  {kind:<18} {slope:.2f} more alive for each more allotted"


def exported(view: ExportedView) -> Lines:
    """Say what was written."""
    yield from view.files


def graph(view: GraphView) -> Lines:
    """Show the edges of an attribution graph, and whether ablations agree with them."""
    drawn = view.graph
    names = {node.id: node.name for node in drawn.nodes}
    if drawn.words:
        yield " ".join(drawn.words)
    yield (
        f"run {view.run}: {count_of(len(drawn.nodes), 'node')}, "
        f"{count_of(len(drawn.edges), 'edge')} of {drawn.target}"
    )
    for edge in drawn.edges[:N_EDGES]:
        yield (
            f"  {_place(edge.source, names):<34} → {_place(edge.target, names):<34} "
            f"{edge.attribution:>9.4g}  ablated {_number(edge.direct)}  {_number(edge.total)}"
        )
    if len(drawn.edges) > N_EDGES:
        yield f"  and {len(drawn.edges) - N_EDGES} weaker ones"
    yield f"all else held: {_agreement(drawn.direct)}"
    yield f"with all that follows: {_agreement(drawn.total)}"
    if drawn.subnetwork:
        found = drawn.subnetwork
        yield f"found for this input alone: {found.kept} of {found.before} nodes kept"
        for kind, loss in found.loss.items():
            likely = found.probability.get(kind)
            said = "" if likely is None else f"  p({found.labelled}) {likely:.3f}"
            yield f"  {kind:<12} {loss:.4g}{said}"


def _place(identifier: str, names: dict[str, str]) -> str:
    position = identifier.rpartition("@")[2]
    return f"{names[identifier]} @{position}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _agreement(found: Agreement) -> str:
    rank = "" if found.rank is None else f", rank correlation {found.rank:.3f}"
    sign = "" if found.sign is None else f", same sign {found.sign:.0%}"
    return f"{count_of(found.n, 'edge')} tried{rank}{sign}"


def _component(component: Component) -> str:
    return (
        f"  density {component.density:.4f}  cohesion {component.cohesion:.2f}  "
        f"{' '.join(component.members)}"
    )
