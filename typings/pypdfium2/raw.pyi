from ctypes import Array, Structure, c_char, c_double, c_int, c_uint
from ctypes import _Pointer as Pointer

class FPDF_TEXTPAGE: ...
class fpdf_pageobject_t__(Structure): ...

class FS_MATRIX(Structure):
    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

FPDF_ERR_PASSWORD: int
FPDF_ERR_SECURITY: int
FPDF_TEXTRENDERMODE_INVISIBLE: int
FPDF_TEXTRENDERMODE_CLIP: int

def FPDFText_GetUnicode(page: FPDF_TEXTPAGE, index: int, /) -> int: ...
def FPDFText_IsGenerated(page: FPDF_TEXTPAGE, index: int, /) -> int: ...
def FPDFText_GetFontSize(page: FPDF_TEXTPAGE, index: int, /) -> float: ...
def FPDFText_GetMatrix(page: FPDF_TEXTPAGE, index: int, matrix: FS_MATRIX, /) -> int: ...
def FPDFText_GetCharBox(
    page: FPDF_TEXTPAGE,
    index: int,
    left: c_double,
    right: c_double,
    bottom: c_double,
    top: c_double,
    /,
) -> int: ...
def FPDFText_GetFillColor(
    page: FPDF_TEXTPAGE, index: int, r: c_uint, g: c_uint, b: c_uint, a: c_uint, /
) -> int: ...
def FPDFText_GetFontInfo(
    page: FPDF_TEXTPAGE, index: int, buffer: Array[c_char], length: int, flags: c_int, /
) -> int: ...
def FPDFText_GetTextObject(page: FPDF_TEXTPAGE, index: int, /) -> Pointer[fpdf_pageobject_t__]: ...
def FPDFTextObj_GetTextRenderMode(text: Pointer[fpdf_pageobject_t__], /) -> int: ...
def FPDFTextObj_GetFont(text: Pointer[fpdf_pageobject_t__], /) -> int: ...
