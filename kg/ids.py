"""Content-addressed identifiers: the same content always gets the same id.

An id is a prefix and 130 bits of SHA-256 in lower-case base 32, such as
`stm_k5m3...` (26 characters after the prefix). White space is normalised before hashing,
so that a line break moved by a text editor does not make a new statement.
"""

import base64
import hashlib
import unicodedata

_SEPARATOR = "\x1f"
_LENGTH = 26
_BYTES = 20
"""Of the digest, from which the characters come, in whole groups of five."""


def content_id(prefix: str, *parts: str | int) -> str:
    """Return the id of the content that these parts make up, in this order.

    Two contents differ if any part differs after Unicode NFC and after runs of white space
    have become one space.
    """
    joined = _SEPARATOR.join(normalised(str(part)) for part in parts)
    digest = hashlib.sha256(joined.encode()).digest()
    return f"{prefix}_{base64.b32encode(digest[:_BYTES]).decode().lower()[:_LENGTH]}"


def normalised(text: str) -> str:
    """Return the text in NFC with every run of white space as one space, stripped."""
    return " ".join(unicodedata.normalize("NFC", text).split())
