"""Far ends that mean no good: calls end with a verdict, what is written stays well-formed, nobody else is called."""

import asyncio
import json
import random
import re
import socket
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from xml.etree import ElementTree

import pytest

from offhook.private_file import write_json
from offhook.qa.crawl.crawler import Crawler, CrawlSettings
from offhook.qa.crawl.graph import Action, CrawlLimits
from offhook.qa.crawl.written import write
from offhook.qa.one_call import RunSettings
from offhook.qa.report.page import HtmlReport
from offhook.qa.result import Result, as_json, write_junit
from offhook.qa.run import Speakers, prepare, run_script
from offhook.qa.script.reading import parse_script
from offhook.qa.script.script import CallSettings
from offhook.settings.config import Config
from offhook.telephony.codec.g711 import PCMU
from offhook.telephony.tones import tones
from offhook.telephony.wire import rtp
from tests.qa.hostile import HOST, HostileFarEnd

pytestmark = pytest.mark.real_time

HANG_UP = "call: {max_s: 10, ring_s: 5}\nsteps: [{wait: 200}, hang_up]\n"
EVIL = b'<script>alert(1)</script>"\x1b]0;x\x07\xef\xbf\xbf\xff]]>\xc2\x9b&\xe2\x80\xae'
"""Markup, control characters, what XML has not, and what is no UTF-8."""


def result_of(text: str, target: str, *, save: Path | None = None) -> Result:
    async def call() -> Result:
        script = parse_script(text.encode(), "call.yaml")
        async with AsyncExitStack() as stack:
            prepared = await prepare(script, Speakers(Config(), stack), None)
        return await run_script(script, prepared, RunSettings(target, save=save, keep_recordings=True))

    return asyncio.run(call())


def answered(far_end: HostileFarEnd, invite: bytes) -> list[bytes]:
    return [far_end.response(b"200 OK", invite, body=far_end.sdp())]


@pytest.mark.parametrize("length", [8, 60])
def test_an_answer_with_900_headers_is_one(length: int) -> None:
    def answers(far_end: HostileFarEnd, invite: bytes) -> list[bytes]:
        many = b"".join(b"X-%d: %s\r\n" % (number, b"x" * length) for number in range(900))
        return [far_end.response(b"200 OK", invite, many, far_end.sdp())]

    with HostileFarEnd(answers) as far_end:
        result = result_of(HANG_UP, far_end.address)
        assert result.passed, result.text()
        assert far_end.requests == ["INVITE", "ACK", "BYE"]


def test_a_redirection_is_followed_nowhere() -> None:
    elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    elsewhere.bind((HOST, 0))
    elsewhere.setblocking(False)
    contact = b"Contact: <sip:+15550100@127.0.0.1:%d>\r\n" % elsewhere.getsockname()[1]
    with elsewhere, HostileFarEnd(lambda far_end, invite: [far_end.response(b"302 Gone", invite, contact)]) as far_end:
        result = result_of(HANG_UP, far_end.address)
        (finding,) = result.findings
        assert finding.kind == "not_answered" and "302" in finding.why
        with pytest.raises(BlockingIOError):
            elsewhere.recv(10)


@pytest.mark.parametrize(
    "more",
    [
        b"a=x:" + b"y" * 50_000 + b"\r\n",
        b"".join(b"a=x%d\r\n" % number for number in range(6_000)),
        b"m=audio 9 RTP/AVP 0\r\n" * 2_000,
        b"m=audio 0 RTP/AVP " + b" ".join(b"%d" % (number % 128) for number in range(15_000)) + b"\r\n",
    ],
    ids=["a long line", "many lines", "many media", "many formats"],
)
def test_a_huge_session_description_ends_the_call_or_is_taken(more: bytes) -> None:
    def answers(far_end: HostileFarEnd, invite: bytes) -> list[bytes]:
        return [far_end.response(b"200 OK", invite, body=far_end.sdp(more))]

    with HostileFarEnd(answers) as far_end:
        result = result_of(HANG_UP, far_end.address)
    call = result.details["call"]
    assert call["ended_by"] in ("caller", "network") and call["why"]
    assert far_end.requests[-1] == "BYE", "the far end is not left with a call"


def test_what_it_writes_is_text_in_every_report(tmp_path: Path) -> None:
    script = f"name: {json.dumps(EVIL.decode('utf-8', 'replace'))}\n{HANG_UP}"
    with HostileFarEnd(lambda far_end, invite: [far_end.response(b"486 " + EVIL, invite)]) as far_end:
        result = result_of(script, far_end.address)
    assert result.findings[0].kind == "not_answered" and "script" in result.findings[0].why
    assert all(each.isprintable() for line in result.text().splitlines() for each in line)
    write_junit(tmp_path / "out.xml", [result])
    case = ElementTree.parse(tmp_path / "out.xml").getroot().find("testsuite/testcase")
    assert case is not None and "<script>alert(1)</script>" in case.attrib["name"]
    write_json(tmp_path / "out.json", as_json([result]), "--json")
    assert "<script>" in json.loads((tmp_path / "out.json").read_text())["results"][0]["name"]
    report = HtmlReport(tmp_path / "out.html")
    report.add(result)
    report.write()
    page = (tmp_path / "out.html").read_text()
    assert page.count("<script") == 1 and "&lt;script&gt;alert(1)" in page and "\x1b" not in page


async def test_a_crawl_of_it_leaves_a_map_that_can_be_read(tmp_path: Path) -> None:
    async def no_voice(text: str) -> bytes:
        raise AssertionError(f"nothing is to be said, but {text!r}")

    limits = CrawlLimits(depth=2, calls=10, calls_per_minute=600, wait_s=1.0)
    with HostileFarEnd(lambda far_end, invite: [far_end.response(b"302 " + EVIL, invite)]) as far_end:
        settings = CrawlSettings(far_end.address, CallSettings(ring_s=2, max_s=5), limits, [Action("press", "1")])
        crawler = Crawler(settings, no_voice, lambda _: None)
        await crawler.run()
    found = crawler.map
    assert found.calls == 3 and not found.nodes, "it was tried three times, and not for ever"
    assert write(tmp_path, found, crawler.sounds, CallSettings(), 1.0) == 0
    (note,) = json.loads((tmp_path / "map.json").read_text())["notes"]
    assert "302" in note


def test_a_flood_of_rtp_is_heard_to_its_limit(tmp_path: Path) -> None:
    """Packets of one sender after the other, as fast as they go."""
    sound = PCMU.encode(tones((300, 1_100), 20))
    over = threading.Event()

    def flood(far_end: HostileFarEnd, port: int) -> None:
        chance = random.Random(1)
        while not over.is_set():
            packet = rtp.RtpPacket(
                0, False, chance.randrange(65_536), chance.randrange(2**32), chance.randrange(2**32), sound
            )
            far_end.rtp.sendto(rtp.build(packet), (HOST, port))

    def answers(far_end: HostileFarEnd, invite: bytes) -> list[bytes]:
        port = int(re.findall(rb"m=audio (\d+)", invite)[0])
        threading.Thread(target=flood, args=(far_end, port), daemon=True).start()
        return answered(far_end, invite)

    with HostileFarEnd(answers) as far_end:
        try:
            result = result_of("call: {max_s: 10}\nsteps: [{wait: 3000}, hang_up]\n", far_end.address, save=tmp_path)
        finally:
            over.set()
    media = result.details["call"]["media"]
    assert media["left_out"] > 0
    assert (tmp_path / "call-heard.wav").stat().st_size < 2 * 16_000 * 75, "a minute ahead of the time at most"
    report = HtmlReport(tmp_path / "out.html")
    report.add(result)
    report.write()
    whole = (tmp_path / "out.html").stat().st_size + sum(
        each.stat().st_size for each in (tmp_path / "out-files").glob("*")
    )
    assert whole < 200_000_000
