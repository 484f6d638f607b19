"""One hardened XML parser for every format that is made of XML.

It neither loads a DTD nor resolves entities nor opens the network, and libxml2's own limits on
depth stay on; the named characters of HTML are known, and a file that declares entities is
refused.
"""

import codecs
import re
from html.entities import html5

from lxml import etree

from ingest.readers.files import RawFile, check_no_nul, decode

_DECLARATION = re.compile(r"\s*<\?xml\b[^>]*\?>")
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]*);")


def parse_xml(file: RawFile) -> etree._Element:
    """Parse a file and take the namespaces off its element names; attributes keep theirs.

    Raises:
        DocumentError: It is not well-formed, declares entities, or uses an unknown one.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(_without_entities(file), parser)
    except etree.XMLSyntaxError as error:
        raise file.error(f"not well-formed XML: {error.msg}: get it anew") from error
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = etree.QName(element).localname
    return root


def _without_entities(file: RawFile) -> bytes:
    """Replace named entities by what they stand for; libxml2 would leave a hole instead."""
    data = _in_utf_8(file)
    if b"<!ENTITY" in data:
        line = data.count(b"\n", 0, data.index(b"<!ENTITY")) + 1
        raise file.error(
            f"line {line}: declares entities of its own: write out what they stand for"
        )

    def character(entity: re.Match[bytes]) -> bytes:
        name = entity.group(1).decode("ascii")
        text = html5.get(f"{name};")
        if text is None:
            line = data.count(b"\n", 0, entity.start()) + 1
            raise file.error(f"line {line}: the entity &{name}; is unknown: write the sign itself")
        return "".join(f"&#{ord(each)};" for each in text).encode("ascii")

    return _ENTITY.sub(character, data)


def _in_utf_8(file: RawFile) -> bytes:
    """Return the bytes of a file; UTF-16 would hide declarations, and is written anew."""
    if file.data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _DECLARATION.sub("", decode(file), count=1).encode("utf-8")
    check_no_nul(file)
    return file.data
