"""Reading rules for Spanish. Pure."""

from functools import partial

from offhook.pipeline.tts.languages.romance import Currency, Romance, romance
from offhook.pipeline.tts.languages.rules import Rule, listed
from offhook.pipeline.tts.languages.spanish_numbers import cardinal, counting, ordinal

_DOT_REGIONS = frozenset(("mx", "us", "gt", "hn", "sv", "ni", "pa", "pr", "do", "pe", "cu", "419"))
"""Where 1,234.50 has a decimal point, and the first of May is "primero"."""

_FIRST_REGIONS = _DOT_REGIONS | {"ar", "bo", "cl", "co", "cr", "ec", "py", "uy", "ve"}

_EURO = Currency("euro", "euros", "céntimo", "céntimos")
_DOLLAR = Currency("dólar", "dólares", "centavo", "centavos")
_PESO = Currency("peso", "pesos", "centavo", "centavos")
_POUND = Currency("libra", "libras", "penique", "peniques", feminine=True)
_FRANC = Currency("franco", "francos", "céntimo", "céntimos")
_CURRENCIES = {
    "€": _EURO,
    "EUR": _EURO,
    "$": _DOLLAR,
    "US$": _DOLLAR,
    "USD": _DOLLAR,
    "MXN": _PESO,
    "£": _POUND,
    "GBP": _POUND,
    "CHF": _FRANC,
}
_UNITS = {
    "km": ("kilómetro", "kilómetros", False),
    "m": ("metro", "metros", False),
    "cm": ("centímetro", "centímetros", False),
    "mm": ("milímetro", "milímetros", False),
    "kg": ("kilo", "kilos", False),
    "g": ("gramo", "gramos", False),
    "mg": ("miligramo", "miligramos", False),
    "l": ("litro", "litros", False),
    "ml": ("mililitro", "mililitros", False),
    "min": ("minuto", "minutos", False),
    "s": ("segundo", "segundos", False),
    "km/h": ("kilómetro por hora", "kilómetros por hora", False),
    "m²": ("metro cuadrado", "metros cuadrados", False),
    "°C": ("grado Celsius", "grados Celsius", False),
    "°": ("grado", "grados", False),
    "kWh": ("kilovatio hora", "kilovatios hora", False),
    "MB": ("megabyte", "megabytes", False),
    "GB": ("gigabyte", "gigabytes", False),
    "%": ("por ciento", "por ciento", False),
}
_ABBREVIATIONS = {
    "Sr.": "señor",
    "Sres.": "señores",
    "Sra.": "señora",
    "Sras.": "señoras",
    "Srta.": "señorita",
    "Dr.": "doctor",
    "Dra.": "doctora",
    "D.": "don",
    "D.ª": "doña",
    "Ud.": "usted",
    "Uds.": "ustedes",
    "Vd.": "usted",
    "n.º": "número",
    "nº": "número",
    "N.º": "número",
    "núm.": "número",
    "tel.": "teléfono",
    "Tel.": "teléfono",
    "tfno.": "teléfono",
    "Avda.": "avenida",
    "avda.": "avenida",
    "Av.": "avenida",
    "C/": "calle",
    "c/": "calle",
    "Pza.": "plaza",
    "pág.": "página",
    "etc.": "etcétera",
    "p. ej.": "por ejemplo",
    "aprox.": "aproximadamente",
    "máx.": "máximo",
    "mín.": "mínimo",
    "incl.": "incluido",
    "dpto.": "departamento",
    "EE. UU.": "Estados Unidos",
    "a. m.": "de la mañana",
    "p. m.": "de la tarde",
    "24/7": "las veinticuatro horas",
}


def spanish(region: str = "") -> tuple[Rule, ...]:
    """The rules; `region` in lower case decides the decimal mark and the first day of a month."""
    dot = region in _DOT_REGIONS
    currencies = _CURRENCIES | ({"$": _PESO} if region in ("mx", "ar", "co", "cl", "uy") else {})
    return romance(
        Romance(
            cardinal=cardinal,
            counting=lambda number, feminine: counting(number, feminine=feminine),
            ordinal=_ordinal,
            day=partial(_day, first=region in _FIRST_REGIONS),
            date=_date,
            clock=_clock,
            money=_money,
            decimal="." if dot else ",",
            group="," if dot else "[. \xa0\u202f]",
            point="punto" if dot else "coma",
            minus="menos",
            to="a",
            hours="(?:h|hs|horas)",
            months=listed("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
            month_names="enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|"
            "diciembre",
            currencies=currencies,
            units=_UNITS,
            abbreviations=_ABBREVIATIONS,
            ordinal_marks=("º", ".º", "ª", ".ª", "er", ".er"),
            is_feminine=_is_feminine,
            code_before="(?:código|PIN|clave|referencia|contraseña)(?: (?:es|PIN))?(?: el)?:?",
            symbols={"#": "almohadilla", "*": "asterisco", "&": "y", "@": "arroba", "%": "por ciento", "€": "euros"},
            web_marks={
                ".": "punto",
                "@": "arroba",
                "/": "barra",
                "-": "guion",
                "_": "guion bajo",
                "+": "más",
                "%": "por ciento",
                "?": "interrogación",
                "=": "igual",
                "&": "y",
                "#": "almohadilla",
                ":": "dos puntos",
                "~": "virgulilla",
            },
        )
    )


def _day(number: int, *, first: bool) -> str:
    return "primero" if number == 1 and first else cardinal(number)


def _ordinal(number: int, mark: str) -> str:
    words = ordinal(number)
    if mark.endswith("ª"):
        return " ".join(word[:-1] + "a" for word in words.split())
    # "1er", "3er": in front of a noun.
    return words.removesuffix("o") if mark.endswith("er") and words.endswith(("primero", "tercero")) else words


_MASCULINE = frozenset(
    ("día", "días", "problema", "problemas", "mapa", "idioma", "idiomas", "tema", "temas", "programa")
)


def _is_feminine(noun: str) -> bool:
    return noun.endswith(("a", "as", "ción", "ciones", "sión", "dad", "dades")) and noun not in _MASCULINE


def _date(day: str, month: str, year: str) -> str:
    return " de ".join(part for part in (day, month, year) if part)


def _clock(hour: int, minute: int | None, hours: bool) -> str:
    """ "Nueve y media" up to twelve, "dieciséis treinta" beyond."""
    spoken = counting(hour, feminine=True) if hour in (1, 21) else cardinal(hour)
    if not minute:
        return f"{spoken} {'hora' if hour == 1 else 'horas'}" if hours else spoken
    if hours or hour > 12 or hour == 0:
        small = f"cero {cardinal(minute)}" if minute < 10 else cardinal(minute)
        return f"{spoken} {small}" + (" horas" if hours else "")
    return f"{spoken} y " + {15: "cuarto", 30: "media"}.get(minute, cardinal(minute))


def _money(whole: int, parts: int, currency: Currency) -> str:
    small = f"{counting(parts)} {currency.part if parts == 1 else currency.parts}" if parts else ""
    if not whole and parts:
        return small
    millions = "de " if whole and whole % 1_000_000 == 0 else ""
    name = currency.one if whole == 1 else currency.many
    spoken = f"{counting(whole, feminine=currency.feminine)} {millions}{name}"
    return f"{spoken} con {small}" if small else spoken
