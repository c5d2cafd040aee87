"""pjsua2 as the one that answers `bench.sip_rate`: run by the interpreter that has it, with a port.

It has no sound device, and no media is sent; it opens a media transport for every call all the same, and has no switch
for that.
"""

import importlib
import os
import sys
from typing import Any

HOST = "127.0.0.1"
MOST_CALLS = 1_000
"""At once: pjsua2 takes as many of them as its build has room for."""
pj: Any = importlib.import_module("pjsua2")

calls: dict[int, Any] = {}
ended: list[Any] = []


class Call(pj.Call):  # type: ignore[misc]  # it has no types
    """One call."""

    def onCallState(self, parameters: object) -> None:  # pjsua2's name
        """Called by pjsua2."""
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED and calls.pop(info.id, None) is not None:
            ended.append(self)  # it must not be deleted while it calls us


class Account(pj.Account):  # type: ignore[misc]
    """Who gets all calls."""

    def onIncomingCall(self, parameters: Any) -> None:
        """Called by pjsua2."""
        call = Call(self, parameters.callId)
        calls[parameters.callId] = call
        answer = pj.CallOpParam()
        answer.statusCode = 200
        call.answer(answer)


def main() -> None:
    """Until it is killed."""
    ours = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # it logs to the standard output before its level can be set
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = config.medConfig.maxMediaPorts = MOST_CALLS
    config.medConfig.sndAutoCloseTime = -1  # without its clock the bridge never lets a port go
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.port, transport.boundAddress = int(sys.argv[1]), HOST
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    account = pj.AccountConfig()
    account.idUri = f"sip:bot@{HOST}"
    account.mediaConfig.transportConfig.boundAddress = HOST
    everybody = Account()
    everybody.create(account)
    print(f"ready sip:{HOST}:{sys.argv[1]}", file=ours, flush=True)
    while True:
        endpoint.libHandleEvents(10)
        ended.clear()


if __name__ == "__main__":
    main()
