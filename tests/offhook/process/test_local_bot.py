"""A bot of one process, and that one that cannot start leaves nothing behind."""

import socket
import threading
from pathlib import Path

import pytest

from offhook.api.dialogs import bench_dialog
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from offhook.usererror import UserError
from offhook.web.status import Readiness

BENCH: dict[str, dict[str, object]] = {
    "asr": {"engine": "fixed"},
    "tts": {"engine": "recorded"},
    "vad": {"engine": "energy"},
}


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("offhook")]


def node_on(directory: Path, sip_port: int, http_port: int) -> LocalBot:
    config = Config.load(
        None,
        {
            **BENCH,
            "sip": {"host": "127.0.0.1", "port": sip_port},
            "http": {"host": "127.0.0.1", "port": http_port},
            "records": {"dir": directory, "record_audio": True},
        },
    )
    return LocalBot(config, bench_dialog)


@pytest.mark.parametrize("what", ["SIP", "HTTP"])
async def test_a_port_that_is_taken(tmp_path: Path, what: str) -> None:
    kind = socket.SOCK_DGRAM if what == "SIP" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        node = node_on(tmp_path, port if what == "SIP" else 0, port if what == "HTTP" else 0)
        with pytest.raises(UserError) as caught:
            await node.start()
        (problem,) = caught.value.problems
        assert what in problem.what and str(port) in problem.what and problem.why and problem.todo
        assert node.ready().state is Readiness.STARTING
        await node.stop()
        assert threads() == []


async def test_from_start_to_stop(tmp_path: Path) -> None:
    node = node_on(tmp_path, 0, 0)
    with pytest.raises(RuntimeError):
        _ = node.sip_address
    await node.start()
    assert node.ready().state is Readiness.READY
    assert b"offhook_calls_active 0.0" in await node.metrics()
    assert node.host.dump()["calls"] == []
    await node.stop()
    assert node.ready().state is Readiness.DRAINING
    assert threads() == []
    await node.stop()
