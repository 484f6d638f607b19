"""Every table of the graph on one page.

Ground state is what we were told or measured: sources, sections, mentions, statements, references,
relations, decisions, abbreviations, runs, predictions, measurements, evidence. Derived state can
be recomputed by a run and names it: embeddings, graphs, communities, memberships, labels,
proposals. Counts and page contents are queries and never stored.

Foreign keys are strings and joins are written out: nothing loads lazily. Classes with
`table=True` do not validate, so rows are built only by the write functions of `kg`, from
validated drafts, and the invariants are CHECK constraints.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict
from sqlalchemy import JSON, CheckConstraint, Enum, LargeBinary, Text
from sqlmodel import Field, SQLModel


class Row(SQLModel):
    """What all tables share."""

    model_config = ConfigDict(use_attribute_docstrings=True)  # type: ignore[assignment]


def _values(choices: type[StrEnum]) -> list[str]:
    return [choice.value for choice in choices]


def _one_of(choices: type[StrEnum]) -> Enum:
    """Store the value, not the member's name, and have SQLite refuse anything else."""
    return Enum(choices, values_callable=_values, create_constraint=True, name=choices.__name__)


def now() -> str:
    """Return the present moment in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class RunKind(StrEnum):
    """What a run does."""

    INGESTION = "ingestion"
    EMBEDDING = "embedding"
    CLUSTERING = "clustering"
    LABELLING = "labelling"
    DECOMPOSITION = "decomposition"
    EXPERIMENT = "experiment"
    UPDATE = "update"
    MERGING = "merging"


class RunStatus(StrEnum):
    """Where a run stands; one that is not succeeded left nothing derived behind but vectors."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class StatementKind(StrEnum):
    """The two kinds of node that papers give us."""

    CLAIM = "claim"
    FINDING = "finding"


class Stance(StrEnum):
    """What a measurement says about a statement."""

    SUPPORTS = "supports"
    REFUTES = "refutes"
    INCONCLUSIVE = "inconclusive"


class RelationKind(StrEnum):
    """What one statement is to another; the first is the one that says it."""

    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    REFINES = "refines"
    CITES = "cites"
    SAME_AS = "same_as"


class DecisionKind(StrEnum):
    """What a decision on statements that say the same does."""

    MERGE = "merge"
    SPLIT = "split"
    UNDO = "undo"


class Side(StrEnum):
    """On which side of its threshold a prediction expects the value."""

    ABOVE = "above"
    BELOW = "below"


class Run(Row, table=True):
    """One execution of one method; everything derived names the run that made it."""

    id: int | None = Field(default=None, primary_key=True)
    kind: RunKind = Field(sa_type=_one_of(RunKind), index=True)
    method: str
    """Such as `leiden_semantic`, `offline`, `spd`, `recovery`."""

    status: RunStatus = Field(sa_type=_one_of(RunStatus), index=True)
    config: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """The whole configuration, defaults included."""

    code_version: str
    library_versions: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    seed: int | None = None
    result: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """What the run reports of itself: counts, modularity, seconds, metrics."""

    started_at: str
    finished_at: str | None = None
    error: str | None = None


class Source(Row, table=True):
    """A document, or one source of a statement list."""

    id: str = Field(primary_key=True)
    """`content_id("src", sha256)`."""

    title: str
    name: str
    """The file's name, as a label; never a path to open."""

    format: str
    sha256: str
    authors: list[str] = Field(default_factory=list, sa_type=JSON)
    year: int | None = None
    url: str | None = None
    identifiers: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    """Such as `{"arxiv": "2506.20790"}`: scheme to value."""

    origins: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    """Where each of these fields comes from, such as `{"title": "paper.bib"}`."""

    hidden: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """What its pages hide from a reader, which was not read: `page`, `why`, `characters`,
    `example`."""

    file: str = Field(default="", index=True)
    """Stands for the place of its file; what is read from the same place later is a new version of
    it. Empty if it came from no file."""

    version: int = 1
    """How many versions of this file were read, with this one."""

    replaces: str | None = None
    """Id of the version before. But: no foreign key, for that one leaves."""

    run_id: int = Field(foreign_key="run.id")


class Section(Row, table=True):
    """A piece of a source's text under one heading; the text never changes."""

    id: str = Field(primary_key=True)
    """`content_id("sec", source_id, ordinal)`."""

    source_id: str = Field(foreign_key="source.id", index=True)
    ordinal: int
    heading: str
    level: int
    kind: str
    text: str = Field(sa_type=Text)
    pages: list[list[int]] = Field(default_factory=list, sa_type=JSON)
    """`[[char_start, page], ...]` ascending; empty where the format has no pages."""

    anchors: list[list[Any]] = Field(default_factory=list, sa_type=JSON)
    """`[[char_start, id], ...]` ascending: the ids of a web page's elements."""


class Printed(Row, table=True):
    """Where the characters of a section stand on its pages; see `kg.printed`."""

    id: str = Field(primary_key=True, foreign_key="section.id")
    lines: str = Field(sa_type=Text)


class Abbreviation(Row, table=True):
    """A short form that a source spells out: the only expansions a label may use."""

    id: str = Field(primary_key=True)
    """`content_id("abb", section_id, char_start, short)`."""

    section_id: str = Field(foreign_key="section.id", index=True)
    short: str = Field(index=True)
    long: str
    char_start: int
    char_end: int


class Reference(Row, table=True):
    """An entry of a source's list of references, and the source that it means, if we have it."""

    id: str = Field(primary_key=True)
    """`content_id("ref", section_id, char_start)`."""

    section_id: str = Field(foreign_key="section.id", index=True)
    char_start: int
    char_end: int
    text: str = Field(sa_type=Text)
    number: int | None = None
    """The number it is cited by, as in [3]; none where the list has none."""

    identifiers: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    """As in `Source`."""

    cited_id: str | None = Field(default=None, index=True)
    """The source that it means. But: no foreign key, for that one may leave, and this stays."""

    found_by: str | None = None
    """`arxiv`, `doi` or `title`: what tells which source is meant."""


class Citation(Row, table=True):
    """A sentence in which a source reports what others claim or found; no statement of its own."""

    id: str = Field(primary_key=True)
    """`content_id("cit", section_id, char_start)`."""

    section_id: str = Field(foreign_key="section.id", index=True)
    run_id: int = Field(foreign_key="run.id", index=True)
    char_start: int
    char_end: int
    quote: str = Field(sa_type=Text)
    """The source's words, verbatim."""

    page: int | None = None
    score: float = 1.0
    """How sure the extractor is that this is on the work of others, in [0, 1]."""

    references: list[str] = Field(default_factory=list, sa_type=JSON)
    """Ids of the references that it gives; empty where none could be told."""


class Statement(Row, table=True):
    """A claim or a finding, stored once however many sources make it."""

    id: str = Field(primary_key=True)
    """`content_id("stm", kind, text)`."""

    kind: StatementKind = Field(sa_type=_one_of(StatementKind), index=True)
    text: str = Field(sa_type=Text)
    """One declarative sentence in the terms of its source."""


class Mention(Row, table=True):
    """One place where a source makes a statement: its provenance.

    Invariant: `section.text[char_start:char_end] == quote`.
    """

    __table_args__ = (CheckConstraint("0 <= char_start AND char_start < char_end"),)

    id: str = Field(primary_key=True)
    """`content_id("men", statement_id, section_id, char_start)`."""

    statement_id: str = Field(foreign_key="statement.id", index=True)
    section_id: str = Field(foreign_key="section.id", index=True)
    run_id: int = Field(foreign_key="run.id", index=True)
    char_start: int
    """Offset in Unicode code points from the start of the section's text."""

    char_end: int
    """Offset one past the last code point."""

    quote: str = Field(sa_type=Text)
    """The source's words, verbatim."""

    page: int | None = None
    """Page of the first character, from 1; none where the format has no pages."""

    note: str = ""
    """What the statement does in this source, in one line; empty if nothing says."""

    score: float = 1.0
    """How sure the extractor is that this is a claim or a finding, in [0, 1]."""


class Candidate(Row, table=True):
    """A sentence that may be a claim or a finding and was not kept; no statement until it is.

    Its quote is `section.text[char_start:char_end]`.
    """

    __table_args__ = (CheckConstraint("0 <= char_start AND char_start < char_end"),)

    id: str = Field(primary_key=True)
    """`content_id("can", section_id, char_start)`."""

    section_id: str = Field(foreign_key="section.id", index=True)
    run_id: int = Field(foreign_key="run.id", index=True)
    kind: StatementKind = Field(sa_type=_one_of(StatementKind))
    """What it would be."""

    text: str = Field(sa_type=Text)
    """As in `Statement`."""

    char_start: int
    char_end: int
    page: int | None = None
    note: str = ""
    score: float
    """As in `Mention`, with the three before."""


class Relation(Row, table=True):
    """What one statement is to another, as somebody asserted it."""

    __table_args__ = (CheckConstraint("head_id <> tail_id"),)

    id: str = Field(primary_key=True)
    """`content_id("rel", kind, head_id, tail_id)`."""

    kind: RelationKind = Field(sa_type=_one_of(RelationKind), index=True)
    head_id: str = Field(foreign_key="statement.id", index=True)
    """The statement that supports, contradicts, refines, cites."""

    tail_id: str = Field(foreign_key="statement.id", index=True)
    method: str
    """Who asserted it: `person`, or the name of a model."""

    reason: str = Field(default="", sa_type=Text)
    """Why, in the words of who asserted it."""

    created_at: str


class Decision(Row, table=True):
    """One decision on which statements say the same; the groups are the replay of all of them.

    Rows are only ever added: to undo a decision is a decision, too.
    """

    id: int | None = Field(default=None, primary_key=True)
    kind: DecisionKind = Field(sa_type=_one_of(DecisionKind))
    groups: list[list[str]] = Field(default_factory=list, sa_type=JSON)
    """Ids of statements. Of a merge: each list becomes one group. Of a split: members of different
    lists are to be apart. But: no foreign keys, for a statement may be gone."""

    run_id: int | None = Field(default=None, foreign_key="run.id")
    """The merging run whose groups these are; they take the place of those of the run before. None
    if somebody decided it."""

    undoes: int | None = Field(default=None, foreign_key="decision.id")
    method: str
    """Who decided: `rule`, `person`, or the name of a model."""

    reason: str = Field(default="", sa_type=Text)
    """Why, in the words of who decided."""

    created_at: str


class Proposal(Row, table=True):
    """What a merging run takes two statements to be to each other: an offer, never evidence."""

    __table_args__ = (CheckConstraint("head_id <> tail_id"),)

    run_id: int = Field(foreign_key="run.id", primary_key=True)
    head_id: str = Field(foreign_key="statement.id", primary_key=True, index=True)
    """The statement that refines the other; the lower id where it holds both ways."""

    tail_id: str = Field(foreign_key="statement.id", primary_key=True, index=True)
    relation: str
    """As `kg.duplicates.Relation` has it."""

    cosine: float
    score: float
    """How sure it is that both say the same, in [0, 1]."""

    reasons: list[str] = Field(default_factory=list, sa_type=JSON)
    """What they disagree in, or why they count as the same, in words."""


class Embedding(Row, table=True):
    """The vector of a statement's text and note under one model."""

    statement_id: str = Field(foreign_key="statement.id", primary_key=True)
    model: str = Field(primary_key=True)
    """The embedder's name and the first digits of its weights' SHA-256."""

    text_sha256: str
    """Of the text that was embedded; another text means that the vector is out of date."""

    vector: bytes = Field(sa_type=LargeBinary)
    """float32, little endian, of length 1."""

    run_id: int = Field(foreign_key="run.id")


LAYERS = ("semantic", "concepts", "relations", "source")
"""What can tie two statements: columns of a graph, and names in its configuration."""


class Graph(Row, table=True):
    """The weighted graph that a clustering run cut, as columns of bytes.

    Row i of the columns is an edge; `head` and `tail` index `statement_ids`.
    """

    run_id: int = Field(foreign_key="run.id", primary_key=True)
    statement_ids: str = Field(sa_type=Text)
    """One id a line, ascending."""

    head: bytes = Field(sa_type=LargeBinary)
    """int32, little endian; head < tail."""

    tail: bytes = Field(sa_type=LargeBinary)
    weight: bytes = Field(sa_type=LargeBinary)
    """float32: the weighted sum of the layers."""

    layers: dict[str, float] = Field(default_factory=dict, sa_type=JSON)
    """What each layer counts for in the sum."""

    semantic: bytes = Field(sa_type=LargeBinary)
    """float32: cosine of nearest neighbours in [0, 1], or 0."""

    concepts: bytes = Field(sa_type=LargeBinary)
    """float32: similarity by shared concepts in [0, 1], or 0."""

    relations: bytes = Field(default=b"", sa_type=LargeBinary)
    """float32: how strongly the relations that were asserted between the two statements tie
    them, by kind, in [0, 1], or 0. Empty if there are none at all."""

    source: bytes = Field(sa_type=LargeBinary)
    """float32: 1 where the two statements have a source in common, or 0."""


class Community(Row, table=True):
    """A set of statements that one clustering run put together."""

    id: str = Field(primary_key=True)
    """`<method>-run<run>-c<i>-c<j>...`: the path from the top of the hierarchy."""

    run_id: int = Field(foreign_key="run.id", index=True)
    parent_id: str | None = Field(default=None, foreign_key="community.id", index=True)
    level: int
    """0 at the top."""

    ordinal: int
    """Place among its siblings, largest first when the run was made."""

    link: str = Field(default="", index=True)
    """Permanent: `content_id("com", id)` of the first community of this identity (`kg.lineage`)."""

    stability: float | None = None
    """How well other seeds, with the ties drawn anew, find the same community, in (0, 1]
    (`kg.stability`); none where it was not measured, or not since an update changed it."""

    chance_stability: float | None = None
    """The stability that communities of a random graph with the same degrees reach; a community
    that is not above it is marked as unstable."""

    is_well_connected: bool | None = None
    """Cutting it in two takes more edges than log10 of its members (`kg.connectedness`)."""


class Membership(Row, table=True):
    """A statement belongs to its deepest community, and so to all that contain it."""

    run_id: int = Field(foreign_key="run.id", primary_key=True)
    statement_id: str = Field(foreign_key="statement.id", primary_key=True, index=True)
    community_id: str = Field(foreign_key="community.id", index=True)
    certainty: float | None = None
    """How surely it belongs there, given the community above: its agreement with cuts from other
    seeds and with the ties drawn anew, in (0, 1] (`kg.stability`)."""


class Amendment(Row, table=True):
    """What one update changed of a clustering run, and all that undoing it takes."""

    run_id: int = Field(foreign_key="run.id", primary_key=True)
    """The update."""

    clustering_run_id: int = Field(foreign_key="run.id", index=True)
    is_standing: bool
    """Whether the clustering still has these changes: no later update has undone them, and this
    one did not itself undo others."""

    added: str = Field(sa_type=Text)
    """The statements that were placed: one id a line, ascending."""

    removed: str = Field(sa_type=Text)
    """The statements that were taken out."""

    touched: dict[str, list[str]] = Field(default_factory=dict, sa_type=JSON)
    """Fingerprints of what is different, before and after, by statement (`kg.news`)."""

    edges_removed: bytes = Field(sa_type=LargeBinary)
    """Records of the columns of `Graph`, by their order; ends are places among the ids before."""

    edges_added: bytes = Field(sa_type=LargeBinary)
    """The same, with places among the ids after."""

    communities_removed: dict[str, list[dict[str, Any]]] = Field(default_factory=dict, sa_type=JSON)
    """Rows by table: the communities, and what named them."""

    communities_added: list[str] = Field(default_factory=list, sa_type=JSON)
    measured: dict[str, list[Any]] = Field(default_factory=dict, sa_type=JSON)
    """Stability and whether it is well connected, of each community whose members are others now:
    neither is known any more."""

    labels_seen: bool = False
    """Whether the labels of what it changed were seen to afterwards (`kg.labelling`)."""


class Move(Row, table=True):
    """What became of one statement's membership in an update."""

    run_id: int = Field(foreign_key="run.id", primary_key=True)
    statement_id: str = Field(primary_key=True)
    """But: no foreign key, for the statement may be gone."""

    before: str | None = None
    """The deepest community that held it; none if it is new."""

    after: str | None = None
    """The one that holds it; none if it was taken out."""

    certainty_before: float | None = None
    certainty_after: float | None = None


class PhraseBlock(Row, table=True):
    """The phrases of the statements that a run met for the first time, as numbers."""

    run_id: int = Field(foreign_key="run.id", primary_key=True)
    statement_ids: str = Field(sa_type=Text)
    """One id a line."""

    counts: bytes = Field(sa_type=LargeBinary)
    """int32, little endian: how many phrases each statement has."""

    keys: bytes = Field(sa_type=LargeBinary)
    """uint64, little endian: 64 bits of the BLAKE2b of each phrase."""

    lengths: bytes = Field(sa_type=LargeBinary)
    """float64, little endian: length of each statement's vector of concepts."""


class Label(Row, table=True):
    """The name and description that a labelling run gave a community."""

    community_id: str = Field(foreign_key="community.id", primary_key=True)
    run_id: int = Field(foreign_key="run.id", primary_key=True)
    label: str
    description: str
    model: str
    """Who named it: the labeller, or its language model."""

    support: list[str] = Field(default_factory=list, sa_type=JSON)
    """Ids of the members that the name and the description rest on, as the labeller says."""

    refusals: list[str] = Field(default_factory=list, sa_type=JSON)
    """A reason for each draft that was refused before; whose, the run's method says."""


class Artifact(Row, table=True):
    """A file that a run wrote beside the database."""

    run_id: int = Field(foreign_key="run.id", primary_key=True)
    path: str = Field(primary_key=True)
    """Relative to the artifacts folder of the database."""

    sha256: str


class Subcomponent(Row, table=True):
    """A rank-one part of one weight matrix, as a row; its tensors are in the artifacts."""

    id: str = Field(primary_key=True)
    """`run<run>:<matrix>:<index>`."""

    run_id: int = Field(foreign_key="run.id", index=True)
    matrix: str
    """Module path of the weight matrix in the target."""

    index: int
    mean_importance: float
    """Mean causal importance over the target's data, in [0, 1]."""

    is_alive: bool
    norm: float
    """Frobenius norm of the rank-one matrix."""

    top_inputs: list[str] = Field(default_factory=list, sa_type=JSON)
    """Where it matters most, in the target's terms."""


class Prediction(Row, table=True):
    """What a statement predicts of a measurement, stored before it is made."""

    id: str = Field(primary_key=True)
    statement_id: str = Field(foreign_key="statement.id", index=True)
    experiment: str
    decomposition_run_id: int | None = Field(default=None, foreign_key="run.id")
    """None if the measurement is made elsewhere; the run's configuration then says on what."""

    run_id: int = Field(foreign_key="run.id")
    side: Side = Field(sa_type=_one_of(Side))
    threshold: float
    unit: str
    sentence: str
    """The prediction in words."""

    created_at: str


class Evidence(Row, table=True):
    """What one experiment measured, and the stance that follows from the prediction."""

    __table_args__ = (CheckConstraint("low <= value AND value <= high"),)

    id: str = Field(primary_key=True)
    statement_id: str = Field(foreign_key="statement.id", index=True)
    prediction_id: str = Field(foreign_key="prediction.id", unique=True)
    run_id: int = Field(foreign_key="run.id", index=True)
    stance: Stance = Field(sa_type=_one_of(Stance))
    reason: str
    """The rule's words for the stance."""

    value: float
    low: float
    high: float
    """Bounds of the 95 % interval."""

    n: int
    """Sample size; the experiment says of what."""

    unit: str
    controls: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """`name, value, low, high, n` of each control, measured like the value."""

    details: dict[str, float] = Field(default_factory=dict, sa_type=JSON)
    subcomponents: list[str] = Field(default_factory=list, sa_type=JSON)
    """Ids of the subcomponents that the measurement touched."""

    withdrawn_at: str | None = None
    """When somebody said that it does not count; it stays in the ledger. None if it counts."""

    withdrawn_by: str = ""
    withdrawn_because: str = ""
    created_at: str
