"""What the ledger says was played, compared with a recording at the far end.

A word here is a tone of its own pitch, so that the far end's recording tells by itself which words are in it. The
bot's RTP session speaks in virtual time over a network that delays its packets; at a random moment it is cut off.
"""

import random

import numpy as np
import pytest

from offhook.pipeline.playout.ledger import PlayoutLedger, Utterance
from offhook.pipeline.tts.engine import Word
from offhook.telephony.codec.base import codec_named
from offhook.telephony.rtp.config import RtpConfig
from offhook.telephony.rtp.session import RtpSession
from offhook.telephony.tones import silence
from offhook.telephony.wire import rtp
from tests.signals import sine

FAR = ("127.0.0.1", 4000)
CODEC = codec_named("PCMU")
CONFIG = RtpConfig(0, frozenset({0}), None, None, FAR, ("127.0.0.1", 4001), None)
TICK_S = 0.020
WORDS = 40
PITCHES_HZ = [400 + 80 * n for n in range(WORDS)]


def speech(rng: random.Random) -> Utterance:
    """Forty words, each a tone, 80 to 400 ms long, with pauses of 0 to 150 ms between them."""
    utterance = Utterance(" ".join(f"word{n}" for n in range(WORDS)))
    pcm, words, char = b"", [], 0
    for n, pitch_hz in enumerate(PITCHES_HZ):
        start = len(pcm) // 2
        pcm += sine(pitch_hz, rng.uniform(80, 400))
        text = f"word{n}"
        words.append(Word(text, char, char + len(text), start, len(pcm) // 2))
        char += len(text) + 1
        pcm += silence(rng.choice([0, rng.uniform(0, 150)]))
    utterance.append(CODEC.encode(pcm), tuple(words))
    utterance.complete = True
    return utterance


class Bot:
    """An RTP session that speaks, and the far end's recording of it."""

    def __init__(self, utterance: Utterance) -> None:
        self.session = RtpSession(CONFIG, 0.0, ssrc=1, sequence=65_530, timestamp=2**32 - 500, cname="bot")
        self.ledger = PlayoutLedger(utterance)
        self.now = 0.0
        self.recording = b""

    def play(self, utterance_tick: int) -> None:
        payload = self.ledger.utterance.payload_from(utterance_tick)
        line_tick = self.session.sent_ticks + self.session.queued_ticks
        self.ledger.queue(utterance_tick, len(payload), line_tick)
        self.session.play(payload, self.now)

    def run_until(self, end: float) -> None:
        while self.now < end and self.session.active:
            sent = self.session.tick(self.now)
            for datagram, _ in self.session.rtp_to_send():
                payload = rtp.parse(datagram).payload
                self.recording += CODEC.decode(payload[: len(sent or b"")])
            self.now += TICK_S

    def cut(self) -> None:
        self.session.clear(self.now)
        self.ledger.cut(self.session.sent_ticks)


def words_in(recording: bytes, utterance: Utterance) -> int:
    """How many words of the utterance are in the recording: the last pitch that can be found at its end."""
    ticks = np.frombuffer(recording, "<i2").astype(float)
    tail = ticks[-4_000:]
    best = 0
    for n, pitch_hz in enumerate(PITCHES_HZ):
        wave = np.exp(-2j * np.pi * pitch_hz * np.arange(400) / 8_000)
        blocks = [abs(tail[i : i + 400] @ wave) / 400 for i in range(0, max(1, len(tail) - 399), 80)]
        if len(tail) >= 400 and max(blocks) > 400:
            best = n + 1
    return best


def test_the_words_heard_are_those_in_the_recording() -> None:
    """200 cuts: at least 95 % within one word, and no word that was not sent at all."""
    rng = random.Random(7)
    close = 0
    for _ in range(200):
        utterance = speech(rng)
        bot = Bot(utterance)
        bot.play(0)
        bot.run_until(rng.uniform(0.3, utterance.ticks / 8_000))
        bot.cut()
        heard = bot.ledger.playback(bot.session.sent_ticks)
        claimed = len(heard.text_played.split())
        recorded = words_in(bot.recording, utterance)
        assert f"{heard.text_played} {heard.text_unplayed}".strip() == utterance.text
        assert claimed <= recorded + 1, "words are claimed that never left"
        close += abs(claimed - recorded) <= 1
    assert close >= 190


def test_after_a_pause_the_cut_word_is_said_again_and_nothing_is_lost() -> None:
    """100 pauses and resumptions: with the cut piece taken out, the recording is the utterance, sample by sample."""
    rng = random.Random(11)
    for _ in range(100):
        utterance = speech(rng)
        bot = Bot(utterance)
        bot.play(0)
        bot.run_until(rng.uniform(0.3, utterance.ticks / 8_000 - 0.5))
        bot.cut()
        sent = bot.session.sent_ticks
        start = bot.ledger.resume_point(sent)
        assert 0 <= sent - start <= 400 * 8, "more than the cut word is repeated"
        bot.now += 0.5
        bot.play(start)
        bot.run_until(1e9)
        whole = CODEC.decode(utterance.payload_from(0))
        assert bot.recording[: 2 * start] == whole[: 2 * start]
        assert bot.recording[2 * sent :] == whole[2 * start :]
        assert not bot.ledger.playback(bot.session.sent_ticks).interrupted


@pytest.mark.parametrize("position", [0, 1, 100])
def test_nothing_is_heard_before_the_first_word_ends(position: int) -> None:
    utterance = speech(random.Random(3))
    ledger = PlayoutLedger(utterance)
    ledger.queue(0, utterance.ticks, 0)
    heard = ledger.playback(position)
    assert (heard.text_played, heard.text_unplayed, heard.interrupted) == ("", utterance.text, True)
