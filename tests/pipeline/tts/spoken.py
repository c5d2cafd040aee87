"""What tests ask of every voice: its samples and words, and that the words are where they should be."""

import numpy as np

from offhook.pipeline.tts.engine import TtsEngine, Word

AUDIBLE = 200
"""Of 32767."""


async def speak(engine: TtsEngine, text: str) -> tuple[np.ndarray, list[Word]]:
    """All of its samples, and all of its words."""
    pcm = b""
    words: list[Word] = []
    async for chunk in engine.synthesize(text):
        pcm += chunk.pcm
        words += chunk.words
    return np.frombuffer(pcm, "<i2"), words


def check_words(text: str, samples: np.ndarray, words: list[Word]) -> None:
    """Every word that can be spoken is there, in order, without overlap, and can be heard."""
    assert [word.text for word in words] == [word for word in text.split() if any(map(str.isalnum, word))]
    at = 0
    for word in words:
        assert text[word.char_start : word.char_end] == word.text
        assert at <= word.start_sample < word.end_sample <= len(samples)
        assert np.abs(samples[word.start_sample : word.end_sample]).max() > AUDIBLE, word
        at = word.end_sample
