"""While a caller's recording is paused, nothing of them is kept of the leg that hears them either."""

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.api.call import Call
from offhook.calls.captures import SHORTEST_SOUND_BYTES
from offhook.sip.events import CallCancelled, CallEnded
from tests.offhook.carriers.test_sip_transfer import AGENT_HZ, CALLER_HZ, Scene, scene
from tests.offhook.carriers.test_transfer_legs import leg_record, rings_with_media
from tests.offhook.records.pcapfile import read

__all__ = ["scene"]

KEPT: dict[str, object] = {"record_audio": True, "capture": True}
PCMU_SILENCE = {0x00, 0x7F, 0xFF}
RTP_HEADER_BYTES = 12


def kept(tmp_path: Path, leg: str) -> tuple[int, int]:
    """Of a leg's capture: how many keys (packets of RFC 4733), how many packets with sound."""
    payloads = [one.payload for one in read((tmp_path / "captures" / f"{leg}.pcap").read_bytes())]
    media = [data[RTP_HEADER_BYTES:] for data in payloads if data[0] == 0x80 and not 192 <= data[1] <= 223]
    sounds = [data for data in media if len(data) > SHORTEST_SOUND_BYTES]
    return len(media) - len(sounds), sum(not PCMU_SILENCE.issuperset(data) for data in sounds)


def recorded(tmp_path: Path, leg: str) -> NDArray[np.int16]:
    """A leg's recording: the louder side of each sample. Where nothing may be heard there is no file."""
    if not (tmp_path / "recordings" / f"{leg}.wav").exists():
        return np.zeros(0, np.int16)
    with wave.open(str(tmp_path / "recordings" / f"{leg}.wav")) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    levels: NDArray[np.int16] = np.abs(pcm.reshape(-1, 2)).max(axis=1, initial=0)
    return levels


def longest_silence_s(levels: NDArray[np.int16]) -> float:
    at = np.flatnonzero(levels)
    return float(np.diff(at).max(initial=0)) / 8_000


@pytest.mark.parametrize("paused", ["before", "while bridged", "never"])
async def test_the_legs_own_recording_and_capture(scene: Scene, tmp_path: Path, paused: str) -> None:
    calls: list[Call] = []

    async def dialog(call: Call) -> None:
        calls.append(call)
        if paused == "before":
            call.pause_recording()
        await call.transfer("desk", mode="bridge")

    await scene.begin(tmp_path, dialog, records=KEPT)
    await scene.agent.hears(CALLER_HZ)
    if paused == "while bridged":
        calls[0].pause_recording()
    scene.caller.quiet(scene.handle).send_dtmf("4111")
    await scene.agent.when(lambda: scene.agent.keys == "4111")
    if paused == "while bridged":
        calls[0].resume_recording()
        await asyncio.sleep(0.3)  # so long is what is recorded again
    scene.caller.hang_up(scene.handle)
    await scene.agent.next(CallEnded)
    leg = (await leg_record(scene)).uniqueid
    assert scene.bot is not None
    await scene.bot.stop()
    keys, sounds = kept(tmp_path, leg)
    levels = recorded(tmp_path, leg)
    if paused == "never":
        assert keys > 4
        assert sounds > 50
        assert longest_silence_s(levels) < 0.3
        assert levels.max() > 500
    elif paused == "before":
        assert (keys, sounds, levels.max(initial=0)) == (0, 0, 0)
    else:
        assert keys == 0
        assert sounds > 0
        assert longest_silence_s(levels) > 0.5
        assert levels[-2_000:].max() > 500


async def test_before_the_agent_has_answered(scene: Scene, tmp_path: Path) -> None:
    agent = scene.agent
    rings_with_media(agent)

    async def dialog(call: Call) -> None:
        call.pause_recording()
        await call.transfer("desk", mode="bridge")

    await scene.begin(tmp_path, dialog, records=KEPT)
    await scene.caller.hears(AGENT_HZ)
    scene.caller.hang_up(scene.handle)
    await agent.next(CallCancelled)
    leg = (await leg_record(scene)).uniqueid
    assert scene.bot is not None
    await scene.bot.stop()
    # The first packets may come before the 183.
    assert kept(tmp_path, leg)[1] < 5
