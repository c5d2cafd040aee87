"""Reading rules for French. Pure."""

from functools import partial

from offhook.pipeline.tts.languages.french_numbers import Region, cardinal, ordinal
from offhook.pipeline.tts.languages.romance import Currency, Romance, romance
from offhook.pipeline.tts.languages.rules import Rule, listed

_EURO = Currency("euro", "euros", "centime", "centimes")
_DOLLAR = Currency("dollar", "dollars", "centime", "centimes")  # "deux cents" is two hundred
_POUND = Currency("livre", "livres", "penny", "pence", feminine=True)
_FRANC = Currency("franc", "francs", "centime", "centimes")
_CURRENCIES = {
    "€": _EURO,
    "EUR": _EURO,
    "$": _DOLLAR,
    "USD": _DOLLAR,
    "CAD": _DOLLAR,
    "£": _POUND,
    "GBP": _POUND,
    "CHF": _FRANC,
}
_UNITS = {
    "km": ("kilomètre", "kilomètres", False),
    "m": ("mètre", "mètres", False),
    "cm": ("centimètre", "centimètres", False),
    "mm": ("millimètre", "millimètres", False),
    "kg": ("kilo", "kilos", False),
    "g": ("gramme", "grammes", False),
    "mg": ("milligramme", "milligrammes", False),
    "l": ("litre", "litres", False),
    "ml": ("millilitre", "millilitres", False),
    "min": ("minute", "minutes", True),
    "s": ("seconde", "secondes", True),
    "km/h": ("kilomètre heure", "kilomètres heure", False),
    "m²": ("mètre carré", "mètres carrés", False),
    "°C": ("degré Celsius", "degrés Celsius", False),
    "°": ("degré", "degrés", False),
    "kWh": ("kilowattheure", "kilowattheures", False),
    "Mo": ("mégaoctet", "mégaoctets", False),
    "Go": ("gigaoctet", "gigaoctets", False),
    "%": ("pour cent", "pour cent", False),
}
_ABBREVIATIONS = {
    "M.": "monsieur",
    "MM.": "messieurs",
    "Mme": "madame",
    "Mmes": "mesdames",
    "Mlle": "mademoiselle",
    "Dr": "docteur",
    "Pr": "professeur",
    "Me": "maître",
    "n°": "numéro",
    "N°": "numéro",
    "tél.": "téléphone",
    "Tél.": "téléphone",
    "av.": "avenue",
    "bd": "boulevard",
    "Bd": "boulevard",
    "bld": "boulevard",
    "etc.": "et cetera",
    "p. ex.": "par exemple",
    "c.-à-d.": "c'est-à-dire",
    "env.": "environ",
    "max.": "maximum",
    "min.": "minimum",
    "svp": "s'il vous plaît",
    "SVP": "s'il vous plaît",
    "RDV": "rendez-vous",
    "rdv": "rendez-vous",
    "St": "saint",
    "Ste": "sainte",
    "TTC": "toutes taxes comprises",
    "24h/24": "vingt-quatre heures sur vingt-quatre",
    "7j/7": "sept jours sur sept",
}


def french(region: str = "") -> tuple[Rule, ...]:
    """The rules; Belgium ("be") and Switzerland ("ch") have their own words for 70 to 99."""
    own: Region = "be" if region == "be" else "ch" if region == "ch" else "fr"
    counting = partial(_counting, region=own)
    return romance(
        Romance(
            cardinal=partial(cardinal, region=own),
            counting=counting,
            ordinal=lambda number, mark: "première" if number == 1 and mark.endswith("re") else ordinal(number, own),
            day=lambda number: "premier" if number == 1 else cardinal(number, own),
            date=lambda day, month, year: " ".join(part for part in (day, month, year) if part),
            clock=partial(_clock, region=own),
            money=partial(_money, region=own),
            decimal=",",
            group="[. \xa0\u202f'’]",
            point="virgule",
            minus="moins",
            to="à",
            hours="(?:h|heures)",
            months=listed("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
            month_names="janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre",
            currencies=_CURRENCIES,
            units=_UNITS,
            abbreviations=_ABBREVIATIONS,
            ordinal_marks=("er", "ère", "re", "e", "ème", "eme", "nd", "nde"),
            is_feminine=_is_feminine,
            code_before="(?:code|PIN|référence|dossier|identifiant)(?: (?:est|PIN|secret))?(?: le)?:?",
            symbols={
                "#": "dièse",
                "*": "étoile",
                "&": "et",
                "@": "arobase",
                "%": "pour cent",
                "€": "euros",
                "§": "paragraphe",
            },
            web_marks={
                ".": "point",
                "@": "arobase",
                "/": "barre oblique",
                "-": "tiret",
                "_": "tiret bas",
                "+": "plus",
                "%": "pour cent",
                "?": "point d'interrogation",
                "=": "égal",
                "&": "et",
                "#": "dièse",
                ":": "deux points",
                "~": "tilde",
            },
            pairs=True,
        )
    )


_MASCULINE = frozenset(
    listed(
        "article articles centime centimes code codes compte comptes contrôle exemple groupe groupes kilomètre "
        "kilomètres litre litres livre membre membres mètre mètres mode modèle modèles nombre ordre problème problèmes "
        "programme service services siècle siècles terme titre titres trimestre verre"
    )
)


def _is_feminine(noun: str) -> bool:
    """By its ending: a guess that is right for most of what is counted on the phone."""
    singular = noun.removesuffix("s")
    if noun in _MASCULINE or singular.endswith(("age", "isme", "aire", "oire", "ège")):
        return False
    return singular.endswith(("e", "tion", "sion", "té", "ée"))


def _counting(number: int, feminine: bool, region: Region = "fr") -> str:
    words = cardinal(number, region)
    return words + "e" if feminine and words.endswith("un") else words


def _clock(hour: int, minute: int | None, hours: bool, region: Region = "fr") -> str:
    """ "Neuf heures trente", "une heure cinq"."""
    spoken = f"{_counting(hour, True, region)} {'heure' if hour < 2 else 'heures'}"
    return f"{spoken} {_counting(minute, True, region)}" if minute else spoken


def _money(whole: int, parts: int, currency: Currency, region: Region = "fr") -> str:
    small = cardinal(parts, region)
    if not whole and parts:
        return f"{small} {currency.part if parts == 1 else currency.parts}"
    linked = ("d'" if currency.many[0] in "aeiou" else "de ") if whole and whole % 1_000_000 == 0 else ""
    name = currency.one if whole < 2 else currency.many
    spoken = f"{_counting(whole, currency.feminine, region)} {linked}{name}"
    return f"{spoken} {small}" if parts else spoken
