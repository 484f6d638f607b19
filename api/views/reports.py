"""What the commands that write say they have done, as data."""

from typing import Literal

from pydantic import Field

from api.views.evidence import EvidenceItem
from api.views.hidden import HiddenView
from api.views.spent import SpentView
from api.views.view import StatementName, View
from kg.update_report import UpdateReport


class RefusalView(View):
    """A statement that was not taken, and why."""

    section: str
    quote: str
    reason: str


class SourceReportView(View):
    """What became of one source."""

    id: str
    title: str
    name: str
    format: str
    is_new: bool
    version: int
    """How many versions of its file were read, with this one."""

    is_described_anew: bool
    """It was in before, and what a bibliography beside it says of it has changed."""

    n_placed: int
    """Sections of it that were stored without their places on its pages, and have them now."""

    read_with: str
    """The extractor that found its statements, if it was in before and that is another."""

    claims: int
    findings: int
    candidates: int
    """Sentences that may be statements and were not kept."""

    refused: int
    refusals: list[RefusalView]
    hidden: list[HiddenView]
    """What its pages hide from a reader, which was not read."""

    text_from: str = ""
    """Where its text comes from, if that is not simply the file: a repaired copy, or one of several
    papers in an archive."""


class FailureView(View):
    """A file that was not taken, and why."""

    file: str
    reason: str


class ReplacedView(View):
    """What became of the earlier versions of files."""

    sources: list[str]
    """That left, with what only they said."""

    statements: int
    """That nobody makes any more, and left with them."""

    kept: list[str]
    """Versions that stay beside the newer ones, because only they make a statement that was
    tested."""

    problem: str
    """Why earlier versions could not be removed yet; empty if they could."""


class IngestionView(SpentView):
    """What became of every file."""

    run: int
    sources: list[SourceReportView]
    sidecars: list[str]
    """Files that only described others."""

    skipped: list[FailureView]
    failures: list[FailureView]
    stopped: str
    """Why the run ended before the last file; empty if it did not."""

    replaced: ReplacedView | None
    """What left because newer versions of its files were read; none if nothing did."""

    updates: list[UpdateReport] = Field(default_factory=list)
    """What `--update` did to the active runs."""


class ClusteringView(View):
    """What a clustering made, and what it was called after."""

    run: int
    method: str
    seed: int
    statements: int
    levels: int
    communities: int
    modularity: float
    recall: float
    """The share of the true nearest neighbours that were found, as measured on a sample."""
    seeds: int
    """Cuts that each cut is a consensus of; of 1, no stability is known."""

    unstable: int
    """Communities that are no more stable than those of random graphs."""

    layers: Literal["sum", "multiplex"]
    """How the layers were cut: added up, or each compared with its own chance."""

    asked_layers: Literal["sum", "multiplex"] = "sum"
    """How they were to be cut: a graph of many ties is cut as a sum all the same."""

    cutting_seconds: float
    """Of `seconds`, those of the cuts of all seeds, their stability and that of chance."""

    seconds: float
    labelling_run: int


class EmbeddingView(View):
    """What an embedding did."""

    model: str
    """The model that all statements go by from now on."""

    previous: str | None
    """The one that they went by before; none if there were no vectors."""

    statements: int
    """How many had no vector under it, and have one now."""


class LabellingView(SpentView):
    """What a labelling did."""

    run: int
    clustering_run: int
    labeller: str
    """Who was asked: `offline`, or the name of a language model."""

    communities: int
    refused: int
    """Communities that the offline labeller named in its stead."""

    seconds: float


class SweepTrial(View):
    """One coefficient of importance minimality that was tried."""

    minimality: float
    harm: float
    """Error under a fresh adversary, as a share of that with everything ablated."""

    l0: float
    """Mean subcomponents that matter on an input, as a share of the matrices' ranks."""

    passes: bool


class DecompositionView(View):
    """What a decomposition found."""

    run: int
    target: str
    method: str
    seed: int
    subcomponents: int
    alive: int
    metrics: dict[str, float]
    seconds: float
    sweep: tuple[SweepTrial, ...] = ()
    """What was tried before, where the coefficient was chosen by the rule."""


class AttachedView(EvidenceItem):
    """The evidence that a test attached."""

    evidence: str
    """Its id, under the name of the thing as well."""

    statement: StatementName
