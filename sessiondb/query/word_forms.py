"""Other forms of English words that no stemmer reaches: what is asked with "sell" was told with "sold".

Only a relaxed search uses them, at a part of the weight of the words that were typed.
"""

from __future__ import annotations

from functools import cache

# Left out are verbs that tell texts apart no better than function words: go, get, make, take, come ...
_VERBS = """
arise arose arisen, awake awoke awoken, bear bore borne, beat beaten, become became, begin began begun,
bend bent, bind bound, bite bit bitten, bleed bled, blow blew blown, break broke broken, breed bred, bring
brought, build built, burn burnt, buy bought, catch caught, choose chose chosen, creep crept, deal dealt,
dig dug, draw drew drawn, dream dreamt, drink drank drunk, drive drove driven, eat ate eaten, fall fell
fallen, feed fed, fight fought, find found, flee fled, fly flew flown, forbid forbade forbidden, forget
forgot forgotten, forgive forgave forgiven, freeze froze frozen, grow grew grown, hang hung, hear heard,
hide hid hidden, hold held, keep kept, kneel knelt, lay laid, lead led, lean leant, leap leapt, learn
learnt, leave left, lend lent, light lit, lose lost, mean meant, meet met, pay paid, prove proven, rebuild
rebuilt, rewrite rewrote rewritten, ride rode ridden, ring rang rung, rise rose risen, run ran, seek
sought, sell sold, send sent, sew sewn, shake shook shaken, shine shone, shoot shot, show shown, shrink
shrank shrunk, sing sang sung, sink sank sunk, sit sat, sleep slept, slide slid, smell smelt, speak spoke
spoken, speed sped, spell spelt, spend spent, spill spilt, spin spun, spoil spoilt, stand stood, steal
stole stolen, stick stuck, sting stung, strike struck, swear swore sworn, sweep swept, swell swollen, swim
swam swum, swing swung, teach taught, tear tore torn, throw threw thrown, understand understood, undo
undid undone, wake woke woken, wear wore worn, weave wove woven, weep wept, win won, wind wound, write
wrote written
"""
_NOUNS = """
analysis analyses, calf calves, child children, crisis crises, criterion criteria, foot feet, goose
geese, half halves, hypothesis hypotheses, index indices indexes, knife knives, leaf leaves, life lives,
loaf loaves, man men, matrix matrices, mouse mice, person people, shelf shelves, thief thieves, tooth
teeth, vertex vertices, wife wives, wolf wolves, woman women
"""


@cache
def _groups() -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    for line in (*_VERBS.split(","), *_NOUNS.split(",")):
        forms = line.split()
        for form in forms:
            groups[form] = tuple(dict.fromkeys((*groups.get(form, ()), *forms)))
    return groups


def other_forms(word: str) -> tuple[str, ...]:
    """Return what else a word may be written as; none for a word that goes by the rules."""
    groups = _groups()
    for base in base_forms(word.lower()):
        if base in groups:
            return tuple(form for form in groups[base] if form != base)
    return ()


def base_forms(word: str) -> tuple[str, ...]:
    """Return a word and what it may be a form of by the rules, as "losing" of "lose", "running" of "run"."""
    if word.endswith("ing") and len(word) > 5:
        stem = word[:-3]
        return word, stem, f"{stem}e", stem[:-1] if stem[-1] == stem[-2] else stem
    if word.endswith("ed") and len(word) > 4:
        stem = word[:-2]
        return word, stem, word[:-1], stem[:-1] if stem[-1] == stem[-2] else stem
    if word.endswith("ies"):
        return word, f"{word[:-3]}y"
    if word.endswith("s"):
        return word, word[:-1], word.removesuffix("es")
    return (word,)
