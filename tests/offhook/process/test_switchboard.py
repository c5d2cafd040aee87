"""The switches of a bot's flows, as they are set and kept."""

import json
from pathlib import Path

import pytest

from offhook.calls.switches import Switches, SwitchSettings, check_closed_by
from offhook.pipeline.dialog.switches import Switch
from offhook.process.switchboard import Switchboard
from offhook.settings.queues import QueueConfig
from offhook.usererror import UserError

FLOWS = {"emergency": Switch("Closed at once."), "mode": Switch("What is said", "normal", ("normal", "storm"))}
NOW_S = 1_800_000_000.0


class Bench:
    def __init__(self, folder: Path) -> None:
        self.now_s = NOW_S
        self.path = folder / "switches.json"
        self.told: list[SwitchSettings] = []
        self.workers = Switches(lambda: self.now_s)
        self.board = self.restarted()

    def restarted(self) -> Switchboard:
        self.board = Switchboard(FLOWS, self.path, self._tell, lambda: self.now_s)
        return self.board

    def _tell(self, settings: SwitchSettings) -> None:
        self.told.append(settings)
        self.workers.set(settings)


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    one = Bench(tmp_path)
    await one.board.open()
    return one


async def test_a_switch_is_told_at_once_and_kept_over_restarts(bench: Bench) -> None:
    assert bench.workers.positions() == {}
    await bench.board.set("emergency", "on", "anna 127.0.0.1")
    assert bench.workers.positions() == {"emergency": "on"}
    told = len(bench.told)
    await bench.restarted().open()
    assert len(bench.told) == told + 1 and bench.workers.positions() == {"emergency": "on"}
    state = bench.board.state_of("emergency")
    assert (state["value"], state["set_by"], state["set_at"]) == ("on", "anna 127.0.0.1", "2027-01-15T08:00:00Z")
    assert bench.path.stat().st_mode & 0o077 == 0


async def test_the_setting_that_ends_first_says_when(bench: Bench) -> None:
    assert bench.board.ends_in_s is None and not bench.board.is_on("emergency")
    await bench.board.set("emergency", "on", "anna", NOW_S + 60)
    await bench.board.set("mode", "storm", "anna", NOW_S + 90)
    assert bench.board.is_on("emergency") and bench.board.ends_in_s == 60
    bench.now_s += 60
    assert not bench.board.is_on("emergency") and bench.board.ends_in_s == 30
    bench.now_s += 30
    assert bench.board.ends_in_s is None


@pytest.mark.parametrize(
    ("closed_by", "what", "todo"),
    [
        (["emergency"], None, ""),
        (["emergncy"], "there is no switch `emergncy`", "emergency"),
        (["mode"], "`mode` closes nothing", "emergency"),
    ],
)
def test_a_queue_is_closed_by_switches_that_are_on_or_off(closed_by: list[str], what: str | None, todo: str) -> None:
    queues = {"support": QueueConfig(agents=("sip:200@192.0.2.7",), closed_by=tuple(closed_by))}
    if what is None:
        check_closed_by(queues, FLOWS)
        return
    with pytest.raises(UserError, match=what) as error:
        check_closed_by(queues, FLOWS)
    (problem,) = error.value.problems
    assert problem.where == "[queues.support] closed_by" and todo in problem.todo


async def test_a_setting_ends_with_its_time(bench: Bench) -> None:
    await bench.board.set("mode", "storm", "anna", NOW_S + 60)
    assert bench.board.state_of("mode")["until"] == "2027-01-15T08:01:00Z"
    bench.now_s += 59
    assert bench.workers.positions() == {"mode": "storm"}
    bench.now_s += 1
    assert bench.workers.positions() == {} and bench.board.state_of("mode")["value"] == "normal"
    assert bench.board.state_of("mode")["set_by"] is None


@pytest.mark.parametrize(
    ("name", "value", "until_s", "what", "todo"),
    [
        ("emergncy", "on", None, "there is no switch `emergncy`", "did you mean `emergency`?"),
        ("mode", "strom", None, "`mode` is never `strom`", "did you mean `storm`?"),
        ("mode", "storm", NOW_S - 1, "`mode` cannot be set until then", "--until"),
        ("mode", "storm", NOW_S + 9e9, "`mode` cannot be set until then", "--until"),
    ],
)
async def test_what_cannot_be_set(
    bench: Bench, name: str, value: str, until_s: float | None, what: str, todo: str
) -> None:
    with pytest.raises(UserError) as refused:
        await bench.board.set(name, value, "anna", until_s)
    (problem,) = refused.value.problems
    assert problem.what == what and problem.todo.startswith(todo)
    assert not bench.path.exists() and bench.workers.positions() == {}


async def test_a_switch_that_cannot_be_kept_is_not_set(bench: Bench) -> None:
    bench.path.with_suffix(".new").mkdir()
    with pytest.raises(UserError, match="is not set"):
        await bench.board.set("emergency", "on", "anna")
    assert bench.workers.positions() == {}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"emergency": {"value": "on"}}', b'{"emergency": 1}', b"\xff", b"[" * 9_999]
)
async def test_a_file_that_cannot_be_read_is_no_reason_to_answer_no_calls(bench: Bench, content: bytes) -> None:
    bench.path.write_bytes(content)
    await bench.restarted().open()
    assert bench.workers.positions() == {}
    await bench.board.set("emergency", "on", "anna")
    assert json.loads(bench.path.read_text())["emergency"]["value"] == "on"


async def test_a_switch_that_no_flow_has_any_more_is_forgotten(bench: Bench) -> None:
    bench.path.write_text(json.dumps({"old": {"value": "on", "at_s": 1, "by": "anna", "until_s": None}}))
    await bench.restarted().open()
    await bench.board.set("emergency", "on", "anna")
    assert list(json.loads(bench.path.read_text())) == ["emergency"]
    assert [each["name"] for each in bench.board.dump()] == ["emergency", "mode"]


async def test_who_sets_it_writes_no_control_characters(bench: Bench) -> None:
    await bench.board.set("emergency", "on", "anna\x1b[2J\n" + 500 * "x")
    by = str(bench.board.state_of("emergency")["set_by"])
    assert by.isprintable() and len(by) <= 120
