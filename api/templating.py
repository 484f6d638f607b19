"""The templates, and the few filters that put values into words."""

from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.templating import Jinja2Templates

from api.counting import count_of, who
from api.typesetting import typeset


def moment(stamp: str | None) -> str:
    """Put an ISO 8601 time in UTC the way people read it, to the minute."""
    return f"{stamp[:10]} {stamp[11:16]} UTC" if stamp else ""


def number(value: float) -> str:
    """Show a number with four significant digits, and whole ones as they are."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def probability(p: float) -> str:
    """Show a probability after `p`; a tiny one by its bound alone."""
    return f"= {p:.2g}" if p >= 1e-6 else "< 0.000001"


def is_web_address(url: str | None) -> bool:
    """Say whether a link may lead here: a document can name any scheme, `javascript:` too."""
    try:
        return bool(url) and urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        return False


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": moment,
        "number": number,
        "probability": probability,
        "count_of": count_of,
        "typeset": typeset,
        "who": who,
    }
    environment.tests["web_address"] = is_web_address
    return environment


templates = Jinja2Templates(env=_environment())
