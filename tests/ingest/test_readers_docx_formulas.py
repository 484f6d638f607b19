"""Word's formulas as TeX source."""

import pytest
from lxml import etree

from ingest.readers.docx_formulas import tex_of

SPACE = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def _tex(inside: str) -> str:
    return tex_of(etree.fromstring(f'<m:oMath xmlns:m="{SPACE}">{inside}</m:oMath>'))


def _r(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


def _in(name: str, text: str) -> str:
    return f"<m:{name}>{_r(text)}</m:{name}>"


@pytest.mark.parametrize(
    ("formula", "tex"),
    [
        (_r("x") + _r("=2"), "x=2"),
        (f"<m:f>{_in('num', '2PR')}{_in('den', 'P+R')}</m:f>", r"\frac{2PR}{P+R}"),
        (f"<m:sSub>{_in('e', 'x')}{_in('sub', 'i')}</m:sSub>", "x_i"),
        (f"<m:sSup>{_in('e', 'x')}{_in('sup', '10')}</m:sSup>", "x^{10}"),
        (f"<m:sSubSup>{_in('e', 'x')}{_in('sub', 'i')}{_in('sup', '2')}</m:sSubSup>", "x_i^2"),
        (f"<m:rad><m:deg/>{_in('e', 'n')}</m:rad>", r"\sqrt{n}"),
        (f"<m:rad>{_in('deg', '3')}{_in('e', 'n')}</m:rad>", r"\sqrt[3]{n}"),
        (f"<m:d>{_in('e', 'a')}{_in('e', 'b')}</m:d>", "(a|b)"),
        (
            f'<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val=""/></m:dPr>{_in("e", "a")}</m:d>',
            "[a",
        ),
        (
            f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr>{_in("sub", "i=1")}{_in("sup", "n")}'
            f"{_in('e', 'x')}</m:nary>",
            "∑_{i=1}^n x",
        ),
        (f"<m:func>{_in('fName', 'log')}{_in('e', 'p')}</m:func>", "log p"),
        (f"<m:acc>{_in('e', 'y')}</m:acc>", "y"),
    ],
)
def test_each_shape_becomes_its_tex(formula: str, tex: str):
    assert _tex(formula) == tex
