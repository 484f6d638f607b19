"""Cues: the words and marks that betray what a sentence does, whatever it is about.

A sentence that reports a result, takes a stand, describes a method or points to a section says
so in a small vocabulary that does not change with the topic: reporting verbs after "we",
numbers with units, hedges, necessity, citations. Teufel & Moens (2002), Summarizing Scientific
Articles, doi:10.1162/089120102762671936, called them meta-discourse; Hyland (2005), Metadiscourse,
sorts hedges, boosters and stance as we do.

Cues of words are looked up token by token, because that is twenty times cheaper than a regular
expression each; cues of marks (numbers, citations, quotes, formulas) are regular expressions.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list written as one string."""
    return frozenset(text.split())


CITATION = "⟨c⟩"
"""The token that stands for a citation, whatever its style."""

_CITATION = re.compile(
    r"\[[^\[\]]{0,100}[A-Za-z][^\[\]]{0,200}\]"  # [olah2020zoom] or [Braun et al., 2025]
    r"|\[\d+(?:\s?[,–-]\s?\d+)*\]"
    r"|\((?:[^()]{0,200}[\s,;])?(?:19|20)\d\d[a-z]?(?:[,;][^()]{0,200})?\)"
    r"|\bet al\.?(?:,? \(?(?:19|20)\d\d[a-z]?\)?)?"
)
_NUMBER = re.compile(r"[+−\d-](?:(?<=\d)|\d)(?:[\d,.]*\d)?(?:×10\^?[−-]?\d+)?")
_TOKEN = re.compile(r"⟨c⟩|[^\W\d_]+(?:'[a-z]+)?|0|[%?:;,()—–\"“”=]")


def pieces_of(sentence: str) -> list[str]:
    """Split at white space, with each citation as a piece: no token reaches across two."""
    text = sentence.replace("’", "'")
    if "[" in text or "(" in text or " et al" in text:
        text = _CITATION.sub(f" {CITATION} ", text)
    return text.split()


def tokens_of(piece: str) -> list[str]:
    """Split what stands between white space into words and marks, in their own case.

    Citations and numbers become one token.
    """
    return _TOKEN.findall(_NUMBER.sub(" 0 ", piece))


def cues_of(sentence: str, words: Sequence[str]) -> frozenset[str]:
    """Return the names of the cues in a sentence, given with its tokens in lower case."""
    seen = set(words)
    found = {name for name, signs in _SIGNS.items() if _has_any(sentence, signs)}
    for name, (signs, pattern) in _MARKS.items():
        if _has_any(sentence, signs) and pattern.search(sentence):
            found.add(name)
    if "0" in seen or CITATION in seen or _has_any(sentence, _OF_NUMBERS):
        found.update(name for name, pattern in _NUMBERS.items() if pattern.search(sentence))
    for word in _CUES_OF_WORD.keys() & seen:
        found.update(_CUES_OF_WORD[word])
    found.update(_cues_of_phrases(words))
    if not _FIRST_PERSON.isdisjoint(seen):
        found.update(_cues_behind_we(words))
    if CITATION in seen:
        found |= _citation_cues(words)
    found.update(_CUES_OF_OPENER.get(words[0], ()) if words else ())
    if _FINITE.isdisjoint(seen) and not any(word.endswith(("s", "ed")) for word in seen):
        found.add("no_verb")
    return frozenset(found)


def _has_any(sentence: str, signs: Iterable[str]) -> bool:
    return any(map(sentence.__contains__, signs))


def _cues_of_phrases(words: Sequence[str]) -> Iterator[str]:
    if begun := _PHRASES.keys() & pairwise(words):
        line = f" {' '.join(words)} "
        for phrase, cue in chain.from_iterable(map(_PHRASES.__getitem__, begun)):
            if phrase in line:
                yield cue


def _cues_behind_we(words: Sequence[str]) -> Iterator[str]:
    for place, word in enumerate(words):
        if word in _FIRST_PERSON:
            for after in words[place + 1 : place + 4]:
                yield from _AFTER_WE.get(after, ())


def _citation_cues(words: Sequence[str]) -> set[str]:
    """Tell whether a sentence leans on a source at its start, at its end, or in passing."""
    found = {"cite"}
    if CITATION in words[:6]:
        found.add("cite_first")
    if CITATION in words[-2:]:
        found.add("cite_last")
    return found


_FIRST_PERSON = word_set("we i our my us")

_OF_NUMBERS = (*"±=≈<>≤≥×→Δ", "AUROC", "CI")
"""Without a number or any of these a sentence has none of the marks of numbers."""

_NUMBERS = {
    "measure": re.compile(
        r"[%×/=<≈>≤≥±→ΔUI]"
        r"(?:(?<=\d[%×])|(?<=\d\s[%×])|(?<=\d/)\d|(?<=\b[pn][=<≈])|(?<=\b[pn]\s[=<≈])|(?<=[±→Δ])"
        r"|(?<=[=≈<>≤≥])\s?[+−-]?\d|(?<=×)\s?\d|(?<=\bAU)ROC\b|(?<=\bCI)\b)"
    ),
    "decimal": re.compile(r"\.(?<=\d\.)\d"),
    "many_numbers": re.compile(r"\d[^\d.]++\d[^\d.]++\d[^\d.]++\d"),
}

_SIGNS = {
    "quotation": ('"', "“"),
    "bracket": ("(",),
    "link": ("http:", "https:", "www.", "github.", "huggingface.", "doi.org"),
}
"""Cues that are there wherever one of their signs is."""

_MARKS = {
    "question": (("?",), re.compile(r"\?[\"”')\]]*$")),
    "dash": (("—", "–", "-"), re.compile(r"[—–-](?:(?<=[—–])|(?<=\s-)-?\s)")),
    "colon": ((":",), re.compile(r":\s")),
    "formula": (("",), re.compile(r"[=∈∑∏√^_{}\\|≈∝∂λβαγσμθ]")),
    "item": ((".", ")"), re.compile(r"^\W{0,2}(?:\d{1,2}|[ivx]{1,4}|[a-h])[.)]\s")),
    "leaning": (
        ("",),
        re.compile(
            r"^(?:If (?:it|this|so|not)\b|(?:For|In|On|By|To|From|With|Under) (?:this|that|these"
            r"|those|both|such|either)\b|(?:Second|Third|Similarly|Likewise|Conversely|Again|Also"
            r"|Moreover|Furthermore|Additionally|Thus|Therefore|Hence|Consequently|So|And|But|Or"
            r"|Then|Instead|Indeed|Nevertheless|Otherwise|Of course|In contrast|By contrast)\b"
            r"|The (?:former|latter|same|other)\b)"
        ),
    ),
    "run_in": (
        (". ", ": "),
        re.compile(r"^[A-Z0-9][\w'’./-]*(?: [\w'’./()-]+){0,6}[:.] [A-Z“\"]"),
    ),
}
"""Other cues of marks: their signs, and what must hold around one of them."""

_WORDS = {
    "result": "result results experiment experiments ablation ablations control controls finding "
    "findings measurement measurements evidence replication",
    "effect": "collaps* drop* dropped fall* fell ris* rose increas* decreas* declin* improv* "
    "degrad* recover* restor* reduc* vanish* surviv* outperform* exceed* reach* achiev* succeed* "
    "fail* flip* flipped peak* doubl* halv* converg* separat* match* remain* lower* rais* "
    "preserv* replicat* transfer* persist* correlat* correspond* disappear* activat* explain* "
    "fir* respond* split* attend* shar* implement*",
    "degree": "significant,significantly,null,robust,consistent,consistently,monotonic,exactly,"
    "perfectly,chance,at chance,baseline,baselines,random,held out,seed,seeds,bootstrap,shuffled,"
    "confounded,effect,effects,accuracy,auroc,cosine,mean,median,percent,nats,bits,correlation",
    "compare": "than,versus,vs,compared,relative to,as well as,as many as,as good as,whereas,"
    "while,more,less,fewer,better,worse,larger,smaller,higher,lower,stronger,weaker,earlier,later,"
    "closer,slower,faster",
    "superlative": "most,least,best,worst,largest,smallest,highest,lowest,strongest,first,only",
    "past": "was,were,did,had,became,gave,made,took,came,held,led,left,lost,went,wasn't,weren't,"
    "didn't,failed,found,showed,dropped,reached,observed,trained,tested,measured,used",
    "quantity": "all of,none of,both,out of,each of,every,neither,one of,two,three,four,five,six,"
    "seven,eight,nine,ten,half,most of,twice",
    "figure": "figure,figures,fig,figs,table,tables,panel,plot,plots,curve",
    "reading": "suggest*,indicat*,impl*,implies,implying,consistent with,means that,mean that,"
    "support*,point to,points to,explained,implication,implications,interpretation,evidence for,"
    "reflect*,attributable,constitut*,instantiat*,rule out,rules out,prove*",
    "may": "may,might,could,perhaps,maybe,possible,possibly,potential,potentially,presumably,"
    "probable,probably,likely,unlikely,plausible,plausibly,seem*,seemingly,appear*,apparently,"
    "tend*,suspect,hint*",
    "should": "should,must,need,needs,needed,ought,has to,have to,necessary,necessarily,require*,"
    "essential,crucial,crucially,critical,important,importantly,worth,key,fundamental,"
    "fundamentally",
    "would": "would,will,can,cannot,can't,wouldn't,won't,couldn't",
    "evaluative": "difficult,hard,easy,simple,useful,powerful,promising,limited,impractical,"
    "practical,natural,reasonable,unclear,clear,clearly,obvious,obviously,interesting,"
    "interestingly,surprising,surprisingly,striking,strikingly,remarkable,remarkably,valuable,"
    "meaningful,misleading,dangerous,safe,insufficient,sufficient,challenge,challenges,"
    "challenging,advantage,advantages,disadvantage,disadvantages,problem,problems,issue,issues,"
    "limitation,limitations,drawback,drawbacks,benefit,benefits,opportunity,opportunities,risk,"
    "risks,good,bad,wrong,right,true,false,honest,serious,tractable,central,main,rich,complex,"
    "novel,cost,costs,cheap,expensive,suffer*,enabl*,allow*,promis*,help*,overcom*,avoid*,"
    "undermin*,trustworthy,reliable,rigorous,poor,weakness,weaknesses,strength,harder,easier",
    "generic": "often,usually,generally,in general,typically,always,never,many,most,every,any,all,"
    "almost,rarely,sometimes,frequently,increasingly,routinely,commonly,inherently,ultimately,"
    "essentially,just,really,simply,merely,precisely,itself,in principle,by default",
    "contrast": "however,but,although,though,despite,nevertheless,nonetheless,yet,unlike,"
    "rather than,instead,on the other hand,in contrast,contrary,even if,even though,not merely,"
    "not just,not only",
    "hence": "therefore,thus,hence,so,because,since,as a result,consequently,accordingly,due to,"
    "lead to,leads to,for this reason,in other words,that is",
    "negation": "not,no,never,cannot,nothing,none,neither,nor,without,isn't,aren't,doesn't,don't,"
    "won't",
    "thesis": "claim,claims,hypothesis,hypotheses,thesis,principle,conjecture,argument,the point,"
    "the lesson,the moral,the problem,the question,the challenge,the danger,the contribution,"
    "it is likely,it is unlikely,it is possible,it is clear,no reason to",
    "condition": "if,unless,whenever,to the extent,insofar,given that,when",
    "passive": "is used,are used,was used,were used,was trained,were trained,is trained,"
    "are trained,is computed,are computed,was run,were run,is run,are run,is defined,are defined,"
    "is given,are given,is described,are described,is shown in,are shown in,is available,"
    "are available,is set,are set,were sampled,are sampled,was fitted,were drawn,be found",
    "definition": "is defined as,are defined as,defined as,refers to,refer to,denote,denotes,"
    "denoted,is called,are called,known as,termed,stands for,let",
    "structure": "section,sections,appendix,appendices,this paper,this article,this essay,"
    "this section,this thread,this post,this note,this chapter,rest of,remainder,above,below,"
    "following,outline,organised,organized,supplement,footnote,next section,previous section",
    "artefact": "code,library,repository,released,release,available,open source,notebook,licence,"
    "license,checkpoint,checkpoints",
    "setup": "batch size,learning rate,hyperparameter,hyperparameters,optimiser,optimizer,epochs,"
    "steps,tokens,dataset,datasets,data set,sample,samples,gpu,cpu,prompt,prompts,training,"
    "trained,scenarios,items,threshold,thresholds,parameters,width,dimension,dimensions,input,"
    "inputs,output,outputs,decay,temperature",
    "future": "future work,future research,future studies,look forward,further work,"
    "further research,remains to be,open question,open questions,left for,leave for,later work,"
    "next steps,would be interesting,plan to,plans to,deferred,welcome,we hope,our hope,we plan,"
    "we intend,we leave,remains open",
    "thanks": "thank,grateful,acknowledge,funded,acknowledgements,acknowledgments,correspondence",
    "example": "for example,for instance,such as,consider,imagine,suppose,like,analogous,analogy,"
    "similar,similarly,historically,century",
    "prior": "prior work,previous work,earlier work,existing work,recent work,concurrent work,"
    "related work,prior studies,previous studies,previous research,previously studied,"
    "previously shown,has been shown,have been shown,has been argued,has been proposed,"
    "have been proposed,has been observed,have been used,been studied,have shown,has shown,"
    "have found,researchers,authors,literature,according to,companion,our previous,our earlier,"
    "et al,the position paper,prior paper",
}

_AFTER_FIRST_PERSON = {
    "own_report": "find found observe observed see saw seen show showed shown demonstrate "
    "demonstrated measure measured report reported discover discovered detect detected establish "
    "established confirm confirmed verify verified recover recovered recovers identify identified "
    "obtain obtained localise localised localize localized notice noticed isolate isolated",
    "stance": "believe think argue suspect contend hypothesise hypothesize conjecture expect feel "
    "maintain suggest propose consider conclude view interpret recommend advocate caution "
    "impression opinion position thesis hypothesis conclusion contribution guess intuition claim",
    "method": "use used train trained apply applied compute computed define defined evaluate "
    "evaluated test tested run ran replace replaced encode sample sampled fit select selected "
    "choose chose take took set perform performed adopt adopted follow followed compare compared "
    "collect collected implement implemented construct constructed build built quantify "
    "quantified regularise regularize optimise optimize minimise minimize decompose repeat study "
    "studied investigate investigated examine examined analyse analysed analyze analyzed explore "
    "explored release released provide present describe discuss review introduce call denote "
    "refer write focus ask audit start begin conduct conducted annotate label offer ablate patch "
    "clamp record count plot vary",
}

_OPENINGS = {
    "deictic": word_set(
        "this these that those it they such both here there one either another each he she"
    ),
    "we_first": word_set("we our i"),
    "article": word_set("the a an"),
    "ordinal": word_set("first second third firstly secondly finally next"),
}

_FINITE = word_set(
    "is are was were be been am has have had do does did can could may might will would should "
    "must cannot isn't aren't wasn't weren't doesn't don't didn't can't won't it's that's we've "
    "there's we're they're find see show think believe argue use need make seem tend give take "
    "found saw made gave took became began held led left lost went wrote came let"
)


def _lexicon() -> Iterator[tuple[str, str]]:
    """Yield every word and phrase with its cue."""
    for cue, listed in _WORDS.items():
        for entry in listed.split(",") if "," in listed else listed.split():
            for phrase in _forms(entry.strip()):
                yield phrase, cue


def _forms(entry: str) -> list[str]:
    """Spell out a stem marked with a star: collaps* gives collapse, collapses, collapsed."""
    if not entry.endswith("*"):
        return [entry]
    return [entry[:-1] + ending for ending in ("", "s", "e", "es", "ed", "d", "ing", "y", "ied")]


def _by_key(pairs: Iterable[tuple[_K, _V]]) -> dict[_K, tuple[_V, ...]]:
    values: dict[_K, list[_V]] = defaultdict(list)
    for key, value in pairs:
        values[key].append(value)
    return {key: tuple(listed) for key, listed in values.items()}


def _first_two(phrase: str) -> tuple[str, str]:
    first, second, *_ = phrase.split()
    return first, second


_CUES_OF_WORD = _by_key((phrase, cue) for phrase, cue in _lexicon() if " " not in phrase)
_PHRASES = _by_key(
    (_first_two(phrase), (f" {phrase} ", cue)) for phrase, cue in _lexicon() if " " in phrase
)
"""Phrases between spaces, with their cues, by their first two words."""

_CUES_OF_OPENER = _by_key((word, cue) for cue, words in _OPENINGS.items() for word in words)
_AFTER_WE = _by_key(
    (word, cue) for cue, listed in _AFTER_FIRST_PERSON.items() for word in listed.split()
)

CUES = tuple(
    sorted(
        {*_NUMBERS, *_SIGNS, *_MARKS, *_WORDS, *_AFTER_FIRST_PERSON, *_OPENINGS}
        | {"cite", "cite_first", "cite_last", "no_verb"}
    )
)
"""The names of all cues, sorted."""
