"""Fetching: from the public internet only, within limits, and with errors that say what to do."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from api.ingesting import Reading, ingest_items
from ingest.fetching import Fetcher, is_address, is_public
from kg.db import open_engine, reading
from kg.errors import DocumentError
from kg.tables import Source

PAGE = (
    "<html><head><title>A page</title></head><body><article><h1>A page</h1><h2>Results</h2>"
    "<p>We find that head 3 copies names in 97 % of the stories.</p></article></body></html>"
)
Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def _serving(answers: dict[str, Answer], wait: float = 0) -> Iterator[tuple[str, int]]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            csl = "+csl" if "citationstyles" in self.headers["Accept"] else ""
            status, headers, body = answers.get(self.path + csl, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for start in range(0, len(body), 50_000):
                    time.sleep(wait)
                    self.wfile.write(body[start : start + 50_000])
            except OSError:
                pass  # the client has gone

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield "127.0.0.1", server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _fetcher(place: tuple[str, int], **more: Any) -> Fetcher:
    base = f"http://{place[0]}:{place[1]}"
    return Fetcher(arxiv=base, doi=base, allowed=frozenset({place}), **more)


def _html(body: str = PAGE) -> Answer:
    return 200, {"Content-Type": "text/html; charset=utf-8"}, body.encode()


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("https://example.org/a.pdf", True),
        ("https:/example.org/a.pdf", True),
        ("2506.20790v1", True),
        ("arXiv:2506.20790", True),
        ("10.7554/elife.56337", True),
        ("doi:10.7554/elife.56337", True),
        ("paper.pdf", False),
        ("notes/2024", False),
    ],
)
def test_what_is_an_address_is_told_from_what_is_a_file(item: str, expected: bool):
    assert is_address(item) is expected


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:a9fe:a9fe",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "::ffff:0:7f00:1",
        "fec0::1",
        "::127.0.0.1",
        "::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_an_address_inside_is_not_public_however_it_is_written(address: str):
    assert not is_public(address)


def test_an_address_outside_is_public():
    assert is_public("151.101.1.67")
    assert is_public("2a04:4e42::323")


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]"],
)
def test_every_spelling_of_loopback_is_refused_where_it_is_resolved(host: str, tmp_path: Path):
    with pytest.raises(DocumentError, match=r"no public address|no such host"):
        Fetcher().fetch(f"https://{host}/a.pdf", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_name_with_one_private_address_among_public_ones_is_refused(tmp_path: Path):
    fetcher = Fetcher(resolve=lambda _host, _port: ["151.101.1.67", "192.168.0.7"])

    with pytest.raises(DocumentError, match=r"paper\.example is at 192\.168\.0\.7"):
        fetcher.fetch("https://paper.example/a.pdf", tmp_path)


def test_the_connection_goes_to_the_address_that_was_checked_and_the_name_is_resolved_once(
    tmp_path: Path,
):
    asked: list[str] = []
    with _serving({"/a": _html()}) as place:

        def resolve(host: str, _port: int) -> list[str]:
            asked.append(host)
            return [place[0]] if len(asked) == 1 else ["10.0.0.1"]

        fetched = _fetcher(place, resolve=resolve).fetch(
            f"http://rebinding.example:{place[1]}/a", tmp_path
        )

    assert fetched.path.read_text(encoding="utf-8") == PAGE
    assert asked == ["rebinding.example"]


def test_a_redirection_into_the_private_network_is_refused(tmp_path: Path):
    target = {"Location": "https://169.254.169.254/latest/meta-data"}
    with (
        _serving({"/a": (302, target, b"")}) as place,
        pytest.raises(DocumentError, match=r"169\.254\.169\.254, which is no public address"),
    ):
        _fetcher(place).fetch(f"http://127.0.0.1:{place[1]}/a", tmp_path)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.org/a.pdf", "plain http is not fetched"),
        ("https://me:secret@example.org/a.pdf", "name or a password"),
        ("https://?a.pdf", "no web address"),
        ("https://example.org:99999/a", "not a web address"),
    ],
)
def test_an_address_that_is_not_fetched_says_why(url: str, reason: str, tmp_path: Path):
    fetcher = Fetcher(resolve=lambda _host, _port: ["151.101.1.67"])

    with pytest.raises(DocumentError, match=reason):
        fetcher.fetch(url, tmp_path)


def test_without_a_network_the_error_says_what_to_do_instead(tmp_path: Path):
    def resolve(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    with pytest.raises(DocumentError, match=r"2506\.20790: there is no network.*save the page"):
        Fetcher(resolve=resolve).fetch("2506.20790", tmp_path)


@pytest.mark.parametrize(
    ("answers", "limits", "reason"),
    [
        (
            {"/a": (200, {"Content-Type": "text/html"}, b"x" * 200_000)},
            {"max_bytes": 100_000},
            "MB",
        ),
        ({"/a": (302, {"Location": "/a"}, b"")}, {}, "more than 5 redirections"),
        ({}, {}, "answers 404"),
        (
            {"/a": (200, {"Content-Type": "image/png"}, b"png")},
            {},
            "image/png, which is no document",
        ),
    ],
)
def test_what_is_too_big_goes_round_or_is_no_document_is_refused(
    answers: dict[str, Answer], limits: dict[str, Any], reason: str, tmp_path: Path
):
    with _serving(answers) as place, pytest.raises(DocumentError, match=reason):
        _fetcher(place, **limits).fetch(f"http://127.0.0.1:{place[1]}/a", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_what_takes_too_long_is_given_up(tmp_path: Path):
    slow = {"/a": (200, {"Content-Type": "text/html"}, b"x" * 500_000)}
    with _serving(slow, wait=0.1) as place, pytest.raises(DocumentError, match="too long"):
        _fetcher(place, seconds=0.3).fetch(f"http://127.0.0.1:{place[1]}/a", tmp_path)


def test_a_preprint_is_fetched_as_html_and_else_as_pdf(tmp_path: Path):
    paper = PAGE.replace("<article>", '<article class="ltx_page_main">')
    pdf = (200, {"Content-Type": "application/octet-stream"}, b"%PDF-1.7 ...")
    stub = _html("<html>No HTML is available.</html>")
    answers = {
        "/html/2506.20790v1": _html(paper),
        "/html/2401.00001": stub,
        "/pdf/2401.00001": pdf,
    }
    with _serving(answers) as place:
        first = _fetcher(place).fetch("arXiv:2506.20790v1", tmp_path)
        second = _fetcher(place).fetch("2401.00001", tmp_path)

    assert first.path.name == "2506.20790v1.html"
    assert second.path.name == "2401.00001.pdf"


def test_a_doi_leads_to_the_pdf_that_its_page_names_and_to_its_record(tmp_path: Path):
    page = '<html><head><meta name="citation_pdf_url" content="/files/a.pdf"></head></html>'
    answers = {
        "/10.1234/abc": (303, {"Location": "/landing"}, b""),
        "/landing": _html(page),
        "/files/a.pdf": (200, {"Content-Type": "application/pdf"}, b"%PDF-1.7 ..."),
        "/10.1234/abc+csl": (
            200,
            {"Content-Type": "application/vnd.citationstyles.csl+json"},
            b'{"title": "Told", "type": "article", "DOI": "10.1234/abc"}',
        ),
    }
    with _serving(answers) as place:
        fetched = _fetcher(place).fetch("10.1234/ABC", tmp_path)

    assert fetched.path.name == "10.1234_abc.pdf"
    assert (tmp_path / "10.1234_abc.json").exists()


def test_what_was_fetched_is_ingested_and_a_failure_leaves_the_rest(tmp_path: Path):
    engine = open_engine(tmp_path / "a.db")
    note = tmp_path / "note.md"
    note.write_text("# Note\n\nWe find that head 4 copies 3 of 4 names.\n", encoding="utf-8")
    with _serving({"/a": _html()}) as place:
        url = f"http://127.0.0.1:{place[1]}/a"
        how = Reading(fetcher=_fetcher(place))
        items = [url, "https://127.1/private", str(note)]
        view = ingest_items(engine, items, how, lambda _done, _total, _what="": None)

    assert [failure.file for failure in view.failures] == ["https://127.1/private"]
    with reading(engine) as session:
        urls = dict(session.exec(select(Source.title, Source.url)).all())
    assert urls == {"A page": url, "Note": None}
