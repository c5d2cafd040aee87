"""Months, weekdays and relative days as callers say them, by language, folded. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.pipeline.understanding.words import base_of


@dataclass(frozen=True, slots=True)
class CalendarWords:
    """The words of a calendar.

    `days` are phrases and how many days from today they mean; `coming` before or after a weekday means the next one to
    come, `following` that of the next week or the next one to come, `last` the one before today, `weekday_ago` a phrase
    such as "week" after a weekday that adds seven days. `units` are days, weeks (7 days), months and years in the
    singular and plural; `within` and `ago` mark spans ("in three days", "three days ago").
    """

    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    days: Mapping[str, int]
    units: Mapping[str, str]
    within: frozenset[str]
    ago: tuple[str, ...]
    between: frozenset[str]
    coming: tuple[str, ...] = ()
    following: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    month_first: bool = False
    day_words: frozenset[str] = field(default_factory=frozenset)


def calendar_words(language: str | None) -> CalendarWords | None:
    """The words of a language; None for one that is not known."""
    return _LANGUAGES.get(base_of(language))


def _numbered(text: str, start: int) -> dict[str, int]:
    """ "january jan | february feb": each with its number."""
    return {name: number for number, names in enumerate(text.split(" | "), start) for name in names.split()}


def _units(days: str, weeks: str, months: str, years: str) -> dict[str, str]:
    rows = {"day": days, "week": weeks, "month": months, "year": years}
    return {word: unit for unit, words in rows.items() for word in words.split()}


_LANGUAGES = {
    "en": CalendarWords(
        months=_numbered(
            "january jan | february feb | march mar | april apr | may | june jun | july jul | august aug | "
            "september sept sep | october oct | november nov | december dec",
            1,
        ),
        weekdays=_numbered(
            "monday mon mondays | tuesday tue tues | wednesday wed weds | thursday thu thurs thur | friday fri | "
            "saturday sat | sunday sun",
            0,
        ),
        days={
            "today": 0,
            "tonight": 0,
            "this morning": 0,
            "this afternoon": 0,
            "this evening": 0,
            "tomorrow": 1,
            "the day after tomorrow": 2,
            "day after tomorrow": 2,
            "yesterday": -1,
            "the day before yesterday": -2,
            "day before yesterday": -2,
            "a week from today": 7,
            "one week from today": 7,
            "two weeks from today": 14,
            "a week from tomorrow": 8,
            "a fortnight from today": 14,
            "in a fortnight": 14,
            "a week ago": -7,
            "in a week": 7,
            "in a day": 1,
        },
        units=_units("day days", "week weeks", "month months", "year years"),
        within=frozenset({"in", "within"}),
        ago=("ago",),
        between=frozenset({"of", "the", "in", "on", "day"}),
        coming=("this", "coming", "this coming", "upcoming"),
        following=("next", "following"),
        last=("last", "past", "previous"),
        month_first=True,
        day_words=frozenset({"the"}),
    ),
    "de": CalendarWords(
        months=_numbered(
            "januar janner jan | februar feber feb | marz mrz | april apr | mai | juni juno jun | juli julei jul | "
            "august aug | september sept sep | oktober okt | november nov | dezember dez",
            1,
        ),
        weekdays=_numbered(
            "montag mo montags | dienstag di | mittwoch mi | donnerstag do | freitag fr | samstag sonnabend sa | "
            "sonntag so",
            0,
        ),
        days={
            "heute": 0,
            "heute abend": 0,
            "morgen": 1,
            "morgen fruh": 1,
            "ubermorgen": 2,
            "gestern": -1,
            "vorgestern": -2,
            "heute in einer woche": 7,
            "heute in acht tagen": 7,
            "in acht tagen": 7,
            "in einer woche": 7,
            "in vierzehn tagen": 14,
            "heute in zwei wochen": 14,
            "morgen in einer woche": 8,
            "vor einer woche": -7,
        },
        units=_units("tag tage tagen", "woche wochen", "monat monate monaten", "jahr jahre jahren"),
        within=frozenset({"in"}),
        ago=("vor",),
        between=frozenset({"im", "des", "den", "der"}),
        coming=("kommenden", "kommender", "diesen", "dieser", "am"),
        following=("nachsten", "nachster", "nachste"),
        last=("letzten", "vergangenen", "letzter", "vorigen"),
        day_words=frozenset({"der", "den", "dem", "am", "zum", "vom"}),
    ),
    "es": CalendarWords(
        months=_numbered(
            "enero ene | febrero feb | marzo mar | abril abr | mayo may | junio jun | julio jul | agosto ago | "
            "septiembre setiembre sept sep | octubre oct | noviembre nov | diciembre dic",
            1,
        ),
        weekdays=_numbered("lunes | martes | miercoles | jueves | viernes | sabado | domingo", 0),
        days={
            "hoy": 0,
            "esta noche": 0,
            "esta tarde": 0,
            "manana": 1,
            "pasado manana": 2,
            "ayer": -1,
            "anteayer": -2,
            "antes de ayer": -2,
            "dentro de una semana": 7,
            "en una semana": 7,
            "de hoy en ocho": 7,
            "hace una semana": -7,
        },
        units=_units("dia dias", "semana semanas", "mes meses", "ano anos"),
        within=frozenset({"en", "dentro"}),
        ago=("hace",),
        between=frozenset({"de", "del", "el", "dia"}),
        coming=("este", "proximo", "que viene", "el proximo", "este proximo"),
        last=("pasado", "ultimo"),
        day_words=frozenset({"el", "dia", "al"}),
    ),
    "fr": CalendarWords(
        # "sept" is a number: "dix-sept janvier".
        months=_numbered(
            "janvier janv | fevrier fevr fev | mars | avril avr | mai | juin | juillet juil | aout | "
            "septembre | octobre oct | novembre nov | decembre dec",
            1,
        ),
        weekdays=_numbered("lundi | mardi | mercredi | jeudi | vendredi | samedi | dimanche", 0),
        days={
            "aujourd hui": 0,
            "ce soir": 0,
            "cet apres midi": 0,
            "ce matin": 0,
            "demain": 1,
            "apres demain": 2,
            "hier": -1,
            "avant hier": -2,
            "dans une semaine": 7,
            "dans quinze jours": 14,
            "dans huit jours": 7,
            "aujourd hui en huit": 7,
            "il y a une semaine": -7,
        },
        units=_units("jour jours", "semaine semaines", "mois", "an ans annee annees"),
        within=frozenset({"dans", "d"}),
        ago=("il y a",),
        between=frozenset({"de", "du", "le", "l", "en"}),
        coming=("ce", "qui vient"),
        following=("prochain",),
        last=("dernier", "passe"),
        day_words=frozenset({"le", "au", "du"}),
    ),
}
