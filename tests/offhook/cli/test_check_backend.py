"""`offhook check`, where PJSIP is to carry the calls."""

import sys

import pytest

from offhook.cli.checks.backend import check
from offhook.cli.checks.finding import Level
from offhook.settings.config import Config


def config(**sections: object) -> Config:
    return Config.model_validate({"sip": {"backend": "pjsua2"}, **sections})


def test_our_own_sip_needs_no_check() -> None:
    assert check(Config()) == []


def test_what_pjsip_cannot_do_is_a_fault_of_the_settings() -> None:
    found = check(config(calls={"workers": 3}))
    assert found[0].level is Level.SETTINGS
    assert found[0].problem.where == "calls.workers"


def test_a_missing_library_is_told_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pjsua2", None)
    (found,) = check(config())
    assert found.level is Level.MACHINE
    assert "pip install 'offhook[pjsua2]'" in found.problem.todo


def test_a_part_that_was_not_built_is_told_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pjsua2")
    monkeypatch.setitem(sys.modules, "offhook.telephony.native._frames", None)
    (found,) = check(config())
    assert found.level is Level.MACHINE
    assert "apt-get install gcc" in found.problem.todo


def test_all_is_there() -> None:
    pytest.importorskip("pjsua2")
    pytest.importorskip("offhook.telephony.native._frames")
    there, room = check(config())
    assert (there.level, room.level) == (Level.OK, Level.WARNING)
    assert room.problem.what == "PJSIP takes 4 callers at once"
    assert "`max_calls = 4` below `[calls]`" in room.problem.todo
    assert [each.level for each in check(config(calls={"max_calls": 4}))] == [Level.OK, Level.OK]


def test_a_queue_leaves_room_for_its_agents() -> None:
    pytest.importorskip("pjsua2")
    pytest.importorskip("offhook.telephony.native._frames")
    queue = {"queues": {"support": {"agents": ["desk"]}}, "transfer": {"targets": {"desk": "sip:200@192.0.2.7"}}}
    _, room = check(config(**queue, calls={"max_calls": 4}))
    assert (room.level, room.problem.what) == (Level.WARNING, "PJSIP takes 3 callers at once")
    assert "takes 4 calls, 1 of them kept" in room.problem.why
