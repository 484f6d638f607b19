"""Formulas in statements and headings, as the page shows them (`kg.formulas` finds them).

A page shows them in MathML, which browsers draw by themselves; what is no formula, or none that can
be drawn, stays as it is written. Quotes are verbatim and never typeset.
"""

import re
from functools import lru_cache
from xml.etree import ElementTree

from markupsafe import Markup, escape

from kg.formulas import mathml, with_formulas

_NUMBER = re.compile(r"[\d.,/%]+")
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
    return Markup().join(with_formulas(text, escape, _drawn))


@lru_cache(maxsize=4096)
def _drawn(formula: str) -> Markup:
    """Return a formula as MathML; as it is written if it cannot be drawn, or not in full.

    A number needs no formula and is text.
    """
    if _NUMBER.fullmatch(plain := formula.replace(r"\%", "%")):
        return escape(plain)
    found = mathml(formula)
    if found is None or any(element.tag not in _ELEMENTS for element in found.iter()):
        return escape(f"${formula}$")
    for element in found.iter():
        for name in element.attrib.keys() - _ATTRIBUTES:
            del element.attrib[name]
    found.set("alttext", formula)
    return Markup(ElementTree.tostring(found, encoding="unicode"))  # noqa: S704 - allowed tags, escaped
