"""Topics of interpretability with the words that statements on them use, written for a benchmark.

A topic has a name, what it is about in one sentence, and terms. The judge compares labels with
names and descriptions; the statements are made of terms only. Terms are shared: every topic has
some that others have too, and frames and asides are common to all. So the most frequent word of
a topic seldom names it.
"""

from pathlib import Path
from typing import NamedTuple

_FILE = Path(__file__).with_suffix(".txt")
"""A topic a line: name, description and terms, with bars between."""


class Topic(NamedTuple):
    """A topic that statements are planted on."""

    name: str
    description: str
    terms: tuple[str, ...]
    """The first ones are said most."""


TOPICS = tuple(
    Topic(name, description, tuple(terms.split(", ")))
    for name, description, terms in (
        (part.strip() for part in line.split("|"))
        for line in _FILE.read_text(encoding="utf-8").splitlines()
    )
)

FRAMES = (
    "{A} depends on the {b} in the model that we study",
    "We find that {a} and {b} go together in most of the experiments",
    "The {a} explains a large part of the {b}, but not of the {o}",
    "In later layers the {a} becomes a matter of the {b}",
    "Results on the {a} change little when the {b} is removed",
    "The method recovers the {a} from the {b} in {n} percent of the cases",
    "{A} is a better account of the {b} than earlier work suggests",
    "There is no evidence that the {a} causes the {b}",
    "A larger model has more of the {a}, and a simpler {b}",
    "The effect of the {a} on the {b} vanishes under a stronger baseline",
    "Our analysis of the {a} shows a clear trend with the {b}",
    "The authors argue that {a} should be measured with the {b} in mind",
    "Without the {b}, the {a} is hard to tell from noise",
    "This paper treats the {a} as a special case of the {b}",
    "For {n} of the tasks the {a} tracks the {b} closely",
    "The {a} is not the {b}: it survives a change of the data set",
    "Small models show the {a} early in training and the {b} late",
    "A good {a} needs fewer samples than the {b}",
    "The {a} predicts performance on held-out data, and the {o} does not",
    "Changing the {b} moves the {a} in the expected direction",
)
"""`{a}` and `{b}` are terms of the topic, `{o}` is of another, `{n}` is a number."""

ASIDES = (
    "as the results suggest",
    "in the sense of the paper",
    "across seeds",
    "although the number of examples is small",
    "which raises new questions for the field",
    "unlike the {o}",
    "compared with the {o}",
    "after controlling for the {o}",
    "and this holds for the {o} too",
)
"""What a sentence may end with; those with `{o}` where an edge leads to another topic."""
