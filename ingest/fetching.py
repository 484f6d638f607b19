"""Fetching what an address, an arXiv id or a DOI means, and nothing from inside a private network.

A name is resolved once, every address that it has must be a public one, and the connection goes to
an address that was checked: what is decided is where the bytes come from, whatever the spelling
(decimal, hexadecimal, mapped into IPv6, a name that resolves to loopback). Every redirection is
held to the same. Only https is spoken, no proxy and no credentials are used, and size and time are
limited. The file goes into a folder of the caller and is then read like any other, in a process
that has no network.

For an arXiv id the HTML is tried, then the PDF. A DOI is followed to its page, and from there to
the PDF that the page names (`citation_pdf_url`); what the agency says of it (CSL-JSON, by content
negotiation) is put beside the file.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from ingest.identifiers import arxiv_id, doi
from ingest.readers import SUFFIXES
from ingest.readers.files import MEGABYTE, PDF_LIMIT
from kg.errors import DocumentError

_ADDRESS = re.compile(r"https?:/", re.IGNORECASE)
_DOI = re.compile(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?10\.\d{4,9}/\S+", re.IGNORECASE)
_MOST_REDIRECTIONS = 5
_CHUNK = 65_536
_CSL = "application/vnd.citationstyles.csl+json"
_PAGES = "text/html, application/xhtml+xml, application/pdf;q=0.9, text/*;q=0.8"
_SUFFIX_OF = {
    "application/pdf": ".pdf",
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/epub+zip": ".epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}

_NAMED_PDF = re.compile(
    rb"<meta\s[^<>]{0,200}?name=[\"']citation_pdf_url[\"'][^<>]{0,200}?content=[\"']([^\"'<>\s]{1,1000})",
    re.IGNORECASE,
)

_MAPPED = tuple(
    map(ipaddress.ip_network, ("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "::/96"))
)
"""IPv6 addresses that stand for the IPv4 address in their last 32 bits."""

_LOCAL = tuple(map(ipaddress.ip_network, ("64:ff9b:1::/48", "fec0::/10")))
"""IPv6 addresses that mean something inside one network only (RFC 8215, RFC 3879)."""

Resolver = Callable[[str, int], list[str]]


class Fetched(NamedTuple):
    """A file that was fetched."""

    path: Path
    url: str
    """Where it came from in the end."""


class _Body(NamedTuple):
    data: bytes
    url: str
    content_type: str


def is_address(item: str) -> bool:
    """Say whether a name means something to be fetched: a URL, an arXiv id or a DOI."""
    return bool(_ADDRESS.match(item) or _DOI.fullmatch(item) or arxiv_id(item))


def addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the system resolves it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def is_public(address: str) -> bool:
    """Say whether an address is one of the public internet."""
    parsed = ipaddress.ip_address(address.split("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if any(parsed in network for network in _LOCAL):
            return False
        if parsed.sixtofour is not None:
            parsed = parsed.sixtofour
        elif any(parsed in network for network in _MAPPED):
            parsed = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    return parsed.is_global and not parsed.is_multicast


@dataclass(frozen=True)
class Fetcher:
    """Fetches files, within limits."""

    max_bytes: int = PDF_LIMIT
    seconds: float = 60
    """For one item, with all its redirections."""

    arxiv: str = "https://arxiv.org"
    doi: str = "https://doi.org"
    resolve: Resolver = addresses_of
    allowed: frozenset[tuple[str, int]] = field(default_factory=frozenset)
    """Pairs of address and port that may be private and speak plain http; for tests."""

    def fetch(self, item: str, folder: Path) -> Fetched:
        """Fetch what an address, an arXiv id or a DOI means, into a folder.

        Raises:
            DocumentError: It is private, cannot be reached, is too big, takes too long, or is no
                document; the message names the item and says what to do.
        """
        deadline = time.monotonic() + self.seconds
        try:
            if preprint := dict(arxiv_id(item)):
                version = preprint.get("arxiv_version")
                return self._preprint(
                    preprint["arxiv"] + (f"v{version}" if version else ""), folder, deadline
                )
            if _DOI.fullmatch(item):
                return self._published(dict(doi(item))["doi"], folder, deadline)
            url = re.sub(r"^(https?):/+", r"\1://", item, flags=re.IGNORECASE)
            return _kept(self._get(url, _PAGES, deadline), folder, _name_of(url))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DocumentError(f"{item}: {_cause(error)}") from error
        except DocumentError as error:
            raise DocumentError(f"{item}: {error}") from error

    def _preprint(self, identifier: str, folder: Path, deadline: float) -> Fetched:
        name = identifier.replace("/", "_")
        try:
            page = self._get(f"{self.arxiv}/html/{identifier}", _PAGES, deadline)
            if b"ltx_page_main" in page.data:  # a paper without HTML has a page that says so
                return _kept(page, folder, name)
        except DocumentError:
            pass  # nor has every paper such a page
        return _kept(self._get(f"{self.arxiv}/pdf/{identifier}", _PAGES, deadline), folder, name)

    def _published(self, number: str, folder: Path, deadline: float) -> Fetched:
        address = f"{self.doi}/{quote(number)}"
        name = re.sub(r"[^\w.-]", "_", number)
        page = self._get(address, _PAGES, deadline)
        named = _pdf_of(page)
        fetched = _kept(self._get(named, _PAGES, deadline) if named else page, folder, name)
        try:
            record = self._get(address, _CSL, deadline)
            if record.content_type in {_CSL, "application/json"}:
                (folder / f"{name}.json").write_bytes(record.data)
        except DocumentError:
            pass  # not every agency tells
        return fetched

    def _get(self, url: str, accept: str, deadline: float) -> _Body:
        for _ in range(_MOST_REDIRECTIONS + 1):
            parts = urlsplit(url)
            connection = self._connected(parts, deadline)
            try:
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                headers = {"Accept": accept, "User-Agent": "claimgraph", "Connection": "close"}
                connection.request("GET", target, headers=headers)
                response = connection.getresponse()
                if response.status in {301, 302, 303, 307, 308}:
                    url = urljoin(url, response.headers.get("Location", ""))
                    continue
                if response.status != 200:
                    raise DocumentError(f"the server answers {response.status} {response.reason}")
                content_type = response.headers.get_content_type()
                return _Body(self._read(response, deadline), url, content_type)
            finally:
                connection.close()
        raise DocumentError(f"more than {_MOST_REDIRECTIONS} redirections")

    def _connected(self, parts: SplitResult, deadline: float) -> http.client.HTTPConnection:
        """Return a connection to an address that was checked."""
        host = parts.hostname
        if not host or parts.scheme not in {"http", "https"}:
            raise DocumentError(f"{parts.geturl()} is no web address: give one with https://")
        if parts.username or parts.password:
            raise DocumentError(
                "an address with a name or a password in it is not fetched: leave them out"
            )
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = self._checked(host, port, parts.scheme)
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        raw = socket.create_connection((address, port), timeout=left)
        if parts.scheme == "https":
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        connection = http.client.HTTPConnection(host, port, timeout=left)
        connection.sock = raw
        return connection

    def _checked(self, host: str, port: int, scheme: str) -> str:
        """Return an address of a host, all of whose addresses may be connected to."""
        found = self.resolve(host, port)
        if not found:
            raise DocumentError(f"{host} has no address")
        if all((each, port) in self.allowed for each in found):
            return found[0]
        for each in found:
            if not is_public(each):
                raise DocumentError(
                    f"{host} is at {each}, which is no public address: it is not fetched: "
                    "save the page, and give the file"
                )
        if scheme == "http":
            raise DocumentError("plain http is not fetched: give the https address")
        return found[0]

    def _read(self, response: http.client.HTTPResponse, deadline: float) -> bytes:
        read: list[bytes] = []
        size = 0
        while chunk := response.read1(_CHUNK):
            size += len(chunk)
            if size > self.max_bytes:
                raise DocumentError(
                    f"it has more than {self.max_bytes / MEGABYTE:g} MB, which is the limit"
                )
            if time.monotonic() > deadline:
                raise TimeoutError
            read.append(chunk)
        return b"".join(read)


def _kept(body: _Body, folder: Path, name: str) -> Fetched:
    """Write a body into the folder, under the suffix that it is of."""
    suffix = ".pdf" if body.data.startswith(b"%PDF-") else _SUFFIX_OF.get(body.content_type, "")
    named = Path(urlsplit(body.url).path).suffix.lower()
    suffix = suffix if suffix and suffix != ".txt" else (named if named in SUFFIXES else suffix)
    if not suffix:
        raise DocumentError(f"the server sends {body.content_type}, which is no document")
    path = folder / f"{name}{suffix}"
    path.write_bytes(body.data)
    return Fetched(path, body.url)


def _name_of(url: str) -> str:
    parts = urlsplit(url)
    last = Path(parts.path).name
    stem = last[: -len(Path(last).suffix)] if Path(last).suffix.lower() in SUFFIXES else last
    return re.sub(r"[^\w.-]", "_", stem or parts.hostname or "page")[:80].lstrip(".") or "page"


def _pdf_of(page: _Body) -> str | None:
    """Return the address of the PDF that a publisher's page names, if it names one.

    The page is searched and not parsed: parsers are for the process that has no network.
    """
    if "html" not in page.content_type:
        return None
    found = _NAMED_PDF.search(page.data[:MEGABYTE])
    return urljoin(page.url, found[1].decode(errors="replace")) if found else None


def _cause(error: Exception) -> str:
    save = "save the page or the PDF, and give the file"
    if isinstance(error, TimeoutError):
        return f"it took too long: {save}"
    if isinstance(error, socket.gaierror):
        return f"there is no network, or no such host ({error.strerror}): {save}"
    if isinstance(error, ssl.SSLError):
        return f"the server's certificate is not good ({error.reason}): {save}"
    if isinstance(error, OSError):
        return f"it cannot be reached ({error.strerror or error}): {save}"
    return f"not a web address, or not an answer of one ({error}): {save}"
