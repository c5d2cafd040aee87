"""`offhook outbox`: what waits, sending it again, dropping it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from offhook.cli.main import app
from offhook.outbox.signature import secret_bytes
from offhook.records import RecordStore
from offhook.records import outbox as outbox_module
from offhook.records.outbox import Subscription, failed
from offhook.usererror import UserError
from tests.offhook.outbox.parts import have_call


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OFFHOOK_RECORDS__DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def uniqueid(folder: Path) -> str:
    """A call whose events wait for two receivers."""
    both = [Subscription(name, frozenset({"call.ended"})) for name in ("crm", "audit")]
    store = RecordStore.open(str(folder / "calls.db"), subscriptions=both)
    uniqueid = have_call(store)
    store.settle(lambda conn: failed(conn, 1, 3, 2e9, "HTTP 500"))
    assert store.close()
    return uniqueid


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["outbox", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_what_waits_is_shown_with_its_problem(uniqueid: str) -> None:
    shown = run("list")
    assert shown.count(f"evt_{uniqueid}_ended") == 2 and "HTTP 500" in shown
    assert "crm: 1 wait (0.0 MiB), 0 given up\n" in shown
    (one,) = json.loads(run("list", "--json", "--receiver", "crm"))
    assert (one["attempts"], one["body"]["type"], one["body"]["data"]["uniqueid"]) == (3, "call.ended", uniqueid)


def test_it_is_shown_when_there_is_almost_no_room_left(uniqueid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MAX_WAITING", 1)
    assert "crm: 1 wait (0.0 MiB), 0 given up; the oldest of more than" in run("list")


def test_events_are_sent_again_and_dropped(uniqueid: str) -> None:
    assert run("retry", "--receiver", "crm") == "1 to be sent\n"
    (one,) = json.loads(run("list", "--json", "--receiver", "crm"))
    assert (one["attempts"], one["due"]) == (0, 0)
    assert run("drop", "--id", f"evt_{uniqueid}_ended", "--receiver", "crm") == "1 deleted\n"
    assert [each["receiver"] for each in json.loads(run("list", "--json"))] == ["audit"]
    assert run("drop", "--all") == "1 deleted\n"
    assert run("list") == "nothing waits\n"


@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_all_is_not_what_is_meant_by_nothing(uniqueid: str, verb: str) -> None:
    with pytest.raises(UserError, match="which events"):
        run(verb)


def test_without_records_there_is_an_error(folder: Path) -> None:
    with pytest.raises(UserError, match="there are no records"):
        run("list")
    with pytest.raises(UserError, match="there are no records"):
        run("drop", "--all")
    assert list(folder.iterdir()) == []


def test_a_secret_is_made() -> None:
    assert len(secret_bytes(run("secret").strip())) == 32
