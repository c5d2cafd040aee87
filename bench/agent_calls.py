"""How many calls with a language model one core carries, and how fast they are answered.

    .venv/bin/python -m bench.agent_calls --caller PATH/sip_caller.py [--calls 1,50,100,200] [--engines bench,hosted]

The bot has one worker on the first core; the model, the vendor of the hosted engines and the callers are on the last.
The model speaks OpenAI's protocol: its first token comes 150 ms after a request, then 40 tokens a second. With `bench`
engines the recogniser and the voice answer at once, so that a response is the endpoint, the model and our own part;
with `hosted` ones they are on a network, too (see bench.hosted_calls). The columns are those of docs/benchmarks.md.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

from bench import carried
from bench.hosted_calls import engine_settings, vendor_process
from bench.runs import BENCH, MANY, REPORTS, Child, Run, last_core, sip_sweep

REPORT = REPORTS / "agents.json"
FIRST_TOKEN_S, TOKEN_S = 0.150, 1 / 40
REPLY = "Thank you, I have noted that. Is there anything else that I can do for you today?"
AGENT = """
instructions: You work at the front desk of a small hotel. Answer in one or two short sentences.
greeting: Good morning. What can I do for you?
model: bench
base_url: {url}
"""


class Model(asyncio.Protocol):
    """One connection: each request is answered with the same reply, token by token."""

    def __init__(self) -> None:
        self._unread = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            head = self._unread[:end].lower()
            size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(self._unread) < end + 4 + size:
                return
            self._unread = self._unread[end + 4 + size :]
            if head.startswith(b"get "):  # is the model there?
                self._send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
                continue
            asyncio.get_running_loop().call_later(FIRST_TOKEN_S, self._begin)

    def _begin(self) -> None:
        self._send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        self._token(REPLY.split(" "), 0, asyncio.get_running_loop().time())

    def _token(self, words: list[str], number: int, began_at: float) -> None:
        if number < len(words):
            self._event({"content": words[number] + " "}, None)
            due = began_at + (number + 1) * TOKEN_S
            asyncio.get_running_loop().call_at(due, self._token, words, number + 1, began_at)
        else:
            self._event({}, "stop")
            self._chunk(b"data: [DONE]\n\n")
            self._send(b"0\r\n\r\n")

    def _event(self, delta: dict[str, str], reason: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        about = {"id": "bench", "object": "chat.completion.chunk", "created": 0, "model": "bench"}
        self._chunk(b"data: " + json.dumps({**about, "choices": [choice]}).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self._send(b"%x\r\n%b\r\n" % (len(data), data))

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


async def serve_model() -> None:
    """Print the port, and serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", 0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def model_process() -> Iterator[str]:
    """The model, on the last core; its base URL."""
    with Child(last_core(), [sys.executable, "-m", "bench.agent_calls", "--serve"], {}) as child:
        yield f"http://127.0.0.1:{child.ready_line.split()[1]}/v1"


@contextmanager
def agent_run(engines: str, calls: int) -> Iterator[Run]:
    """`calls` conversations at once with one agent."""
    with ExitStack() as ends:
        agent = Path(ends.enter_context(tempfile.TemporaryDirectory())) / "agent.yaml"
        agent.write_text(AGENT.format(url=ends.enter_context(model_process())))
        settings = {**MANY, "OPENAI_API_KEY": "bench"}
        if engines == "hosted":
            settings |= engine_settings(ends.enter_context(vendor_process()))
        server = (*(() if engines == "hosted" else BENCH), "--agent", str(agent))
        yield Run(f"agent, {engines} engines, {calls} calls", server, sip_sweep(calls).caller, settings)


def main() -> None:
    """Measure, and print a table."""
    parser = carried.options(__doc__)
    parser.add_argument("--engines", default="bench,hosted")
    given = parser.parse_args()
    if given.serve:
        uvloop.run(serve_model())
        return
    by = carried.callers(parser, given)
    carried.print_head()
    for engines in given.engines.split(","):
        carried.print_rows(by, map(partial(agent_run, engines), map(int, given.calls.split(","))), REPORT)


if __name__ == "__main__":
    main()
