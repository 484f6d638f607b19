"""What a user can do wrong, as one small family of exceptions.

The command line prints the message and exits with 1; the web answers with the status that
`api.app` gives the class. Our own mistakes are assertions, a document's are values
(`Refusal`).
"""


class KnowledgeGraphError(Exception):
    """Something the user asked for cannot be done; the message says what, where and what to do."""


class NotFoundError(KnowledgeGraphError):
    """No row has this id."""


class DocumentError(KnowledgeGraphError):
    """A file cannot be read; the message names the file and the place in it."""


class DatabaseError(KnowledgeGraphError):
    """The database is missing, damaged, of another version, or written by another process."""


class ConfigError(KnowledgeGraphError):
    """A name or a number that the user gave is not one that we have."""


class ModelError(KnowledgeGraphError):
    """Weights are missing, or are not the ones they claim to be."""


class LanguageModelError(KnowledgeGraphError):
    """A language model cannot be reached, or will not be asked; the message says by which name."""


class ReplyError(LanguageModelError):
    """A language model was asked, and did not answer in the form that was asked for."""


class BudgetError(LanguageModelError):
    """The tokens that may be spent are spent; what was answered so far is kept."""
