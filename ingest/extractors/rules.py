"""Sentences that no probability should let through, and the reason for each.

The linear model weighs many weak signs; a few signs are enough on their own. These rules were
written from what goes wrong on full papers when a classifier is used alone: lists of
hyper-parameters, plans for later, pointers to sections, remarks on tables, questions, asides, who
took part, work under way, fragments of tables.
"""

import re
from collections.abc import Sequence

from ingest.extractors.cues import CITATION, pieces_of
from ingest.extractors.features import Sentence

MIN_WORDS = 5
MAX_WORDS = 80

MAX_SYMBOLS = 0.12
"""Largest share of mathematical symbols among the characters that are not white space."""

_MANY_DIGITS = 4

MIN_LETTERS = 0.5
"""Smallest share of letters among letters and digits."""

_SYMBOL = re.compile(
    r"[=∈∑∏√^_{}\\|≈∝∂∇<>≤≥+×·∘⊙∥⟨⟩→α-ωΑ-Ωℝ𝔼ℒ∀∃∪∩⊂⊆±∞′∗*/]|[\U0001D400-\U0001D7FF]"
)
_TRAINING = re.compile(
    r"learning rate|batch size|weight decay|warm-?up|\badamw?\b|epochs|cosine (?:decay|schedule)"
    r"|\bbf16\b|\bfp\d+\b|dropout|gradient clip|\d[kmb]? (?:training )?steps|context length"
    r"|\bh100|\ba100|\d layers|d_?model"
)

_DISPLAY = (
    r"(?:(?:(?:sub)?figures?|figs?\.?|tables?|panels?|columns?|rows?|charts?|plots?|equations?)"
    r" ?\(?[\da-z][\w.-]*\)?(?: ?\(\w+\))?)"
)
"""A picture or a table by its number."""

_SHOW = (
    r"(?:shows?|compares?|plots?|reports?|presents?|lists?|gives?|provides?|displays?|contains?"
    r"|visuali[sz]es?|summari[sz]es?|illustrates?|depicts?|details?|includes?)"
)
_TELLS = (
    r"(?!.*\b(?:than|more|less|fewer|higher|lower|larger|smaller|better|worse|increas\w+|decreas\w+"
    r"|improv\w+|reduc\w+|drops?|falls?|rises?|outperform\w*|significant\w*|fails?|no|not|never|only"
    r"|same|similar\w*|strong\w*|weak\w*|clear\w*|consistent\w*|match(?:es)?|agrees?|depends?|vanish\w*)\b)"
)
"""Holds where nothing is said of what there is to see."""


_NAME = r"[A-Z][\w’'-]+"
_MARK = r"[\[(](?:19|20)\d\d[a-z]?[\])]"
_NUMBERED = r"\[\d+(?:\s?[,–-]\s?\d+)*\]"
_SOURCE = (
    rf"(?:{_NAME}(?: (?:and|&) {_NAME})? {_MARK}|{_NAME} et al\.?,?(?: (?:{_MARK}|{_NUMBERED}))?"
    rf"|{_NUMBERED})"
)
"""A citation that stands as a noun; a thing with a citation behind it, "probes [7]", is none."""

_REPORTED = r"(?:shown|found|reported|observed|demonstrated|established|measured|argued|suggested)"
_SAYS = (
    r"(?:(?:have|has|had) )?(?:(?:also|first|later|\w+ly) )?(?:shows?|finds?|reports?|observes?"
    r"|demonstrates?|establish(?:es)?|measures?|argues?|suggests?|claims?|concludes?|notes?|proves?"
    rf"|showed|claimed|concluded|noted|proved|{_REPORTED})\b"
)
_ATTRIBUTED = re.compile(
    rf"^(?:\w+, )?{_SOURCE} {_SAYS}"
    rf"|^(?:The |Earlier )?(?:[Rr]esults?|[Ee]xperiments?|[Ff]indings?|[Ww]ork|[Aa]nalys[ie]s)"
    rf" (?:reported )?(?:in|of|by|from) {_SOURCE} {_SAYS}"
    rf"|\b(?:is|are|was|were|been) (?:\w+ )?{_REPORTED} (?:in|by) {_SOURCE}"
)
_OWN = re.compile(r"\b(?:we|our|ours|us|my|than)\b", re.IGNORECASE)
"""With these a sentence sets what others found beside results of its own."""


def _rule(*holds: str, opens: Sequence[str] = ()) -> re.Pattern[str]:
    """Return a pattern of what may stand at the start of a word, or open a sentence.

    The boundary is looked for once and not for each: that makes it five times as fast.
    """
    sides = {r"\b": holds, "^": opens}
    return re.compile("|".join(f"{at}(?:{'|'.join(each)})" for at, each in sides.items() if each))


_PATTERNS = {
    "question": re.compile(r"\?[\"”’')\]]*$"),
    "list introduction": re.compile(
        r":$|\b(?:two|three|four|several|many) (?:\w+ )?(?:factors|reasons|ways|problems)\.?$"
    ),
    "address": re.compile(
        r"https?:|www\.\w|doi\.org|\S@\S{1,100}\.\w|arxiv:\d|^\W*(?:issn|doi|received)\b"
    ),
    "acknowledgement": _rule(
        r"(?:thank|thanks (?:are due|to (?:all|everyone|our|those|the \w*reviewers?))|grateful"
        r"|acknowledges?|funded by|supported by (?:a|the) \w+ (?:grant|fellow)"
        r"|author contributions?|correspondence to|feedback on (?:earlier )?drafts?)\b"
    ),
    "future work": _rule(
        r"(?:future (?:work|research|stud(?:y|ies)|investigation)|further (?:work|research)"
        r"|more (?:work|research) (?:is|will be|needs)|(?:we|our|i) (?:hope|plan|intend|leave)\b"
        r"|we look forward|left (?:to|for) (?:future|later)|remains? to be (?:seen|done|shown)"
        r"|would be interesting|interesting to (?:see|explore|study|investigate)"
        r"|open (?:question|problem)s?|next steps?|it may (?:\w+ )?be interesting"
        r"|(?:promising|interesting|fruitful) (?:\w+ ){0,2}(?:extensions?|directions?|avenues?)\b"
        r"|motivat\w+ (?:\w+ ){0,5}(?:further|future|broader|wider)"
        r"|would (?:require|need|take) (?:additional|more|further)\b"
        r"|would (?:test|tell|settle|clarify) (?:whether|if|how)\b)"
    ),
    "structure": _rule(
        r"(?:rest|remainder|outline) of (?:this|the) (?:paper|article|note|post|work)",
        r"(?:organi[sz]ed|structured) as follows",
        r"(?:be|is|are) (?:found|given|listed|described|detailed|reported|provided|available)"
        r" (?:in|at|on) (?:the )?(?:appendix|supplement|section|table|figure|https?|\w+ report|§)",
        r"(?:appendix|section|§)\s?[a-z\d.]+ (?:for|contains|describes|gives|provides|lists)\b",
        r"later (?:on )?in (?:the|this) (?:article|paper|post|section|essay)\b",
        r"the following (?:figure|plot|diagram|example|animation|network|table|sections?)\b",
        r"we (?:\w+ )?(?:establish|make|offer|list|summari[sz]e)"
        r" (?:\w+ )?(?:two|three|four|five|several|the following) (?:\w+ )?contributions",
        opens=(
            r"(?:see|for (?:more )?details?,? see|click|hover|scroll|drag)\b",
            r"\W?(?:in )?(?:this|the (?:next|following|previous|remaining))"
            r" (?:section|appendix)s?\b",
            r"(?:sections?|appendix|appendices|§)\s?\S+ (?:\w+ )?(?:describ|present|review|discuss"
            r"|contain|give|provid|introduc|cover|detail|list|outlin)",
            r"(?:figure|fig\.|table)s? [\w.-]+(?: \(\w+\))?(?:[.:]| (?:lists|gives|plots|depicts"
            r"|illustrates|displays|summari[sz]es|visuali[sz]es|presents|provides|reports)\b)",
        ),
    ),
    "pointer": _rule(
        opens=(
            r"[^.;]*\b(?:see|refer to|shown in|as in) (?:also )?(?:the )?"
            r"(?:appendix|figure|fig\.|section|table|§|supplement)\w*(?: [\w.]+)?"
            r"(?: (?:for|below|above)\b[^.]*)?\.?$",
        )
    ),
    "display": _rule(
        opens=(
            rf"{_TELLS}(?:(?:\w+,? ){{0,3}}?{_DISPLAY}(?:(?:,| and| of| in) {_DISPLAY})*(?: also)?"
            rf" {_SHOW} (?!that\b|how\b|(?:\w+ly) that\b)"
            rf"|[^:;]*\bwe (?:\w+ly |also |then |first )?{_SHOW} (?!that\b|how\b)"
            rf"[^:;]*\b(?:in|by|with) {_DISPLAY}[^,;]*$"
            rf"|[^:;]*\b(?:is|are|was|were) (?:\w+ly |then |also )?(?:compared|shown|plotted"
            rf"|reported|listed|presented|displayed|depicted|summari[sz]ed)\b[^:;]*{_DISPLAY}\)?\.?$)",
        )
    ),
    "set-up": _rule(
        r"(?:was|were) (?:chosen|selected|picked|set)"
        r" (?:as|because|to|so|since|based|according)\b",
        r"(?:participants?|subjects?|annotators?|raters?|volunteers?) (?:\w+ )?(?:\w+ )?"
        r"(?:reported (?:their|having)|declined|consented|were excluded|gave (?:\w+ )?consent"
        r"|(?:were|was) recruited|(?:was|were) (?:paid|asked|told|instructed))\b",
        r"(?:datasets?|benchmarks?|prompts?|hyper-?parameters) includes?\b",
        r"(?:our|the) (?:main |primary )?(?:goal|aim|objective|purpose) (?:\w+ ){0,5}?(?:is|was)"
        r" (?:not only )?to\b",
        r"it remains to \w+",
        r"do(?:es)? not (?:attempt|aim|intend|try) to\b",
        r"is intended (?:for|as)\b",
        r"(?:was|were|been) re-?(?:run|ran|counted|trained)\b",
        opens=(
            r"(?:to|in order to) [a-z]\w*\b[^,;:]{0,120}, (?:we|one|you|i)(?:[’']ll|[’']d)?"
            r" (?:\w+ly |then |first |also )?(?:will |must |can |need|have to|use|train|take"
            r"|compute|construct|build|run|apply|employ|adopt|collect|follow|consider|conduct|perform|sample"
            r"|select|define|generate|evaluate|measure|fit|add|replace|start|begin)",
            r"(?:\w+,? ){0,4}we (?:\w+ly )?(?:use|extract|train|sample|collect|construct|generate"
            r"|fine-tune|select|fix|employ|adopt|restrict|exclude|attempted|tried|focus)\b"
            r"(?!.*\b(?:find|found|show|observe|see)\b)",
            r"(?:\w+,? ){0,6}?we (?:have |\w+ly )*(?:measured?|add(?:ed)?|pick(?:ed)?|utili[sz]ed?"
            r"|computed?|calculated?|append(?:ed)?|augment(?:ed)?|normali[sz]ed?)\b[^:;]* to"
            r" (?:calculate|compute|simulate|represent|obtain|avoid|ensure|control|account"
            r"|approximate|estimate|assess|isolate|match)\b",
            r"throughout, (?:we|i|this)\b",
        ),
    ),
    "supposition": _rule(
        r"we (?:may|might|could) (?:\w+ )?hope\b",
        r"(?:one|you|we|readers?) (?:might|may|could) (?:\w+ )?"
        r"(?:think|expect|wonder|ask|imagine|worry)\b",
        r"(?:may|might|could) (?:cause|lead|tempt) (?:us|one|you) to\b",
        opens=(
            r"(?:\w+,? ){0,4}(?:suppose|supposing|imagine|consider)\b",
            r"say (?:we|you|that)\b",
            r"(?:an?|one|another|the) (?:\w+ ){0,2}(?:objection|counter-?argument)"
            r"(?::| (?:is|would be|might be|could be)\b)",
        ),
    ),
    "announcement": _rule(
        r"the next (?:few |several )?sections?\b",
        r"we(?: will|[’']ll) (?:first )?(?:be able|need) to\b",
        r"(?:our|the) next (?:paper|article|section|(?:few )?experiment)",
        r"(?:we|experiments?|sections?)(?: will|[’']ll) (?:now |then |next )?"
        r"(?:focus|discuss|examine|explore|investigate|describe|turn|study|see|look|use|observe"
        r"|show|start|begin|call|take|assume)\b",
        opens=(
            r"let(?:[’']s| us)\b",
            r"so far,? (?:we|i|our|the scope)(?:[’']ve)?\b",
            r"now that we\b",
            r"as we (?:dig|go|will|move)\b",
            r"as (?:explained|noted|mentioned|described|discussed) (?:above|earlier|before)\b",
            r"(?:\W*\w+,? ){0,3}?(?:this|our|the present) (?:survey|paper|work|study|article|review"
            r"|post|thesis|report|essay)(?: also| further)? (?:provides?|offers?|reviews?|presents?"
            r"|bridges?|describes?|surveys?|focus(?:es)?|explores?|discuss(?:es)?|address(?:es)?"
            r"|aims?|examines?|investigates?|introduces?)\b",
            r"(?:\w+,? ){0,3}we (?:have |also |then |further )?(?:explored?|discuss(?:ed)?"
            r"|review(?:ed)?|highlight(?:ed)?|address(?:ed)?|revisit(?:ed)?|outlined?|described?)\b",
        ),
    ),
    "not known": _rule(
        r"we (?:do not|don[’']t) (?:yet |currently )?"
        r"(?:have (?:a|any) (?:good |clear )?explanation|know (?:why|how|whether|what)"
        r"|understand (?:why|how))\b",
        r"we(?: are|[’']re) (?:unsure|not sure)\b",
    ),
    "work of others": _rule(opens=(r"(?:their|his|her) (?:study|work|paper|results?|method)\b",)),
    "commonplace": _rule(
        r"growing (?:body|number|interest)\b",
        r"(?:gained|attracted|received|drawn) (?:\w+ ){0,2}(?:attention|traction|popularity)\b",
        r"interesting (?:property|properties|phenomen\w+|observations?|questions?|things?)\b",
        r"(?:exciting|fascinating)\b",
        r"my (?:impression|feeling)\b",
        r"(?:challenges|questions|problems|limitations|issues|obstacles) remain\b",
        r"remains? (?:largely |still |an? )?"
        r"(?:unclear|unknown|unexplored|unaddressed|open|poorly)\b",
        r"it (?:is|isn[’']t) (?:still |immediately )?"
        r"(?:unclear|unknown|(?:not )?(?:yet |immediately )?(?:clear|known|obvious))"
        r" (?:how|whether|what|why|if)\b",
        r"brings? us (?:\w+ ){0,3}closer\b",
        r"opens? (?:up )?(?:the door|new avenues)\b",
        r"(?:results|findings) are (?:encouraging|promising|preliminary)\b",
        opens=(r"(?:this|these|it|our) (?:\w+ )?ha(?:s|ve) (?:\w+ )?implications for [^:]*$",),
    ),
    "aside": _rule(
        r"i (?:\w+ ){0,2}(?:feel|know|remember|wonder|wish|need to|want|wanted|got|like|love)\b",
        r"pull requests?\b",
        r"typos?\b",
        r"subscribe\b",
        r"i think it[’']s a\b",
        r"i(?:[’']m| am) (?:not )?(?:even )?sure\b",
        r"i have no idea\b",
        r"(?<=[–—] )imagine\b",
        opens=(
            r"\((?![ivx\d]{1,4}\)|[a-h]\))",
            r"it(?:[’']s| is) (?:always |also |often )?"
            r"(?:good|fun|tempting|nice|worth noting) to\b",
        ),
    ),
    "work under way": _rule(
        r"(?:is|are) (?:currently |now |still |already )?"
        r"(?:investigating|exploring|working on|extending|a (?:top )?priority|under way|underway"
        r"|in progress|ongoing)\b",
        r"success (?:for|of|in) (?:this|our|the) project\b",
        r"(?:developing|ongoing) (?:research )?project\b",
        r"(?:repository|code ?base|library|package|toolkit) (?:\w+ly )?(?:includes?|contains?"
        r"|exports?|provides?|supports?)\b",
        opens=(
            r"(?:testing|investigating|exploring|extending|studying)"
            r" (?:if|whether|how|what|more)\b",
        ),
    ),
    "indirect question": _rule(
        r"(?:mystery|question|puzzle|challenge) (?:is|was|remains) (?:\(?and \w+\)? )?"
        r"(?:whether|how|what|why|which)\b",
        r"raises? the (?:\w+ )?question\b",
        r"begs the question\b",
    ),
    "heading": _rule(
        opens=(
            r"an? (?:\w+ )?claim that\b(?!.*\b(?:needs?|must|should|cannot|may|requires?)\b)",
            r"(?:(?:an?|the|our|new|open) )?(?:[\w-]+ ){0,4}(?:protocols?|metrics?|benchmarks?"
            r"|evaluations?|frameworks?|pipelines?|toolkits?|probing|librar(?:y|ies)|testing"
            r"|extensions?) (?:for|of|on|if|whether|covering|with|to)\b"
            r"(?!.*\b(?:is|are|was|were|has|have|had|can|could|may|might|must|should|will|would|does"
            r"|do|did|shows?|yields?|gives?|needs?|requires?|fails?|remains?|leads?|makes?"
            r"|reveals?)\b)",
        )
    ),
}
"""Of sentences in lower case."""

_MID_SENTENCE = re.compile(r"^(?:[a-z]{2,}|[,;)\]%])|^Because [^,]*\.$")


def reason_to_drop(sentence: Sentence) -> str | None:
    """Return why a sentence cannot be a statement of its document, if a rule says so."""
    text = sentence.text.lower()
    for reason, pattern in _PATTERNS.items():
        if pattern.search(text):
            return reason
    if _MID_SENTENCE.search(sentence.text):
        return "mid-sentence"
    n_words = sum(word[0].isalpha() or word == "0" for word in sentence.words)
    if n_words < MIN_WORDS:
        return "pure citation" if CITATION in sentence.words else "too short"
    if n_words > MAX_WORDS:
        return "too long"
    if "no_verb" in sentence.cues:
        return "no verb"
    return _reason_of_form(text)


def is_attributed(sentence: Sentence) -> bool:
    """Say whether a sentence names a citation as the one who found what it says."""
    if CITATION not in sentence.words or not _ATTRIBUTED.search(sentence.text):
        return False
    return _OWN.search(sentence.text) is None


def _reason_of_form(text: str) -> str | None:
    n_solid = sum(map(len, text.split()))
    if len(_SYMBOL.findall(text)) > MAX_SYMBOLS * n_solid:
        return "formula"
    n_letters, n_digits = sum(map(str.isalpha, text)), sum(map(str.isdecimal, text))
    if n_letters < MIN_LETTERS * (n_letters + n_digits):
        return "table"
    return "hyper-parameters" if _lists_settings(text) else None


def _lists_settings(text: str) -> bool:
    """Say whether two kinds of settings are named, or one beside many digits of no citation."""
    kinds = {re.sub(r"\d", "", each) for each in _TRAINING.findall(text)}
    if len(kinds) != 1:
        return len(kinds) > 1
    return sum(map(str.isdecimal, " ".join(pieces_of(text)))) >= _MANY_DIGITS
