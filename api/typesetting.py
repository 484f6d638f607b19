r"""Formulas in the text of a statement, as the page shows them.

Readers of LaTeX, Markdown and web pages keep formulas between dollars as the author wrote them. A
page shows them in MathML, which browsers draw by themselves; what is no formula, or none that can
be drawn, stays as it is written. Quotes are verbatim and never typeset.

A dollar opens a formula if something follows it at once, and closes one if something stands right
before it. Between "$5 and $10" there is none: the closing dollar is followed by a digit, and the
formula has no command (pandoc's rule for dollars, but "$\sim$30" is written so often that a command
is enough).
"""

import re
from functools import lru_cache
from html import unescape
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element
from markupsafe import Markup, escape

_FORMULA = re.compile(
    r"(?<![\\$])\$(?![\s$])(?:([^$]*\\[A-Za-z%,;{}][^$]*?)|([^$]*?[^$\\\s]))(?<![\\\s])\$(?(2)(?!\d)|)"
)
_NUMBER = re.compile(r"[\d.,/%]+")
_LONGEST = 500
_MATHML = """
math mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup mtable
mtd mtext mtr munder munderover
"""
_LOOKS = """
accent columnalign display displaystyle fence form lspace mathvariant maxsize minsize movablelimits
rspace scriptlevel separator stretchy width
"""
_ELEMENTS = frozenset(_MATHML.split())
_ATTRIBUTES = frozenset(_LOOKS.split())


def typeset(text: str) -> Markup:
    """Return a text as HTML, its formulas as MathML."""
    shown, at = Markup(), 0
    for found in _FORMULA.finditer(text):
        shown += escape(text[at : found.start()])
        shown += _mathml(found[1] or found[2]) or escape(found[0])
        at = found.end()
    return shown + escape(text[at:])


@lru_cache(maxsize=4096)
def _mathml(formula: str) -> Markup | None:
    """Return a formula as MathML; none if it cannot be drawn, or not in full.

    A number needs no formula and is text.
    """
    if _NUMBER.fullmatch(plain := formula.replace(r"\%", "%")):
        return escape(plain)
    if len(formula) > _LONGEST:
        return None
    try:
        drawn = convert_to_element(formula)
    except Exception:  # noqa: BLE001 - whatever it does not understand: the formula stays as written
        return None
    for element in drawn.iter():
        if element.tag not in _ELEMENTS or "\\" in (element.text or ""):
            return None
        element.text = unescape(element.text) if element.text else None
        for name in element.attrib.keys() - _ATTRIBUTES:
            del element.attrib[name]
    drawn.set("alttext", formula)
    return Markup(ElementTree.tostring(drawn, encoding="unicode"))  # noqa: S704 - allowed tags, escaped
