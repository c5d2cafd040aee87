"""The words that letters are spelled with, by language. Words are folded, but for ACCENTED. Pure."""

_NATO = (
    "alfa alpha bravo charlie delta echo foxtrot golf hotel india juliett juliet kilo lima mike november oscar papa "
    "quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu"
)
ALPHABETS = {
    "en": (
        _NATO,
        "adam baker charles david edward frank george henry ida ivor john king lincoln mary nora "
        "ocean peter queen robert sam tom union victor william young zebra",
    ),
    "de": (
        _NATO,
        "anton berta caesar casar dora emil friedrich gustav heinrich ida julius kaufmann konrad ludwig martha nordpol "
        "otto paula quelle richard samuel siegfried theodor ulrich viktor wilhelm xanthippe ypsilon zacharias zeppelin "
        "aachen berlin cottbus dusseldorf essen frankfurt goslar hamburg ingelheim jena koln leipzig munchen nurnberg "
        "offenbach potsdam quickborn rostock salzwedel tubingen unna volklingen wuppertal xanten zwickau",
    ),
    "es": (
        _NATO,
        "antonio barcelona carmen domingo enrique francia gerona historia ines jose kilo lorenzo madrid navarra oviedo "
        "paris queso ramon sabado tarragona ulises valencia washington xilofono yegua zaragoza",
    ),
    "fr": (
        _NATO,
        "anatole berthe celestin desire eugene francois gaston henri irma joseph kleber louis marcel nicolas oscar "
        "pierre quintal raoul suzanne therese ursule victor william xavier yvonne zoe",
    ),
}
LETTERS = {
    "en": "ay bee cee dee ee eff gee aitch eye jay kay ell em en oh pee cue are ess tee you vee double-u ex why zee",
    "de": "a be ce de e eff ge ha i jot ka ell emm enn o pe ku err ess te u vau we iks ypsilon zett",
    "es": "a be ce de e efe ge hache i jota ka ele eme ene o pe cu erre ese te u uve uve-doble equis ye zeta",
    "fr": "a be ce de e effe ge ache i ji ka elle emme enne o pe cu erre esse te u ve double-ve ixe i-grec zede",
}
MORE_LETTERS = {
    "en": {"see": "c", "sea": "c", "be": "b", "why": "y", "zed": "z", "haitch": "h", "ar": "r", "es": "s", "ef": "f"}
    | {
        "el": "l",
        "pea": "p",
        "queue": "q",
        "tea": "t",
        "double you": "w",
        "jay": "j",
        "kay": "k",
        "u": "u",
        "gee": "g",
    },
    "de": {"em": "m", "en": "n", "es": "s", "er": "r", "ef": "f", "el": "l", "zet": "z", "ix": "x", "sz": "ß"}
    | {"eszett": "ß", "scharfes s": "ß"},
    "es": {"ve": "v", "i griega": "y", "doble ve": "w", "doble uve": "w", "be larga": "b", "ve corta": "v", "uve": "v"}
    | {"ceta": "z", "eñe": "ñ"},
    "fr": {"i grec": "y", "ji": "j", "double v": "w", "zed": "z"},
}
AS_IN = {
    "en": ("as in", "like in", "for", "like", "is for", "is in", "as an", "in"),
    "de": ("wie in", "wie", "von"),
    "es": ("de", "como en", "como"),
    "fr": ("comme dans", "comme", "de"),
}
DOUBLE = {
    "en": {"double": 2, "triple": 3},
    "de": {"doppel": 2, "zweimal": 2, "dreimal": 3},
    "es": {"doble": 2},
    "fr": {"deux": 2, "double": 2},
}
MARKS = {
    "en": {"dash": "-", "hyphen": "-", "dot": ".", "apostrophe": "'", "space": " ", "at": "@", "underscore": "_"},
    "de": {"strich": "-", "bindestrich": "-", "punkt": ".", "leerzeichen": " ", "at": "@", "unterstrich": "_"},
    "es": {"guion": "-", "punto": ".", "espacio": " ", "arroba": "@"},
    "fr": {"tiret": "-", "point": ".", "espace": " ", "arobase": "@", "apostrophe": "'"},
}

COUNTS = {
    "en": {"two": 2, "three": 3, "2": 2, "3": 3},
    "de": {"zwei": 2, "drei": 3},
    "es": {"dos": 2, "tres": 3},
    "fr": {"deux": 2, "trois": 3},
}
"""Before a letter in the plural: "two Ls"."""

ACCENTED = {
    "en": frozenset("äöüéèñç"),
    "de": frozenset("äöüß"),
    "es": frozenset(("ñ", "eñe", "ü")),
    "fr": frozenset("éèêëâçîïôùûü"),
}
"""Words with an accent that are not folded: letters of their own."""

_ACUTE, _GRAVE, _ROUND, _DOTS, _TILDE, _CEDILLA = "\u0301", "\u0300", "\u0302", "\u0308", "\u0303", "\u0327"

ACCENTS = {
    "en": {"umlaut": _DOTS, "with an umlaut": _DOTS, "acute": _ACUTE, "with an accent": _ACUTE, "grave": _GRAVE},
    "de": {"umlaut": _DOTS, "accent aigu": _ACUTE, "accent grave": _GRAVE},
    "es": {"con acento": _ACUTE, "acentuada": _ACUTE, "con tilde": _ACUTE, "con virgulilla": _TILDE}
    | {"con dieresis": _DOTS},
    "fr": {"accent aigu": _ACUTE, "aigu": _ACUTE, "accent grave": _GRAVE, "grave": _GRAVE, "cedille": _CEDILLA}
    | {"accent circonflexe": _ROUND, "circonflexe": _ROUND, "trema": _DOTS},
}
"""Said behind a letter, and the combining character."""

NOT_LETTERS: dict[str, tuple[str, ...]] = {
    "en": (
        *("letters are", "letter is", "they are", "these are", "at the"),
        *("i spell", "i spelled", "i mean", "i am", "i have", "i think", "i said", "i would"),
    ),
    "de": (),
    "es": (),
    "fr": ("il y a", "a dire"),
}
"""Phrases with words that would be letters."""

NOTES = {
    "en": ("with", ("a", "an", "one", "two", "double")),
    "de": ("mit", ("einem", "zwei", "doppel")),
    "es": ("con", ("un", "una", "dos", "doble")),
    "fr": ("avec", ("un", "deux")),
}
"""A remark about a letter, which is no part of the spelling: "Brown with an E"."""

CORRECTIONS = {
    "en": ("no", "sorry", "i mean", "correction", "no wait", "wait", "no sorry"),
    "de": ("nein", "falsch", "quatsch", "entschuldigung", "ich meine", "nein quatsch", "nicht"),
    "es": ("no", "perdon", "digo", "no perdon", "mejor dicho"),
    "fr": ("non", "pardon", "je veux dire", "non pardon"),
}
"""Between a letter and what it should have been."""

EXAMPLES = {
    "en": "apple boy cat dog david elephant egg fox fred freddie girl good house happy ice island igloo jack "
    "jane jump kite kilo king lion love mother man mike mouse money nancy nice nora orange open peter "
    "paul papa pizza queen quiet rabbit red robert sugar sam sun sunday snake tiger tom table thomas "
    "umbrella uncle under victor violin van water window whisky yellow yes yesterday zebra zero zoo",
    "de": "",
    "es": "",
    "fr": "",
}
"""What callers say behind "as in", beside the words of the alphabets."""
