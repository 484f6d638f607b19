"""A source as an entry for a bibliography, in BibTeX.

Nothing says where a source was published, so what has no ISBN is `@misc`. Formulas in a title
stay as they are; elsewhere the characters that TeX reads as commands are escaped.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

_FORMULA = re.compile(r"(\$[^$]*\$)")
_COMMANDS = re.compile(r"(?<!\\)([&%#_])")
_SKIPPED = frozenset({"a", "an", "the", "on", "in", "of", "for", "to"})


def bibtex_of(
    title: str,
    authors: Sequence[str],
    year: int | None,
    url: str | None,
    identifiers: Mapping[str, str],
) -> str:
    """Return the entry of a source; the same of the same, whatever else is stored."""
    kind = "book" if "isbn" in identifiers else "misc"
    fields = {
        "title": f"{{{_escaped(title)}}}",
        "author": " and ".join(_escaped(author) for author in authors),
        "year": str(year or ""),
        "doi": identifiers.get("doi", ""),
        "isbn": identifiers.get("isbn", ""),
        "eprint": identifiers.get("arxiv", ""),
        "archiveprefix": "arXiv" if "arxiv" in identifiers else "",
        "url": url or "",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{_key(title, authors, year)},", *lines, "}"])


def _key(title: str, authors: Sequence[str], year: int | None) -> str:
    """Return the family name of the first author, the year, and the first word that says much."""
    family = _plain(authors[0].split(",")[0].split()[-1:] if authors else [])
    words = [_plain([word]) for word in _FORMULA.sub(" ", title).split()]
    telling = next((word for word in words if word and word not in _SKIPPED), "")
    return f"{family}{year or ''}{telling}" or "source"


def _plain(words: Sequence[str]) -> str:
    letters = unicodedata.normalize("NFKD", "".join(words)).casefold()
    return "".join(letter for letter in letters if letter.isascii() and letter.isalnum())


def _escaped(text: str) -> str:
    parts = _FORMULA.split(" ".join(text.split()).replace("{", "").replace("}", ""))
    return "".join(
        part if place % 2 else _COMMANDS.sub(r"\\\1", part) for place, part in enumerate(parts)
    )
