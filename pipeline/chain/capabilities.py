"""What a chain of engines can do. Pure.

The first engine gives the rate, so that its audio is converted once at the most; the others' is converted from or to
it. What a request needs, such as a language, at least one must know: for each request those that do take part. What
results may have, any may give, as the results say themselves whether they have it.
"""

from collections.abc import Sequence
from dataclasses import replace

from offhook.pipeline.asr.engine import AsrCapabilities
from offhook.pipeline.tts.engine import TtsCapabilities


def asr_capabilities(engines: Sequence[AsrCapabilities]) -> AsrCapabilities:
    """Of a chain of recognisers, all of which take 16-bit PCM."""
    if len(engines) == 1:
        return engines[0]
    return replace(
        engines[0],
        grammar=any(each.grammar for each in engines),
        free_speech=any(each.free_speech for each in engines),
        partials=any(each.partials for each in engines),
        word_times=all(each.word_times for each in engines),
        confidence=all(each.confidence for each in engines),
        # Where the engine at work doesn't, silence ends the turn, as it does in any case.
        ends_turns=any(each.ends_turns for each in engines),
        languages=_languages([each.languages for each in engines]),
        mixes=all(each.mixes for each in engines),  # the request is made for all of them
        forces=next(forces for forces in ("never", "grammar", "always") if forces in {each.forces for each in engines}),
    )


def tts_capabilities(engines: Sequence[TtsCapabilities]) -> TtsCapabilities:
    """Of a chain of voices, all of which give 16-bit PCM."""
    if len(engines) == 1:
        return engines[0]
    return replace(
        engines[0],
        word_positions=any(each.word_positions for each in engines),  # those of the others are estimated
        languages=_languages([each.languages for each in engines]),
    )


def _languages(lists: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    if not all(lists):
        return ()
    return tuple(dict.fromkeys(each for languages in lists for each in languages))
