"""How many calls with a language model one core carries, and how fast they are answered.

    .venv/bin/python -m bench.agent_calls --caller PATH/sip_caller.py [--calls 1,50,100,200] [--engines bench,hosted]

The bot has one worker on the first core; the model, the vendor of the hosted engines and the callers are on the last.
The model speaks OpenAI's protocol: its first token comes 150 ms after a request, then 40 tokens a second. With `bench`
engines the recogniser and the voice answer at once, so that a response is the endpoint, the model and our own part;
with `hosted` ones they are on a network, too (see bench.hosted_calls). The columns are those of docs/benchmarks.md.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import uvloop

from bench.hosted_calls import engine_settings, vendor_process
from bench.runs import BENCH, MANY, REPORTS, Callers, Child, Run, figures_of, last_core, measure, save, saved, sip_sweep
from bench.table import HEADINGS, line, row

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


def agent_run(engines: str, agent: Path, calls: int, ends: ExitStack) -> Run:
    """`calls` conversations at once with the agent of that file."""
    settings = {**MANY, "OPENAI_API_KEY": "bench"}
    if engines == "hosted":
        settings |= engine_settings(ends.enter_context(vendor_process()))
    server = () if engines == "hosted" else BENCH
    return Run(
        f"agent, {engines} engines, {calls} calls", (*server, "--agent", str(agent)), sip_sweep(calls).caller, settings
    )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--caller", type=Path, help="the program that calls over SIP")
    parser.add_argument("--caller-python", default=sys.executable, help="the Python for it")
    parser.add_argument("--calls", default="1,50,100,200")
    parser.add_argument("--engines", default="bench,hosted")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        uvloop.run(serve_model())
        return
    if given.caller is None:
        parser.error("name the calling program: --caller PATH/sip_caller.py")
    results = saved(REPORT)
    print(line((*HEADINGS, "carried")))
    print("|" + "---|" * (len(HEADINGS) + 1), flush=True)
    for engines in given.engines.split(","):
        one = None
        for calls in map(int, given.calls.split(",")):
            with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
                agent = Path(folder) / "agent.yaml"
                agent.write_text(AGENT.format(url=ends.enter_context(model_process())))
                run = agent_run(engines, agent, calls, ends)
                results[run.name] = measure(Callers(given.caller, None, given.caller_python), run)
            save(REPORT, results)
            figures = figures_of(run, results[run.name])
            one = one or figures
            print(line((*row(run.name, figures), "yes" if figures.holds(one) else "no")), flush=True)


if __name__ == "__main__":
    main()
