import time
from collections.abc import Iterator

import pytest

from offhook.telephony import native
from offhook.telephony.net.ports import PortPair, PortPool
from tests.ports import own_ports
from tests.telephony.net.calls import HOST


class RememberingPool(PortPool):
    """Frees what a failing test has left open, so that one failure stays one."""

    def __init__(self, low: int, high: int, host: str) -> None:
        super().__init__(low, high, host)
        self.given_out: list[PortPair] = []

    def acquire(self, now: float) -> PortPair:
        pair = super().acquire(now)
        self.given_out.append(pair)
        return pair


@pytest.fixture(params=["native", "python"])
def media_twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with the native media pump and with its twin in pure Python."""
    if request.param == "native" and native.media is None:
        pytest.skip("the native media pump was not built")
    monkeypatch.setattr(native, "WANTED", request.param)
    return str(request.param)


@pytest.fixture
def pool() -> Iterator[PortPool]:
    pool = RememberingPool(*own_ports(), HOST)
    yield pool
    for pair in pool.given_out:
        pair.release(time.monotonic())
