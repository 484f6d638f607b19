"""Numbers with what they count."""


def count_of(n: int, singular: str, plural: str = "") -> str:
    """Say how many: `1 member`, `24 members`."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"
