"""Values as a language writes them: `tts.normalize` reads them out in the same language. Pure."""

from datetime import date, time
from decimal import Decimal

from offhook.pipeline.understanding.amounts import Money
from offhook.pipeline.understanding.words import base_of, region_of

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
_WEEKDAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
}
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def written_date(value: date, language: str | None, today: date | None = None) -> str:
    """ "Tuesday, December 1", with the year unless it is within ten months of `today`; ISO in other languages."""
    base = base_of(language)
    if base not in _MONTHS:
        return value.isoformat()
    month, weekday = _MONTHS[base].split()[value.month - 1], _WEEKDAYS[base].split()[value.weekday()]
    near = today is not None and abs((value - today).days) < 300
    year = "" if near else str(value.year)
    if base == "de":
        return f"{weekday}, {value.day}. {month} {year}".strip()
    if base == "es":
        return f"{weekday} {value.day} de {month}" + (f" de {year}" if year else "")
    if base == "fr":
        return f"{weekday} {'1er' if value.day == 1 else value.day} {month} {year}".strip()
    if region_of(language) in ("", "us", "ph", "pr"):
        return f"{weekday}, {month} {value.day}" + (f", {year}" if year else "")
    return f"{weekday}, {value.day} {month} {year}".strip()


def written_time(value: time, language: str | None) -> str:
    """ "4:30 PM", "16:30 Uhr", "16:30", "16 h 30"."""
    base = base_of(language)
    if base == "en":
        half = "AM" if value.hour < 12 else "PM"
        return f"{value.hour % 12 or 12}:{value.minute:02} {half}"
    if base == "fr":
        return f"{value.hour} h {value.minute:02}" if value.minute else f"{value.hour} h"
    return f"{value.hour}:{value.minute:02}" + (" Uhr" if base == "de" else "")


def written_number(value: int | Decimal, language: str | None) -> str:
    """With the decimal mark of the language."""
    return str(value) if base_of(language) == "en" else str(value).replace(".", ",")


def written_amount(value: Money, language: str | None) -> str:
    """ "$12.50", "-$5", "12,50 €"."""
    amount = value.amount
    plain = str(int(amount)) if amount == amount.to_integral_value() else f"{amount:.2f}"
    if base_of(language) != "en":
        plain = plain.replace(".", ",")
    if value.currency is None:
        return plain
    sign = _SIGNS.get(value.currency, value.currency)
    if base_of(language) == "en":
        below = "-" if amount < 0 else ""
        return f"{below}{sign}{plain.removeprefix('-')}" if len(sign) == 1 else f"{plain} {sign}"
    return f"{plain} {sign}"
