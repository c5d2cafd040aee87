"""Numbers as Spanish words. Pure."""

from offhook.pipeline.tts.languages.rules import listed

_ONES = listed(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve"
)
_TENS = listed("cero diez veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_HUNDREDS = listed(
    "cero ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
)
_SCALES = ((10**12, "billón", "billones"), (10**6, "millón", "millones"))
_ORDINALS = (
    listed("- primero segundo tercero cuarto quinto sexto séptimo octavo noveno"),
    listed("- décimo vigésimo trigésimo cuadragésimo quincuagésimo sexagésimo septuagésimo octogésimo nonagésimo"),
    listed(
        "- centésimo ducentésimo tricentésimo cuadringentésimo quingentésimo sexcentésimo septingentésimo "
        "octingentésimo noningentésimo"
    ),
)
_TEENS = listed(
    "décimo undécimo duodécimo decimotercero decimocuarto decimoquinto decimosexto decimoséptimo decimoctavo "
    "decimonoveno"
)
_LIMIT = 10**15


def cardinal(number: int) -> str:
    """A number from 0 to 999 999 999 999 999: "veintiuno", "ciento un mil". Raises ValueError beyond."""
    if not 0 <= number < _LIMIT:
        raise ValueError(f"{number} is not between 0 and {_LIMIT - 1}")
    for scale, one, many in _SCALES:
        if number >= scale:
            count, rest = divmod(number, scale)
            head = f"un {one}" if count == 1 else f"{counting(count)} {many}"
            return f"{head} {cardinal(rest)}" if rest else head
    thousands, rest = divmod(number, 1_000)
    if thousands:
        head = "mil" if thousands == 1 else f"{counting(thousands)} mil"
        return f"{head} {cardinal(rest)}" if rest else head
    if rest < 30:
        return _ONES[rest]
    if rest == 100:
        return "cien"
    hundreds, rest = divmod(rest, 100)
    head = _HUNDREDS[hundreds] if hundreds else ""
    return f"{head} {_below_hundred(rest)}".strip()


def counting(number: int, *, feminine: bool = False) -> str:
    """In front of a noun: "veintiún euros", "una libra", "doscientas libras"."""
    words = cardinal(number)
    if feminine:
        return words.removesuffix("uno") + "una" if words.endswith("uno") else words.replace("cientos", "cientas")
    if words.endswith("veintiuno"):
        return words.removesuffix("veintiuno") + "veintiún"
    return words.removesuffix("o") if words.endswith("uno") else words


def ordinal(number: int) -> str:
    """The masculine ordinal from 1 to 999: "vigésimo primero". Raises ValueError beyond."""
    if not 1 <= number <= 999:
        raise ValueError(f"{number} is not between 1 and 999")
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    spoken = [_ORDINALS[2][hundreds]] if hundreds else []
    if tens == 1:
        spoken.append(_TEENS[ones])
    else:
        spoken += [_ORDINALS[1][tens]] if tens else []
        spoken += [_ORDINALS[0][ones]] if ones else []
    return " ".join(spoken)


def _below_hundred(number: int) -> str:
    if number < 30:
        return _ONES[number] if number else ""
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f" y {_ONES[ones]}" if ones else "")
