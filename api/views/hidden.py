"""What the pages of a source hide from their reader, which was not read."""

from api.views.view import View


class HiddenView(View):
    """Characters of a page that nobody sees: white, invisible, transparent, tiny, or off it."""

    page: int
    """From 1."""

    why: str
    characters: int
    example: str
    """How they begin."""
