"""Numbers with what they count, and people with what to call them."""


def count_of(n: int, singular: str, plural: str = "") -> str:
    """Say how many: `1 member`, `24 members`."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def who(name: str) -> str:
    """Say who did something; one who gave no name is a person."""
    return "a person" if name == "person" else name
