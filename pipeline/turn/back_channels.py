"""Back-channels: what a listener says to show that they listen ("mm-hm", "okay"), and not to take the turn. Pure."""

import re

_HUM = re.compile(r"m+|h+m+|m+h+m*|h*u+h+|u+m+|a+h+|o+h+|e+h+|e+rm*|a+h+a+|h+u+m+")
_TOKEN = re.compile(r"\w+")
_EVERYWHERE = "ok okay"

_BY_LANGUAGE = {
    "en": "yeah yep yup yes right sure alright all_right i_see got_it gotcha good great cool fine of_course absolutely "
    "exactly true very_good that_s_right that_s_fine sounds_good i_understand understood makes_sense no_problem",
    "de": "ja jaja genau gut aha ach_so achso klar stimmt richtig verstehe ich_verstehe alles_klar in_ordnung jawohl "
    "äh ähm schön natürlich super prima na_gut verstanden sehr_gut passt",
    "es": "sí si ajá aja vale claro bueno bien ya exacto de_acuerdo entiendo muy_bien perfecto correcto eso_es "
    "por_supuesto está_bien entendido",
    "fr": "oui ouais d_accord bien très_bien voilà exactement je_vois je_comprends c_est_ça bien_sûr entendu "
    "tout_à_fait euh parfait compris",
    "it": "sì si certo va_bene esatto capisco ho_capito bene giusto perfetto d_accordo",
    "nl": "ja oké precies goed juist prima begrepen ik_snap_het duidelijk natuurlijk",
    "pt": "sim tá certo claro entendi está_bem está_bom pois exato muito_bem perfeito",
}
_PHRASES = {
    language: frozenset(tuple(phrase.split("_")) for phrase in f"{_EVERYWHERE} {phrases}".split())
    for language, phrases in _BY_LANGUAGE.items()
}
_NONE = frozenset((word,) for word in _EVERYWHERE.split())
_LONGEST = 3
"""Tokens in a phrase."""


def is_back_channel(text: str, language: str | None) -> bool:
    """Whether all of the text is back-channels in that language, a BCP 47 tag (None: English); so is no text.

    A language without a list has only hums and "okay".
    """
    phrases = _PHRASES.get((language or "en").lower().partition("-")[0], _NONE)
    tokens = _TOKEN.findall(text.casefold())
    at = 0
    while at < len(tokens):
        found = next((n for n in range(_LONGEST, 0, -1) if tuple(tokens[at : at + n]) in phrases), 0)
        if not found and not _HUM.fullmatch(tokens[at]):
            return False
        at += found or 1
    return True


def has_phrase(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether one of the phrases is in the text, as whole words, whatever its case and punctuation."""
    said = f" {' '.join(_TOKEN.findall(text.casefold()))} "
    return any(f" {' '.join(_TOKEN.findall(phrase.casefold()))} " in said for phrase in phrases)


_SENTENCE_END = re.compile(r"[.!?…。？！](?=\s|\Z)")
NEAR_CHARS = 20
"""About 1.2 s of speech: so long after a question its answer may begin."""


def asks(said: str, unsaid: str) -> bool:
    """Whether an utterance cut between `said` and `unsaid` was just asking something: "yes" is an answer then."""
    end = _SENTENCE_END.search(unsaid)
    here = unsaid[: end.end()] if end is not None else unsaid
    return "?" in said[-NEAR_CHARS:] or here.rstrip().endswith(("?", "？"))
