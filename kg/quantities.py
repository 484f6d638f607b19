"""Numbers in a sentence, with what they count in: "67M", "4 percent", "a quarter", "16,000".

Two numbers agree if they are equal, or if one is the other rounded and either sentence says that
it is about. "67M" and "67 million" are one number; "67M" and "6.7M", "4%" and "4" are two. A
number behind a noun that numbers are names with ("layer 12") says which one, not how many.
"""

import math
import re
from typing import NamedTuple

_WORDS = {
    word: float(value)
    for value, word in enumerate(
        [
            "zero",
            "_",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
    if word != "_"
} | {
    "thirty": 30.0,
    "forty": 40.0,
    "fifty": 50.0,
    "sixty": 60.0,
    "seventy": 70.0,
    "eighty": 80.0,
    "ninety": 90.0,
    "hundred": 100.0,
    "dozen": 12.0,
    "thousand": 1e3,
}
_BIG = {"hundred": 100.0, "thousand": 1e3, "million": 1e6}
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_WORDS |= {
    f"{ten}-{one}": _WORDS[ten] + value for ten in _TENS for value, one in enumerate(_ONES, start=1)
}
_PARTS = {"half": 0.5, "third": 1 / 3, "quarter": 0.25, "fifth": 0.2, "tenth": 0.1}
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9
}  # fmt: skip
_TIMES = {
    "twice": 2.0,
    "twofold": 2.0,
    "doubles": 2.0,
    "doubled": 2.0,
    "doubling": 2.0,
    "triples": 3.0,
    "tripled": 3.0,
    "tripling": 3.0,
    "threefold": 3.0,
    "fourfold": 4.0,
    "fivefold": 5.0,
    "tenfold": 10.0,
    "halves": 0.5,
    "halved": 0.5,
    "halving": 0.5,
    "half as many": 0.5,
    "half as much": 0.5,
    "in half": 0.5,
}
_NUMBER = re.compile(
    r"""(?<![\w.-])(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)
        (?:[\s-]?(?P<scale>thousand|million|billion|bn|[kKMB])(?![A-Za-z0-9]))?
        (?:[\s-]?(?P<unit>%|per\s?cent\b|[x×](?![\w])|times\b|fold\b))?""",
    re.VERBOSE,
)
_WORD = re.compile(
    r"(?<![\w-])("
    + "|".join([*reversed(_WORDS), r"one(?=\sper)", r"an?(?=\smillion\b)", r"one(?=\smillion\b)"])
    + r")\b"
    r"(?:\s(hundred|thousand|million)\b)?(?:\s(per\s?cent|times)\b)?",
    re.I,
)
_TIMES_WORD = re.compile(r"(?<![\w-])(" + "|".join(_TIMES) + r")\b", re.I)
_FRACTION = re.compile(
    r"(?<!upper )(?<!lower )(?<!first )(?<!second )(?<!latter )(?<!other )(?<!later )"
    r"(?<!last )(?<!final )(?<!middle )(?<!both )(?<!two )"
    r"\b(?:(?P<n>one|two|three|four|nine|an?)[\s-])?(?P<part>half|third|quarter|fifth|tenth)s?"
    r"(?(n)(?=\s+(?:of|the|as)\b|\W*$)|(?=\s+(?:of|the|as)\b))",
    re.I,
)
_ORDINALS = ["second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
_ORDINAL = re.compile(
    rf"(?<!every )(?<!\ba )\b({'|'.join(_ORDINALS)}) (?=(?:layer|block|level|step|epoch)\b)", re.I
)
_FACTOR = re.compile(r"\bfactor of (\d+(?:\.\d+)?|[a-z]+)\b", re.I)
_COUNT = rf"(\d+|one|{'|'.join(_WORDS)})"
_SHARE = re.compile(
    rf"(?<![\w.-]){_COUNT} (in|of|(?:\w+ )?out of)(?: every| the)? {_COUNT}(?![\w.])", re.I
)
_ONE_UNIT = re.compile(
    r"(?<![\w.-])(\d+(?:\.\d+)?) (to|and|or) (\d+(?:\.\d+)?)\s?(?:%|per\s?cent\b)"
)
"""Two numbers of which only the second has its unit."""

_ROUND = frozenset([5, 10, 20, 100, 1000])
"""Of so many, "three in ten" is a share; "two in three" may be anything."""

_BEFORE = re.compile(r"[\w~≈<>≤≥]+(?=\W*$)|[~≈<>≤≥]$")
_ABOUT = frozenset(
    ["about", "roughly", "approximately", "around", "nearly", "almost", "circa", "some", "~", "≈"]
)
_UNDER = re.compile(
    r"(?:\b(?:(?:(?<!no )(?<!not )(?:fewer|less)|lower|smaller|no more|not more) than"
    r"|under|below|at most|up to)|[<≤])\s*(?:\w+\s)?$",
    re.I,
)
_OVER = re.compile(
    r"(?:\b(?:(?<!no )(?<!not )(?:more|greater|higher|larger) than|over|above|exceeds?|exceeding"
    r"|at least|(?:no|not) (?:less|fewer) than)|[>≥])"
    r"\s*(?:\w+\s)?$",
    re.I,
)
_NAMED = frozenset(
    [
        "layer",
        "layers",
        "head",
        "heads",
        "block",
        "level",
        "step",
        "epoch",
        "seed",
        "figure",
        "table",
        "section",
        "position",
        "index",
        "version",
        "chapter",
        "neuron",
        "latent",
        "feature",
        "equation",
    ]
)


class Quantity(NamedTuple):
    """A number of a sentence."""

    value: float
    unit: str
    """`%`, `x`, or nothing."""

    words: str
    """As the sentence writes it."""

    start: int
    is_about: bool
    bound: str
    """`<`, `>`, or nothing."""

    role: str
    """`from`, `to`, or nothing: which end of a change it is."""

    names: str
    """The noun that it is a name with ("layer"), or nothing."""


def quantities(text: str, *, shares: bool = True) -> list[Quantity]:
    """Return the numbers of a sentence in its order; not those inside names, as in GPT-2.

    Args:
        text: The sentence.
        shares: Read "9 of 10" as a share, and not as two numbers.
    """
    text = _ONE_UNIT.sub(r"\1% \2 \3%", text)
    text = _ORDINAL.sub(lambda match: f"{_ORDINALS.index(match[1].casefold()) + 2}th ", text)
    text = _FACTOR.sub(r"\1 times", text)
    taken: list[tuple[int, int]] = []
    found: list[Quantity] = []
    for start, end, value, unit in [*(_shares(text) if shares else ()), *_read(text)]:
        if all(end <= left or right <= start for left, right in taken):
            taken.append((start, end))
            found.append(_placed(text, start, end, value, unit))
    return sorted(found, key=lambda quantity: quantity.start)


def agree(a: Quantity, b: Quantity) -> bool:
    """Say whether two numbers can be the same one."""
    if a.names != b.names or not _are_of_a_unit(a, b) or (a.role and b.role and a.role != b.role):
        return False
    if {a.bound, b.bound} == {"<", ">"}:
        return False
    if math.isclose(a.value, b.value):
        return True
    coarse, fine = sorted((a, b), key=lambda quantity: digits_of(quantity.value))
    is_rounded = math.isclose(_rounded(fine.value, digits_of(coarse.value)), coarse.value)
    return (a.is_about or b.is_about) and is_rounded


def _are_of_a_unit(a: Quantity, b: Quantity) -> bool:
    """Say whether two numbers count alike; "half as many" is 50 %."""
    return a.unit == b.unit or ({a.unit, b.unit} == {"x", "%"} and a.value == b.value == 0.5)


def _shares(text: str) -> list[tuple[int, int, float, str]]:
    found: list[tuple[int, int, float, str]] = []
    for match in _SHARE.finditer(text):
        part, whole = _count(match[1]), _count(match[3])
        if whole > 1 and 0 < part <= whole and (match[2] != "in" or part == 1 or whole in _ROUND):
            found.append((match.start(), match.end(), part / whole, "%"))
    return found


def _read(text: str) -> list[tuple[int, int, float, str]]:
    found: list[tuple[int, int, float, str]] = [
        (match.start(), match.end(), _TIMES[match[1].casefold()], "x")
        for match in _TIMES_WORD.finditer(text)
    ]
    for match in _FRACTION.finditer(text):
        n = _WORDS.get((match["n"] or "").casefold(), 1.0)
        found.append((match.start(), match.end(), n * _PARTS[match["part"].casefold()], "%"))
    for match in _NUMBER.finditer(text):
        value = float(match["digits"].replace(",", "")) * _SCALES.get(
            (match["scale"] or "").casefold(), 1
        )
        unit = (match["unit"] or "").strip().casefold()
        if unit.startswith(("%", "per")):
            found.append((match.start(), match.end(), value / 100, "%"))
        else:
            found.append((match.start(), match.end(), value, "x" if unit else ""))
    for match in _WORD.finditer(text):
        word = match[1].casefold()
        value = _WORDS.get(word, 1.0) * _BIG.get((match[2] or "").casefold(), 1.0)
        unit = "" if match[3] is None else "x" if match[3].casefold() == "times" else "%"
        found.append((match.start(), match.end(), value / 100 if unit == "%" else value, unit))
    return found


def _count(word: str) -> float:
    """Return a small number from its word or digits; 0 if it is none."""
    if word.isdigit():
        return float(word)
    return 1.0 if word.casefold() == "one" else _WORDS.get(word.casefold(), 0.0)


def _placed(text: str, start: int, end: int, value: float, unit: str) -> Quantity:
    before = text[:start].rstrip()
    last = _BEFORE.search(before)
    word = last.group().casefold() if last else ""
    bound = "<" if _UNDER.search(text[:start]) else ">" if _OVER.search(text[:start]) else ""
    return Quantity(
        value=value,
        unit=unit,
        words=text[start:end],
        start=start,
        is_about=word in _ABOUT or (unit == "%" and not any(map(str.isdigit, text[start:end]))),
        bound=bound,
        role=word if word in ("from", "to") else "",
        names=word.removesuffix("s") if word in _NAMED else _name_after(text, end),
    )


def _name_after(text: str, end: int) -> str:
    """Return "layer" for "12th layer", where the number is a name too."""
    match = re.match(r"(?:st|nd|rd|th)[\s-](\w+)", text[end:])
    return match[1].casefold() if match and match[1].casefold() in _NAMED else ""


def digits_of(value: float) -> int:
    """Return how many digits of a number are not zeros at its ends."""
    return len(f"{value:.6e}".split("e")[0].replace(".", "").rstrip("0")) or 1


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{max(digits, 1) - 1}e}")
