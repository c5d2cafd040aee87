"""Sound in flows over whole calls, in virtual time: recordings, pauses, music, streams, keys, notes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from offhook import audio_stream
from offhook.api import playing
from offhook.api.call import Call
from offhook.api.flow_dialog import FlowDialog, flow_dialog
from offhook.api.sayable import ssml
from offhook.pipeline.trace import BargedIn, BotHeard, BotResumed, DialogNoted
from offhook.settings.flow_file import parse_flow
from offhook.sound_file import load_sound
from offhook.telephony.codec import PCMU
from offhook.telephony.pcm import audioop
from offhook.telephony.tones import tones
from offhook.testing import SimulatedCall, run
from offhook.testing.simulated_line import SimulatedLine
from offhook.testing.wav_file import wav
from offhook.usererror import UserError
from tests.offhook.test_mp3_sound import mp3

HEAD = "name: sound\nstart: first\nno_input: {then: bye}\nno_match: {then: bye}\nsteps:\n"
BYE = "  bye: {hang_up: Goodbye.}\n"
MENU = "  menu: {ask: 'Which kind?', choices: {one: {phrases: [one], key: 1, next: bye}}}\n"
WELCOME = "Welcome to all of our examples of recorded speech."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "welcome.wav").write_bytes(wav(tones((440.0,), 4_000)))
    (tmp_path / "chime.wav").write_bytes(wav(tones((880.0,), 500)))
    return tmp_path


def dialog(folder: Path, steps: str) -> FlowDialog:
    return flow_dialog(parse_flow((HEAD + steps + BYE).encode(), str(folder / "flow.yaml")))


def heard(caller: SimulatedCall) -> list[BotHeard]:
    return [event for event in caller.events if isinstance(event, BotHeard)]


async def to_the_end(caller: SimulatedCall) -> list[str]:
    async with asyncio.timeout(120):
        await caller.over.wait()
    return [said.text for said in caller.transcript if said.who == "bot"]


def test_a_recording_is_heard_whole_and_is_in_the_transcript(folder: Path) -> None:
    talk = dialog(folder, f"  first: {{say: {{file: welcome.wav, text: {WELCOME}}}, next: bye}}\n")

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            assert await to_the_end(caller) == [WELCOME, "Goodbye."]
            first = heard(caller)[0]
            assert first.playback.played_s == pytest.approx(4.0, abs=0.01)
            assert first.engine == "recording"
            assert [word.text for word in first.words] == WELCOME.split()

    run(call())


def test_a_recording_is_interrupted_and_says_how_much_was_heard(folder: Path) -> None:
    talk = dialog(folder, f"  first: {{say: {{file: welcome.wav, text: {WELCOME}}}, next: menu}}\n{MENU}")

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            await caller.begins_to_hear("Welcome")
            await caller.waits(2.0)
            await caller.presses("1")
            said = await to_the_end(caller)
            cut = heard(caller)[0].playback
            assert cut.interrupted
            assert 1.5 < cut.played_s < 3.0
            assert cut.text_played and WELCOME.startswith(cut.text_played) and cut.text_unplayed
            assert said[-1] == "Goodbye."

    run(call())


def test_a_recording_resumes_at_the_word_after_a_click(folder: Path) -> None:
    asked = f"{{file: welcome.wav, text: {WELCOME}}}"
    choices = "{one: {phrases: [one], key: 1, next: bye}}"
    talk = dialog(folder, f"  first: {{ask: {asked}, choices: {choices}}}\n")

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            await caller.begins_to_hear("Welcome")
            await caller.waits(1.5)
            await caller.says("uh", seconds=0.08)
            await caller.waits(6.0)
            await caller.presses("1")
            await to_the_end(caller)
            resumed = [event for event in caller.events if isinstance(event, BotResumed)]
            cut = [event for event in caller.events if isinstance(event, BargedIn)]
            assert not cut
            assert heard(caller)[0].playback.text_played == WELCOME
            # A sound too short to be reported pauses nothing; one that paused has resumed within the text.
            assert all(WELCOME.endswith(event.text) for event in resumed)

    run(call())


def test_pauses_and_recordings_within_a_text(folder: Path) -> None:
    text = '<speak>One. <break time=\\"1s\\"/> Two. <audio src=\\"chime.wav\\">Ding.</audio> Three.</speak>'
    plain = dialog(folder, '  first: {say: "One. Two. Three.", next: bye}\n')
    marked = dialog(folder, f'  first: {{say: "{text}", next: bye}}\n')

    async def length_s(talk: FlowDialog, said: str) -> float:
        async with SimulatedCall(talk) as caller:
            assert (await to_the_end(caller))[0] == said
            return heard(caller)[0].playback.played_s

    whole = run(length_s(marked, "One. Two. Ding. Three."))
    without = run(length_s(plain, "One. Two. Three."))
    # A second and half a second more, but for the gaps between sentences that they take the place of.
    assert 0.5 < whole - without < 1.6


def test_words_behind_a_pause_were_not_heard_before_it_is_over(folder: Path) -> None:
    text = '<speak>One. <break time=\\"5s\\"/> Two.</speak>'
    talk = dialog(folder, f'  first: {{say: "{text}", next: menu}}\n{MENU}')

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            await caller.begins_to_hear("One.")
            await caller.waits(3.0)
            await caller.presses("1")
            await to_the_end(caller)
            playback = heard(caller)[0].playback
            assert (playback.text_played, playback.text_unplayed) == ("One.", "Two.")

    run(call())


def test_music_repeats_for_so_long(folder: Path) -> None:
    talk = dialog(folder, "  first: {play: chime.wav, loop: yes, for_s: 3.2, volume_db: -6, next: bye}\n")

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            await to_the_end(caller)
            assert heard(caller)[0].playback.played_s == pytest.approx(3.2, abs=0.05)

    run(call())


@pytest.mark.parametrize(("until", "ends"), [("end", False), ("key", True), ("speech", False)])
def test_a_key_ends_music_that_a_key_may_end(folder: Path, until: str, ends: bool) -> None:
    talk = dialog(folder, f"  first: {{play: welcome.wav, until: {until}, next: menu}}\n{MENU}")

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            await caller.waits(1.0)
            await caller.presses("1")
            await to_the_end(caller)
            assert (heard(caller)[0].playback.played_s < 2.0) is ends

    run(call())


def test_speech_ends_music_that_speech_may_end(folder: Path) -> None:
    talk = dialog(folder, f"  first: {{play: welcome.wav, until: speech, next: menu}}\n{MENU}")

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            await caller.waits(1.0)
            await caller.says("one", seconds=0.8)
            await to_the_end(caller)
            assert heard(caller)[0].playback.played_s < 2.5

    run(call())


def test_louder_and_softer(folder: Path) -> None:
    sound = load_sound(folder / "chime.wav")

    async def loudest(volume_db: float) -> int:
        async def talk(call: Call) -> None:
            await call.play(sound, volume_db=volume_db)

        line = SimulatedLine(encoding="PCMU")
        peaks: list[int] = []
        line.add_listener(sent=lambda payload, _tick, _at: peaks.append(audioop.max(PCMU.decode(payload), 2)))
        async with SimulatedCall(talk, line=line) as caller:
            await to_the_end(caller)
        return max(peaks)

    plain, soft = run(loudest(0)), run(loudest(-12))
    assert soft == pytest.approx(plain / 4, rel=0.1)


def test_a_wait_lasts_as_long_as_it_says_and_is_not_filled(folder: Path) -> None:
    talk = dialog(folder, "  first: {wait: 12.5, next: bye}\n")

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            began = caller.now
            await caller.begins_to_hear("Goodbye.", within_s=30)
            assert caller.now - began == pytest.approx(12.5, abs=0.5)
            assert await to_the_end(caller) == ["Goodbye."]

    run(call())


def test_a_key_ends_a_wait_and_answers_nothing_else(folder: Path) -> None:
    talk = dialog(folder, f"  first: {{wait: 60, until: key, next: menu}}\n{MENU}")

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            await caller.waits(3.0)
            await caller.presses("1")
            await caller.hears("Which kind?", within_s=5)
            await caller.waits(1.0)
            assert not caller.over.is_set()
            await caller.presses("1")
            assert (await to_the_end(caller))[-1] == "Goodbye."

    run(call())


def test_keys_for_the_far_end(folder: Path) -> None:
    talk = dialog(folder, '  first: {press: "12ww#", next: bye}\n')

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            began = caller.now
            await caller.begins_to_hear("Goodbye.")
            assert caller.sent_keys == "12#"
            assert caller.now - began >= 1.5
            await to_the_end(caller)

    run(call())


def test_a_note(folder: Path) -> None:
    talk = dialog(folder, "  first: {log: 'From {call.caller}.', next: bye}\n")

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            await to_the_end(caller)
            (noted,) = [event for event in caller.events if isinstance(event, DialogNoted)]
            assert noted.text.startswith("From ")

    run(call())


def test_recordings_and_ssml_in_python(folder: Path) -> None:
    welcome = load_sound(folder / "welcome.wav", text=WELCOME)
    offer = ssml('<speak>Call <sub alias="us">me</sub>. <audio src="chime.wav">Ding.</audio></speak>', folder)

    async def talk(call: Call) -> None:
        said = await call.say(welcome)
        assert said.text_played == WELCOME
        await call.say(offer)
        answer = await call.ask(welcome, choices={"one": ["one"]}, keys={"1": "one"})
        await call.say(answer.choice or "none")

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            await caller.hears("Call us. Ding.")
            await caller.begins_to_hear(WELCOME)
            await caller.presses("1")
            assert (await to_the_end(caller))[-1] == "one"

    run(call())


def test_what_is_not_ssml(folder: Path) -> None:
    with pytest.raises(UserError, match="not SSML"):
        ssml("Hello.")
    with pytest.raises(UserError, match="cannot be read"):
        ssml('<speak><audio src="none.wav"/></speak>', folder)
    with pytest.raises(UserError, match="brake"):
        ssml("<speak>a<brake/></speak>")


class Server:
    """Sends `head`, then pieces of sound, each after so many seconds; then it closes, or, `open`, waits."""

    def __init__(self, head: bytes, *pieces: tuple[float, bytes], stays_open: bool = False) -> None:
        self.head, self.pieces, self.stays_open = head, pieces, stays_open

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.head)
        try:
            for wait_s, piece in self.pieces:
                await asyncio.sleep(wait_s)
                writer.write(piece)
                await writer.drain()
            if self.stays_open:
                await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.wav"


def ok(kind: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode()


SECOND = tones((440.0,), 1_000)


def at_hz(rate_hz: int) -> bytes:
    """A file that says that its 24,000 samples are of that rate."""
    file = wav(3 * SECOND)
    return file[:24] + rate_hz.to_bytes(4, "little") + file[28:]


@pytest.mark.parametrize(
    ("server", "led_to", "seconds"),
    [
        (Server(ok("audio/wav"), (0, wav(3 * SECOND))), "Played.", 3.0),
        (Server(ok("audio/wav"), (0, at_hz(12_000))), "Played.", 2.0),
        (Server(ok("audio/wav"), (0, at_hz(12_001))), "Silent.", None),
        (Server(ok("audio/basic"), (0, PCMU.encode(2 * SECOND))), "Played.", 2.0),
        (Server(ok("audio/basic; x=1"), (0, PCMU.encode(20 * SECOND)), stays_open=True), "Played.", 6.0),
        (Server(ok("audio/basic"), (0, PCMU.encode(SECOND)), (1.5, PCMU.encode(SECOND))), "Played.", 2.0),
        (Server(ok("audio/basic"), (0, PCMU.encode(SECOND)), stays_open=True), "Silent.", 1.0),
        (Server(ok("audio/basic"), stays_open=True), "Silent.", None),
        (Server(ok("audio/mpeg"), (0, b"ID3" + bytes(2_000))), "Silent.", None),
        (Server(ok("text/html"), (0, b"<html>" + bytes(2_000))), "Silent.", None),
        (Server(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "Silent.", None),
        (Server(b"HTTP/1.1 302 Found\r\nLocation: http://a.example/\r\nContent-Length: 0\r\n\r\n"), "Silent.", None),
        (Server(b"", (0, b"nonsense\r\n\r\n")), "Silent.", None),
    ],
    ids=[
        "wav",
        "wav of 12 kHz",
        "an odd rate",
        "mu-law",
        "longer",
        "late",
        "stalls",
        "never begins",
        "mp3",
        "a page",
        "404",
        "elsewhere",
        "nonsense",
    ],
)
def test_what_a_server_sends(folder: Path, server: Server, led_to: str, seconds: float | None) -> None:
    async def call() -> None:
        async with server.open() as address:
            steps = (
                f"  first: {{play: '{address}', for_s: 6, allow_private: yes, next: played, otherwise: silent}}\n"
                "  played: {say: Played., next: bye}\n  silent: {say: Silent., next: bye}\n"
            )
            async with SimulatedCall(dialog(folder, steps)) as caller:
                said = await to_the_end(caller)
                assert [each for each in said if each in ("Played.", "Silent.")] == [led_to]
                if seconds is not None:
                    assert heard(caller)[0].playback.played_s == pytest.approx(seconds, abs=0.1)

    asyncio.run(call())


@pytest.mark.parametrize(("within_s", "says"), [(30.0, "Played."), (0.3, "Silent.")])
def test_an_mp3_may_take_longer_to_come_than_other_first_audio(
    folder: Path, monkeypatch: pytest.MonkeyPatch, within_s: float, says: str
) -> None:
    monkeypatch.setattr(playing, "FIRST_AUDIO_S", 2.0)
    monkeypatch.setattr(playing, "MP3_WITHIN_S", within_s)
    monkeypatch.setattr(audio_stream, "MP3_WITHIN_S", within_s)
    data = mp3(rate_hz=16_000, channels=1)
    server = Server(ok("audio/mpeg"), (0, data[:100]), (3.0, data[100:]))

    async def call() -> None:
        async with server.open() as address:
            steps = (
                f"  first: {{play: '{address}', for_s: 6, allow_private: yes, next: played, otherwise: silent}}\n"
                "  played: {say: Played., next: bye}\n  silent: {say: Silent., next: bye}\n"
            )
            async with SimulatedCall(dialog(folder, steps)) as caller:
                said = await to_the_end(caller)
                assert [each for each in said if each in ("Played.", "Silent.")] == [says]

    asyncio.run(call())


def test_an_address_of_this_machine_is_not_played(folder: Path) -> None:
    async def talk(call: Call) -> None:
        played = await call.play("http://127.0.0.1:9/a.wav", for_s=1)
        await call.say(played.failed)

    async def call() -> None:
        async with SimulatedCall(talk) as caller:
            assert "private network" in (await to_the_end(caller))[-1]

    asyncio.run(call())
