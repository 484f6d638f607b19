"""Words and phrases of a text, as the labels of communities are made of them and held to them.

A phrase is a run of up to four words between stop words, verbs, numbers and punctuation: RAKE's
candidates (Rose, Engel, Cramer & Cowley, 2010, Automatic keyword extraction from individual
documents, doi:10.1002/9780470689646.ch1), with verbs among the delimiters because statements are
sentences. Two phrases are the same if their words agree after case and plural are taken away.

What no phrase ends with is on a list of ours, written for papers on interpretability, or is seldom
a noun in the tagged texts of WordNet 3.1 (Fellbaum, 1998; `verbs` and `adjectives` in `kg/words`,
made by `benchmarks/wordnet.py`), unless this field has made a noun of it ("probe", "latents").

But: a word is the same word everywhere, and the lists are English. A verb that is often a noun
elsewhere can end a phrase; text in other languages gives longer phrases, and never an error.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple

_FUNCTION = """
a about above across after against al all almost along already also although am among amongst an and
another any anybody anyone anything are around as at be because been before behind being below
beneath between beyond both but by can cf could did do does doing done down during e.g each eg
either else et etc even ever every everybody everyone everything except few for from further had has
have having he hence her here hers him his how however i i.e ie if in indeed inside instead into is
it its itself just least less like many may me might more moreover most much must my near nearly
neither nobody nor now of off often on once one only onto or other others our ours out over own per
quite rather s same several shall she should since so some somebody someone something still such
than that the their theirs them themselves then there therefore these they this those though through
throughout thus to together too toward towards under until up upon us versus very via vs was we well
were what when where whereas whether which while who whole whom whose why will with within worth
would yet you your
"""

_NEGATION = "cannot never no none not nothing without"

_NUMBER = (
    "zero two three four five six seven eight nine ten eleven twelve half dozen hundred thousand"
)

_VERBS = """
achieve act activate add advance affect agree aim allow analyse analyze appear apply argue arise ask
assume attribute avoid become behave believe bridge bring call capture carry cause change choose
combine compare complement compute confirm consist contain contradict contribute converge correlate
correspond create decide decompose decrease define demonstrate depend describe detect determine
develop differ disagree discover distribute drive drop emerge enable encode ensure establish examine
exceed exhibit exist expect explain fail fall find focus follow gain generalise generalize get give
grow guide happen help highlight hold hope hurt hypothesise hypothesize identify illustrate
implement imply impose improve include incorporate increase indicate integrate introduce investigate
involve isolate keep know lack lead learn leave let lie like look lose make match matter mean
measure motivate need observe obtain occur offer operate outperform perform place position possess
precede predict preserve prevent produce propose prove provide put reach read recover reduce refer
refute relate rely remain remove report require resemble resolve respond result reveal route run say
see seek seem serve shift show sidestep solve stand stay store succeed suggest support take tell
tend test think trace try turn uncover understand upweight use validate vary want work write yield
"""

_VERB_FORMS = """
advancing allowing based became began being broke brought built came causing chose complementing
containing drew encoding explaining fell felt found gave given got grew grown guiding held
highlighting hurting identifying imposing improving including indicating introducing kept knew known
led left linking lost made making meant met mistaken motivating positioning preserving proven put
ran reading rebuilt removing revealing said saw seen showing shown spent stood studying suggesting
surfacing taken taking taught thought told took turning understanding understood using went written
wrote ablating capturing collapses correcting counting destabilize destabilizes dominates dominating
elicit elicits emits emit exceeding formalise formalize going ignores invite invites leaning leans
lives localises localizes maintain maintains picks raises register registers replicates represent
represents restore restores rests rising shrink shrinks silences study survive survives trends
tripling undermine undermines cares
"""

_NEVER_LAST = """
abstract accurate active adaptive adversarial alive alone apparent arbitrary average bad better big
bottom-up causal central clean clear clinical cold common complete complex conceptual concrete
correct critical current dead deep deeper dense different difficult direct distinct due early easier
easy effective entire equal essential exact existing explicit false final first formal full
functional fundamental general genuine global good great hard harder held-out hidden high high-level
higher human immediate implicit important independent individual inner internal irrelevant key large
larger last late latent likely linear little local long low low-level lower main major meaningful
mechanistic minimal modern multiple narrow natural necessary neural new next nonlinear novel
original orthogonal parallel particular performative possible previous primary prior quantitative
random rank-one raw ready real recent relevant right robust same-day second semantic sensitive
separate sharp short significant similar simple simpler single singular small smaller sparse special
specific stable standard strong stronger structural successful sufficient suspect technical third
top-down total true two-dimensional typical uninterpretable unique unresolved useful usual visual
warm weaker wide widespread wrong
"""

_NEVER_ALONE = """
approach approaches aspect aspects attempt author authors case cases claim claims community
component data degree detail details effect effects evidence example examples experiment experiments
fact factor field figure finding findings form framework future goal group idea information insight
instance issue kind level line list lot manner member method methods model models network networks
note number paper papers part parts pattern people performance point points prediction predictions
problem problems process property purpose quality question questions reason representation research
researchers role roles sample section seed sense set sets side source sources statement statements
step strength structure system table task tasks technique techniques term terms thing things time
times tool tools type types value values variant version view way ways word words year years
argument arguments budget chance concern concerns difference effort norm outcome outcomes output
outputs percent percentage score scores scope setting settings
"""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _inflected(verb: str) -> tuple[str, ...]:
    stem = verb.removesuffix("e")
    if verb.endswith("y") and verb[-2] not in "aeo":
        return verb, f"{verb[:-1]}ies", f"{verb[:-1]}ied"
    return verb, f"{verb}s", f"{verb}es", f"{stem}ed", f"{verb}{verb[-1]}ed"


FUNCTION_WORDS = _set(_FUNCTION)
"""Words that carry no topic; a negation is not one of them."""

DELIMITERS = (
    FUNCTION_WORDS
    | _set(_NEGATION)
    | _set(_NUMBER)
    | _set(_VERB_FORMS)
    | frozenset(form for verb in _VERBS.split() for form in _inflected(verb))
)
"""Words that end a phrase: function words, negations, numbers and verbs, but not nouns in -ing."""

_ADJECTIVES = _set(_NEVER_LAST)
_VAGUE = _set(_NEVER_ALONE)
_ADJECTIVE = re.compile(
    r"(?:less|able|ible|ful|ical|istic|ive|ly|ous|onal|ural|wise|based|driven)$"
)
_NOUNS = _set(
    "alternative anomaly archive assembly derivative family incentive narrative natural objective "
    "perspective signal table variable"
)
_NOUNS_OF_THE_FIELD = _set(
    "bound clamp constant latent lift maximum minimum monitor overlap pass probe prompt recall "
    "update"
)

_PLURALS = {
    "analyses": "analysis",
    "axes": "axis",
    "bases": "basis",
    "criteria": "criterion",
    "hypotheses": "hypothesis",
    "indices": "index",
    "matrices": "matrix",
    "phenomena": "phenomenon",
    "vertices": "vertex",
}
MAX_WORDS = 4
"""Of a phrase."""

TOKEN = re.compile(r"\\[A-Za-z]+|[^\W_]+(?:(?:['’‐‑-]|_(?=[^\W\d_]{2}))[^\W_]+)*|[^\s]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_CONTRACTED = ("n't", "'re", "'ve", "'ll", "'d", "'m")
_ENDS = frozenset(".!?:")
_POSSESSIVE = re.compile(r"['’]s?$")
_DOTTED = re.compile(r"\b(?:[A-Z]\.){2,}")


class Spelling(NamedTuple):
    """A phrase as a text writes it."""

    words: str
    begins: bool
    """It stands at the beginning of a sentence, so its first capital means nothing."""


@lru_cache(maxsize=32768)
def phrases_of(text: str) -> Mapping[str, Spelling]:
    """Return the phrases of a text by key, which is the folded words with spaces between.

    Of several spellings, the first from inside a sentence is kept, if there is one.
    """
    found: dict[str, Spelling] = {}
    for run, begins in _runs(text):
        for key, start, end in _phrases_in(run):
            at_start = begins and start == 0
            if key not in found or (found[key].begins and not at_start):
                words = [*run[start:end], known(run[end]).bare]
                found[key] = Spelling(" ".join(words), at_start)
    return MappingProxyType(found)


def _phrases_in(run: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return the key, the first and the last word of each phrase in a run of words."""
    words = [known(word) for word in run]
    found: list[tuple[str, int, int]] = []
    for start, first in enumerate(words):
        if first.is_phrase:
            found.append((first.folded, start, start))
        key = first.folded
        for end in range(start + 1, min(start + MAX_WORDS, len(words))):
            last = words[end]
            key = f"{key} {last.folded}"
            if last.is_acronym or (first.may_begin and last.may_end):
                found.append((key, start, end))
    return found


def words_of(text: str) -> list[str]:
    """Return the words of a text as written; parts of a compound are words of their own."""
    if text.isascii() and text.isalnum():
        return [text]
    return _WORD.findall(_DOTTED.sub(lambda found: found.group().replace(".", ""), text))


def without_possessive(word: str) -> str:
    """Return a word without a possessive at its end."""
    return _POSSESSIVE.sub("", word) if "'" in word or "’" in word else word


def folded_words(text: str) -> list[str]:
    """Return the words of a text without case and plural."""
    return [folded(word) for word in words_of(text)]


@lru_cache(maxsize=65536)
def folded(word: str) -> str:
    """Take case, accents' composition, possessive and plural from a word.

    "SAEs" and "SAE" become one; so do "frequencies" and "frequency". Words in -ss, -us and -is
    keep their s, and so does a word of three letters or fewer.
    """
    bare = without_possessive(unicodedata.normalize("NFKC", word))
    small = singular(bare).casefold()
    if small in _PLURALS:
        return _PLURALS[small]
    if is_acronym(bare):
        return small
    if len(small) <= 3 or small[-1] != "s" or small.endswith(("ss", "us", "is")):
        return small
    if small.endswith("ies") and len(small) > 4:
        return f"{small[:-3]}y"
    return small[:-2] if small.endswith(("sses", "shes", "ches", "xes")) else small[:-1]


@lru_cache(maxsize=65536)
def is_acronym(word: str) -> bool:
    """Say whether a word is written as an acronym: two capitals or more, and half of it capital.

    A closing plural s does not count.
    """
    if word.islower():  # as nearly all are
        return False
    core = word[:-1] if word.endswith("s") else word
    capitals = sum(map(str.isupper, core))
    letters = sum(map(str.isalpha, core))
    return capitals >= 2 and 2 * capitals >= letters and len(core) <= 10


def acronyms_in(text: str) -> set[str]:
    """Return the acronyms that a text uses, in the singular."""
    words = {_POSSESSIVE.sub("", word) for word in words_of(text)}
    return {
        singular(word)
        for word in words
        if is_acronym(word) and word.casefold() not in FUNCTION_WORDS
    }


def singular(acronym: str) -> str:
    """Take the plural s from an acronym."""
    return acronym[:-1] if acronym.endswith("s") and is_acronym(acronym) else acronym


def _runs(text: str) -> Iterator[tuple[list[str], bool]]:
    """Yield the longest runs of words without a delimiter, and whether each begins a sentence."""
    run: list[str] = []
    begins, next_begins = True, True
    for token in TOKEN.findall(text):
        if delimits(token):
            if run:
                yield run, begins
            run = []
            next_begins = token in _ENDS or (next_begins and not token[0].isalnum())
            continue
        if not run:
            begins = next_begins
        run.append(token)
        next_begins = False
    if run:
        yield run, begins


@lru_cache(maxsize=65536)
def delimits(token: str) -> bool:
    """Say whether a token ends a run of words."""
    small = token.casefold().replace("’", "'")
    return (
        not token[0].isalnum()
        or len(token) == 1
        or small in DELIMITERS
        or small.removesuffix("'s") in DELIMITERS
        or small.endswith(_CONTRACTED)
        or not any(map(str.isalpha, without_possessive(token)))
    )


class Word(NamedTuple):
    """What has to be known of a word to see where phrases begin and end."""

    folded: str
    bare: str
    """As written, without a possessive."""

    may_begin: bool
    may_end: bool
    is_acronym: bool
    is_phrase: bool
    """Alone."""


@lru_cache(maxsize=65536)
def known(word: str) -> Word:
    """Return what has to be known of a word."""
    bare = without_possessive(word)
    small = bare.casefold()
    acronym = is_acronym(bare)
    may_end = not (_is_adjective(small) or small.endswith("ed") or _is_seldom_a_noun(small))
    says_something = small not in _VAGUE and len(small) >= 4 and not small.endswith("ly")
    return Word(
        folded=" ".join(folded_words(word)),
        bare=bare,
        may_begin=not word.casefold().endswith("ly"),
        may_end=may_end,
        is_acronym=acronym,
        is_phrase=acronym or (may_end and says_something),
    )


def _is_adjective(word: str) -> bool:
    return word in _ADJECTIVES or (word not in _NOUNS and _ADJECTIVE.search(word) is not None)


def _is_seldom_a_noun(word: str) -> bool:
    """Verbs take an s too; an adjective that has one is a noun."""
    return word in _listed("adjectives") or folded(word) in _listed("verbs")


@cache
def _listed(name: str) -> frozenset[str]:
    return frozenset(lines_of(name)) - _NOUNS_OF_THE_FIELD


def lines_of(name: str) -> list[str]:
    """Return the lines of a list of words."""
    return (files("kg") / "words" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
