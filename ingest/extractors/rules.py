"""Sentences that no probability should let through, and the reason for each.

The linear model weighs many weak signs; a few signs are enough on their own. These rules were
written from what goes wrong on full papers when a classifier is used alone: lists of
hyper-parameters, plans for later, pointers to sections, questions, fragments of tables.
"""

import re

from ingest.extractors.cues import CITATION
from ingest.extractors.features import Sentence

MIN_WORDS = 5
MAX_WORDS = 80

MAX_SYMBOLS = 0.12
"""Largest share of mathematical symbols among the characters that are not white space."""

MIN_LETTERS = 0.5
"""Smallest share of letters among letters and digits."""

_SYMBOL = re.compile(
    r"[=∈∑∏√^_{}\\|≈∝∂∇<>≤≥+×·∘⊙∥⟨⟩→α-ωΑ-Ωℝ𝔼ℒ∀∃∪∩⊂⊆±∞′∗*/]|[\U0001D400-\U0001D7FF]"
)
_LETTER = re.compile(r"[^\W\d_]")
_BLANK = re.compile(r"\s")
_DIGIT = re.compile(r"\d")

_TRAINING = re.compile(
    r"learning rate|batch size|weight decay|warm-?up|\bAdamW?\b|epochs|cosine (?:decay|schedule)"
    r"|\bbf16\b|\bfp\d+\b|dropout|gradient clip|\d+[kKMB]? (?:training )?steps|context length"
    r"|\bH100|\bA100|\d+ layers|d_?model",
    re.IGNORECASE,
)

_PATTERNS = {
    "question": re.compile(r"\?[\"”’')\]]*$"),
    "list introduction": re.compile(r":$"),
    "address": re.compile(
        r"https?:|www\.\w|doi\.org|\S@\S{1,100}\.\w|arXiv:\d|^\W*(?:ISSN|DOI|Received)"
    ),
    "acknowledgement": re.compile(
        r"\b(?:thank|thanks (?:are due|to (?:all|everyone|our|those|the \w*reviewers?))|grateful"
        r"|acknowledges?|funded by|supported by (?:a|the) \w+ (?:grant|fellow)"
        r"|author contributions?|correspondence to|feedback on (?:earlier )?drafts?)\b",
        re.IGNORECASE,
    ),
    "future work": re.compile(
        r"\b(?:future (?:work|research|stud(?:y|ies)|investigation)|further (?:work|research)"
        r"|more (?:work|research) (?:is|will be|needs)|(?:we|our|i) (?:hope|plan|intend|leave)\b"
        r"|we look forward|left (?:to|for) (?:future|later)|remains? to be (?:seen|done|shown)"
        r"|would be interesting|interesting to (?:see|explore|study|investigate)"
        r"|open (?:question|problem)s?|next steps?|it may (?:\w+ )?be interesting)",
        re.IGNORECASE,
    ),
    "structure": re.compile(
        r"^(?:see|for (?:more )?details?,? see|click|hover|scroll|drag)\b"
        r"|^\W?(?:in )?(?:this|the (?:next|following|previous|remaining)) (?:section|appendix)s?\b"
        r"|^(?:sections?|appendix|appendices|§)\s?\S+ (?:\w+ )?(?:describ|present|review|discuss"
        r"|contain|give|provid|introduc|cover|detail|list|outlin)"
        r"|\b(?:rest|remainder|outline) of (?:this|the) (?:paper|article|note|post|work)"
        r"|\b(?:organi[sz]ed|structured) as follows"
        r"|\b(?:be|is|are) (?:found|given|listed|described|detailed|reported|provided|available)"
        r" (?:in|at|on) (?:the )?(?:appendix|supplement|section|table|figure|https?|\w+ report|§)"
        r"|\b(?:appendix|section|§)\s?[A-Z\d.]+ (?:for|contains|describes|gives|provides|lists)\b"
        r"|^(?:figure|fig\.|table)s? [\w.]+(?: \(\w+\))?(?:[.:]| (?:lists|gives|plots|depicts)\b)",
        re.IGNORECASE,
    ),
    "pointer": re.compile(
        r"^[^.;]*\b(?:see|refer to|shown in|as in) (?:also )?(?:the )?"
        r"(?:appendix|figure|fig\.|section|table|§|supplement)\w*(?: [\w.]+)?"
        r"(?: (?:for|below|above)\b[^.]*)?\.?$",
        re.IGNORECASE,
    ),
    "set-up": re.compile(
        r"\b(?:was|were) (?:chosen|selected|picked|set)"
        r" (?:as|because|to|so|since|based|according)\b",
        re.IGNORECASE,
    ),
    "supposition": re.compile(
        r"^(?:\w+,? ){0,4}(?:suppose|supposing|imagine|consider)\b"
        r"|\b(?:one|you|we|readers?) (?:might|may|could) (?:\w+ )?"
        r"(?:think|expect|wonder|ask|imagine|worry)\b"
        r"|\b(?:may|might|could) (?:cause|lead|tempt) (?:us|one|you) to\b",
        re.IGNORECASE,
    ),
    "announcement": re.compile(
        r"^let(?:[’']s| us)\b|\b(?:our|the) next (?:paper|article|section|(?:few )?experiment)"
        r"|\b(?:we|experiments?|sections?)(?: will|[’']ll) (?:now |then |next )?"
        r"(?:focus|discuss|examine|explore|investigate|describe|turn|study|see|look)\b",
        re.IGNORECASE,
    ),
    "not known": re.compile(
        r"\bwe (?:do not|don[’']t) (?:yet |currently )?"
        r"(?:have (?:a|any) (?:good |clear )?explanation|know (?:why|how|whether|what)"
        r"|understand (?:why|how))\b|\bwe(?: are|[’']re) (?:unsure|not sure)\b",
        re.IGNORECASE,
    ),
    "work of others": re.compile(
        r"^(?:their|his|her) (?:study|work|paper|results?|method)\b", re.IGNORECASE
    ),
    "commonplace": re.compile(
        r"\b(?:challenges|questions|problems|limitations|issues|obstacles) remain\b"
        r"|\bremains? (?:largely |still |an? )?"
        r"(?:unclear|unknown|unexplored|unaddressed|open|poorly)\b"
        r"|\bit is (?:still )?(?:unclear|unknown|not (?:yet )?(?:clear|known))"
        r" (?:how|whether|what|why)\b"
        r"|\bbrings? us (?:\w+ ){0,3}closer\b|\bopens? (?:up )?(?:the door|new avenues)\b"
        r"|\b(?:results|findings) are (?:encouraging|promising|preliminary)\b",
        re.IGNORECASE,
    ),
    "mid-sentence": re.compile(r"^(?:[a-z]{2,}|[,;)\]%])"),
}


def reason_to_drop(sentence: Sentence) -> str | None:
    """Return why a sentence cannot be a statement of its document, if a rule says so."""
    for reason, pattern in _PATTERNS.items():
        if pattern.search(sentence.text):
            return reason
    n_words = sum(word[0].isalpha() or word == "0" for word in sentence.words)
    if n_words < MIN_WORDS:
        return "pure citation" if CITATION in sentence.words else "too short"
    if n_words > MAX_WORDS:
        return "too long"
    if "no_verb" in sentence.cues:
        return "no verb"
    return _reason_of_form(sentence.text)


def _reason_of_form(text: str) -> str | None:
    solid = _BLANK.sub("", text)
    if len(_SYMBOL.findall(solid)) > MAX_SYMBOLS * len(solid):
        return "formula"
    n_letters, n_digits = len(_LETTER.findall(text)), len(_DIGIT.findall(text))
    if n_letters < MIN_LETTERS * (n_letters + n_digits):
        return "table"
    settings = len(_TRAINING.findall(text))
    if settings >= 2 or (settings == 1 and n_digits >= 4):
        return "hyper-parameters"
    return None
