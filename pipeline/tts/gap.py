"""The silence between clauses that are synthesised separately; within a text the engine adds it itself. Pure."""

from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.tts.pieces import FRAMES_HZ

SENTENCE_GAP_MS, CLAUSE_GAP_MS = 280, 100

_FRAME_TICKS = TICK_HZ // FRAMES_HZ


def gap_ticks(audio_ticks: int, word_end_ticks: int, *, goes_on: bool) -> int:
    """How much silence to add to `audio_ticks` of audio before the next clause, in ticks of 1/8000 s.

    `word_end_ticks` is where its last word ends: silence after that counts. `goes_on`: the sentence continues. The next
    clause starts on a frame boundary.
    """
    wanted = word_end_ticks + (CLAUSE_GAP_MS if goes_on else SENTENCE_GAP_MS) * TICK_HZ // 1000
    return max(0, -(-wanted // _FRAME_TICKS) * _FRAME_TICKS - audio_ticks)
