"""Repeated phrases in a transcript: a decoder that has lost the sound repeats itself. Pure."""

MAX_PHRASE = 12
"""Words of a phrase that is looked for."""

MIN_REPEATS = 3

MAX_WORDS_PER_S = 5.5
"""Nobody says more, in a turn of some length."""

ALLOWED = 4
"""Words more than that in any turn: the beginning of speech is not exactly known."""


def loop_in(words: list[str], speech_s: float) -> tuple[int, int] | None:
    """Where the words repeat themselves more often than can have been said in `speech_s` seconds of speech.

    Returns the index of the first word that should go, and of the first behind it; None if all may stand. "no no no
    no" and "five five five five" may.
    """
    if len(words) <= MAX_WORDS_PER_S * speech_s + ALLOWED:
        return None
    longest: tuple[int, int] | None = None
    for size in range(1, MAX_PHRASE + 1):
        begin = 0
        while begin + size * MIN_REPEATS <= len(words):
            phrase, end = words[begin : begin + size], begin + size
            while words[end : end + size] == phrase:
                end += size
            if end - begin >= size * MIN_REPEATS:
                # What is cut off in the middle of the last phrase belongs to the loop.
                rest = words[end : end + size]
                end += len(rest) if end + len(rest) == len(words) and rest == phrase[: len(rest)] else 0
                if longest is None or end - begin - size > longest[1] - longest[0]:
                    longest = begin + size, end
                begin = end
            else:
                begin += 1
    return longest


def max_tokens(speech_s: float) -> int:
    """Tokens that a transcript of so many seconds may have: enough for anybody, and the end of a loop."""
    return round(7.0 * speech_s) + 10
