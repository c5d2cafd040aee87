"""Text in pieces that can be spoken one after the other."""

import re

# A sentence ends at . ! ? … with white space behind; not within "3.5", nor behind a single capital ("J. Smith"), nor
# behind a title: it belongs to the name.
_END = re.compile(r"(?<=[.!?…])(?<!\b[A-Z]\.)(?<!\b(?:Mr|Ms|Dr|St)\.)(?<!\bMrs\.)[\"')\]]*\s+")


def sentences(text: str) -> list[tuple[int, str]]:
    """The sentences of `text`, each with the character it starts at; never empty ones."""
    pieces: list[tuple[int, str]] = []
    start = 0
    for end in [match.end() for match in _END.finditer(text)] + [len(text)]:
        piece = text[start:end]
        stripped = piece.strip()
        if stripped:
            pieces.append((start + len(piece) - len(piece.lstrip()), stripped))
        start = end
    return pieces
