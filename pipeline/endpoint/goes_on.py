"""Words after which a sentence goes on, by language. Pure."""

from functools import lru_cache

from offhook.pipeline.understanding.words import base_of, words_of

_PHRASES = {
    "en": (
        "and | or | but | so | because | if | when | then | plus | with | to | for | of | from | at | in | on "
        "| by | about | into | than | between | the | a | an | my | your | his | our | their | this is | it "
        "is | it's | that is | that's | i | i'm | i am | i'd | i would | i want | i need | like | is | are | "
        "was | um | uh | uhm | umm | er | erm | hmm | well | let me see | let me think | hold on | one moment "
        "| just a second | wait | number is | name is | double | triple | dot | dash | underscore | as in | "
        "not | first"
    ),
    "de": (
        "und | oder | aber | weil | dass | wenn | dann | mit | zu | zum | zur | für | von | vom | aus | bei | "
        "in | im | an | am | auf | um | über | zwischen | der | die | das | dem | den | des | ein | eine | "
        "einen | einem | einer | mein | meine | meinen | unser | ich | ich bin | ich möchte | ich will | ich "
        "brauche | es ist | das ist | ist | sind | äh | ähm | hm | also | moment | einen moment | warten sie "
        "| nummer ist | name ist | nummer lautet | punkt | strich | unterstrich | wie | nicht | erstens"
    ),
    "es": (
        "y | e | o | pero | porque | que | si | cuando | entonces | con | a | al | para | por | de | del | "
        "desde | en | entre | sobre | el | la | los | las | un | una | mi | mis | su | nuestro | yo | soy | "
        "quiero | quisiera | necesito | es | está | eh | em | este | pues | bueno | a ver | un momento | "
        "espere | número es | nombre es | doble | punto | guion | guion bajo | como | primero"
    ),
    "fr": (
        "et | ou | mais | parce que | que | si | quand | puis | alors | avec | à | au | aux | pour | par | de "
        "| du | des | depuis | en | dans | entre | sur | chez | le | la | les | l | un | une | mon | ma | mes "
        "| votre | notre | je | j | je suis | je voudrais | je veux | il me faut | c'est | est | euh | heu | "
        "hum | ben | bon | attendez | un instant | un moment | numéro est | nom est | double | point | tiret "
        "| comme | pas | d'abord"
    ),
}
"""Between bars."""

_LONGEST = 3


def goes_on(text: str, language: str | None) -> bool:
    """Whether the last words ask for more: "my number is", "and", "um". False in a language without a list."""
    words = tuple(words_of(text, language)[-_LONGEST:])
    phrases = _phrases(base_of(language))
    return any(words[-length:] in phrases for length in range(1, len(words) + 1))


@lru_cache(maxsize=8)
def _phrases(base: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(words_of(phrase, base)) for phrase in _PHRASES.get(base, "").split("|") if phrase.strip())
