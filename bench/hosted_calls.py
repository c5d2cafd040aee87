"""How many calls with a hosted recogniser and a hosted voice one core carries, the detector included.

    .venv/bin/python -m bench.hosted_calls --caller PATH/sip_caller.py [--calls 1,50,100,200]

The bot has one worker on the first core; a vendor that answers at once, and the callers, are on the last. The vendor
gets what is said, finishes a turn when it is asked to, and speaks each text for two seconds, which come in messages of
100 ms at once. What counts as carried, and the columns, are those of docs/benchmarks.md.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvloop
from websockets.asyncio.server import ServerConnection, serve

from bench import carried
from bench.runs import MANY, REPORTS, Child, Run, last_core, sip_sweep

REPORT = REPORTS / "hosted.json"
WORDS = "check my balance"
FLOW = f"""
name: hosted
start: menu
no_input: {{attempts: 10, then: bye}}
no_match: {{attempts: 10, then: menu}}
steps:
  menu:
    ask: Thank you. What else can I do?
    choices:
      balance: {{phrases: [{WORDS}], key: 1, next: menu}}
      bye: {{phrases: [goodbye], key: 2, next: bye}}
  bye: {{hang_up: Goodbye.}}
"""
SPEECH_S, MESSAGE_S = 2.0, 0.1
TONE = bytes((0x10, 0x90)) * 400
"""A message, mu-law."""


async def vendor(connection: ServerConnection) -> None:
    """Deepgram's listen and speak, as far as they are needed."""
    assert connection.request is not None
    if urlsplit(connection.request.path).path != "/v1/listen":
        await _voice(connection)
        return
    known_s = 0.0
    async for message in connection:
        if isinstance(message, bytes):
            known_s += len(message) / 8_000
        elif "Finalize" in message:
            channel = {"alternatives": [{"transcript": WORDS, "confidence": 1.0, "words": []}]}
            about = {"start": 0.0, "duration": known_s, "is_final": True, "from_finalize": True}
            await connection.send(json.dumps({"type": "Results", "channel": channel, **about}))


async def _voice(connection: ServerConnection) -> None:
    async for message in connection:
        if "Speak" in str(message):
            for _ in range(round(SPEECH_S / MESSAGE_S)):
                await connection.send(TONE)
            await connection.send('{"type":"Flushed"}')


async def serve_vendor() -> None:
    """Print the port, and serve until the process is ended."""
    async with serve(vendor, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print("ready", next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.Event().wait()


@contextmanager
def vendor_process() -> Iterator[str]:
    """The vendor, on the last core; its address."""
    with Child(last_core(), [sys.executable, "-m", "bench.hosted_calls", "--serve"], {}) as child:
        yield f"ws://127.0.0.1:{child.ready_line.split()[1]}"


@contextmanager
def hosted_run(calls: int) -> Iterator[Run]:
    """`calls` conversations at once."""
    with tempfile.TemporaryDirectory() as folder, vendor_process() as url:
        flow = Path(folder) / "hosted.yaml"
        flow.write_text(FLOW)
        settings = {**MANY, **engine_settings(url)}
        yield Run(f"hosted, {calls} calls", ("--flow", str(flow)), sip_sweep(calls).caller, settings)


def engine_settings(url: str) -> dict[str, str]:
    """The environment of a bot that has both engines at the vendor, and speaks nothing from its cache."""
    settings = {"DEEPGRAM_API_KEY": "bench", "OFFHOOK_TTS__CACHE_MIB": "0"}
    for kind in ("ASR", "TTS"):
        settings[f"OFFHOOK_{kind}__ENGINE"] = "deepgram"
        settings[f"OFFHOOK_{kind}__DEEPGRAM__BASE_URL"] = url
        settings[f"OFFHOOK_{kind}__DEEPGRAM__SPARE"] = "16"
    return settings


def main() -> None:
    """Measure, and print a table."""
    parser = carried.options(__doc__)
    given = parser.parse_args()
    if given.serve:
        uvloop.run(serve_vendor())
        return
    by = carried.callers(parser, given)
    carried.print_head()
    carried.print_rows(by, map(hosted_run, map(int, given.calls.split(","))), REPORT)


if __name__ == "__main__":
    main()
