"""Our concealment against G.711 Appendix I's on recorded speech: nearer to what was said, and as well recognised.

The figures: pytest --log-cli-level=info.
"""

import logging
from importlib.util import find_spec

import numpy as np
import pytest

from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.asr.pocketsphinx import PocketsphinxEngine
from tests.pocketsphinx_engine import patient_pocketsphinx
from tests.signals import resample, sine
from tests.telephony import appendix_i
from tests.telephony.loss import (
    FRAME,
    RECORDINGS,
    Conceal,
    by_the_appendix,
    by_us,
    log_spectral_distortion_db,
    losses,
    recording,
    segmental_snr_db,
)

SHARES = (0.01, 0.03, 0.05, 0.1, 0.2)
REPEATS = 4
LOG = logging.getLogger(__name__)


def test_the_reference_does_not_touch_what_nothing_is_missing_from() -> None:
    audio = recording("goodbye")
    assert by_the_appendix(audio, [False] * (len(audio) // (2 * FRAME))) == audio


def test_the_reference_goes_on_with_a_tone_and_falls_silent_after_60_ms() -> None:
    audio = np.frombuffer(sine(200, 600), "<i2").astype(np.float64)
    lost = [20 <= n < 28 for n in range(60)]
    made = appendix_i.conceal(audio, lost)
    assert np.abs(made[1_600:1_680] - audio[1_600:1_680]).max() < 0.05 * np.abs(audio).max()
    assert not made[2_080:2_200].any()
    assert np.array_equal(made[2_340:], audio[2_340:])


@pytest.mark.parametrize("run", [1, 3])
@pytest.mark.parametrize("share", SHARES)
def test_we_are_at_least_as_near_to_what_was_said(share: float, run: int) -> None:
    found: dict[Conceal, list[list[float]]] = {by_us: [[], []], by_the_appendix: [[], []]}
    rng = np.random.default_rng(1)
    for words in RECORDINGS:
        audio = recording(words)
        for _ in range(REPEATS):
            lost = losses(len(audio) // (2 * FRAME), share, run, rng)
            for conceal, figures in found.items():
                received = conceal(audio, lost)
                figures[0] += log_spectral_distortion_db(audio, received).tolist()
                figures[1] += segmental_snr_db(audio, received, lost).tolist()
    ours, theirs = ((float(np.mean(each[0])), float(np.mean(each[1]))) for each in found.values())
    LOG.info("loss %.2f in runs of %d: distortion %.2f dB, appendix %.2f", share, run, ours[0], theirs[0])
    LOG.info("loss %.2f in runs of %d: segmental SNR %.1f dB, appendix %.1f", share, run, ours[1], theirs[1])
    assert ours[0] <= theirs[0]
    assert ours[1] >= theirs[1]


GRAMMAR = """#JSGF V1.0;
grammar answer;
<digit> = zero | oh | one | two | three | four | five | six | seven | eight | nine;
public <answer> = check my balance | opening hours | goodbye | speak to an agent | pay a bill | report a lost card
                | repeat that please | sales | support | yes | no | <digit>+;
"""


@pytest.mark.skipif(find_spec("pocketsphinx") is None, reason="pocketsphinx is not installed")
async def test_as_many_words_are_recognised() -> None:
    async with patient_pocketsphinx() as engine:
        right = {conceal: 0 for conceal in (by_us, by_the_appendix)}
        said = 0
        for share, run in ((0.1, 1), (0.2, 1), (0.2, 3)):
            rng = np.random.default_rng(2)
            for words in RECORDINGS:
                audio = recording(words)
                for _ in range(2):
                    lost = losses(len(audio) // (2 * FRAME), share, run, rng)
                    said += len(words.split())
                    for conceal in right:
                        right[conceal] += _common(words, await _recognised(engine, conceal(audio, lost)))
    LOG.info("words recognised of %d: %d, appendix %d", said, right[by_us], right[by_the_appendix])
    # A word or two are the recogniser's rounding.
    assert right[by_us] >= right[by_the_appendix] - 0.05 * said
    assert right[by_us] >= 0.75 * said


async def _recognised(engine: PocketsphinxEngine, audio: bytes) -> str:
    stream = engine.open(AsrRequest(GRAMMAR), lambda _: None)
    noise = np.random.default_rng(1).normal(scale=4, size=8_000).astype("<i2").tobytes()
    stream.feed(noise + resample(audio, 8_000, 16_000) + noise)
    return (await stream.finish()).text


def _common(said: str, received: str) -> int:
    """The words that both have in the same order."""
    one, other = said.split(), received.split()
    table = np.zeros((len(one) + 1, len(other) + 1), int)
    for i, word in enumerate(one):
        for j, candidate in enumerate(other):
            table[i + 1, j + 1] = table[i, j] + 1 if word == candidate else max(table[i, j + 1], table[i + 1, j])
    return int(table[-1, -1])
