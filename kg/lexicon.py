"""Words that say the same, words that exclude each other, and words that turn a claim round.

The lists are ours, written for English papers on interpretability: synonyms and rivals decide
whether two sentences speak of the same thing, negations and opposites whether they say the same
of it. Words are compared by stem, found by taking endings off (the idea of Porter, 1980, An
algorithm for suffix stripping, doi:10.1108/eb046814, with a shorter list).

But: a list knows only what is on it. A synonym that is missing makes two statements look
different, which costs a merge; a rival that is missing can let two different ones through.
"""

from functools import lru_cache

from kg.phrases import folded

_ENDINGS = tuple(
    sorted(
        [
            "ational",
            "ations",
            "ation",
            "itions",
            "ition",
            "ions",
            "ion",
            "ness",
            "nesses",
            "ments",
            "ment",
            "ities",
            "ity",
            "ically",
            "ical",
            "ally",
            "ly",
            "ing",
            "ings",
            "ed",
            "es",
            "er",
            "ers",
            "or",
            "ors",
            "able",
            "ably",
            "ible",
            "ability",
            "ibility",
            "ive",
            "ively",
            "iveness",
            "ic",
            "ics",
            "al",
            "ful",
            "fully",
            "ance",
            "ancy",
            "ence",
            "ency",
            "ant",
            "ent",
            "ate",
            "ates",
            "ated",
            "ating",
            "ately",
            "acy",
            "ise",
            "ize",
            "ises",
            "izes",
            "ising",
            "izing",
            "ised",
            "ized",
            "isation",
            "ization",
            "iser",
            "izer",
            "sis",
            "tic",
            "e",
            "y",
            "ies",
            "ied",
        ],
        key=lambda ending: (-len(ending), ending),
    )
)

_SHORT = frozenset(["e", "ed", "ing"])
_IRREGULAR = dict(
    pair.split(":")
    for pair in [
        "fell:fall",
        "fallen:fall",
        "found:find",
        "shown:show",
        "kept:keep",
        "hid:hide",
        "hidden:hide",
        "rose:rise",
        "risen:rise",
        "made:make",
        "written:write",
        "wrote:write",
        "held:hold",
        "led:lead",
        "grew:grow",
        "grown:grow",
        "drew:draw",
        "driven:drive",
        "drove:drive",
        "understood:understand",
        "given:give",
        "gave:give",
        "chose:choose",
        "chosen:choose",
        "arose:arise",
        "became:become",
        "came:come",
        "went:go",
        "began:begin",
        "lost:lose",
        "learnt:learn",
        "built:build",
        "broke:break",
        "broken:break",
        "spread:spread",
        "shrank:shrink",
        "shrunk:shrink",
        "fed:feed",
        "sought:seek",
        "using:use",
        "used:use",
        "behaviour:behavior",
        "colour:color",
        "labelled:label",
        "modelling:model",
        "labelling:label",
        "lying:lie",
    ]
)

_SYNONYMS = """
show demonstrate reveal indicate evidence exhibit illustrate establish ;
find discover identify recover uncover detect locate seek ; yield give return obtain ;
use employ utilise apply exploit leverage ; method approach technique procedure ;
cause produce induce lead trigger create make result elicit ; improve enhance better benefit boost ;
hurt harm degrade damage impair worsen worse worst ;
remove erase eliminate delete ablate knock prune drop disappear vanish ;
change alter shift modify affect influence ; store hold keep contain ; hide conceal mask ;
need require demand necessary necessitate ; predict forecast foretell anticipate ;
explain account explanation ; help aid assist ; build construct form ;
compute calculate computation ; represent encode represented representation embed ;
interpret understand interpretable comprehensible ; network model ; language linguistic ;
activate fire respond excite ; attend look ;
reduce decrease lower decline fall diminish lessen shrink ; increase raise rise grow ;
copy replicate ; write output ; aggregate gather collect pool ; transfer generalise carry extend ;
mirror reflect ; concept notion ; sample example instance ; picture image ; path pathway route ;
parallel concurrent ; single individual sole ; rater judge annotator evaluator ;
prefer like favour favor ; share common joint ; unlike differ different distinct separate ;
harmful harm dangerous unsafe ; harmless benign innocuous ; refuse decline reject ;
fine-tune finetune tune ; train training trained ; typical usual typically usually ;
main primary chief ; previous preceding prior ; last final ; first initial ; later late ;
early earlier ; important essential crucial vital ; meaningful meaning semantic ;
accurate accuracy accurately ; almost nearly ; roughly approximately approximate ; random randomly ;
arrange organise order ; appear occur emerge arise recur ; compress compact ; big large ;
small little tiny ; quick fast rapid ; error mistake loss ; capability ability skill ;
arbitrary any ; consist comprise compose ; converge agree ; bridge connect link ;
focus concentrate ; distribute spread ; isolate separate disentangle ; narrow specific ;
mechanism mechanistic ; resemble similar alike ; study investigate examine analyse research ;
suggest propose ; measure assess evaluate quantify ; perform performance ; robust stable ;
cheap inexpensive ; sentence phrase ; feature latent ; steer guide control ; truthful honest ;
deceive deception mislead ; absent missing ; present ; unrelated irrelevant ; relevant related ;
side-effect off-target ; enable allow let permit ; validate verify confirm corroborate ;
contradict refute disprove ; retain preserve maintain remain stay ; reconstruct reconstruction ;
sparse sparsity ; balance trade-off tradeoff ; attribute attribution ; locate localise ; collapse ;
expensive costly ; weight parameter ; chatbot assistant ; toxic toxicity ; human people person ;
statement sentence ; combine merge join fuse ; persist survive endure ; decode readable ;
readable interpretable legible ; extract elicit ; complete finish ; begin start commence ;
receive get ; allow enable ; suffice enough sufficient ; near close ; name label ; game move ;
category class ; pretrained pre-trained ; dataset corpus data ; area region ; prompt input ;
answer reply response ; claim assert argue ; often frequently ; rare uncommon ;
common frequent widespread ; number count amount ; size magnitude ; value score ; rank order ;
linear linearly ; direction vector ; cluster group ; split divide fragment ; overlap intersect ;
noise noisy ; match agree coincide ; correlate correlation ; grow grows growth ;
simulate emulate imitate mimic ; crucial critical ; fragile brittle ; robust resilient ;
trust trustworthy ; reliable dependable ; abrupt sudden ; gradual steady ;
fully completely entirely wholly ; mention verbalise state ; destroy break ruin ;
slightly marginally ; strongly heavily substantially considerably greatly ;
rapidly quickly swiftly ; simultaneously together jointly ; independently separately ;
diverse varied ; task problem ; goal objective aim ; choose select pick ; insert inject add ;
replace substitute swap ; record log ; reach attain achieve ; surpass exceed outperform beat ;
transform map convert ; decompose factor break ; dictionary codebook ; dead inactive ;
neural network ; trace track ; rewrite edit ; delay postpone ; undo revert reverse ;
human-readable readable ; monosemantic single-meaning ; polysemantic multi-meaning ; erode weaken
"""

_OPPOSITES = """
increase rise grow more higher raise amplify upweight exceed gain greater upregulate expand |\
decrease fall fewer less lower reduce drop diminish downweight suppress shrink decline attenuate
better improve enhance best superior outperform benefit well |\
worse hurt harm degrade worst inferior underperform impair worsen damage poorly
larger bigger large big | smaller small tiny
easier easy | harder hard difficult
stronger strong | weaker weak
faster quickly fast | slower slowly slow
early earlier first | late later last final
high | low
longer long | shorter short
support confirm validate verify | contradict disprove refute reject
agree converge consistent | disagree diverge inconsistent
same shared common identical | different separate distinct unique specific exclusive
many multiple | single one
preserve retain keep remain stay intact maintain same persist |\
remove erase destroy lose change alter eliminate
precede before | follow after coincide
help | hurt hinder
activate excite | inhibit suppress deactivate
hide conceal | reveal expose
sparse | dense
local | global
comply | refuse
succeed | fail
cheap cheaper | expensive dear
always | never rarely seldom
most many | few
common frequent many widespread abundant | rare scarce uncommon infrequent
good well | poor bad
accept | reject
win | lose
include | exclude
encourage promote | discourage inhibit
allow enable permit | prevent block forbid
strengthen amplify | weaken dampen attenuate
simple | complex complicated
shallow | deep
broad wide general | narrow specific
gain acquire learn | lose forget unlearn
start begin | end stop finish
appear emerge form | disappear vanish dissolve
concentrate localise localize | distribute spread diffuse
merge combine | split separate divide
robust stable reliable | fragile brittle sensitive
true | false
active alive | inactive silent dead
remember memorise memorize | forget
explicit | implicit
together jointly | separately independently
depend rely | independent
vary | constant fixed
symmetric | asymmetric
continuous | discrete
beneficial useful helpful | harmful useless
find detect catch discover uncover | miss overlook
overestimate | underestimate
overfit | underfit
attract | repel
obey follow | violate
above | below
obvious clear | unclear obscure
correlate | independent uncorrelated
predictable | surprising
trust | distrust
slow | fast quick
abstract | concrete
inside within | outside
accelerate speed | slow delay
entirely fully completely | partly partially
upstream | downstream
top | bottom
before | after
more easier easy better | less fewer harder hard difficult worse
much strongly greatly substantially considerably heavily fully | little slightly marginally barely
abrupt abruptly sudden suddenly sharp | gradual gradually slowly steadily smooth smoothly
direct | indirect
internal | external
wide | deep
positive | negative
"""

_RIVALS = """
attention | mlp | residual | embedding | unembedding
parameter weight | activation
early | middle | late | intermediate
first | second | third | last final
input | output
encoder | decoder
query | key | value
subject | object
necessary need require | sufficient suffice
correct | incorrect wrong
positive | negative
trained | untrained
harmful | harmless
relevant | irrelevant
insecure | secure
base | chat
vision | language
human | model
causal | correlational
monosemantic | polysemantic
supervised | unsupervised
dropout | decay
probe | autoencoder | transcoder | crosscoder
probing | steering | patching
train | test
gender | number | age
token | layer | position
previous | next | current duplicate
image | text
top-down | bottom-up
linear | nonlinear
neuron | head
deception | sycophancy | refusal | toxicity | truthfulness
token | word | phrase | sentence | document
before | after
encourage | discourage
claim | finding
positive | neutral
"""

NEGATIONS = frozenset(
    [
        "not",
        "cannot",
        "never",
        "no",
        "none",
        "neither",
        "nor",
        "nobody",
        "nothing",
        "without",
        "fail",
        "fails",
        "failed",
        "failing",
        "failure",
        "lack",
        "lacks",
        "lacked",
        "lacking",
        "unable",
        "avoid",
        "avoids",
        "avoided",
        "avoiding",
        "prevent",
        "prevents",
        "prevented",
        "preventing",
        "hardly",
        "rarely",
        "seldom",
        "barely",
        "scarcely",
        "absence",
        "absent",
        "missing",
        "impossible",
        "nowhere",
        "poorly",
        "poor",
        "bad",
        "badly",
        "reject",
        "rejects",
        "rejected",
        "rejecting",
        "refute",
        "refutes",
        "refuted",
        "ratherthan",
    ]
)
"""Words that turn what they stand before into its opposite; `ratherthan` is one word here."""

QUANTIFIERS = {
    "all": frozenset(
        ["all", "every", "always", "entire", "entirely", "universally", "invariably", "each", "any"]
    ),
    "most": frozenset(
        [
            "most",
            "mostly",
            "largely",
            "mainly",
            "primarily",
            "predominantly",
            "usually",
            "typically",
            "generally",
            "often",
            "majority",
            "typical",
            "chiefly",
            "frequently",
        ]
    ),
    "some": frozenset(
        ["some", "sometimes", "several", "occasionally", "partly", "partially", "certain"]
    ),
    "only": frozenset(["only", "solely", "exclusively", "merely"]),
    "may": frozenset(
        [
            "may",
            "might",
            "could",
            "perhaps",
            "possibly",
            "likely",
            "probably",
            "conceivably",
            "presumably",
            "potentially",
        ]
    ),
    "must": frozenset(["must", "necessarily", "inevitably", "guaranteed", "guarantees"]),
}
"""How far a statement goes, by class; `each` and `any` count only against another class."""

WEAK_QUANTIFIERS = frozenset(["each", "any", "certain"])

ASYMMETRIC = frozenset(
    [
        "cause",
        "precede",
        "predict",
        "reflect",
        "imply",
        "explain",
        "mediate",
        "depend",
        "suppress",
        "follow",
        "drive",
        "write",
        "read",
        "copy",
        "prefer",
        "contain",
        "feed",
        "outperform",
        "exceed",
        "approximate",
        "resemble",
        "improve",
        "require",
        "enable",
        "inhibit",
        "beat",
        "replace",
        "subsume",
        "include",
        "use",
        "encode",
        "determine",
        "control",
        "detect",
        "influence",
    ]
)
"""Verbs whose two sides cannot change places."""

LIGHT = frozenset(
    [
        "model",
        "network",
        "method",
        "approach",
        "technique",
        "result",
        "show",
        "find",
        "use",
        "study",
        "paper",
        "work",
        "way",
        "case",
        "thing",
        "make",
        "do",
        "get",
        "give",
        "take",
        "put",
        "become",
        "author",
        "evidence",
    ]
)
"""Words that say little about what a statement is on; their absence weighs less."""


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return a word without case, plural and up to three endings; three or four letters stay."""
    small = folded(word)
    small = folded(_IRREGULAR.get(small, small))
    for _ in range(3):
        for ending in _ENDINGS:
            kept = 3 if ending in _SHORT else 4
            if small.endswith(ending) and len(small) - len(ending) >= kept:
                small = small[: -len(ending)]
                break
        else:
            break
    return small[:-1] if len(small) > 3 and small[-1] == small[-2] else small


def _groups() -> dict[str, str]:
    first: dict[str, str] = {}
    for line in _SYNONYMS.split(";"):
        words = [stem(word) for word in line.split()]
        for word in words:
            first.setdefault(word, first.get(words[0], words[0]))
    return first


_CANONICAL = _groups()


@lru_cache(maxsize=65536)
def meaning(word: str) -> str:
    """Return the stem that stands for a word and its synonyms."""
    found = stem(word)
    return _CANONICAL.get(found, found)


def _axes() -> list[tuple[frozenset[str], frozenset[str]]]:
    axes = []
    for line in _OPPOSITES.strip().splitlines():
        plus, minus = (side.split() for side in line.split("|"))
        axes.append((frozenset(map(stem, plus)), frozenset(map(stem, minus))))
    return axes


_COMPLEMENTS = ("preserve", "find", "common", "appear", "allow", "accept", "include")
AXES = _axes()
"""Stems that pull in opposite directions, axis by axis."""

COMPLEMENTS = frozenset(
    index for index, (plus, _) in enumerate(AXES) if any(stem(w) in plus for w in _COMPLEMENTS)
)
"""Axes on which what is not the one is the other: to keep is not to lose."""

RIVALS = [
    [frozenset(map(stem, side.split())) for side in line.split("|")]
    for line in _RIVALS.strip().splitlines()
]
"""Stems of things that are not each other, set by set."""
