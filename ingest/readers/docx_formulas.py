r"""Word's formulas as TeX source, as inline formulas are kept in every other format.

Office MathML (ECMA-376, part 1, section 22.1) is a tree. Fractions, scripts, roots, brackets and
sums become the TeX for them; from any other element the characters are taken in a row, since a
formula without its accent can be recognised, and a sentence with a hole cannot be quoted.
"""

from collections.abc import Callable

from lxml import etree

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"


def tex_of(element: etree._Element) -> str:
    """Return a formula, or a part of one, as TeX."""
    name = str(element.tag).removeprefix(MATH)
    if name == "t":
        return element.text or ""
    if name in _SHAPES:
        return _SHAPES[name](element)
    return "".join(tex_of(child) for child in element.iterchildren("*"))


def _part(element: etree._Element, name: str) -> str:
    """Return a child as TeX; empty where there is none."""
    found = element.find(f"{MATH}{name}")
    return "" if found is None else tex_of(found)


def _script(mark: str, text: str) -> str:
    if not text:
        return ""
    return f"{mark}{text}" if len(text) == 1 else f"{mark}{{{text}}}"


def _scripts(element: etree._Element) -> str:
    scripts = _script("_", _part(element, "sub")) + _script("^", _part(element, "sup"))
    return _part(element, "e") + scripts


def _fraction(element: etree._Element) -> str:
    return rf"\frac{{{_part(element, 'num')}}}{{{_part(element, 'den')}}}"


def _root(element: etree._Element) -> str:
    degree = _part(element, "deg")
    return rf"\sqrt{f'[{degree}]' if degree else ''}{{{_part(element, 'e')}}}"


def _brackets(element: etree._Element) -> str:
    inside = (tex_of(part) for part in element.iterfind(f"{MATH}e"))
    between = _sign(element, "dPr", "sepChr", "|").join(inside)
    return _sign(element, "dPr", "begChr", "(") + between + _sign(element, "dPr", "endChr", ")")


def _sum(element: etree._Element) -> str:
    scripts = _script("_", _part(element, "sub")) + _script("^", _part(element, "sup"))
    return f"{_sign(element, 'naryPr', 'chr', '∫')}{scripts} {_part(element, 'e')}"


def _function(element: etree._Element) -> str:
    return f"{_part(element, 'fName')} {_part(element, 'e')}"


def _sign(element: etree._Element, properties: str, name: str, default: str) -> str:
    """Return the sign that a shape is drawn with."""
    found = element.find(f"{MATH}{properties}/{MATH}{name}")
    return default if found is None else found.get(f"{MATH}val", "")


_SHAPES: dict[str, Callable[[etree._Element], str]] = {
    "d": _brackets,
    "f": _fraction,
    "func": _function,
    "nary": _sum,
    "rad": _root,
    "sSub": _scripts,
    "sSubSup": _scripts,
    "sSup": _scripts,
}
