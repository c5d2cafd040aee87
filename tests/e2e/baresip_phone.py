"""A telephone of baresip-python in a process of its own: python -m tests.e2e.baresip_phone SCRIPT.json. It prints what
happens, as JSON.

The script has `port`, which it listens on; `call`, a URI to be called, or `answer`, for how many seconds it rings;
perhaps `user`, its name, `transport` ("udp", "tcp" or "tls"), `encryption` (baresip's word for a kind of SRTP) and
`authority`, a file that it trusts; and `steps`: names of methods of `Phone` and their arguments, once the call is up.
"""

import asyncio
import json
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
from baresip import Account, AudioNotActive, AudioRestarted, Call, Config, Event, Runtime, StackEvent, UserAgent

from tests.ports import HOST, free_udp_ports

FRAME_BYTES = 320  # 20 ms
AHEAD_BYTES = 10 * FRAME_BYTES
LOUD = 500
LIMIT_S = 40.0


def report(event: str, **values: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


class Phone:
    """The library, one account, and the call."""

    def __init__(self, script: dict[str, Any]) -> None:
        self._script = script
        self._runtime = Runtime()
        self._ringing: asyncio.Future[Call] = asyncio.get_running_loop().create_future()
        self._call: Call | None = None
        self._over = asyncio.Event()
        self._other_over: asyncio.Event | None = None
        self._loud_frames = 0
        self._keys = ""
        self._key_pressed = asyncio.Event()

    async def run(self) -> None:
        """Play the script."""
        await self._runtime.start(self._config())
        agent = await UserAgent.create(self._runtime, self._account(), transfer_policy="auto")
        agent.on_incoming(self._ringing.set_result)
        agent.on_transfer_call(self._on_other)
        async with asyncio.timeout(LIMIT_S):
            call = self._call = await self._answered() if "answer" in self._script else await self._dialled(agent)
            report("state", state="CONFIRMED")
            listening = asyncio.create_task(self._listen(call))
            for name, *arguments in self._script.get("steps", ()):
                await getattr(self, name)(*arguments)
            await self._over.wait()
            if self._other_over is not None:
                await self._other_over.wait()
        listening.cancel()
        report("heard", loud_s=round(self._loud_frames * 0.02, 2))
        await self._runtime.close()

    def _config(self) -> Config:
        media = free_udp_ports(8)
        lines = [f"sip_listen {HOST}:{self._script['port']}", f"rtp_ports {media}-{media + 7}"]
        if "authority" in self._script:
            lines.append(f"sip_cafile {self._script['authority']}")
        return Config(net_interface=HOST, max_concurrent_calls=None, extra_config_text="\n".join(lines))

    def _account(self) -> Account:
        encryption = self._script.get("encryption")
        return Account(
            self._script.get("user", "qa"),
            HOST,
            "",
            reg_interval=0,
            transport=self._script.get("transport", "udp"),
            extra_params=(f"mediaenc={encryption}",) if encryption else (),
        )

    async def _dialled(self, agent: UserAgent) -> Call:
        call = await agent.dial(self._script["call"])
        call.on(self._on_event)
        await call.wait_established()
        return call

    async def _answered(self) -> Call:
        report("ready")
        call = await self._ringing
        call.on(self._on_event)
        await asyncio.sleep(self._script["answer"])
        await call.answer()
        await call.wait_established()
        return call

    def _on_other(self, call: Call) -> None:
        """It calls whom the far end has asked for, by itself."""
        report("asked to transfer", to=call.peer)
        over = self._other_over = asyncio.Event()
        call.on(lambda event: over.set() if event.event is Event.CALL_CLOSED else None)

    def _on_event(self, event: StackEvent) -> None:
        if event.event is Event.CALL_CLOSED:
            report("state", state="DISCONNECTED", reason=event.text)
            self._over.set()
        elif event.event is Event.CALL_DTMF_START:
            self._keys += event.text
            self._key_pressed.set()
        elif event.event is Event.CALL_MENC:
            report("encrypted", how=event.text)
        elif event.event in (Event.CALL_HOLD, Event.CALL_RESUME):
            report("far end", what=event.event.name)

    async def _listen(self, call: Call) -> None:
        """Count what is heard."""
        while True:
            await asyncio.sleep(0.02)
            try:
                pcm = call.audio.read(FRAME_BYTES * 50)
            except (AudioNotActive, AudioRestarted):  # it was renegotiated, or is over
                continue
            samples = np.frombuffer(pcm[: len(pcm) // FRAME_BYTES * FRAME_BYTES], "<i2").astype(int)
            self._loud_frames += int(np.sum(np.abs(samples).reshape(-1, FRAME_BYTES // 2).max(axis=1) > LOUD))

    # Steps.

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def say(self, path: str) -> None:
        """A WAV file of 8 kHz; returns when its last sound has been sent."""
        with wave.open(path) as file:
            pcm = file.readframes(file.getnframes())
        audio = self._in_call().audio
        while pcm or audio.info().tx_buffered:
            if audio.info().tx_buffered < AHEAD_BYTES:
                pcm = pcm[audio.write(pcm[:AHEAD_BYTES]) :]
            await asyncio.sleep(0.01)

    async def hold(self) -> None:
        await self._in_call().hold()

    async def resume(self) -> None:
        await self._in_call().resume()

    async def press(self, digits: str) -> None:
        await self._in_call().send_dtmf(digits)

    async def keys(self, digits: str) -> None:
        """It returns when the far end has pressed these."""
        while self._keys != digits:
            self._key_pressed.clear()
            await self._key_pressed.wait()

    async def transfer(self, uri: str) -> None:
        """It returns when the far end has said how it went; a transfer that fails raises."""
        await self._in_call().transfer(uri)
        report("transfer", status=200)

    async def hang_up(self) -> None:
        await self._in_call().hangup()

    def _in_call(self) -> Call:
        assert self._call is not None
        return self._call


async def play(script: dict[str, Any]) -> None:
    await Phone(script).run()


if __name__ == "__main__":
    asyncio.run(play(json.loads(Path(sys.argv[1]).read_text())))
