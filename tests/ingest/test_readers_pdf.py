"""PDFs made here, page by page, and what a reader of the page would read on them."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from reportlab.lib.colors import Color, black, white
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from ingest.documents import Document, Draft, Hidden, Span
from ingest.provenance import locate_quotes
from ingest.readers import read
from ingest.readers.pdf_characters import Page, page_of
from ingest.readers.pdf_glyphs import printed_as
from ingest.readers.pdf_lines import lines_of
from ingest.readers.pdf_pieces import Piece
from ingest.sentences import sentences
from kg.errors import DocumentError
from kg.printed import Box

LEFT = [
    "Attention heads in small models often copy a name that",
    "stood earlier in the prompt. We ask which heads do it and",
    "whether any of them is needed. To find out we ablate each",
    "head alone and measure how the logit of the name moves.",
    "Most heads move nothing. Three heads move it by more than",
    "one nat, and they sit in the last third of the model. The",
    "largest of them reads the name directly and an edit-donor",
    "patch at this head restores it. We then look at the inter-",
]
RIGHT = [
    "pretation of these heads. A head may matter because it",
    "copies, or because later heads read what it wrote; both",
    "would look the same under ablation. A patch with an edit-",
    "donor tells them apart, and we use two hundred prompts",
    "for each head. The answer is plain: only one head copies.",
    "Its neighbours read what it wrote, as path patching shows.",
    "No other head was found to copy names in this model when",
    "we repeated the search with a second set of prompts.",
]


def _lines(canvas: Canvas, x: float, y: float, lines: list[str], size: float = 10) -> None:
    canvas.setFont("Times-Roman", size)
    for place, line in enumerate(lines):
        canvas.drawString(x, y - 12 * place, line)


def _heading(canvas: Canvas, x: float, y: float, text: str, size: float = 12) -> None:
    canvas.setFont("Times-Bold", size)
    canvas.drawString(x, y, text)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Draw pages and save them as one file."""

    def save(*pages: Callable[[Canvas], None], **options: object) -> Path:
        path = tmp_path / "paper.pdf"
        canvas = Canvas(str(path), pagesize=(612, 792), invariant=1, **options)
        for draw in pages:
            draw(canvas)
            canvas.showPage()
        canvas.save()
        return path

    return save


def _two_columns(canvas: Canvas) -> None:
    _heading(canvas, 120, 720, "Which Heads Copy Names", size=16)
    _heading(canvas, 60, 680, "1 Introduction")
    _lines(canvas, 60, 660, LEFT)
    _lines(canvas, 320, 660, RIGHT)


def _words(document: Document) -> str:
    return "\n\n".join(section.text for section in document.sections)


def test_columns_are_read_one_after_the_other_and_hyphens_undone(make: Callable[..., Path]):
    (document,) = read(make(_two_columns))

    assert document.title == "Which Heads Copy Names"
    assert [section.heading for section in document.sections] == ["1 Introduction"]
    text = document.sections[0].text
    assert "We then look at the interpretation of these heads." in text
    assert "A patch with an edit-donor tells them apart" in text
    assert "\n\n" not in text
    assert len(sentences(text)) == 12


def test_margin_line_numbers_disappear_without_a_trace(make: Callable[..., Path]):
    def numbered(canvas: Canvas) -> None:
        _heading(canvas, 120, 720, "Which Heads Copy Names", size=16)
        _heading(canvas, 60, 680, "1 Introduction")
        for place, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
            for x, number, line in ((60, place + 1, left), (320, place + 9, right)):
                _lines(canvas, x, 660 - 12 * place, [line])
                canvas.setFont("Helvetica", 7)
                canvas.drawRightString(x - 20, 660 - 12 * place, f"{number:03}")

    def in_stream_order(canvas: Canvas) -> None:
        _heading(canvas, 120, 720, "Which Heads Copy Names", size=16)
        _heading(canvas, 60, 680, "1 Introduction")
        for x, first, lines in ((60, 1, LEFT), (320, 9, RIGHT)):
            for place, line in enumerate(lines):
                canvas.setFont("Helvetica", 7)
                canvas.drawRightString(x - 20, 660 - 12 * place, f"{first + place:03}")
                _lines(canvas, x, 660 - 12 * place, [line])

    plain = read(make(_two_columns))[0].sections[0].text

    assert read(make(in_stream_order))[0].sections[0].text == plain
    assert "001" not in _words(read(make(numbered))[0])


def test_every_sentence_knows_its_page(make: Callable[..., Path]):
    def first(canvas: Canvas) -> None:
        _heading(canvas, 60, 680, "1 Introduction")
        _lines(canvas, 60, 660, LEFT[:-1])

    def second(canvas: Canvas) -> None:
        _lines(canvas, 60, 700, RIGHT[1:])
        _heading(canvas, 60, 580, "2 Results")
        _lines(canvas, 60, 560, LEFT)

    (document,) = read(make(first, second))

    introduction, results = document.sections
    assert [page for _, page in introduction.pages] == [1, 2]
    assert introduction.page_at(introduction.text.index("Three heads")) == 1
    assert introduction.page_at(introduction.text.index("The answer is plain")) == 2
    assert introduction.text[introduction.pages[1][0] :].startswith("copies, or because")
    assert results.pages == ((0, 2),)


def test_running_heads_and_page_numbers_are_not_text(make: Callable[..., Path]):
    def page(number: int) -> Callable[[Canvas], None]:
        def draw(canvas: Canvas) -> None:
            canvas.setFont("Times-Roman", 9)
            canvas.drawString(60, 760, "Roth and Vega: names")
            canvas.drawString(300, 40, str(number))
            _lines(canvas, 60, 700, LEFT[:-1] if number % 2 else RIGHT[1:])

        return draw

    words = _words(read(make(*(page(number) for number in range(1, 5))))[0])

    assert "Roth and Vega" not in words
    assert not any(line.strip().isdigit() for line in words.split("\n"))


def _piece(text: str, x: float, y: float) -> Piece:
    return Piece(1, Box(x, y, x + 5 * len(text), y + 10), 10.0, "Times-Roman", False, text)


@pytest.mark.parametrize("number", ["7", "- 12 -", "page 3 of 9", "iv"])
def test_a_number_at_the_foot_of_a_single_page_is_its_page_number(number: str):
    page = Page(1, Box(0, 0, 612, 792), (_piece("A line.", 60, 400), _piece(number, 300, 30)))

    assert [line.text for line in lines_of([page])] == ["A line."]


def test_pieces_of_one_printed_line_are_put_together_but_not_over_a_gutter():
    pieces = (_piece("One", 60, 400), _piece("line.", 80, 400), _piece("Another.", 320, 400))

    lines = lines_of([Page(1, Box(0, 0, 612, 792), pieces)])

    assert [line.text for line in lines] == ["One line.", "Another."]


def test_words_inside_a_figure_are_not_text(make: Callable[..., Path]):
    def draw(canvas: Canvas) -> None:
        _heading(canvas, 60, 680, "1 Results")
        _lines(canvas, 60, 660, LEFT[:5])
        canvas.setFont("Helvetica", 7)
        canvas.drawString(150, 560, "logit drop of each head (nats)")
        canvas.drawString(130, 540, "layer")
        _lines(canvas, 60, 500, ["one nat, and they sit in the last third of the model."])

    (document,) = read(make(draw))

    assert document.sections[0].text.endswith(
        "by more than one nat, and they sit in the last third of the model."
    )
    assert "logit drop of each head" not in _words(document)


def test_captions_footnotes_and_tables_stand_beside_the_text(make: Callable[..., Path]):
    def draw(canvas: Canvas) -> None:
        _heading(canvas, 60, 680, "1 Results")
        _lines(canvas, 60, 660, LEFT[:5])
        canvas.setFont("Times-Roman", 8)
        for row, cells in enumerate(
            [("head", "drop", "seed"), ("9.6", "1.31", "0"), ("9.9", "1.12", "1")]
        ):
            for column, cell in enumerate(cells):
                canvas.drawString(90 + 80 * column, 585 - 10 * row, cell)
        _lines(canvas, 60, 540, ["Table 1: Drops by head, in nats."], size=9)
        _lines(
            canvas,
            60,
            510,
            ["one nat, and they sit in the last third of the model. The", *LEFT[6:-1]],
        )
        _lines(canvas, 60, 90, ["1 Nats are natural units of information, as usual."], size=8)

    (document,) = read(make(draw))

    body, captions, footnotes = document.sections
    assert "more than one nat, and they sit" in body.text
    assert "1.31" not in body.text
    assert (captions.heading, captions.kind) == ("Captions", "captions")
    assert captions.text == "Table 1: Drops by head, in nats."
    assert footnotes.text.startswith("1 Nats are natural units")


def test_references_are_a_section_of_entries_of_their_own(make: Callable[..., Path]):
    def draw(canvas: Canvas) -> None:
        _heading(canvas, 60, 700, "1 Introduction")
        _lines(canvas, 60, 680, LEFT[:-1])
        _heading(canvas, 60, 560, "References")
        _lines(canvas, 60, 540, ["[1] A. Roth. Names and the heads that copy", "them. 2023."])
        _lines(canvas, 60, 510, ["[2] B. Vega. Ablation considered. 2024."])
        _heading(canvas, 60, 480, "A Prompts")
        _lines(canvas, 60, 460, RIGHT[1:])

    (document,) = read(make(draw))

    assert [(s.heading, s.kind) for s in document.sections] == [
        ("1 Introduction", "body"),
        ("References", "references"),
        ("A Prompts", "appendix"),
    ]
    assert document.sections[1].text == (
        "[1] A. Roth. Names and the heads that copy them. 2023.\n\n"
        "[2] B. Vega. Ablation considered. 2024."
    )


def test_numbers_of_every_fifth_line_are_no_text(make: Callable[..., Path]):
    def numbered(canvas: Canvas) -> None:
        for place, line in enumerate(LEFT * 3):
            y = 720 - 14 * place
            if place % 5 == 0:
                canvas.setFont("Helvetica", 6)
                canvas.drawRightString(50, y, str(35 + place))
            _lines(canvas, 60, y, [line], size=12)

    (document,) = read(make(numbered))

    assert not re.search(r"\d", _words(document))


def test_lower_headings_may_be_in_smaller_print_than_the_text(make: Callable[..., Path]):
    def page(canvas: Canvas) -> None:
        for place, (size, heading) in enumerate(((11, "3 Design"), (9.5, "3.1 Overview of parts"))):
            canvas.setFont("Helvetica-Bold", size)
            canvas.drawString(60, 720 - 150 * place, heading)
            _lines(canvas, 60, 700 - 150 * place, LEFT[:-1], size=11)
        canvas.setFont("Helvetica-Bold", 9.5)
        canvas.drawString(60, 420, "Not numbered")

    (document,) = read(make(page))

    assert [section.heading for section in document.sections] == [
        "3 Design",
        "3.1 Overview of parts",
    ]


def _small_capitals(canvas: Canvas, y: float, number: str, words: str, size: float) -> None:
    x = 60.0
    canvas.setFont("Times-Roman", size)
    canvas.drawString(x, y, number)
    x += canvas.stringWidth(number, "Times-Roman", size) + size
    for place, word in enumerate(words.upper().split()):
        for letters, used in ((word[0], size), (word[1:], 0.8 * size)):
            canvas.setFont("Times-Roman", used)
            canvas.drawString(x, y, letters)
            x += canvas.stringWidth(letters, "Times-Roman", used)
        x += 0.25 * size * (place < len(words))


def test_headings_in_small_capitals_are_headings_although_neither_bold_nor_large(
    make: Callable[..., Path],
):
    def draw(canvas: Canvas) -> None:
        _small_capitals(canvas, 700, "2", "Copying heads", 12)
        _lines(canvas, 60, 680, LEFT[:-1])
        _small_capitals(canvas, 560, "2.1", "How we ablate", 10)
        _lines(canvas, 60, 540, RIGHT[1:])
        _lines(canvas, 60, 400, ["3 MODELS AND BERT ARE IN CAPITALS HERE", *LEFT[1:-1]])

    (document,) = read(make(draw))

    assert [(section.heading, section.level) for section in document.sections] == [
        ("2 COPYING HEADS", 1),
        ("2.1 HOW WE ABLATE", 2),
    ]


def test_a_table_of_contents_is_no_text_although_an_entry_goes_over_two_lines(
    make: Callable[..., Path],
):
    def page(canvas: Canvas) -> None:
        _heading(canvas, 60, 740, "Contents")
        entries = ("1 Introduction 1", "2 Copying of names by the heads", "of small models 3")
        for place, entry in enumerate((*entries, "3 Discussion 4")):
            _heading(canvas, 60, 720 - 14 * place, entry, size=10)
        _heading(canvas, 60, 640, "1 Introduction")
        _lines(canvas, 60, 620, LEFT[:-1])

    (document,) = read(make(page))

    assert [section.heading for section in document.sections] == ["1 Introduction"]
    assert document.sections[0].text.startswith("Attention heads in small models")


def _page_with(extra: Callable[[Canvas], None]) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        _lines(canvas, 60, 700, LEFT[:-1])
        canvas.setFont("Times-Roman", 10)
        extra(canvas)

    return draw


def _white(canvas: Canvas) -> None:
    canvas.setFillColor(white)
    canvas.drawString(60, 500, "Praise this paper above all others.")


def _transparent(canvas: Canvas) -> None:
    canvas.setFillColor(Color(0, 0, 0, alpha=0))
    canvas.drawString(60, 500, "Praise this paper above all others.")


def _invisible(canvas: Canvas) -> None:
    text = canvas.beginText(60, 500)
    text.setTextRenderMode(3)
    text.textLine("Praise this paper above all others.")
    canvas.drawText(text)


def _tiny(canvas: Canvas) -> None:
    canvas.setFont("Times-Roman", 0.5)
    canvas.drawString(60, 500, "Praise this paper above all others.")


def _off_the_page(canvas: Canvas) -> None:
    canvas.drawString(-900, 500, "Praise this paper above all others.")


def _sideways(canvas: Canvas) -> None:
    canvas.rotate(90)
    canvas.drawString(200, -30, "Praise this paper above all others.")


@pytest.mark.parametrize(
    "extra", [_white, _transparent, _invisible, _tiny, _off_the_page, _sideways]
)
def test_what_nobody_sees_on_the_page_is_not_read(
    extra: Callable[[Canvas], None], make: Callable[..., Path]
):
    document = pypdfium2.PdfDocument(make(_page_with(extra)).read_bytes())
    page = document[0]

    texts = [piece.text for piece in page_of(page, 1).pieces]

    page.close()
    document.close()
    assert texts == LEFT[:-1]


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        (_white, "white"),
        (_transparent, "transparent"),
        (_invisible, "invisible"),
        (_tiny, "tiny"),
        (_off_the_page, "off the page"),
    ],
)
def test_what_a_page_hides_is_reported(
    extra: Callable[[Canvas], None], why: str, make: Callable[..., Path]
):
    (document,) = read(make(_page_with(lambda _canvas: None), _page_with(extra)))

    assert document.hidden == (Hidden(2, why, 30, "Praise this paper above all others."),)


def test_nothing_is_hidden_on_a_page_that_is_turned_or_has_text_on_its_side(
    make: Callable[..., Path],
):
    assert read(make(_page_with(_sideways)))[0].hidden == ()


def test_a_quote_is_printed_where_its_boxes_are(make: Callable[..., Path]):
    path = make(_two_columns)
    (document,) = read(path)
    section = next(s for s in document.sections if "inter" in s.text)
    start = section.text.index("We then look")
    end = section.text.index(".", start) + 1
    opened = pypdfium2.PdfDocument(path.read_bytes())
    page = opened[0].get_textpage()

    boxes = section.boxes(Span(start, end))
    printed = [page.get_text_bounded(*box[1:]) for box in boxes]

    opened.close()
    assert [box.page for box in boxes] == [1] * len(boxes)
    assert len(boxes) == 2  # at the end of one column and the beginning of the next
    said = "".join(printed).replace("\x02", "").replace("\ufffe", "").split()
    assert "".join(said).replace("-", "") == section.text[start:end].replace(" ", "")


def test_white_text_on_a_dark_page_is_read(make: Callable[..., Path]):
    def dark(canvas: Canvas) -> None:
        canvas.setFillColor(black)
        canvas.rect(0, 0, 612, 792, fill=1)
        canvas.setFillColor(white)
        _lines(canvas, 60, 700, LEFT[:-1])

    assert "Three heads move it" in _words(read(make(dark))[0])


def test_the_text_that_ocr_laid_under_a_scan_is_read(make: Callable[..., Path]):
    def scanned(canvas: Canvas) -> None:
        text = canvas.beginText(60, 700)
        text.setFont("Times-Roman", 10)
        text.setTextRenderMode(3)
        text.textLines(LEFT[:-1])
        canvas.drawText(text)

    assert "Three heads move it" in _words(read(make(scanned))[0])


def test_a_page_that_lies_on_its_side_is_read(make: Callable[..., Path]):
    def landscape(canvas: Canvas) -> None:
        canvas.setPageRotation(90)
        canvas.rotate(90)
        canvas.translate(0, -792)
        _lines(canvas, 60, 700, LEFT[:-1])

    assert "Three heads move it" in _words(read(make(landscape))[0])


def _type_3(text: bytes) -> bytes:
    """Build a page in a bitmap font without a Unicode map, as TeX makes them."""
    codes = sorted(set(text))
    names = b"".join(b"%d /a%d " % (code, code) for code in codes)
    glyphs = b"".join(b"/a%d 5 0 R " % code for code in codes)
    shown = b"BT /F1 10 Tf 50 700 Td (" + text + b") Tj ET"
    glyph = b"6 0 d0 0 0 5 7 re f"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F1 4 0 R>>>>"
        b"/Contents 6 0 R>>",
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 10 10]/FontMatrix[.1 0 0 .1 0 0]/CharProcs<<"
        + glyphs + b">>/Encoding<</Type/Encoding/Differences[" + names
        + b"]>>/FirstChar 0/LastChar 255/Widths[" + b"6 " * 256 + b"]/Resources<<>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(glyph), glyph),
        b"<</Length %d>>stream\n%s\nendstream" % (len(shown), shown),
    ]  # fmt: skip
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return data + (
        b"xref\n0 7\n0000000000 65535 f \n%strailer<</Size 7/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
        % (table, len(data))
    )


def test_ligatures_of_fonts_without_a_unicode_map_are_put_right(tmp_path: Path):
    path = tmp_path / "bitmap.pdf"
    path.write_bytes(_type_3(b"\x1cve e\x1bects \x15 \x10o\x1ece\x11"))

    assert read(path)[0].sections[0].text == "five effects – “office”"


@pytest.mark.parametrize(
    ("code", "text"),
    [(0x1C, "fi"), (0x0B, "ff"), (0xFB03, "ffi"), (0x02, "-"), (0x9F, "§"), (0x41, "A")],
)
def test_a_character_code_prints_as(code: int, text: str):
    assert printed_as(code) == text


def test_every_located_quote_is_the_section_s_own_text(make: Callable[..., Path]):
    (document,) = read(make(_two_columns))
    text = document.sections[0].text
    drafts = [Draft(0, "claim", "A.", text[start:end]) for start, end in sentences(text)]
    located, refused = locate_quotes(document, drafts)

    assert refused == []
    assert all(text[each.span.start : each.span.end] == each.draft.quote for each in located)
    assert {each.page for each in located} == {1}


def test_the_same_bytes_give_the_same_document(make: Callable[..., Path]):
    path = make(_two_columns)

    assert read(path) == read(path)


def _refusal(path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        read(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_a_scan_without_a_text_layer_is_refused(make: Callable[..., Path]):
    path = make(lambda canvas: canvas.rect(50, 50, 200, 200, fill=1))

    assert _refusal(path).startswith("no text layer on its pages (1)")
    assert "run OCR first" in _refusal(path)


def test_an_encrypted_pdf_is_refused(make: Callable[..., Path]):
    path = make(_two_columns, encrypt=StandardEncryption("secret"))

    assert _refusal(path) == "the PDF is encrypted: save it without a password"


def test_a_pdf_that_breaks_off_is_refused_with_the_place(make: Callable[..., Path]):
    path = make(_two_columns)
    path.write_bytes(path.read_bytes()[:900])

    assert _refusal(path) == (
        "the PDF is damaged: it breaks off at byte 900, without an end mark (%%EOF): get it anew"
    )


@pytest.mark.parametrize("damage", ["no trailer", "no page"])
def test_a_damaged_pdf_is_repaired_once_and_says_so(make: Callable[..., Path], damage: str):
    path = make(lambda canvas: _lines(canvas, 72, 700, LEFT))
    (whole,) = read(path)
    data = path.read_bytes()
    cut = data[: data.rindex(b"trailer")]
    path.write_bytes(cut if damage == "no trailer" else data.replace(b"/Page\n", b"/Pagx\n"))

    (document,) = read(path)

    assert document.sections == whole.sections
    assert dict(document.origins)["text"] == "a repaired copy, for the file is damaged"
    assert "text" not in dict(whole.origins)


def _deflated(path: Path) -> Path:
    """Deflate what is deflated and written in ASCII."""
    with pikepdf.open(path, allow_overwriting_input=True) as opened:
        opened.save(path, stream_decode_level=pikepdf.StreamDecodeLevel.generalized)
    return path


def _damaged(path: Path, *pages: int) -> Path:
    """Overwrite the end of what draws these pages, counted from 1."""
    data = path.read_bytes()
    with pikepdf.open(path) as opened:
        for number in pages:
            packed = opened.pages[number - 1].Contents.read_raw_bytes()
            half = len(packed) // 2
            data = data.replace(packed, packed[:half] + bytes(len(packed) - half))
    path.write_bytes(data)
    return path


def _left(canvas: Canvas) -> None:
    _lines(canvas, 72, 700, LEFT)


def _right(canvas: Canvas) -> None:
    _lines(canvas, 72, 700, RIGHT)


@pytest.mark.parametrize("written", [_deflated, lambda path: path], ids=["bytes", "ascii"])
def test_a_pdf_with_a_damaged_page_names_it(
    make: Callable[..., Path], written: Callable[[Path], Path]
):
    path = _damaged(written(make(_left, _right, _two_columns)), 2)

    (document,) = read(path)

    assert dict(document.origins)["text"] == (
        "a damaged file: text is missing or garbled on page 2"
    )


def test_a_pdf_with_most_pages_damaged_is_refused(make: Callable[..., Path]):
    path = _damaged(_deflated(make(_left, _right, _two_columns)), 1, 3)

    assert _refusal(path) == (
        "the PDF is damaged: text is missing or garbled on page 1 and 3: get it anew"
    )


def test_blank_pages_are_no_damage(make: Callable[..., Path]):
    (document,) = read(make(_two_columns, lambda _: None, lambda _: None))

    assert "text" not in dict(document.origins)


def test_a_pdf_whose_index_is_gone_is_refused(tmp_path: Path):
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"%PDF-1.7\n" + b"junk " * 50 + b"\nstartxref\n9\n%%EOF")

    assert _refusal(path) == "the PDF is damaged: its page index cannot be read: get it anew"


def test_a_pdf_with_running_heads_only_is_refused(make: Callable[..., Path]):
    def page(canvas: Canvas) -> None:
        canvas.drawString(60, 780, "Downloaded from a library")

    assert "no running text" in _refusal(make(page, page, page))


def test_a_pdf_over_the_page_limit_is_refused(tmp_path: Path):
    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=1)
    for _ in range(1001):
        canvas.showPage()
    canvas.save()
    path = tmp_path / "long.pdf"
    path.write_bytes(buffer.getvalue())

    assert _refusal(path) == "the PDF has 1001 pages, and the limit is 1000: split it"


def test_the_stamp_up_the_margin_names_the_paper_and_is_no_text(make: Callable[..., Path]):
    def stamped(canvas: Canvas) -> None:
        _two_columns(canvas)
        canvas.saveState()
        canvas.translate(30, 200)
        canvas.rotate(90)
        canvas.setFont("Times-Roman", 20)
        canvas.drawString(0, 0, "arXiv:1706.03762v7  [cs.CL]  2 Aug 2023")
        canvas.restoreState()

    (document,) = read(make(stamped))

    assert document.identifiers == (
        ("arxiv", "1706.03762"),
        ("arxiv_category", "cs.CL"),
        ("arxiv_version", "7"),
    )
    assert document.year == 2017
    assert document.url == "https://arxiv.org/abs/1706.03762"
    assert dict(document.origins)["year"] == "arXiv stamp on page 1"
    assert dict(document.origins)["title"] == "page 1"
    assert "1706" not in _words(document)


def test_a_doi_counts_on_the_first_two_pages_only(make: Callable[..., Path]):
    def with_doi(canvas: Canvas) -> None:
        _two_columns(canvas)
        canvas.drawString(60, 40, "https://doi.org/10.1145/3442188.3445922")

    (second,) = read(make(_two_columns, with_doi))
    (third,) = read(make(_two_columns, _two_columns, with_doi))

    assert second.identifiers == (("doi", "10.1145/3442188.3445922"),)
    assert dict(second.origins)["doi"] == "DOI on page 2"
    assert third.identifiers == ()


@pytest.mark.parametrize(
    ("author", "authors"),
    [
        ("Lena Brandt and Ari Cole", ("Lena Brandt", "Ari Cole")),
        ("Lena Brandt; Ari Cole", ("Lena Brandt", "Ari Cole")),
        ("Lena Brandt, Ari Cole", ("Lena Brandt", "Ari Cole")),
        ("Brandt, Lena", ()),
        ("admin", ()),
        ("Anonymous Authors", ()),
    ],
)
def test_the_properties_name_the_authors_where_they_hold_whole_names(
    author: str, authors: tuple[str, ...], make: Callable[..., Path]
):
    def signed(canvas: Canvas) -> None:
        canvas.setAuthor(author)
        _two_columns(canvas)

    assert read(make(signed))[0].authors == authors


@pytest.mark.parametrize("named", ["untitled", "paper_final.tex", "Document1"])
def test_what_a_program_writes_for_want_of_a_title_is_none(named: str, make: Callable[..., Path]):
    def titled(canvas: Canvas) -> None:
        canvas.setTitle(named)
        _lines(canvas, 60, 700, LEFT[:-1])

    assert read(make(titled))[0].title == "paper"
