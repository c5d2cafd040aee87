"""Runs checks against far ends on loopback, with shorter times."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from offhook.cli.checks.finding import Finding
from offhook.cli.trunk_check import asking, calling, connecting, media
from offhook.cli.trunk_check.report import Report
from offhook.cli.trunk_check.run import check_trunk, number_to_call
from offhook.settings.config import Config
from tests.offhook.cli.trunk_check.far_end import HOST, PASSWORD, USER, FarEnd

NUMBER = "+15551234567"

Check = Callable[..., Awaitable["Found"]]


class Found:
    """The findings of a check, and its exit status."""

    def __init__(self, report: Report) -> None:
        self.status = report.end()
        self.findings = report.findings

    def of(self, step: str) -> list[Finding]:
        return [each for each in self.findings if each.area == step]

    def problem(self, text: str) -> Finding:
        """The one that has `text` in what is wrong."""
        found = [each for each in self.findings if each.problem.why and text in each.problem.what]
        assert len(found) == 1, "\n".join(each.render() for each in self.findings)
        return found[0]

    def text(self) -> str:
        return "\n".join(each.render() for each in self.findings)


@pytest.fixture
async def far() -> AsyncIterator[FarEnd]:
    async with FarEnd() as one:
        yield one


@pytest.fixture
def check(far: FarEnd, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Checks the trunk `provider`, which is `far` unless its settings say otherwise."""
    for module, name, seconds in (
        (asking, "ANSWER_S", 1.0),
        (asking, "REGISTER_S", 1.0),
        (connecting, "CONNECT_S", 1.0),
        (calling, "FIRST_RESPONSE_S", 1.0),
        (calling, "HANG_UP_S", 1.5),
        (calling, "LISTEN_S", 1.0),
        (media, "LISTEN_S", 1.0),
    ):
        monkeypatch.setattr(module, name, seconds)

    async def checked(
        call: str | None = None, *, ring_s: float = 5.0, sip: object = None, rtp: object = None, **trunk: object
    ) -> Found:
        fields = {"host": HOST, "port": far.address.port, "user": USER, "password": PASSWORD, **trunk}
        config = Config.model_validate({"trunks": {"provider": fields}, "sip": sip or {}, "rtp": rtp or {}})
        report = Report("provider", as_json=True)
        target = number_to_call(call, "provider", config) if call is not None else None
        await check_trunk(config, "provider", report, target, ring_s)
        found = Found(report)
        capsys.readouterr()
        return found

    return checked
