"""What the tests of `kg` share: a database in memory, real sentences, and the real MiniLM."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest
from pydantic import BaseModel
from sqlalchemy import Engine

from kg.db import open_engine, writing
from kg.embedders import Embedder, open_embedder
from kg.runs import recording, succeed
from kg.sources import SectionDraft, SourceDraft, add_source, section_id
from kg.statements import MentionDraft, add_mentions
from kg.tables import RunKind, StatementKind


class Said(NamedTuple):
    """A statement as a source makes it."""

    source: str
    kind: StatementKind
    text: str
    note: str = ""


CLAIM, FINDING = StatementKind.CLAIM, StatementKind.FINDING

STATEMENTS = (
    Said(
        "Dictionaries, revisited",
        CLAIM,
        "Sparse autoencoders split one feature into many as the dictionary grows",
        "Names the fault that the rest of the article is about.",
    ),
    Said(
        "Dictionaries, revisited",
        FINDING,
        "Half of the dead latents of a sparse autoencoder come back after resampling",
    ),
    Said(
        "Dictionaries, revisited",
        FINDING,
        "Doubling the dictionary of a sparse autoencoder cuts the reconstruction error by a tenth",
    ),
    Said(
        "Dictionaries, revisited",
        CLAIM,
        "Feature splitting makes the latents of a sparse autoencoder hard to compare across sizes",
    ),
    Said(
        "Notes on induction",
        FINDING,
        "Induction heads appear in the second layer of every transformer that we trained",
    ),
    Said(
        "Notes on induction",
        CLAIM,
        "Induction heads cause most of in-context learning in small transformers",
        "The main claim of the notes.",
    ),
    Said(
        "Notes on induction",
        FINDING,
        "Removing the induction heads doubles the loss on repeated tokens",
    ),
    Said(
        "Notes on induction",
        FINDING,
        "A previous-token head in the first layer feeds each of the induction heads",
    ),
    Said(
        "What weights say",
        CLAIM,
        "Weights are a better place to look for mechanisms than activations",
        "Motivates the decomposition of parameters.",
    ),
    Said(
        "What weights say",
        FINDING,
        "Parameter decomposition recovers the five rank-one mechanisms of a toy model",
    ),
    Said(
        "What weights say",
        CLAIM,
        "Parameter decomposition avoids feature splitting, which troubles every sparse autoencoder",
    ),
    Said(
        "What weights say",
        FINDING,
        "Ablating one rank-one subcomponent of the toy model leaves the other mechanisms unchanged",
    ),
    Said(
        "What probes read",
        FINDING,
        "A linear probe reads the tense of a verb from the sixth layer onwards",
    ),
    Said(
        "What probes read",
        CLAIM,
        "That a linear probe finds tense does not show that the model uses tense",
    ),
    Said(
        "What probes read",
        FINDING,
        "Erasing the direction of a linear probe leaves the predicted tense as it was",
    ),
    Said(
        "Notes on induction",
        FINDING,
        "Attention heads that copy names move the name of the indirect object to the end",
    ),
    Said(
        "Notes on induction",
        CLAIM,
        "Copying heads and induction heads share most of their weights",
    ),
    Said(
        "Notes on induction",
        FINDING,
        "Mean ablation of three copying heads destroys the prediction of the name",
    ),
    Said(
        "Dictionaries, revisited",
        FINDING,
        "Dead latents become rare when the learning rate of the autoencoder is warmed up",
    ),
    Said(
        "Dictionaries, revisited",
        CLAIM,
        "A lower sparsity penalty trades dead latents for dense ones",
    ),
    Said(
        "What weights say",
        CLAIM,
        "The faithfulness loss keeps the sum of all subcomponents equal to the weights",
    ),
    Said(
        "What weights say",
        FINDING,
        "Without a faithfulness loss the subcomponents drift away from the weights",
    ),
)


class NoConfig(BaseModel):
    """A configuration without settings."""


def fill(engine: Engine, statements: Sequence[Said] = STATEMENTS) -> list[str]:
    """Store statements in this order, each source as one section; returns their ids in order."""
    with (
        recording(engine, RunKind.INGESTION, "test", NoConfig()) as run_id,
        writing(engine) as session,
    ):
        identifiers: dict[Said, str] = {}
        for title in dict.fromkeys(said.source for said in statements):
            of_source = [said for said in statements if said.source == title]
            text = "\n".join(said.text for said in of_source)
            section = SectionDraft(heading="", level=0, kind="body", text=text)
            draft = SourceDraft(
                title=title, name=title, format="text", sha256=title, sections=[section]
            )
            place = section_id(add_source(session, draft, run_id), 0)
            drafts = [
                MentionDraft(
                    kind=said.kind,
                    text=said.text,
                    section_id=place,
                    char_start=text.index(said.text),
                    char_end=text.index(said.text) + len(said.text),
                    quote=said.text,
                    note=said.note,
                )
                for said in of_source
            ]
            identifiers.update(zip(of_source, add_mentions(session, drafts, run_id), strict=True))
        succeed(session, run_id, {})
    return [identifiers[said] for said in statements]


@pytest.fixture
def engine() -> Engine:
    return open_engine(None)


@pytest.fixture
def fill_database() -> Callable[..., list[str]]:
    """`fill`, for tests that store statements of their own or in an order of their own."""
    return fill


@pytest.fixture(scope="session")
def minilm() -> Embedder:
    """The real MiniLM, loaded once."""
    return open_embedder("minilm")
