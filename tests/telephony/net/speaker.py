"""A process of its own that speaks on a line while something gets in its way: `speaker.py PORT TROUBLE`.

It speaks for 1.6 s to 127.0.0.1:PORT. After 0.4 s the trouble begins.
"""

import asyncio
import gc
import json
import os
import sys
import time

from offhook.telephony import native
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.telephony.net.udp_line import UdpLine
from tests.ports import own_ports
from tests.telephony.net.calls import HOST, Listener, acquire, config_to, speech

SPEECH_MS = 1_600
TROUBLE_AT_S = 0.4
BLOCK_S = 0.2


def sleep() -> None:
    time.sleep(BLOCK_S)


def busy() -> None:
    until = time.monotonic() + BLOCK_S
    while time.monotonic() < until:
        pass


def collect_garbage() -> None:
    heap: list[list[list[int]]] = [[[] for _ in range(10)] for _ in range(60_000)]
    until = time.monotonic() + BLOCK_S
    while time.monotonic() < until:
        gc.collect()
    del heap


def burn() -> None:
    """Another process takes the same core, for as long as this one lives."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    speaker = os.getpid()
    if os.fork() == 0:
        while os.getppid() == speaker:
            busy()
        os._exit(0)


def nothing() -> None:
    pass


TROUBLES = {each.__name__: each for each in (sleep, busy, collect_garbage, nothing)}


async def main(port: int, trouble: str) -> None:
    clock = MediaClock()
    line = UdpLine(acquire(PortPool(*own_ports(), HOST)), config_to(HOST, port), "PCMU", clock=clock)
    ear = Listener(line)
    line.start()
    line.play(speech(SPEECH_MS))
    asyncio.get_running_loop().call_later(TROUBLE_AT_S, TROUBLES.get(trouble, nothing))
    await ear.until(lambda: ear.drained == 1, 30)
    assert b"".join(payload for _, payload in ear.sent) == speech(SPEECH_MS)
    stats = line.stats()
    line.close()
    sys.stdout.write(json.dumps({"stalls": stats.stalls, "underruns": stats.underruns, "clock": clock.dump()}))
    clock.close()


if __name__ == "__main__":
    if native.media is None:
        sys.exit("the native media pump was not built")
    if sys.argv[2] == "burn":
        burn()
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
