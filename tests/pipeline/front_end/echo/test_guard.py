import numpy as np

from offhook.pipeline.front_end.cpu_budget import CpuBudget
from offhook.pipeline.front_end.echo.guard import EchoGuard
from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.tones import noise
from tests.pipeline.front_end.calls import prompts
from tests.pipeline.vad.audio import Samples, audible_span, phrase

PACKET = 160
LAG = 800


def spoken() -> Samples:
    """From its first sound on."""
    return phrase()[audible_span(phrase())[0] :]


def _pcm(audio: Samples) -> bytes:
    return audio.clip(-32_768, 32_767).astype("<i2").tobytes()


def _packets(pcm: bytes) -> list[bytes]:
    return [pcm[at : at + 2 * PACKET] for at in range(0, len(pcm) - 2 * PACKET + 1, 2 * PACKET)]


class Talk:
    """The bot speaks the recorded prompt, and its echo comes back; positions start at any value."""

    def __init__(
        self, codec: object = PCMU, origin: int = 5_000, late_s: float = 0.0, budget: CpuBudget | None = None
    ) -> None:
        self.codec = PCMA if codec is PCMA else PCMU
        self.guard = EchoGuard(self.codec.decode, budget)
        self.at, self.origin_s, self.late_s = origin, 100.0 - origin / 8_000, late_s
        payload = self.codec.encode(_pcm(prompts()[0]))
        self.payloads = [payload[at : at + PACKET] for at in range(0, len(payload), PACKET)]
        spoken = np.frombuffer(self.codec.decode(payload), "<i2").astype(float)
        self.echo = _packets(_pcm(0.2 * np.concatenate([np.zeros(LAG), spoken])))
        self.first = True

    def go(self, packets: range, over: bytes | None = None, *, speaks: bool = True) -> bytes:
        """Run some packets both ways; returns what the guard lets through."""
        out = b""
        for index in packets:
            now = self.origin_s + self.at / 8_000
            if speaks:
                self.guard.sent(self.payloads[index], now + self.late_s, first=self.first)
                self.first = False
            received = self.echo[index]
            if over is not None:
                mine = np.frombuffer(over[2 * PACKET * (index - packets[0]) :][: 2 * PACKET], "<i2")
                received = (np.frombuffer(received, "<i2")[: len(mine)] + mine).astype("<i2").tobytes()
            out += self.guard.on_audio(received, self.at, now + PACKET / 8_000)
            self.at += PACKET
        return out


def found() -> Talk:
    """The packet of 53 in which the echo was found."""
    talk = Talk()
    talk.go(range(50))
    assert talk.guard.score(0.9, talk.at, in_speech=False) == 0.0
    talk.go(range(50, 53))
    assert talk.guard.score(0.9, talk.at, in_speech=False) == 0.0
    assert talk.guard.knows_path
    return talk


def _level(pcm: bytes) -> float:
    return float(np.sqrt(np.square(np.frombuffer(pcm, "<i2").astype(float)).mean()))


def test_an_echo_is_not_speech_and_is_subtracted_from_then_on() -> None:
    for talk in (Talk(), Talk(codec=PCMA), Talk(origin=0), Talk(late_s=0.015)):
        raw = talk.go(range(50))
        assert talk.guard.score(0.9, talk.at, in_speech=False) == 0.0
        assert not talk.guard.knows_path  # the audio that was solved for proves nothing
        raw += talk.go(range(50, 53))
        assert raw == b"".join(talk.echo[:53])
        assert talk.guard.score(0.9, talk.at, in_speech=False) == 0.0
        assert talk.guard.knows_path
        talk.go(range(53, 80))
        cleaned = talk.go(range(80, 120))
        assert _level(cleaned) < 0.1 * _level(b"".join(talk.echo[80:120]))
        assert talk.guard.score(0.9, talk.at, in_speech=False) == 0.0


def test_a_caller_who_speaks_over_the_echo_is_accepted() -> None:
    talk = found()
    talk.go(range(53, 100))
    voice = _pcm(spoken())
    said = talk.go(range(100, 112), voice)
    assert talk.guard.score(0.8, talk.at, in_speech=False) == 0.8
    residual = np.frombuffer(said, "<i2").astype(float) - np.frombuffer(voice[: len(said)], "<i2")
    assert np.sqrt(np.square(residual).mean()) < 0.2 * _level(said)


def test_on_a_line_without_echo_the_caller_is_accepted_at_once() -> None:
    talk = Talk()
    talk.echo = _packets(noise(10_000, level_dbfs=-62.0))
    talk.go(range(120))
    received = talk.go(range(120, 124), _pcm(spoken()))
    assert received == talk.guard.on_audio(b"", talk.at, 0.0) + received  # nothing is subtracted
    assert talk.guard.score(0.4, talk.at, in_speech=False) == 0.4
    assert not talk.guard.knows_path
    for index in range(124, 150, 2):  # … and is not checked again while speaking
        talk.go(range(index, index + 2), _pcm(spoken())[2 * PACKET * (index - 120) :])
        assert talk.guard.score(0.4, talk.at, in_speech=True) == 0.4
    assert talk.guard.checks == 1


def test_after_a_prompt_without_echo_the_caller_is_accepted_from_the_first_word() -> None:
    voice = _pcm(spoken())

    def interrupted(before: int) -> float:
        talk = Talk()
        talk.echo = _packets(noise(20_000, level_dbfs=-62.0)) * 2
        talk.go(range(before))
        talk.go(range(100, 140), speaks=False)
        talk.first = True
        talk.go(range(20))
        talk.go(range(20, 24), voice)
        return talk.guard.score(0.4, talk.at, in_speech=False)

    assert interrupted(before=100) == 0.4
    assert interrupted(before=0) == 0.0  # it could be a late echo


def test_an_echo_that_has_gone_is_forgotten() -> None:
    talk = found()
    talk.go(range(53, 90))
    talk.echo = _packets(noise(60_000, level_dbfs=-62.0))
    talk.go(range(90, 170))
    assert not talk.guard.knows_path
    received = talk.go(range(170, 175))
    assert received == b"".join(talk.echo[170:175])


def test_an_echo_that_is_missing_briefly_is_still_known() -> None:
    talk = found()
    talk.echo[53:66] = [bytes(2 * PACKET)] * 13
    talk.go(range(53, 66))
    assert talk.guard.knows_path
    talk.go(range(66, 75))
    cleaned = talk.go(range(75, 120))
    assert _level(cleaned) < 0.1 * _level(b"".join(talk.echo[75:120]))


def test_without_cpu_budget_no_echo_is_searched_for_and_callers_are_accepted() -> None:
    talk = Talk(budget=CpuBudget(share=0.0, burst_s=0.0))
    talk.go(range(50))
    scores = [talk.guard.score(0.9, talk.at, in_speech=False)]
    for index in range(50, 58):
        talk.go(range(index, index + 1))
        scores.append(talk.guard.score(0.9, talk.at, in_speech=False))
    assert scores[0] == 0.0
    assert scores[-1] == 0.9
    assert not talk.guard.knows_path


def test_while_the_bot_is_silent_everything_is_accepted_unchecked() -> None:
    guard = EchoGuard(PCMU.decode)
    pcm = _pcm(phrase()[: 2 * PACKET])
    assert guard.on_audio(pcm, 0, 0.02) is pcm
    assert guard.score(0.31, PACKET, in_speech=False) == 0.31
    talk = Talk()
    talk.go(range(10))
    talk.echo = _packets(bytes(2 * 16_000))
    talk.go(range(0, 60), speaks=False)  # 1.2 s
    assert talk.guard.on_audio(pcm, talk.at, 200.0) is pcm
    assert talk.guard.score(0.31, talk.at + PACKET, in_speech=False) == 0.31
    assert talk.guard.checks == 0


def test_a_candidate_is_not_held_for_longer_than_a_tenth_of_a_second() -> None:
    talk = Talk()
    talk.echo = _packets(noise(10_000, level_dbfs=-70.0))
    voice = _pcm(spoken())
    accepted_ms = None
    for index in range(10, 40):  # 200 ms into the prompt nothing is known of the line
        talk.go(range(index, index + 1), voice[2 * PACKET * (index - 10) :])
        if index >= 12 and talk.guard.score(0.9, talk.at, in_speech=False) == 0.9:
            accepted_ms = 20 * (index - 12)
            break
    assert accepted_ms is not None
    assert accepted_ms <= 120
