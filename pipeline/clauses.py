"""Splits text into clauses that can be spoken one after another, from a whole text or a stream of tokens. Pure.

A clause is a sentence; a long one also ends at a comma, and one without commas at a space. A mark inside a word is not
an end ("3.5", "example.com/?q", "Node.js"). Nor is a full stop after a title, an initial or another abbreviation, after
the number of a list item or a date, nor an ellipsis in mid-sentence, nor a comma in a date, an address or a list of
numbers. If only the next word can decide, the splitter waits for it. How the text was chunked never affects where it is
split. The language matters where nouns have capitals: "im 3. Stock" continues in German.
"""

import re
from typing import NamedTuple

MAX_CHARS = 240
"""Maximum length of a clause: about 16 s of speech."""

SOFT_CHARS, SOFT_WIDE_CHARS = 60, 24
"""A comma ends a clause of at least this length, comma included; the second value is for Chinese and Japanese commas.
"""

FIRST_SOFT_CHARS = 8
"""Of a text that is still being written, a comma ends the first clause already from this length on: "Thank you," can be
heard while the rest is on its way."""

MIN_REST_CHARS = 20
"""A sentence that ends within this many characters after a comma is not split at the comma."""

_MAX_GAP_CHARS = 16  # white space to look past for the word that decides

_ENDS = ".!?…‥؟۔।॥։።፧\u037e‼⁇⁈⁉⸮"
_WIDE_ENDS = "。！？｡។။"  # these are not followed by a space
_CLOSERS = "\"'”’»›)\\]}*_」』）】》〉"
_MARK = re.compile(
    rf"""
    (?P<wide>[{_WIDE_ENDS}][{_WIDE_ENDS}{_ENDS}{_CLOSERS}]*)
    |(?P<mark>[{_ENDS}]+)[{_CLOSERS}]*(?=\s)
    |(?P<paragraph>\n[^\S\n]*\n)
    |(?P<soft>[,;:،؛—–][{_CLOSERS}]*)(?=\s)
    |(?P<softwide>[、，；：])
    """,
    re.VERBOSE,
)
_SOFT_END = re.compile(rf"[,;:،؛—–、，；：][{_CLOSERS}]*\Z")
_ANY_END = re.compile(rf"[{_ENDS}{_WIDE_ENDS}]")
_ELLIPSIS = re.compile(r"\.{2,}|[…‥]+")
_LAST_WORD = re.compile(r"[^\s(\[{\"'“”„«»¿¡]*\Z")
_STATE = re.compile(r"\s[A-Z]{2}\s[0-9]")  # "Springfield, IL 62704"
_SPEAKABLE = re.compile(r"[^\W_]")
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\W\d_]+")
_WORD_BEFORE = re.compile(r"([^\W\d_]+)\s+\Z")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")  # "J.K.", "U.S."
_LAST_SPACE = re.compile(r"\s+(?=\S*\Z)")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Always followed by something: a name, a number, an explanation.
_NEVER_LAST = _set(
    "mr mrs ms mx dr prof st sr sra fr hr rev gen sen rep gov capt cpt lt col sgt maj cmdr hon mme mlle dipl ing "
    "approx ext vs cf incl excl attn ref dept fig vol pp tel ca bzw bspw ggf inkl exkl zzgl evtl "
    "e.g i.e z.b d.h u.a o.ä p.ej n.b ph.d"
)
# The sentence may go on: it does before a lower-case letter or a digit.
_MAYBE_LAST = _set(
    "hr hrs sec secs oz fl lb lbs sq ft yd yr yrs mo mos wk appt acct bldg avg temp "
    "etc usw jr inc ltd co corp bros ave rd blvd str hwy apt min max est misc "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun "
    "a.m p.m"
)
_BEFORE_NUMBER = _set("no nos nr num núm art p par sec ch")
# A number and a full stop after one of these is an ordinal ("im 3. Stock"), not an end.
_GERMAN = _set(
    "am im vom zum zur beim der die das des dem den ein eine einen einem einer eines jede jeden jedem jeder jedes "
    "mein meine meinen meinem meiner dein deine deinen deinem deiner sein seine seinen seinem seiner "
    "ihr ihre ihren ihrem ihrer unser unsere unseren unserem unserer diese diesen diesem dieser dieses"
)
_DETERMINERS = {"de": _GERMAN, "lb": _GERMAN}
# A number and a full stop before one of these is a date ("3. Oktober").
_MONTHS = _set("januar jänner februar märz april mai juni juli august september oktober november dezember")


class Clause(NamedTuple):
    """`text`, never empty, without surrounding white space, which begins at `start` of everything pushed."""

    start: int
    text: str

    @property
    def ends_softly(self) -> bool:
        """Whether the sentence continues after it."""
        return _SOFT_END.search(self.text) is not None


class ClauseSplitter:
    """Splits text that arrives in pieces, returning each clause as soon as its end is certain.

    `is_written`: the text is still being written, so its first clause is short.
    """

    def __init__(self, language: str = "", *, is_written: bool = False) -> None:
        self.has_clauses = False
        """Whether there has been one."""
        self._is_first = is_written
        self._text = ""  # not split yet
        self._before = 0  # characters consumed
        self._determiners = _DETERMINERS.get(language.lower().partition("-")[0], frozenset())

    def push(self, text: str) -> list[Clause]:
        """Add text; returns the clauses completed by it."""
        self._text += text
        return self._cut(final=False)

    def flush(self, *, marks: bool = True) -> list[Clause]:
        """Nothing follows, or nothing for now: return the remaining text as clauses. Text pushed afterwards begins a
        new clause. Without `marks`, a rest that has no word is no clause: a voice makes silence of it."""
        return self._cut(final=True) if marks or _SPEAKABLE.search(self._text) else []

    def _cut(self, *, final: bool) -> list[Clause]:
        text, at = self._text, 0
        found = []
        while True:
            at = _behind_space(text, at)
            end = _end(text, at, final, self._determiners, is_first=self._is_first)
            if end is None and final:
                end = len(text)
            if end is None or end == at:
                break
            found.append(Clause(self._before + at, text[at:end].rstrip()))
            self._is_first, self.has_clauses = False, True
            at = end
        self._text = text[at:]
        self._before += at
        return found


def clauses(text: str, language: str = "") -> list[Clause]:
    """The clauses of a whole text, in order; only white space separates them. `language` is a BCP 47 tag."""
    splitter = ClauseSplitter(language)
    return splitter.push(text) + splitter.flush()


def _end(text: str, start: int, final: bool, determiners: frozenset[str], *, is_first: bool) -> int | None:
    """Where the clause that begins at `start` ends; None if that is not known yet."""
    limit = start + MAX_CHARS
    for found in _MARK.finditer(text, start, limit + 2):
        end = found.end()
        if end > limit:
            break
        if not _SPEAKABLE.search(text, start, end):
            continue
        ends = _ends(text, start, found, final, determiners, is_first=is_first)
        if ends is None:
            return None
        if ends:
            return end
    if len(text) <= limit:
        return None
    space = _LAST_SPACE.search(text[start : limit + 1])
    return start + space.start() if space is not None else limit


def _ends(
    text: str, start: int, found: re.Match[str], final: bool, determiners: frozenset[str], *, is_first: bool
) -> bool | None:
    """Whether the mark that was found ends the clause; None if that is not known yet."""
    end = found.end()
    match found.lastgroup:
        case "wide":
            return True if final or end < len(text) else None
        case "paragraph":
            return True
        case "soft" if is_first and end - start >= FIRST_SOFT_CHARS and not text[found.start() - 1].isdigit():
            return True
        case "soft" | "softwide":
            if end - start < (SOFT_CHARS if found.lastgroup == "soft" else SOFT_WIDE_CHARS):
                return False
            rest = text[end : end + MIN_REST_CHARS]
            if _ANY_END.search(rest) or "\n" in rest:
                return False
            if (text[found.start() - 1].isdigit() and rest.lstrip()[:1].isdigit()) or _STATE.match(rest):
                return False
            return True if len(rest) == MIN_REST_CHARS else False if final else None
    mark = found["mark"]
    if mark == ".":
        return _full_stop_ends(text, start, found, final, determiners)
    return _sentence_follows(text, end, final) if _ELLIPSIS.fullmatch(mark) else True


def _full_stop_ends(
    text: str, start: int, found: re.Match[str], final: bool, determiners: frozenset[str]
) -> bool | None:
    end = found.end()
    before = _LAST_WORD.search(text, start, found.start())
    word = before.group() if before is not None else ""
    small = word.lower()
    if small in _NEVER_LAST:
        return False
    if small in _BEFORE_NUMBER:
        following = _following(text, end, final)
        return None if following is None else not (following.isdigit() or following.islower() or following == "#")
    if small.isdecimal():
        number_at = found.start() - len(word)
        if number_at == start:
            return False  # "1. Do this"
        determiner = _WORD_BEFORE.search(text, start, number_at)
        if determiner is not None and determiner[1].lower() in determiners:
            following = _following(text, end, final)
            return None if following is None else not following  # an ordinal, unless nothing follows
        return len(word) > 2 or _not_in_date(text, end, final)
    if len(word) == 1 and small != word.upper():
        return word == "I" and found.start() - len(word) > start
    if small in _MAYBE_LAST:
        return _sentence_follows(text, end, final)
    return _INITIALS.fullmatch(word) is None


def _following(text: str, end: int, final: bool) -> str | None:
    """The first character after the space at `end`; "" at the end of the text, None if it has not arrived yet."""
    at = _behind_space(text, end)
    if at - end > _MAX_GAP_CHARS:
        return ""
    return text[at] if at < len(text) else "" if final else None


def _sentence_follows(text: str, end: int, final: bool) -> bool | None:
    following = _following(text, end, final)
    return None if following is None else not (following.islower() or following.isdigit())


def _not_in_date(text: str, end: int, final: bool) -> bool | None:
    follows = _sentence_follows(text, end, final)
    if not follows:
        return follows
    word = _WORD.match(text, _behind_space(text, end))
    if word is None:
        return True
    name = word.group().lower()
    if word.end() == len(text) and not final and any(month.startswith(name) for month in _MONTHS):
        return None
    return name not in _MONTHS


def _behind_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
