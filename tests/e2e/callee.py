"""A telephone that the bot calls, whose responses are what a test says, proper or not."""

import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST
from tests.e2e.test_calls_out import place
from tests.e2e.test_pjsua2_offers import APART_S, AUDIO

CHALLENGE = 'Proxy-Authenticate: Digest realm="a", nonce="b"'


@dataclass(frozen=True)
class Step:
    """A response to the bot's INVITE. `contact` "": none."""

    status: int
    tag: str = "one"
    body: str = ""
    contact: str = "Contact: <sip:callee@{host}:{port}>"
    more: tuple[str, ...] = ()
    swapped: tuple[tuple[str, str], ...] = ()
    """Patterns, and what is there instead."""


@dataclass
class Callee:
    """Answers the bot's INVITE by these steps, its CANCEL as `crossing` says, and all else with 200."""

    steps: tuple[Step, ...] = ()
    crossing: Step = field(default_factory=lambda: Step(487))
    registered: tuple[str, ...] = ()
    """Header fields of the answers to a REGISTER."""
    challenged: str = ""
    """A method that is asked for a password, once the INVITE is refused."""
    seen_at: str = ""
    """Where these say that it came from (RFC 3261 §18.2.1)."""

    def __post_init__(self) -> None:
        self.methods: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.settimeout(0.1)
        self.port = int(self._socket.getsockname()[1])
        self.invite = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def called(self, bot: BotProcess, steps: tuple[Step, ...]) -> str:
        """Have the bot call, and answer it by these; its id."""
        time.sleep(APART_S)
        self.steps, self.invite = steps, ""
        self.methods.clear()
        return place(bot)

    def _serve(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                data, source = self._socket.recvfrom(65_535)
                self._answer(data.decode(), source)

    def _answer(self, request: str, source: tuple[str, int]) -> None:
        method = request.partition(" ")[0]
        if method == "INVITE" and not self.invite:
            self.invite = request
            for step in self.steps:
                self._reply(request, step, source)
                time.sleep(APART_S if step.body and step.status < 200 else 0.0)  # PJSIP gives up later
        elif method == self.challenged:
            self._reply(self.invite, Step(487), source)
            self._reply(request, Step(407, more=(CHALLENGE,)), source)
        elif method == "CANCEL":
            self._reply(request, Step(200), source)
            self._reply(self.invite, self.crossing, source)
        elif method == "REGISTER":
            swapped = ((r"^(Via: [^\r]*)", rf"\1;received={self.seen_at}"),) if self.seen_at else ()
            self._reply(request, Step(200, contact="", more=self.registered, swapped=swapped), source)
        elif method != "ACK" and not (method == "INVITE" and request == self.invite):
            self._reply(request, Step(200), source)
        self.methods.append(method)

    def _reply(self, request: str, step: Step, source: tuple[str, int]) -> None:
        lines = [f"SIP/2.0 {step.status} Anything"]
        for line in re.findall(r"^(?:Via|From|To|Call-ID|CSeq): .*(?=\r$)", request, re.MULTILINE):
            untagged = line.startswith("To:") and ";tag=" not in line and step.tag
            lines.append(f"{line};tag={step.tag}" if untagged else line)
        more = ([step.contact] if step.contact else []) + [*step.more]
        lines += [
            *(line.format(host=HOST, port=self.port) for line in more),
            *(["Content-Type: application/sdp"] if step.body else []),
        ]
        message = "\r\n".join([*lines, f"Content-Length: {len(step.body)}", "", step.body])
        for usual, other in step.swapped:
            message, found = re.subn(usual, other, message, count=1, flags=re.MULTILINE)
            assert found, usual
        self._socket.sendto(message.encode(), source)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()


GOOD = Step(200, body=AUDIO)
"""An answer to the bot's offer."""
