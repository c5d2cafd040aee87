"""What is kept of calls, and for how long."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, update

from offhook.process import retention
from offhook.process.retention import STUCK_S, Retention
from offhook.records import CallRecord, RecordStore
from offhook.records.kept_files import remove
from offhook.records.outbox import OutboxEvent, listed
from offhook.records.published import PUBLISHED, publish
from offhook.records.schema import outbox_table, transcript_table
from offhook.records.signalling import read_traces
from offhook.records.timeline import read_timeline
from offhook.settings.sections import RecordsConfig
from tests.offhook.records.children import CRM
from tests.offhook.records.kept import DAY_S, NOW_S, files, keep, uniqueid

OLD, YOUNG, OPEN = 1, 2, 3


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    one = RecordStore.open(str(tmp_path / "calls.db"), subscriptions=[CRM])
    keep(one, tmp_path, OLD, "sip:1@a", "2027-01-04T08:00:00.000Z", NOW_S - 11 * DAY_S)
    keep(one, tmp_path, YOUNG, "sip:1@a", "2027-01-06T08:00:00.000Z", NOW_S - 9 * DAY_S)
    going_on = CallRecord(uniqueid=uniqueid(OPEN), src="sip:1@a", dst="b", start="2027-01-01T00:00:00.000Z")
    assert one.begin(going_on).result(5)
    yield one
    one.close()


def sweeper(store: RecordStore, folder: Path, **days: float) -> Retention:
    return Retention(store, folder, RecordsConfig(dir=folder, **days), lambda: NOW_S)  # type: ignore[arg-type]


def there(folder: Path, number: int) -> list[bool]:
    return [path.exists() for path in files(folder, number)]


def waiting(store: RecordStore) -> set[str]:
    """The calls of which others have not got everything."""
    return {row.uniqueid for row in store.read(lambda conn: listed(conn, None, 100))}


def age(conn: Connection, number: int, days: int) -> None:
    """What waits of a call has waited for so long."""
    rows = update(outbox_table).where(outbox_table.c.uniqueid == uniqueid(number))
    conn.execute(rows.values(since=NOW_S - days * DAY_S))


async def test_without_a_limit_everything_stays(store: RecordStore, tmp_path: Path) -> None:
    assert await sweeper(store, tmp_path).sweep() is False
    assert len(store.calls()) == 3 and all(there(tmp_path, OLD))


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        ("recordings_days", [False, True, True, True]),
        ("messages_days", [True, False, True, True]),
        ("captures_days", [True, True, False, True]),
        ("events_days", [True, True, True, False]),
    ],
)
async def test_files_go_by_their_kind(store: RecordStore, tmp_path: Path, kind: str, left: list[bool]) -> None:
    stranger = tmp_path / "recordings" / "notes.txt"
    stranger.write_text("not ours")
    published = {number: publish(files(tmp_path, number)[1]) for number in (OLD, YOUNG)}
    await sweeper(store, tmp_path, **{kind: 10.0}).sweep()
    assert there(tmp_path, OLD) == left and all(there(tmp_path, YOUNG)) and len(store.calls()) == 3
    assert stranger.exists()
    links = {path.name for path in (tmp_path / "recordings" / PUBLISHED).iterdir()}
    assert links == {published[number] for number in (OLD, YOUNG) if files(tmp_path, number)[1].exists()}


async def test_words_go_and_the_record_stays(store: RecordStore, tmp_path: Path) -> None:
    await sweeper(store, tmp_path, transcripts_days=10.0).sweep()
    assert store.transcript(uniqueid(OLD)) == () and store.transcript(uniqueid(YOUNG))
    assert store.read(lambda conn: read_timeline(conn, uniqueid(OLD))) == []
    assert store.read(lambda conn: read_timeline(conn, uniqueid(YOUNG)))
    assert waiting(store) == {uniqueid(YOUNG), uniqueid(OPEN)}, "nor are they sent any more"
    assert len(store.calls()) == 3 and all(there(tmp_path, OLD))


async def test_a_record_goes_with_all_that_there_is_of_the_call(store: RecordStore, tmp_path: Path) -> None:
    await sweeper(store, tmp_path, records_days=10.0).sweep()
    assert {call.uniqueid for call in store.calls()} == {uniqueid(YOUNG), uniqueid(OPEN)}, "one that goes on stays"
    assert not any(there(tmp_path, OLD)) and all(there(tmp_path, YOUNG))
    assert store.read(lambda conn: read_traces(conn, f"{OLD}@host")) == []
    assert store.read(lambda conn: read_traces(conn, f"{YOUNG}@host"))
    lines = store.read(lambda conn: conn.execute(select(func.count()).select_from(transcript_table)).scalar())
    assert lines == 1 and waiting(store) == {uniqueid(YOUNG), uniqueid(OPEN)}


@pytest.mark.parametrize("kind", ["transcripts_days", "records_days"])
async def test_events_of_a_call_without_a_record_go_too(store: RecordStore, tmp_path: Path, kind: str) -> None:
    """The bot has called somebody back, whose call in which they asked for it is erased already."""
    for number, days in ((20, 11), (21, 9)):
        about = {"uniqueid": uniqueid(number), "src": "+15551234567"}
        assert store.notify(OutboxEvent(uniqueid(number), "queue.call_back", f"evt_{number}", about)).result(5)
        assert store.change(partial(age, number=number, days=days)).result(5)
    await sweeper(store, tmp_path, **{kind: 10.0}).sweep()
    assert waiting(store) == {uniqueid(YOUNG), uniqueid(OPEN), uniqueid(21)}


async def test_a_sweep_does_a_little_and_says_that_there_is_more(
    store: RecordStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10, 15):
        keep(store, tmp_path, number, "sip:1@a", "2027-01-01T00:00:00.000Z", NOW_S - 14 * DAY_S)
    monkeypatch.setattr(retention, "MAX_FILES", 4)
    one = sweeper(store, tmp_path, recordings_days=10.0)
    assert await one.sweep() is True
    assert (
        sum(path.name.endswith(".wav") and "message" not in path.name for path in (tmp_path / "recordings").iterdir())
        == 3
    )
    assert await one.sweep() is False and all(there(tmp_path, YOUNG))


async def test_a_record_stays_as_long_as_a_file_of_its_call(
    store: RecordStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, tmp_path, 10, "sip:1@a", "2027-01-01T00:00:00.000Z", NOW_S - 14 * DAY_S)
    stuck = files(tmp_path, OLD)[2]
    monkeypatch.setattr(retention, "remove", lambda path: "it is on a share" if path == stuck else remove(path))
    assert await sweeper(store, tmp_path, records_days=10.0).sweep() is False
    assert {call.uniqueid for call in store.calls()} == {uniqueid(OLD), uniqueid(YOUNG), uniqueid(OPEN)}
    assert there(tmp_path, OLD) == [False, False, True, False] and not any(there(tmp_path, 10))


async def test_files_that_cannot_be_removed_hold_up_nothing(
    store: RecordStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, tried, wanted = NOW_S, list[Path](), files(tmp_path, OLD)[0]

    def fails_but_for_one(path: Path) -> str:
        tried.append(path)
        return remove(path) if path == wanted else "it is not ours"

    for number in range(10, 15):
        keep(store, tmp_path, number, "sip:1@a", "2027-01-01T00:00:00.000Z", NOW_S - 14 * DAY_S)
    monkeypatch.setattr(retention, "MAX_FILES", 2)
    monkeypatch.setattr(retention, "remove", fails_but_for_one)
    one = Retention(store, tmp_path, RecordsConfig(dir=tmp_path, recordings_days=10.0), lambda: now)
    for _ in range(3):
        await one.sweep()
    assert not wanted.exists() and len(tried) == len(set(tried)) == 6
    assert await one.sweep() is False and len(tried) == 6, "they are left alone for a while"
    now += STUCK_S + 1.0
    assert await one.sweep() is False and len(tried) == 8, "and tried again, without haste"
