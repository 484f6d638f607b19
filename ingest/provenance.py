r"""Every statement quotes its section verbatim, or is refused with a reason.

A quote proposed by an extractor, a statement list or a language model counts only if the section
contains it. Two steps decide, and there is no third that would guess:

1. *Exact*: the section's text has these very characters, at the span that the extractor gave,
   else at the first place where they occur.
2. *White space*: the quote and the text agree once every run of white space counts as one space.
   The quote is then taken again from the section, with the section's own characters.

So for everything that comes out, ``section.text[span.start:span.end] == draft.quote``. This is
the text quote selector of the W3C Web Annotation Data Model (Sanderson, Ciccarese & Young 2017,
https://www.w3.org/TR/annotation-model/), without fuzzy matching.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from ingest.documents import Document, Draft, Located, Refusal, Section, Span

_SPACE = re.compile(r"\s+")


def locate_quotes(
    document: Document, drafts: Iterable[Draft]
) -> tuple[list[Located], list[Refusal]]:
    """Find each draft's quote in its section; both lists keep the drafts' order.

    Where a quote occurs more than once, the extractor's span decides, else the first place.
    """
    finders = [_QuoteFinder(section) for section in document.sections]
    located: list[Located] = []
    refused: list[Refusal] = []
    for draft in drafts:
        assert 0 <= draft.section < len(finders), f"no section {draft.section} in {document.name}"
        finder = finders[draft.section]
        if draft.refused:
            heading = finder.section.heading
            refused.append(Refusal(document.name, heading, draft.quote, draft.refused))
            continue
        span = finder.find(draft.quote, draft.span)
        if span is None:
            reason = _reason(draft, finders)
            refused.append(Refusal(document.name, finder.section.heading, draft.quote, reason))
        else:
            verbatim = replace(draft, quote=finder.section.text[span.start : span.end], span=span)
            located.append(Located(verbatim, span, finder.section.page_at(span.start)))
    return located, refused


def find_quote(section: Section, quote: str) -> Span | None:
    """Return the first place where a section says the quote, white space aside; none if nowhere."""
    return _QuoteFinder(section).find(quote, None)


class _QuoteFinder:
    """One section's text, prepared at most once for matching without regard to white space."""

    def __init__(self, section: Section) -> None:
        self.section = section

    def find(self, quote: str, seen: Span | None) -> Span | None:
        """Return where the section says the quote: at the seen span, else at the first place."""
        wanted = quote.strip()
        if not wanted:
            return None
        text = self.section.text
        if (
            seen
            and 0 <= seen.start < seen.end
            and _collapse(text[slice(*seen)]) == _collapse(wanted)
        ):
            return _stripped(text, seen)
        start = text.find(wanted)
        if start >= 0:
            return Span(start, start + len(wanted))
        return self._find_collapsed(_collapse(wanted))

    def _find_collapsed(self, wanted: str) -> Span | None:
        collapsed, offsets = self._collapsed
        start = collapsed.find(wanted)
        if start < 0:
            return None
        return Span(offsets[start], offsets[start + len(wanted) - 1] + 1)

    @cached_property
    def _collapsed(self) -> tuple[str, list[int]]:
        """The text with each run of white space as one space, and each character's old offset."""
        pieces: list[str] = []
        offsets: list[int] = []
        done = 0
        for space in _SPACE.finditer(self.section.text):
            pieces += (self.section.text[done : space.start()], " ")
            offsets += range(done, space.start() + 1)
            done = space.end()
        pieces.append(self.section.text[done:])
        offsets += range(done, len(self.section.text))
        return "".join(pieces), offsets


def _collapse(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _stripped(text: str, span: Span) -> Span:
    """Leave out the white space at either end of the span."""
    piece = text[span.start : span.end]
    start = span.start + len(piece) - len(piece.lstrip())
    return Span(start, start + len(piece.strip()))


def _reason(draft: Draft, finders: list[_QuoteFinder]) -> str:
    """Say what is wrong with a quote that was not found, and where it stands if elsewhere."""
    if not draft.quote.strip():
        return "the quote is empty"
    for finder in finders:
        if finder.find(draft.quote, None) is not None:
            return f"the section does not contain this quote; {_place(finder.section)} does"
    return "the section does not contain this quote, nor does any other"


def _place(section: Section) -> str:
    return (
        f'section "{section.heading}"' if section.heading else "the text before the first heading"
    )
