"""Detects markup in text to be spoken, and decodes what HTML has escaped: no voice here reads either. Pure."""

import re
from html.entities import html5

TAG = re.compile(
    r"""
    <!--.{0,500}?-->
    |<[/?!]?[A-Za-z][\w:.-]{0,40}
     (?:\s{1,8}[\w:.-]{1,40}\s{0,4}=\s{0,4}(?:"[^"<>]{0,500}"|'[^'<>]{0,500}'|[^\s<>"']{1,500})){0,12}
     \s{0,8}[/?]?>
    """,
    re.VERBOSE | re.DOTALL,
)
"""A tag of HTML, XML or SSML."""

TAG_LIKE = re.compile(r"<!--|<!\[|<[/?!]?[A-Za-z][^<>]{0,500}>")
"""Anything that the author may have meant as one."""

_ENTITY = re.compile(
    r"&(?:#(?P<decimal>[0-9]{1,7})|#[xX](?P<hex>[0-9A-Fa-f]{1,6})|(?P<name>[A-Za-z][A-Za-z0-9]{1,31}));"
)


def decode_entities(text: str) -> tuple[str, list[int]]:
    """`text` with its HTML entities as the characters they stand for, and where each character of it begins in `text`
    (with the end as the last entry). Names that HTML does not have are left alone.
    """
    decoded: list[str] = []
    starts: list[int] = []
    done = 0
    for entity in _ENTITY.finditer(text):
        character = _character(entity)
        if character is None:
            continue
        decoded += [text[done : entity.start()], character]
        starts += [*range(done, entity.start()), entity.start()]
        done = entity.end()
    return "".join([*decoded, text[done:]]), [*starts, *range(done, len(text) + 1)]


def _character(entity: re.Match[str]) -> str | None:
    if entity["name"] is not None:
        character = html5.get(entity["name"] + ";")
        return character if character is None or len(character) == 1 else " "
    code = int(entity["decimal"] or entity["hex"], 10 if entity["decimal"] else 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else " "
