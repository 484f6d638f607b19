"""Headings that look like the text, or go over two lines, and lines that only look like them."""

from collections.abc import Callable
from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from ingest.documents import Document
from ingest.readers import read

PROSE = [
    "Attention heads in small models often copy a name that",
    "stood earlier in the prompt. We ask which heads do it and",
    "whether any of them is needed. To find out we ablate each",
    "head alone and measure how the logit of the name moves.",
]
TOP = 740


class _Page:
    """Writes one line below the other."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.y = TOP

    def line(self, text: str, font: str = "Times-Roman", *, gap: float = 0, x: float = 60) -> None:
        self.y -= 12 + gap
        self.canvas.setFont(font, 10)
        self.canvas.drawString(x, self.y, text)

    def prose(self, gap: float = 0) -> None:
        for place, line in enumerate(PROSE):
            self.line(line, gap=gap if place == 0 else 0)

    def small_capitals(self, text: str, x: float) -> None:
        self.y -= 24
        for word in text.split():
            for letters, size in ((word[0], 10), (word[1:], 8)):
                self.canvas.setFont("Times-Roman", size)
                self.canvas.drawString(x, self.y, letters)
                x += self.canvas.stringWidth(letters, "Times-Roman", size)
            x += 3


def _read(tmp_path: Path, write: Callable[[_Page], None]) -> Document:
    path = tmp_path / "paper.pdf"
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=1)
    write(_Page(canvas))
    canvas.showPage()
    canvas.save()
    return read(path)[0]


def _headings(document: Document) -> list[tuple[str, int]]:
    return [(section.heading, section.level) for section in document.sections if section.heading]


def test_a_number_that_goes_on_makes_a_heading_of_a_line_that_stands_apart(tmp_path: Path):
    def write(page: _Page) -> None:
        page.line("6 Privacy of the model", "Times-Bold")
        page.prose(gap=8)
        page.line("6.1 Leakage contract", gap=8)
        page.prose(gap=8)
        page.line("6.2 Single-auditor game", gap=8)
        page.prose(gap=8)
        page.line("9.7 Million prompts were used", gap=8)
        page.prose(gap=8)
        page.line("6.3 Text that runs on without any room")
        page.prose()

    assert _headings(_read(tmp_path, write)) == [
        ("6 Privacy of the model", 1),
        ("6.1 Leakage contract", 2),
        ("6.2 Single-auditor game", 2),
    ]


def test_slanted_letters_go_on_under_roman_numbers_in_small_capitals(tmp_path: Path):
    def write(page: _Page) -> None:
        page.small_capitals("II. BACKGROUND", 150)
        page.prose(gap=8)
        page.line("A. Algorithm configuration", "Times-Italic", gap=8)
        page.prose(gap=6)
        page.line("B. Contrasting heads", "Times-Italic", gap=8)
        page.prose(gap=6)
        page.line("A. An item of a list in upright print", gap=8)
        page.prose(gap=6)
        page.small_capitals("APPENDIX B", 150)
        page.prose(gap=8)
        page.small_capitals("ADDITIONAL RESULTS", 150)
        page.prose(gap=8)

    assert _headings(_read(tmp_path, write)) == [
        ("II. BACKGROUND", 1),
        ("A. Algorithm configuration", 2),
        ("B. Contrasting heads", 2),
        ("APPENDIX B", 1),
        ("ADDITIONAL RESULTS", 1),
    ]


def test_a_bold_heading_may_fill_its_line_or_go_on_on_the_next(tmp_path: Path):
    def write(page: _Page) -> None:
        page.line("A.1 Magnitude of the biases across all layers and heads", "Times-Bold")
        page.prose(gap=8)
        page.line("A.2 Effective positional encoding", "Times-Bold", gap=8)
        page.line("demonstration", "Times-Bold", x=78)
        page.prose(gap=8)
        page.line("A.3 Results of the search.", "Times-Bold", gap=8)
        page.prose(gap=8)

    assert [heading for heading, _ in _headings(_read(tmp_path, write))] == [
        "A.1 Magnitude of the biases across all layers and heads",
        "A.2 Effective positional encoding demonstration",
        "A.3 Results of the search.",
    ]


def test_an_abstract_that_begins_on_the_line_of_its_heading_has_one(tmp_path: Path):
    def write(page: _Page) -> None:
        page.line("Abstract—Attention heads in small models copy a name", "Times-Bold")
        for line in PROSE[1:]:
            page.line(line, "Times-Bold")
        page.line("1 Introduction", "Times-Bold", gap=10)
        page.prose(gap=8)

    document = _read(tmp_path, write)

    assert [section.heading for section in document.sections] == ["Abstract", "1 Introduction"]
    assert document.sections[0].kind == "abstract"
    assert document.sections[0].text.startswith("Attention heads in small models copy a name stood")


def test_a_slanted_heading_may_fill_its_column_or_two_lines_and_stand_near_the_text(
    tmp_path: Path,
):
    def write(page: _Page) -> None:
        page.line("4 Results of the search", "Times-Bold")
        page.prose(gap=8)
        page.line("4.1. Sample fragments of the method as it is used", "Times-Italic", gap=10)
        page.prose(gap=3)
        page.line("4.2. Which of the heads that copy a name are those", "Times-Italic", gap=10)
        page.line("that write it", "Times-Italic", x=80)
        page.prose(gap=3)
        page.line("4.4. The number before was left out", "Times-Italic", gap=10)
        page.prose(gap=3)
        page.line("4.5. Loss of the heads. Notice that it is low", "Times-Italic", gap=10)
        page.prose()
        page.line("4.9. Far from the last number is no heading", "Times-Italic", gap=10)
        page.prose(gap=3)

    assert [heading for heading, _ in _headings(_read(tmp_path, write))] == [
        "4 Results of the search",
        "4.1. Sample fragments of the method as it is used",
        "4.2. Which of the heads that copy a name are those that write it",
        "4.4. The number before was left out",
    ]


def test_a_roman_number_with_a_letter_is_one_of_the_second_level(tmp_path: Path):
    def write(page: _Page) -> None:
        page.small_capitals("II. BACKGROUND", 150)
        page.prose(gap=8)
        page.line("II-A. The game of heads", "Times-Italic", gap=8)
        page.prose(gap=6)
        page.line("II-B. a clause goes on", "Times-Italic", gap=8)
        page.prose(gap=6)

    assert _headings(_read(tmp_path, write)) == [
        ("II. BACKGROUND", 1),
        ("II-A. The game of heads", 2),
    ]


def test_a_number_at_the_top_of_a_page_in_front_of_a_heading_is_no_page_number(tmp_path: Path):
    path = tmp_path / "paper.pdf"
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=1)
    page = _Page(canvas)
    page.line("2 Setting of the search", "Times-Bold")
    page.prose(gap=8)
    canvas.showPage()
    canvas.setFont("Times-Bold", 12)
    canvas.drawString(60, TOP, "3")
    canvas.drawString(80, TOP, "Goals of the search")
    page.y = TOP - 12
    page.prose(gap=8)
    canvas.setFont("Times-Roman", 10)
    canvas.drawString(300, 30, "3")
    canvas.save()

    document = read(path)[0]

    assert _headings(document)[1] == ("3 Goals of the search", 1)
    assert document.sections[1].text.endswith("name moves.")


def test_the_text_behind_the_word_abstract_may_be_small_and_short(tmp_path: Path):
    def write(page: _Page) -> None:
        canvas = page.canvas
        page.y -= 24
        canvas.setFont("Times-Bold", 9)
        canvas.drawString(60, page.y, "Abstract—The heads copy names")
        canvas.setFont("Times-Bold", 9)
        for line in PROSE:
            page.y -= 10
            canvas.drawString(60, page.y, line)
        page.line("1 Introduction", "Times-Bold", gap=10)
        for _ in range(3):
            page.prose(gap=8)

    assert _read(tmp_path, write).sections[0].text.startswith("The heads copy names Attention")


def _large(page: _Page, text: str, size: float, font: str = "Times-Roman", x: float = 60) -> None:
    page.y -= size * 1.2
    page.canvas.setFont(font, size)
    page.canvas.drawString(x, page.y, text)


def test_sentences_in_large_print_on_a_poster_are_text(tmp_path: Path):
    def write(page: _Page) -> None:
        _large(page, "Names and heads", 20, "Times-Bold")
        page.prose(gap=8)
        page.y -= 10
        _large(page, "We find that in every one of the tests the heads", 13)
        _large(page, "that copy a name are also those that write it, and", 13)
        _large(page, "that no other head has any effect.", 13)
        page.prose(gap=8)
        page.y -= 10
        _large(page, "Which of the heads that copy a name", 13)
        _large(page, "are needed?", 13)
        page.prose(gap=8)

    document = _read(tmp_path, write)

    assert [heading for heading, _ in _headings(document)] == [
        "Which of the heads that copy a name are needed?"
    ]
    assert "heads that copy a name are also those that write it, and that no other" in (
        document.sections[0].text
    )


def test_headings_may_stand_side_by_side_on_a_poster(tmp_path: Path):
    def write(page: _Page) -> None:
        _large(page, "Names and heads of small models", 24, "Times-Bold")
        page.y -= 40
        for x, text in ((60, "Introduction"), (360, "Results")):
            page.canvas.setFont("Times-Bold", 16)
            page.canvas.drawString(x, page.y, text)
        page.prose(gap=8)

    assert _headings(_read(tmp_path, write)) == [("Results", 1)]


def test_the_name_of_a_journal_in_larger_print_is_no_title(tmp_path: Path):
    def write(page: _Page) -> None:
        _large(page, "applied", 19, "Times-Bold")
        _large(page, "sciences", 19, "Times-Bold")
        _large(page, "A Recipe for the Selection of Heads", 18, "Times-Bold", x=100)
        _large(page, "of Small Models", 18, "Times-Bold", x=100)
        page.line("1 Introduction", "Times-Bold", gap=30)
        page.prose(gap=8)

    assert _read(tmp_path, write).title == "A Recipe for the Selection of Heads of Small Models"


def test_a_title_of_one_word_above_the_names_of_the_authors_is_one(tmp_path: Path):
    def write(page: _Page) -> None:
        _large(page, "Grokking", 19, "Times-Bold")
        _large(page, "Ada Lovelace and Mary Somerville", 13)
        page.line("Abstract", "Times-Bold", gap=20)
        page.prose(gap=8)

    assert _read(tmp_path, write).title == "Grokking"


def test_names_that_a_template_holds_a_place_for_are_no_authors(tmp_path: Path):
    def authors(field: str) -> tuple[str, ...]:
        def write(page: _Page) -> None:
            page.canvas.setAuthor(field)
            page.prose()

        return _read(tmp_path, write).authors

    assert authors("Ada Lovelace, Mary Somerville") == ("Ada Lovelace", "Mary Somerville")
    assert authors("Firstname Lastname, Firstname Lastname and Firstname Lastname") == ()
    assert authors("Firstname1 Lastname1, Firstname2 Lastname2") == ()
    assert authors("Anonymous Author(s)") == ()
    assert authors("Ben Trovato, G.K.M. Tobin, Lars Thørväld") == ()


def test_pages_of_highlights_stand_before_the_title(tmp_path: Path):
    path = tmp_path / "paper.pdf"
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=1)
    for name in ("Graphical Abstract", "Highlights"):
        page = _Page(canvas)
        page.y = 680
        _large(page, name, 17)
        _large(page, "Names and Heads of Small Models", 12, "Times-Bold")
        page.prose(gap=20)
        canvas.showPage()
    page = _Page(canvas)
    page.y = 680
    _large(page, "Names and Heads of Small Models", 17)
    page.line("Abstract", "Times-Bold", gap=20)
    page.prose(gap=8)
    canvas.save()

    document = read(path)[0]

    assert document.title == "Names and Heads of Small Models"
    assert document.sections[-1].kind == "abstract"


def test_a_long_appendix_in_smaller_print_does_not_make_headings_of_the_text(tmp_path: Path):
    path = tmp_path / "paper.pdf"
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=1)
    for page, size in enumerate((10, 9, 9)):
        y = TOP
        for heading, n in (("1 Copying", 4), ("2 Naming", 4)) if page == 0 else (("", 8),):
            canvas.setFont("Times-Bold", size)
            canvas.drawString(60, y, heading)
            y -= 24
            canvas.setFont("Times-Roman", size)
            for _ in range(n):
                for line in (*PROSE, "", "Recall that the divergence of the two is defined as", ""):
                    canvas.drawString(60, y, line)
                    y -= 12
        canvas.showPage()
    canvas.save()

    assert _headings(read(path)[0]) == [("1 Copying", 1), ("2 Naming", 1)]


def _beginning_in_bold(page: _Page, bold: str, rest: str, room: float) -> None:
    page.line(bold, "Times-Bold", gap=12)
    x = 60 + page.canvas.stringWidth(bold, "Times-Bold", 10) + room
    page.canvas.setFont("Times-Roman", 10)
    page.canvas.drawString(x, page.y, rest)
    for line in PROSE:
        page.line(line)


def test_a_bold_heading_on_whose_line_the_text_begins_is_no_part_of_its_sentence(tmp_path: Path):
    def write(page: _Page) -> None:
        page.line("1 Method", "Times-Bold")
        page.prose(gap=8)
        _beginning_in_bold(page, "Removing heads", "We take heads away.", room=10)
        _beginning_in_bold(page, "1.1.1 What is left", "A copy needs few heads.", room=10)
        page.line("2 Results", "Times-Bold", gap=12)
        page.prose(gap=8)

    document = _read(tmp_path, write)

    assert _headings(document) == [
        ("1 Method", 1),
        ("Removing heads", 4),
        ("1.1.1 What is left", 4),
        ("2 Results", 1),
    ]
    assert [section.text[:19] for section in document.sections[1:3]] == [
        "We take heads away.",
        "A copy needs few he",
    ]


def test_words_in_bold_that_a_sentence_begins_with_are_no_heading(tmp_path: Path):
    openings = [
        ("Sparse autoencoders", "We train are wide.", 3.0),  # as far apart as any two words
        ("Sparse autoencoders", "are wide, and few live.", 10.0),  # it goes on in small letters
        ("Heads are few.", "We take heads away.", 10.0),  # a sentence of its own
        ("Note:", "We take heads away.", 10.0),  # a label
    ]

    def write(page: _Page) -> None:
        page.line("1 Method", "Times-Bold")
        for opening in openings:
            _beginning_in_bold(page, *opening)

    document = _read(tmp_path, write)

    assert _headings(document) == [("1 Method", 1)]
    assert all(f"{bold} {rest}" in document.sections[0].text for bold, rest, _ in openings)
