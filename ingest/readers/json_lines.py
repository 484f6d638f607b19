"""Files of JSON objects, one a line, each held to a model; a broken line is named."""

import json
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from ingest.readers.files import RawFile, decode

M = TypeVar("M", bound=BaseModel)


class Line(NamedTuple):
    """A line that is not blank."""

    number: int
    """From 1, blank lines counted."""

    raw: str
    """Its words, without white space at the ends."""


def lines_of(file: RawFile) -> Iterator[Line]:
    """Yield the lines of a file that are not blank.

    Raises:
        DocumentError: The file is in no encoding that can be told.
    """
    # Not str.splitlines: JSON strings may hold U+2028, which that would break at.
    for number, raw in enumerate(decode(file).split("\n"), start=1):
        if raw.strip():
            yield Line(number, raw.strip())


def parsed(file: RawFile, line: Line, kind: type[M]) -> M:
    """Return what a line holds.

    Raises:
        DocumentError: It is not what it should be; the message names the line and the field.
    """
    try:
        found = json.loads(line.raw)
        if not isinstance(found, dict):
            raise file.error(
                f"line {line.number}: not a JSON object, as each line has to be: correct it"
            )
        return kind.model_validate(found)
    except json.JSONDecodeError as error:
        place = f"line {line.number}, column {error.colno}"
        raise file.error(f"{place}: not JSON: {error.msg}: correct the line") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"]) or "the line"
        raise file.error(
            f"line {line.number}: {field}: {first['msg'].removeprefix('Value error, ')}: "
            "correct the line"
        ) from error
    except (ValueError, RecursionError) as error:
        raise file.error(
            f"line {line.number}: not JSON that can be read: {error}: correct it"
        ) from error
