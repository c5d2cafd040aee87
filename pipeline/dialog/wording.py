"""What the bot itself says after a recogniser failure, and to ask back, by language. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """`option` is said for each choice with a key; `{choice}` is the choice's name with spaces for underscores, `{key}`
    the digit, or `star` or `hash`. `confirm` asks back what was said, `either` which of several values was meant, and
    `read_back` has the caller agree to a value.
    """

    apology: str = "I am sorry, I had trouble hearing you."
    keypad: str = "Please use your keypad"
    option: str = "for {choice} press {key}"
    star: str = "star"
    hash: str = "pound"
    confirm: str = "Did you say {answer}?"
    either: str = "Did you mean {one}, or {other}?"
    read_back: str = "I understood {answer}. Is that right?"


_AMERICAN = Wording()
_BRITISH = Wording(hash="hash")
_WORDINGS = {
    "de": Wording(
        "Entschuldigung, ich habe Sie nicht verstanden.",
        "Bitte benutzen Sie die Tasten",
        "für {choice} die {key}",
        "Sterntaste",
        "Rautetaste",
        "Sagten Sie {answer}?",
        "Meinen Sie {one}, oder {other}?",
        "Ich habe {answer} verstanden. Ist das richtig?",
    ),
    "es": Wording(
        "Disculpe, no le he entendido.",
        "Por favor, use el teclado",
        "para {choice} pulse {key}",
        "asterisco",
        "almohadilla",
        "¿Ha dicho {answer}?",
        "¿Quiere decir {one}, o {other}?",
        "He entendido {answer}. ¿Es correcto?",
    ),
    "fr": Wording(
        "Excusez-moi, je ne vous ai pas compris.",
        "Veuillez utiliser le clavier",
        "pour {choice} tapez {key}",
        "étoile",
        "dièse",
        "Avez-vous dit {answer} ?",
        "Voulez-vous dire {one}, ou {other} ?",
        "J'ai compris {answer}. Est-ce exact ?",
    ),
    "it": Wording(
        "Mi scusi, non ho capito.",
        "La prego di usare la tastiera",
        "per {choice} prema {key}",
        "asterisco",
        "cancelletto",
        "Ha detto {answer}?",
        "Intende {one}, o {other}?",
        "Ho capito {answer}. È giusto?",
    ),
    "nl": Wording(
        "Sorry, ik heb u niet verstaan.",
        "Gebruik alstublieft de toetsen",
        "voor {choice} toets {key}",
        "sterretje",
        "hekje",
        "Zei u {answer}?",
        "Bedoelt u {one}, of {other}?",
        "Ik heb {answer} verstaan. Klopt dat?",
    ),
    "pt": Wording(
        "Desculpe, não entendi.",
        "Por favor, use o teclado",
        "para {choice} digite {key}",
        "asterisco",
        "cardinal",
        "Disse {answer}?",
        "Quer dizer {one}, ou {other}?",
        "Entendi {answer}. Está certo?",
    ),
}
_UNITED_STATES = ("en", "en-us", "en-ph", "en-pr")


def wording_in(language: str | None) -> Wording:
    """The wording in a language, a BCP 47 tag; American English for None, and for a language that has none."""
    tag = (language or "en").lower()
    base = tag.partition("-")[0]
    if base == "en":
        return _AMERICAN if tag in _UNITED_STATES else _BRITISH
    return _WORDINGS.get(base, _AMERICAN)
