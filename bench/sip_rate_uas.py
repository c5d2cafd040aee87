"""The user agent that `bench.sip_rate` calls: it answers every call at once, without media."""

import asyncio
import signal

from offhook.process.event_loop import keep_what_is_here, run_loop
from offhook.sip.commands import Answer
from offhook.sip.events import Event, IncomingCall
from offhook.sip.net.endpoint import Endpoint

HOST = "127.0.0.1"
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 101\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
)


async def serve() -> None:
    """Until SIGTERM."""

    def on_event(event: Event) -> None:
        if isinstance(event, IncomingCall):
            endpoint.do(Answer(event.call, SDP))

    endpoint = await Endpoint.open(HOST, 0, on_event)
    keep_what_is_here()
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    print(f"ready sip:{HOST}:{endpoint.address.port}", flush=True)
    await over.wait()
    endpoint.close()


if __name__ == "__main__":
    run_loop(serve())
