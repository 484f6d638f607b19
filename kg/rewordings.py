"""Ways of putting things in several words, and the one word that says the same.

They are replaced before a sentence is read, in this order. What is put in their place is for
comparing only, and need not be English.
"""

import re

_TRULY = r"(?= (?:its|their|the) (?:true|actual|real)\b)"
_SEEM = r"\b(?:look|appear|seem)(?:s|ed)?"
_THAN_IT_IS = r"than (?:it|they) (?:is|are)\b"
PHRASES = [
    (re.compile(pattern, re.I), words)
    for pattern, words in (
        (r"\bahead of\b|\bprior to\b|\bin advance of\b", "before"),
        (r"\bnot (?:all|every|always|necessarily)\b", "sometimes not"),
        (r"\b(\w+)-than\b", r"\1than"),
        (r"\b(?:lose|loses|lost|losing) (?:track|sight)\b", "not track"),
        (r"\bfree (?:of|from)\b", "without"),
        (r"\b(?:regardless|irrespective) of\b|\bno matter (?:what|which|how)\b", "whatever"),
        (r"\bnothing (?:but|other than|except)\b|\bnone (?:but|other than)\b", "only"),
        (r"\b(?:has|have|had|having) nothing to do with\b", "not concern"),
        (
            r"\b(?:keep|kept|stop|hold|held)(?:s|ped|ping|ing)?((?: \w+){0,3}) from (?=\w+ing\b)",
            r"\1 prevent ",
        ),
        (r"\b(?:do|does|did|can|will) not (\w+) unless\b", r"\1 only if"),
        (r"\b(?:devoid of|bereft of)\b", "without"),
        (r"(?<!let )\balone\b", "only"),
        (r"\ba few\b|\ba handful of\b", "several"),
        (r"\b(?:go|goes|went|gone) up\b", "increase"),
        (r"\b(?:go|goes|went|gone) down\b", "decrease"),
        (r"\b(?:bring|brings|brought|bringing) about\b", "cause"),
        (r"\b(?:carry|carries|carried|carrying) over\b", "transfer"),
        (r"\b(?:break|breaks|broke|breaking) down\b", "fail"),
        (r"\b(?:come|comes|came|coming) back\b", "return"),
        (r"\b(?:has|have|had) to\b", "must"),
        (r"\b(?:is|are|was|were|being) left out\b", "is absent"),
        (r"\b(?:leave|leaves|left|leaving) out\b", "omit"),
        (r"\b(?:is|are|was|were) (?:confined|restricted|limited) to\b", "is only in"),
        (r"\b(?:only|just|merely) (?=slightly|marginally|an?\b|about|few|\d|one\b|two\b|half)", ""),
        (r"\bjust (?=in|on|by|with|when|if|from)\b", "only "),
        (r"\b(?:pay|pays|paid|paying) (?:no|little) (?:attention|heed) to\b", "ignore"),
        (r"\bat odds with\b", "contradicting"),
        (r"\bat the (?:expense|cost) of\b", "but less"),
        (r"\b(?:take|takes|took|taking) place\b", "happen"),
        (r"\b(?:take|takes|took|taking) part in\b", "participate in"),
        (r"\b(?:pick|picks|picked|picking) up\b", "detect"),
        (r"\b(?:point|points|pointed) to\b", "suggest"),
        (r"\b(?:make|makes|made|making) use of\b", "use"),
        (r"\b(?:give|gives|gave|giving) rise to\b", "cause"),
        (r"\b(?:speed|speeds|sped|speeding) up\b", "accelerate"),
        (r"\b(?:slow|slows|slowed|slowing) down\b", "delay"),
        (r"\b(?:rule|rules|ruled|ruling) out\b", "exclude"),
        (r"\b(?:get|gets|got|getting) rid of\b|\brids?\b", "remove"),
        (r"\bcan(?:not|['’]t| not) do without\b", "need"),
        (r"\bcan do without\b", "not need"),
        (
            r"\b(?:as a (?:result|consequence) of|because of|due to|owing to|on account of)\b",
            "becauseof",
        ),
        (
            r"\b(is|are|was|were|be|remains?|becomes?) (?:rare|uncommon|infrequent|scarce)\b",
            r"\1 seldom",
        ),
        (r"\breplaced by\b", "replaced with"),
        (
            r"\bsubstitut(?:e|es|ed|ing) ([^,;]{3,60}?) for ([^,;]{3,60}?)(?=$|[,;])",
            r"replaces \2 with \1",
        ),
        (r"\bless (?:well|good)\b", "worse"),
        (rf"\b(?:smaller|lower|less) than\b{_TRULY}", "below"),
        (rf"\b(?:larger|higher|greater) than\b{_TRULY}", "above"),
        (rf"{_SEEM} (?:more|larger|better) (\w+) ?{_THAN_IT_IS}", r"overestimate \1"),
        (rf"{_SEEM} (?:less|smaller|worse) (\w+) ?{_THAN_IT_IS}", r"underestimate \1"),
        (r"\bless (?:severe|bad|serious)\b", "better"),
        (r"\bmore (?:severe|bad|serious)\b", "worse"),
        (r"\bless (?:difficult|hard)\b", "easier"),
        (r"\bmore (?:difficult|hard)\b", "harder"),
        (r"\b(?:push|bring|drive|go)(?:es|s|ed|ing)? down\b", "decrease"),
        (r"\b(?:push|bring|drive|go)(?:es|s|ed|ing)? up\b", "increase"),
        (r"\b(?:do|does|did|is|are|was|were|can|could|will|would|has|have|had)n['’]t\b", "not"),
        (r"\bcan(?:not|['’]t| not)\b", "not"),
    )
]
