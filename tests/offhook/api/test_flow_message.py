"""Messages of callers over whole calls, in virtual time."""

import asyncio
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.api.flow_dialog import FlowDialog, flow_dialog
from offhook.api.message import Message, trimmed
from offhook.pipeline.dialog.review_wording import review_wording_in
from offhook.records.message import save_message
from offhook.settings.flow_file import parse_flow
from offhook.telephony.tones import tones
from offhook.testing import SimulatedCall, run
from offhook.usererror import UserError

FLOW = """
name: mailbox
start: leave
no_input: {then: bye}
no_match: {then: bye}
steps:
  leave: {record: Please leave a message., into: message, MORE, next: thanks, otherwise: none}
  thanks: {say: "{message.ended_by}, {message.seconds} seconds.", next: bye}
  none: {say: There is no message., next: bye}
  bye: {hang_up: Goodbye.}
"""
Keep = Callable[[Message], Awaitable[Path]]
REVIEW = review_wording_in("en").ask


def dialog(more: str = "most_s: 60") -> FlowDialog:
    return flow_dialog(parse_flow(FLOW.replace("MORE", more).encode(), "mailbox.yaml"))


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    async def save(message: Message) -> Path:
        return save_message(tmp_path, "call", message.pcm)

    return save


def lengths_s(folder: Path) -> list[float]:
    found = []
    for path in sorted(folder.glob("*.wav")):
        with wave.open(str(path)) as audio:
            found.append(audio.getnframes() / audio.getframerate())
    return found


async def to_the_end(caller: SimulatedCall) -> list[str]:
    async with asyncio.timeout(300):
        await caller.over.wait()
    return [said.text for said in caller.transcript if said.who == "bot"]


async def after_the_beep(caller: SimulatedCall) -> None:
    await caller.hears("Please leave")
    await caller.waits(1.0)


@pytest.mark.parametrize("pressed", [False, True])
def test_a_message_ends_with_silence_or_a_key(tmp_path: Path, keep: Keep, pressed: bool) -> None:
    async def call() -> None:
        async with SimulatedCall(dialog(), on_message=keep) as caller:
            await after_the_beep(caller)
            await caller.says("this is what I have to say", seconds=4.0)
            if pressed:
                await caller.waits(0.5)
                await caller.presses("#")
            said = await to_the_end(caller)
            assert said[1].startswith("key, 4." if pressed else "silence, 4.")

    run(call())
    (seconds,) = lengths_s(tmp_path)
    # From the beep on, with the second before the first word; the silence at the end is gone.
    assert 4.0 <= seconds < 5.5


def test_a_pause_is_a_part_of_it(tmp_path: Path, keep: Keep) -> None:
    async def call() -> None:
        async with SimulatedCall(dialog("silence_s: 3"), on_message=keep) as caller:
            await after_the_beep(caller)
            await caller.says("this is what I have to say", seconds=2.0)
            await caller.waits(2.0)
            await caller.says("and this as well", seconds=2.0)
            await to_the_end(caller)

    run(call())
    (seconds,) = lengths_s(tmp_path)
    assert 6.0 <= seconds < 7.5


def test_a_long_one_is_cut(tmp_path: Path, keep: Keep) -> None:
    async def call() -> None:
        async with SimulatedCall(dialog("most_s: 5"), on_message=keep) as caller:
            await after_the_beep(caller)
            await caller.says("this is what I have to say", seconds=8.0)
            assert (await to_the_end(caller))[1].startswith("most, ")

    run(call())
    (seconds,) = lengths_s(tmp_path)
    assert 4.5 <= seconds <= 5.0


@pytest.mark.parametrize(("words_s", "more"), [(0.0, "most_s: 60"), (0.6, "least_s: 3")])
def test_nothing_and_next_to_nothing_are_none(tmp_path: Path, keep: Keep, words_s: float, more: str) -> None:
    async def call() -> None:
        async with SimulatedCall(dialog(more), on_message=keep) as caller:
            await after_the_beep(caller)
            if words_s:
                await caller.says("oh", seconds=words_s)
            assert (await to_the_end(caller))[1] == "There is no message."

    run(call())
    assert not lengths_s(tmp_path)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_caller_who_hangs_up_has_left_a_message(tmp_path: Path, keep: Keep, keeps: bool) -> None:
    async def call() -> None:
        async with SimulatedCall(dialog(f"keep_on_hang_up: {keeps}"), on_message=keep) as caller:
            await after_the_beep(caller)
            await caller.says("this is what I have to say", seconds=4.0)
            await caller.hangs_up()

    run(call())
    assert len(lengths_s(tmp_path)) == keeps


def test_a_message_is_heard_said_again_and_kept(tmp_path: Path, keep: Keep) -> None:
    async def call() -> None:
        async with SimulatedCall(dialog("review: yes"), on_message=keep) as caller:
            await after_the_beep(caller)
            await caller.says("this is what I have to say", seconds=4.0)
            await caller.begins_to_hear(REVIEW)
            await caller.waits(1.0)
            await caller.presses("1")
            assert REVIEW not in await caller.hears("To hear")
            assert REVIEW in await caller.hears("To hear", within_s=30)
            await caller.presses("3")
            await caller.waits(2.0)
            await caller.says("this is what I meant", seconds=2.0)
            assert REVIEW in await caller.hears("To hear", within_s=30)
            await caller.says("keep it")
            assert (await to_the_end(caller))[-2].startswith("silence, ")

    run(call())
    (seconds,) = lengths_s(tmp_path)
    assert seconds < 5.0


def test_a_message_is_deleted(tmp_path: Path, keep: Keep) -> None:
    async def call() -> None:
        async with SimulatedCall(dialog("review: yes"), on_message=keep) as caller:
            await after_the_beep(caller)
            await caller.says("this is what I have to say", seconds=4.0)
            await caller.begins_to_hear(REVIEW)
            await caller.presses("4")
            assert (await to_the_end(caller))[-3:] == [
                "Your message is deleted.",
                "There is no message.",
                "Goodbye.",
            ]

    run(call())
    assert not lengths_s(tmp_path)


def test_who_decides_nothing_keeps_it(tmp_path: Path, keep: Keep) -> None:
    async def call() -> None:
        async with SimulatedCall(dialog("review: yes"), on_message=keep) as caller:
            await after_the_beep(caller)
            await caller.says("this is what I have to say", seconds=4.0)
            await to_the_end(caller)

    run(call())
    assert len(lengths_s(tmp_path)) == 1


def test_a_call_without_a_folder_says_so() -> None:
    async def call() -> None:
        async with SimulatedCall(dialog()) as caller:
            await after_the_beep(caller)
            await caller.says("this is what I have to say", seconds=4.0)
            assert (await to_the_end(caller))[1] == "There is no message."

    run(call())


def test_in_python_the_end_of_the_call_has_the_message(tmp_path: Path, keep: Keep) -> None:
    async def talk(call: Call) -> None:
        try:
            await call.record(beep=False)
        except CallEnded as ended:
            assert ended.message is not None
            await call.keep(ended.message)
            raise

    async def call() -> None:
        async with SimulatedCall(talk, on_message=keep) as caller:
            await caller.waits(0.5)
            await caller.says("this is what I have to say", seconds=3.0)
            await caller.hangs_up()

    run(call())
    assert len(lengths_s(tmp_path)) == 1


@pytest.mark.parametrize("hangs_up", [False, True])
def test_a_step_names_the_mailbox_of_its_message(tmp_path: Path, keep: Keep, hangs_up: bool) -> None:
    kept: list[str] = []

    async def save(message: Message) -> Path:
        kept.append(message.mailbox)
        return await keep(message)

    async def call() -> None:
        boxes = ("sales",)
        async with SimulatedCall(dialog("mailbox: sales"), on_message=save, mailboxes=boxes) as caller:
            await after_the_beep(caller)
            await caller.says("this is what I have to say", seconds=4.0)
            if hangs_up:
                await caller.hangs_up()
            await to_the_end(caller)

    run(call())
    assert kept == ["sales"]


@pytest.mark.parametrize(("boxes", "todo"), [(("sales",), "did you mean `sales`?"), ((), "[mail.boxes]")])
def test_a_mailbox_that_is_not_there_is_refused_before_the_beep(boxes: tuple[str, ...], todo: str) -> None:
    refused: list[UserError] = []

    async def talk(call: Call) -> None:
        try:
            await call.record(mailbox="sale")
        except UserError as error:
            refused.append(error)

    async def call() -> None:
        async with SimulatedCall(talk, mailboxes=boxes) as caller:
            await to_the_end(caller)

    run(call())
    ((problem,),) = [each.problems for each in refused]
    assert problem.what == "messages cannot be for the mailbox `sale`" and todo in problem.todo


def test_silence_at_the_end_is_trimmed() -> None:
    sound = tones((440.0,), 1_000)
    assert len(trimmed(sound + bytes(2 * 24_000))) == len(sound) + 3_200
    assert trimmed(sound) == sound
    assert trimmed(bytes(16_000)) == trimmed(b"") == b""
