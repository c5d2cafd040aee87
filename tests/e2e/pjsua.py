"""A telephone of PJSIP in a process of its own: python -m tests.e2e.pjsua SCRIPT.json. It prints what happens, as JSON.

The script has `port`, and perhaps `host`; `call`, a URI to be called, or `answer`, for how many seconds it rings; the
settings `rel`, `timer` and `srtp` with PJSIP's numbers (0: off); `say`, a WAV file; and `steps`: names of methods of
`Phone` and their arguments, once the call is up.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pjsua2 as pj

HOST = "127.0.0.1"
POLL_MS = 20
LIMIT_S = 40.0
INTERVAL_S = 90


def report(event: str, **values: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


class PjCall(pj.Call):  # type: ignore[misc]
    """One call, ours or theirs."""

    def __init__(self, phone: "Phone", call_id: int = -1) -> None:
        super().__init__(phone.account, call_id)
        self.phone = phone
        self.audio: Any = None
        self.confirmed = self.over = False

    def onCallState(self, _: object) -> None:
        info = self.getInfo()
        self.confirmed = info.state == pj.PJSIP_INV_STATE_CONFIRMED
        self.over = info.state == pj.PJSIP_INV_STATE_DISCONNECTED
        report("state", state=info.stateText, status=int(info.lastStatusCode), reason=info.lastReason)

    def onCallMediaState(self, _: object) -> None:
        info = self.getInfo()  # kept: its media would go with it
        for at in range(len(info.media)):
            media = info.media[at]
            report("media", status=int(media.status))
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self.audio = self.getAudioMedia(at)
                self.phone.connect(self.audio)

    def onCallTransferStatus(self, status: Any) -> None:
        report("transfer", status=int(status.statusCode), last=bool(status.finalNotify))

    def onCallTransferRequest(self, request: Any) -> None:
        report("asked to transfer", to=request.dstUri)
        # It follows by itself, and needs a call to do it with.
        self.phone.other = PjCall(self.phone)
        request.newCall = self.phone.other

    def onDtmfDigit(self, pressed: Any) -> None:
        report("key", digit=pressed.digit)


class PjAccount(pj.Account):  # type: ignore[misc]
    def __init__(self, phone: "Phone") -> None:
        super().__init__()
        self.phone = phone

    def onIncomingCall(self, incoming: Any) -> None:
        self.phone.ringing = PjCall(self.phone, incoming.callId)


class Phone:
    """The library, one account, and the call."""

    def __init__(self, script: dict[str, Any]) -> None:
        self._script = script
        self._host = script.get("host", HOST)
        self.call: PjCall | None = None
        self.ringing: PjCall | None = None
        self.other: PjCall | None = None
        self._player: Any = None
        self._recorder: Any = None
        self._endpoint = pj.Endpoint()
        self._endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt, config.uaConfig.mainThreadOnly = 0, True
        config.logConfig.level = config.logConfig.consoleLevel = 1
        self._endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.port, transport.boundAddress = script["port"], self._host
        for kind in (pj.PJSIP_TRANSPORT_UDP, pj.PJSIP_TRANSPORT_TCP):
            self._endpoint.transportCreate(kind, transport)
        self._endpoint.audDevManager().setNullDev()
        self._endpoint.libStart()
        self.account = PjAccount(self)
        self.account.create(self._settings())

    def _settings(self) -> Any:
        settings = pj.AccountConfig()
        settings.idUri = f"sip:qa@{self._host}:{self._script['port']}"
        settings.callConfig.prackUse = self._script.get("rel", 0)
        settings.callConfig.timerUse = self._script.get("timer", 0)
        settings.callConfig.timerSessExpiresSec = INTERVAL_S
        settings.mediaConfig.srtpUse = self._script.get("srtp", 0)
        settings.mediaConfig.srtpSecureSignaling = 0
        settings.mediaConfig.transportConfig.boundAddress = self._host
        settings.mediaConfig.transportConfig.publicAddress = self._host
        return settings

    def run(self) -> None:
        if "call" in self._script:
            self.call = PjCall(self)
            self.call.makeCall(self._script["call"], pj.CallOpParam(True))
        else:
            report("ready")
            self._until(lambda: self.ringing is not None)
            self.call = self.ringing
            self._answer(180)
            self.wait(self._script["answer"])
            self._answer(200)
        self._until(lambda: self.call is not None and (self.call.confirmed or self.call.over))
        for name, *arguments in self._script.get("steps", ()):
            getattr(self, name)(*arguments)
        self._until(lambda: self.call is not None and self.call.over)
        self._until(lambda: self.other is None or self.other.over)
        self.wait(0.3)

    def connect(self, audio: Any) -> None:
        if self._recorder is None and "say" in self._script:
            self._recorder = pj.AudioMediaRecorder()
            self._recorder.createRecorder(str(Path(self._script["say"]).with_name("heard.wav")))
            self._player = pj.AudioMediaPlayer()
            self._player.createPlayer(self._script["say"], pj.PJMEDIA_FILE_NO_LOOP)
        if self._recorder is not None:
            # Each time: after a re-INVITE, such as its own one for a single codec, the audio is another one.
            self._player.startTransmit(audio)
            audio.startTransmit(self._recorder)

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._endpoint.libHandleEvents(POLL_MS)

    def hold(self) -> None:
        self._in_call().setHold(pj.CallOpParam())

    def resume(self) -> None:
        options = pj.CallOpParam(True)
        options.opt.flag = pj.PJSUA_CALL_UNHOLD
        self._in_call().reinvite(options)

    def press(self, digits: str) -> None:
        self._in_call().dialDtmf(digits)

    def transfer(self, uri: str) -> None:
        self._in_call().xfer(uri, pj.CallOpParam())

    def consult_and_transfer(self, uri: str) -> None:
        """A second call, and then a REFER with Replaces."""
        self.other = PjCall(self)
        self.other.makeCall(uri, pj.CallOpParam(True))
        other = self.other
        self._until(lambda: other.confirmed or other.over)
        self.wait(0.3)
        self._in_call().xferReplaces(other, pj.CallOpParam())

    def hang_up(self) -> None:
        self._in_call().hangup(pj.CallOpParam())

    def _answer(self, status: int) -> None:
        options = pj.CallOpParam()
        options.statusCode = status
        self._in_call().answer(options)

    def _in_call(self) -> PjCall:
        assert self.call is not None
        return self.call

    def _until(self, what: Any) -> None:
        end = time.monotonic() + LIMIT_S
        while not what():
            if time.monotonic() > end:
                report("waited in vain")
                raise SystemExit(1)
            self._endpoint.libHandleEvents(POLL_MS)


def main() -> None:
    Phone(json.loads(Path(sys.argv[1]).read_text())).run()
    # Python would take the calls apart in an order that the library does not survive.
    os._exit(0)


if __name__ == "__main__":
    main()
