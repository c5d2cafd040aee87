"""An IVR of PJSIP that knows nothing of who tests it, and has one fault if it is asked to: PORT PROMPTS FAULT

It plays `greeting`; key 1 plays `hours`, 2 `balance`, 9 `goodbye` and BYE; * is answered by the keys 1234. Keys
interrupt.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import pjsua2 as pj

PORT, PROMPTS, FAULT = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""
KEYS = {"1": "balance" if FAULT == "wrong_prompt" else "hours", "2": "balance", "9": "goodbye"}
LATE_S = 2.2 if FAULT == "late" else 0.4
MAX_S = 60.0


class IvrCall(pj.Call):  # type: ignore[misc]
    def __init__(self, account: Any, call_id: int) -> None:
        super().__init__(account, call_id)
        self.audio: Any = None
        self.players: list[Any] = []
        self.pressed: list[str] = []
        self.over = False

    def onCallState(self, _: object) -> None:
        self.over = self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED

    def onCallMediaState(self, _: object) -> None:
        if self.audio is None:
            self.audio = self.getAudioMedia(-1)
            self.play("greeting")

    def onDtmfDigit(self, pressed: Any) -> None:
        self.pressed.append(pressed.digit)  # the call itself is in the hands of the main loop

    def play(self, name: str) -> float:
        """Play a prompt; returns how long it takes."""
        player = pj.AudioMediaPlayer()
        player.createPlayer(str(PROMPTS / f"{name}.wav"), pj.PJMEDIA_FILE_NO_LOOP)
        player.startTransmit(self.audio)
        self.players.append(player)
        return float(player.getInfo().sizeSamples) / 8_000

    def stop(self) -> None:
        if FAULT != "deaf":
            self.players[-1].stopTransmit(self.audio)


class IvrAccount(pj.Account):  # type: ignore[misc]
    call: IvrCall | None = None

    def onIncomingCall(self, incoming: Any) -> None:
        self.call = IvrCall(self, incoming.callId)


def wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        endpoint.libHandleEvents(10)


def answer(call: IvrCall, status: int) -> None:
    options = pj.CallOpParam()
    options.statusCode = status
    call.answer(options)


def react(call: IvrCall, key: str) -> None:
    call.stop()
    wait(LATE_S)
    if key == "*":
        call.dialDtmf("124" if FAULT == "keys_lost" else "1234")
    elif key in KEYS:
        playing_s = call.play(KEYS[key])
        if key == "9" and FAULT != "no_bye":
            wait(playing_s + 0.3)
            call.hangup(pj.CallOpParam())


endpoint = pj.Endpoint()
endpoint.libCreate()
config = pj.EpConfig()
config.uaConfig.threadCnt, config.uaConfig.mainThreadOnly = 0, True
config.logConfig.level = config.logConfig.consoleLevel = 1
endpoint.libInit(config)
transport = pj.TransportConfig()
transport.port, transport.boundAddress = PORT, "127.0.0.1"
endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
endpoint.audDevManager().setNullDev()
endpoint.libStart()
account = IvrAccount()
settings = pj.AccountConfig()
settings.idUri = f"sip:ivr@127.0.0.1:{PORT}"
settings.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
account.create(settings)
sys.stdout.write("ready\n")
sys.stdout.flush()
ends_at = time.monotonic() + MAX_S
while account.call is None and time.monotonic() < ends_at:
    wait(0.02)
if account.call is not None:
    answer(account.call, 180)
    answer(account.call, 200)
    while not account.call.over and time.monotonic() < ends_at:
        wait(0.02)
        while account.call.pressed:
            react(account.call, account.call.pressed.pop(0))
os._exit(0)  # Python would take the objects apart in an order that the library does not survive
