"""What the bot says to a caller who has left a message, by language. Pure."""

from dataclasses import dataclass

from offhook.pipeline.understanding.words import base_of


@dataclass(frozen=True, slots=True)
class ReviewWording:
    """`ask` names the four keys, in the order of the phrases: 1 hear it, 2 keep it, 3 say it again, 4 delete it."""

    ask: str
    hear: tuple[str, ...]
    keep: tuple[str, ...]
    again: tuple[str, ...]
    delete: tuple[str, ...]
    deleted: str


_WORDINGS = {
    "en": ReviewWording(
        "To hear your message, press one. To keep it, press two. To record it again, press three. "
        "To delete it, press four.",
        ("hear it", "listen", "listen to it"),
        ("keep it", "keep", "send it"),
        ("again", "record it again", "once more"),
        ("delete it", "delete"),
        "Your message is deleted.",
    ),
    "de": ReviewWording(
        "Um Ihre Nachricht anzuhören, drücken Sie die Eins. Um sie zu behalten, die Zwei. "
        "Um sie neu aufzunehmen, die Drei. Um sie zu löschen, die Vier.",
        ("anhören", "hören"),
        ("behalten", "senden"),
        ("neu aufnehmen", "noch einmal"),
        ("löschen",),
        "Ihre Nachricht ist gelöscht.",
    ),
    "es": ReviewWording(
        "Para escuchar su mensaje, pulse uno. Para guardarlo, pulse dos. Para grabarlo de nuevo, pulse tres. "
        "Para borrarlo, pulse cuatro.",
        ("escuchar", "escucharlo"),
        ("guardar", "guardarlo"),
        ("de nuevo", "otra vez"),
        ("borrar", "borrarlo"),
        "Su mensaje se ha borrado.",
    ),
    "fr": ReviewWording(
        "Pour écouter votre message, tapez un. Pour le garder, tapez deux. Pour le refaire, tapez trois. "
        "Pour l'effacer, tapez quatre.",
        ("écouter", "l'écouter"),
        ("garder", "le garder"),
        ("refaire", "encore une fois"),
        ("effacer", "l'effacer"),
        "Votre message est effacé.",
    ),
}


def review_wording_in(language: str | None) -> ReviewWording:
    """The wording in a language, a BCP 47 tag; English for None, and for a language that has none."""
    return _WORDINGS.get(base_of(language), _WORDINGS["en"])
