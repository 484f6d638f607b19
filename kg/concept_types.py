"""What a concept can be. By itself, so that the command line knows it without loading more."""

from enum import StrEnum


class ConceptType(StrEnum):
    """What a concept is."""

    METHOD = "method"
    MODEL = "model"
    DATASET = "dataset"
    PHENOMENON = "phenomenon"
