"""The address that callers are given, and the dialog for the dialled number."""

import asyncio
import re
import socket
from pathlib import Path

import pytest

from offhook.api.bot import Bot
from offhook.api.call import Call
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import LocalMedia, make_offer
from tests.offhook.bots import LIGHT_ENGINES

HOST = "127.0.0.1"
INVITE = (
    "INVITE sip:{user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK1{port};rport\r\n"
    "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:bot@127.0.0.1>\r\nCall-ID: {user}\r\nCSeq: 1 INVITE\r\n"
    "Contact: <sip:a@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n"
    "Content-Length: {length}\r\n\r\n{body}"
)


BENCH: dict[str, dict[str, object]] = {
    "sip": {"host": HOST, "port": 0},
    "http": {"enabled": False},
    **LIGHT_ENGINES,
}


async def answer(node: LocalBot, user: str = "bot") -> str:
    """The 200 of an INVITE to that number, whatever To says; it is acknowledged, and nobody speaks."""
    offer = make_offer(LocalMedia(HOST, 40_000, 1, 1), AudioCapabilities()).decode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((HOST, 0))
        phone.setblocking(False)
        invite = INVITE.format(user=user, port=phone.getsockname()[1], length=len(offer), body=offer)
        phone.sendto(invite.encode(), (HOST, node.sip_address.port))
        while True:
            text = (await asyncio.wait_for(asyncio.get_running_loop().sock_recv(phone, 65_535), 5)).decode()
            if text.startswith("SIP/2.0 200"):
                tagged = re.search(r"To: .*", text)
                assert tagged is not None
                ack = re.sub(r"To: .*\r", tagged[0], invite.partition("\r\n\r\n")[0]).replace("INVITE", "ACK")
                ack = re.sub(r"Content-.*?\r\n", "", ack + "\r\n").replace("z9hG4bK1", "z9hG4bK2")
                phone.sendto(f"{ack}Content-Length: 0\r\n\r\n".encode(), (HOST, node.sip_address.port))
                return text


@pytest.mark.parametrize(("advertised_port", "port"), [(None, None), (5060, 5060)])
async def test_a_name_is_resolved_and_the_right_port_goes_with_it(
    tmp_path: Path, advertised_port: int | None, port: int | None
) -> None:
    sip = {"host": HOST, "port": 0, "advertised_host": "localhost", "advertised_port": advertised_port}
    config = Config.load(None, {**BENCH, "sip": sip, "records": {"dir": tmp_path}})

    async def dialog(call: Call) -> None:
        await call.hangup()

    node = LocalBot(config, dialog)
    await node.start()
    try:
        text = await answer(node)
    finally:
        await node.stop()
    contact = re.search(r"Contact: <sip:offhook@127\.0\.0\.1:(\d+)>", text)
    assert contact is not None, text
    assert int(contact[1]) == (port or node.sip_address.port)
    assert "c=IN IP4 127.0.0.1\r\n" in text


async def test_the_number_in_the_request_uri_decides_who_answers(tmp_path: Path) -> None:
    got: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    bot = Bot(Config.load(None, {**BENCH, "records": {"dir": tmp_path}}))

    @bot.answer(number="+1555*")
    async def sales(call: Call) -> None:
        got.put_nowait(("sales", call.called))

    @bot.answer
    async def others(call: Call) -> None:
        got.put_nowait(("others", call.called))

    node = LocalBot(bot.config, bot.dialog)
    await node.start()
    try:
        for user, name in (("+1-555-123-4567;npdi", "sales"), ("100", "others")):
            await answer(node, user)
            assert await asyncio.wait_for(got.get(), 5) == (name, f"sip:{user}@127.0.0.1")
    finally:
        await node.stop()
