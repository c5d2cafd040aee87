"""German: written text, and what the voice is given; it reads whole numbers itself."""

import pytest

from offhook.pipeline.tts.normalize import normalize

SPOKEN = {
    "Wir sind von 9:00 bis 17:30 Uhr da.": "Wir sind von 9 Uhr bis 17 Uhr 30 da.",
    "Mo-Fr 9-17 Uhr, Sa. 10:00-14:00": "Montag bis Freitag 9 bis 17 Uhr, Samstag 10 Uhr bis 14 Uhr",
    "um 8.30 Uhr oder 1 Uhr": "um 8 Uhr 30 oder ein Uhr",
    "Ihre Nummer ist 12345.": "Ihre Nummer ist eins zwei drei vier fünf.",
    "PIN 007": "PIN null null sieben",
    "10000 Kunden": "10000 Kunden",
    "5 %, €20, 1 €": "5 Prozent, 20 Euro, ein Euro",
    "12,50 €, 0,99 €, 1.234,50 EUR": "12 Euro 50, 99 Cent, 1.234 Euro 50",
    "20,- € oder -5 €, 1,2 Mio. €": "20 Euro oder minus 5 Euro, 1,2 Millionen Euro",
    "Am 12.05.2026, der 3. Oktober": "Am zwölften Mai 2026, der dritte Oktober",
    "bis zum 24.12.; vom 1. bis 5. Mai": "bis zum vierundzwanzigsten Dezember; vom ersten bis fünften Mai",
    "2026-05-12": "zwölfter Mai 2026",
    "Mi., 12.05.": "Mittwoch, zwölfter Mai",
    "im 3. Stock, in der 2. Etage": "im dritten Stock, in der zweiten Etage",
    "030 1234567": "null drei null, eins zwei drei vier fünf sechs sieben",
    "0171/1234567": "null eins sieben eins, eins zwei drei vier fünf sechs sieben",
    "+49 30 123456": "plus vier neun, drei null, eins zwei drei vier fünf sechs",
    "2-4 Tage, 5–10 km": "2 bis 4 Tage, 5 bis 10 Kilometer",
    "-5 °C, 100 km/h, 2 Std. 30 Min.": "minus 5 Grad Celsius, 100 Stundenkilometer, 2 Stunden 30 Minuten.",
    "Hr. Müller, Fr. Dr. Lang, Hauptstr. 5": "Herr Müller, Frau Doktor Lang, Hauptstraße 5",
    "z. B. bzw. z.B. usw.": "zum Beispiel beziehungsweise zum Beispiel und so weiter.",
    "Nr. 7 inkl. Versand": "Nummer 7 inklusive Versand",
    "Drücken Sie # oder *.": "Drücken Sie Raute oder Stern.",
    "AB-1203": "A B Strich eins zwei null drei",
    "max.muster@beispiel.de": "max Punkt muster ät beispiel Punkt D E",
    "www.beispiel.de/hilfe": "W W W Punkt beispiel Punkt D E Schrägstrich hilfe",
    "Müller & Co.<br/>": "Müller und Co. ",
    "Bestellung 4711-0815, Rechnung Nr. 2026-4471": "Bestellung vier sieben eins eins, null acht eins fünf, "
    "Rechnung Nummer zwei null zwei sechs, vier vier sieben eins",
    "Sa 9-13 Uhr, So 10 Uhr": "Samstag 9 bis 13 Uhr, Sonntag 10 Uhr",
    "Mo, Di und Mi, Sa/So zu": "Montag, Dienstag und Mittwoch, Samstag und Sonntag zu",
    "vom 1.-15. Mai": "vom ersten bis fünfzehnten Mai",
    "1.-3.10.2026": "erster bis dritten Oktober 2026",
    "am 3.4.1998": "am dritten April neunzehnhundertachtundneunzig",
    "seit 1998, von 1800 bis 1905": "seit neunzehnhundertachtundneunzig, von achtzehnhundert bis neunzehnhundertfünf",
    "3:1, 2x täglich, 1 x pro Tag": "3 zu 1, 2 mal täglich, ein mal pro Tag",
    "Drücken Sie die * oder die #.": "Drücken Sie die Sterntaste oder die Rautetaste.",
    "1/3 Liter": "ein drittel Liter",
    "Müller &amp; S&ouml;hne 😀": "Müller und Söhne  ",
    "½ Liter, 24/7": "ein halb Liter, rund um die Uhr",
}
LEFT_ALONE = ["Guten Tag, was kann ich für Sie tun?", "Drücken Sie die 3. Danach die 4.", "3,5 oder 1.500 Meter"]
ENGLISH = ["o'clock", "hundred", "percent", "dollars", " and ", " one", "Doctor", "pound", "star"]


@pytest.mark.parametrize("text", SPOKEN)
def test_is_read(text: str) -> None:
    assert normalize(text, "de").text == SPOKEN[text]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_is_left_to_the_voice(text: str) -> None:
    assert normalize(text, "de").text == text


@pytest.mark.parametrize("language", ["de", "de-at", "fr", "es-mx", "zh", ""])
@pytest.mark.parametrize("text", ["9:00, 5 %, €20, Dr. X & Y, 12345, #, *, 12/05/2026, AB-1203, 3:30 PM, x@y.de, 1/2"])
def test_other_languages_get_no_english(language: str, text: str) -> None:
    read = normalize(text, language).text
    assert not [word for word in ENGLISH if word in read]
