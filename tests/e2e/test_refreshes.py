"""Refreshes of a session (RFC 4028) that the far end refuses for now, over each backend: they are sent again in time,
and offer what is valid anyway. The shortest session lasts 90 s, so the first one comes after 45."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST
from tests.e2e.phone import Phone, Response, RtpPeer, sdp
from tests.e2e.test_calls_out import TOKEN, place

EXPIRES_S = 90
SLACK_S = 1.5
"""A busy machine may take that."""
LATEST_S = EXPIRES_S / 2 + 25
"""Until then one has to be accepted; PJSIP looks at a crossing offer again after a second, our own SIP after five."""
SOON_S = 1.0
TIMER = f"Session-Expires: {EXPIRES_S};refresher="
PENDING, LATER = ("491 Request Pending",), ("500 Server Internal Error", "Retry-After: 3")
UNREACHABLE = ("502 Bad Gateway",)
TRUNK = '[trunks.far]\nhost = "{host}"\nport = {port}\nallowed_numbers = ["+1555*"]\n'


@dataclass(frozen=True, slots=True)
class Refresh:
    """What has come."""

    at: float
    method: str
    body: str


class Media(RtpPeer):
    """Notes the SSRCs and sequence numbers of what it gets."""

    def __init__(self) -> None:
        self.streams: set[bytes] = set()
        self.numbers: list[int] = []
        super().__init__()

    def arrived(self, at: float, data: bytes, source: tuple[str, int]) -> None:
        super().arrived(at, data, source)
        self.streams.add(data[8:12])
        self.numbers.append(int.from_bytes(data[2:4], "big"))

    @property
    def goes_on(self) -> bool:
        """One stream, whose packets are numbered one after the other."""
        wanted = [(self.numbers[0] + each) % 2**16 for each in range(len(self.numbers))]
        return len(self.streams) == 1 and self.numbers == wanted


@dataclass
class FarEnd:
    """One whose socket and media are its own. `refuses` are the answers, status line and header, of the first
    refreshes; with `takes_update` those of the first second: PJSIP tries UPDATE with a description, too."""

    target: tuple[str, int]
    refuses: tuple[tuple[str, ...], ...] = ()
    takes_update: bool = False
    came: list[Refresh] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.phone, self.media = Phone(self.target), Media()
        self.allow = f"Allow: INVITE, ACK, BYE, CANCEL{', UPDATE' if self.takes_update else ''}"
        self._tag = ""

    def __enter__(self) -> "FarEnd":
        return self

    def __exit__(self, *_: object) -> None:
        self.media.__exit__()
        self.phone.__exit__()

    def call(self) -> None:
        fields = ("Supported: timer", TIMER + "uas", self.allow)
        answer = self.phone.ask(self.phone.request("INVITE", *fields, body=sdp(self.media.port)))
        assert answer.header("Session-Expires").replace(" ", "") == f"{EXPIRES_S};refresher=uas"
        self.media.target = (HOST, answer.media_port)
        self._tag = answer.to_tag
        self.phone.send(self.phone.request("ACK", to_tag=answer.to_tag))

    def answer_call(self) -> None:
        invite = self.request()
        self.media.target = (HOST, invite.media_port)
        self.answer(invite, "200 OK")

    def is_refreshed(self) -> None:
        """Until one is accepted."""
        deadline = time.monotonic() + LATEST_S
        while time.monotonic() < deadline:
            request = self.request(max(0.1, deadline - time.monotonic()))
            method, body = request.text.split(" ", 1)[0], request.text.partition("\r\n\r\n")[2]
            if method not in ("INVITE", "UPDATE"):
                assert method == "ACK", request.text
                continue
            self.came.append(Refresh(time.monotonic(), method, body))
            if (refusal := self._refusal()) is not None:
                self.answer(request, *refusal)
                continue
            self.answer(request, "200 OK")
            if method == "INVITE":
                assert self.request().text.startswith("ACK "), "a 200 was not acknowledged"
            return
        raise AssertionError(f"no refresh was accepted: {self.came}")

    def _refusal(self) -> tuple[str, ...] | None:
        if self.takes_update:
            return self.refuses[0] if self.came[-1].at < self.came[0].at + SOON_S else None
        return self.refuses[len(self.came) - 1] if len(self.came) <= len(self.refuses) else None

    def hang_up(self) -> None:
        assert self.phone.insist(self.phone.request("BYE", cseq=2, to_tag=self._tag)).status == 200

    def pauses_s(self) -> list[float]:
        """Between one refresh and the next."""
        return [later.at - earlier.at for earlier, later in zip(self.came, self.came[1:], strict=False)]

    def request(self, seconds: float = 10.0) -> Response:
        """The next one that comes."""
        self.phone.socket.settimeout(seconds)
        while (found := self.phone.receive()).text.startswith("SIP/2.0 "):
            pass
        return found

    def answer(self, request: Response, status: str, *extra: str) -> None:
        """With a session and media, if it accepts."""
        kept = ("via:", "from:", "to:", "call-id:", "cseq:", "record-route:")
        lines = [line for line in request.text.split("\r\n") if line.lower().startswith(kept)]
        untagged = [line.lower().startswith("to:") and ";tag=" not in line for line in lines]
        lines = [line + ";tag=far" if needs else line for line, needs in zip(lines, untagged, strict=True)]
        body = ""
        if status.startswith("200"):
            lines += [f"Contact: <sip:far@{HOST}:{self.phone.port}>", self.allow, "Require: timer", TIMER + "uac"]
            if request.text.partition("\r\n\r\n")[2]:
                body = sdp(self.media.port)
                lines.append("Content-Type: application/sdp")
        text = "\r\n".join([f"SIP/2.0 {status}", *lines, *extra, f"Content-Length: {len(body)}"])
        self.phone.send((text + "\r\n\r\n" + body).encode())


@pytest.mark.real_time
def test_a_refresh_that_is_refused_is_sent_again(
    start_bot: Callable[..., BotProcess], sip_backend: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        called = stack.enter_context(FarEnd((HOST, 0), (PENDING, PENDING, PENDING)))
        (tmp_path / "offhook.toml").write_text(TRUNK.format(host=HOST, port=called.phone.port))
        bot = start_bot(
            "--bench-engines",
            "--config",
            str(tmp_path / "offhook.toml"),
            OFFHOOK_OUTBOUND__TOKEN=TOKEN,
            OFFHOOK_SIGNALLING__SESSION_EXPIRES_S=str(EXPIRES_S),
        )
        at = (bot.host, bot.port)
        called.phone.target = at
        caller = stack.enter_context(FarEnd(at, (PENDING, LATER)))
        updated = stack.enter_context(FarEnd(at, (PENDING,), takes_update=True))
        unreached = stack.enter_context(FarEnd(at, (UNREACHABLE,), takes_update=True))
        place(bot, trunk="far")
        called.answer_call()
        caller.call()
        updated.call()
        unreached.call()
        ends = (called, caller, updated, unreached)
        with ThreadPoolExecutor(len(ends)) as pool:
            for each in [pool.submit(end.is_refreshed) for end in ends]:
                each.result()
        for end in ends[1:]:
            end.hang_up()
        for end in ends:
            assert end.media.goes_on, end.media.numbers

    assert [each.method for each in (*called.came, *caller.came)] == ["INVITE"] * 7
    assert all(2.1 <= pause_s < 4.0 + SLACK_S for pause_s in called.pauses_s()), called.pauses_s()
    soon_s, later_s = caller.pauses_s()
    assert 0.0 <= soon_s < 2.0 + SLACK_S and 3.0 <= later_s < 3.0 + SLACK_S, caller.pauses_s()
    for end in (called, caller):
        assert len({each.body for each in end.came}) == 1, end.came
    assert all(end.came[0].method == "UPDATE" and len(end.came) > 1 for end in (updated, unreached))


@pytest.mark.real_time
def test_a_refresh_that_is_refused_once_the_call_is_over(start_bot: Callable[..., BotProcess]) -> None:
    """It is not sent again: PJSIP would send it in a session that it has released."""
    bot = start_bot("--bench-engines")
    before = bot.get("/api/status")
    with FarEnd((bot.host, bot.port), takes_update=True) as caller:
        caller.call()
        refresh = caller.request(EXPIRES_S / 2 + SLACK_S)
        caller.hang_up()
        caller.answer(refresh, "422 Session Interval Too Small", f"Min-SE: {EXPIRES_S + 10}")
    with Phone((bot.host, bot.port)) as phone:
        assert phone.insist(phone.request("OPTIONS")).status == 200
    assert json.loads(bot.get("/api/status"))["workers"][0]["pid"] == json.loads(before)["workers"][0]["pid"]
