"""What a caller is given when the bot is reached under another address or name than it listens at."""

import asyncio
import re
import socket
from pathlib import Path

import pytest

from offhook.api.call import Call
from offhook.engines.engine_set import EngineSet
from offhook.process.node import Node
from offhook.settings.config import Config
from offhook.sip.sdp.negotiate import AudioCapabilities, LocalMedia, make_offer

HOST = "127.0.0.1"
INVITE = (
    "INVITE sip:bot@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK1;rport\r\n"
    "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:bot@127.0.0.1>\r\nCall-ID: advertised\r\nCSeq: 1 INVITE\r\n"
    "Contact: <sip:a@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n"
    "Content-Length: {length}\r\n\r\n{body}"
)


async def answer(node: Node) -> str:
    """The 200 of an INVITE."""
    offer = make_offer(LocalMedia(HOST, 40_000, 1, 1), AudioCapabilities()).decode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((HOST, 0))
        phone.setblocking(False)
        invite = INVITE.format(port=phone.getsockname()[1], length=len(offer), body=offer)
        phone.sendto(invite.encode(), (HOST, node.sip_address.port))
        while True:
            text = (await asyncio.wait_for(asyncio.get_running_loop().sock_recv(phone, 65_535), 5)).decode()
            if text.startswith("SIP/2.0 200"):
                return text


@pytest.mark.parametrize(("advertised_port", "port"), [(None, None), (5060, 5060)])
async def test_a_name_is_resolved_and_the_right_port_goes_with_it(
    tmp_path: Path, advertised_port: int | None, port: int | None
) -> None:
    config = Config.load(
        None,
        {
            "sip": {"host": HOST, "port": 0, "advertised_host": "localhost", "advertised_port": advertised_port},
            "http": {"enabled": False},
            "asr": {"engine": "fixed"},
            "tts": {"engine": "recorded"},
            "vad": {"engine": "energy"},
            "records": {"dir": tmp_path},
        },
    )

    async def dialog(call: Call) -> None:
        await call.hangup()

    node = Node(config, dialog, EngineSet(config))
    await node.start()
    try:
        text = await answer(node)
    finally:
        await node.stop()
    contact = re.search(r"Contact: <sip:offhook@127\.0\.0\.1:(\d+)>", text)
    assert contact is not None, text
    assert int(contact[1]) == (port or node.sip_address.port)
    assert "c=IN IP4 127.0.0.1\r\n" in text
