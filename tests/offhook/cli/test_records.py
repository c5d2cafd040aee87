"""`offhook records`: erase and export."""

import csv
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from typer.testing import CliRunner, Result

from offhook.cli.main import app
from offhook.encryption.keys import new_key, read_keys
from offhook.process import queue_file
from offhook.records import CallRecord, RecordStore
from offhook.records.encrypted import growing_file
from offhook.records.erase import QUEUES
from offhook.records.outbox import QUEUE_CALL_BACK, OutboxEvent, listed
from offhook.records.published import PUBLISHED, publish
from offhook.records.schema import ADDED
from offhook.records.search import MAX_FOUND
from offhook.usererror import UserError
from tests.offhook.encryption.keyfile import key_file
from tests.offhook.records.children import CRM
from tests.offhook.records.kept import NOW_S, files, keep, uniqueid

NUMBER = "+15551234567"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordStore]:
    """That of a bot that runs meanwhile, and has a receiver that takes nothing."""
    monkeypatch.setenv("OFFHOOK_RECORDS__DIR", str(tmp_path))
    one = RecordStore.open(str(tmp_path / "calls.db"), subscriptions=[CRM])
    keep(one, tmp_path, 1, f"sip:{NUMBER}@trunk.example", "2027-01-10T00:00:00.000Z", NOW_S)
    keep(one, tmp_path, 2, "sip:1-555-123-4567@trunk.example", "2027-01-11T00:00:00.000Z", NOW_S)
    keep(one, tmp_path, 3, "sip:bot@b", "2027-01-12T00:00:00.000Z", NOW_S, dst=f"tel:{NUMBER}")
    keep(one, tmp_path, 4, "sip:+15551234568@trunk.example", "2027-01-13T00:00:00.000Z", NOW_S)
    keep(one, tmp_path, 5, "sip:05551234567@trunk.example", "2027-01-14T00:00:00.000Z", NOW_S)
    desk = {"dst": "sip:200@desk", "part_of": uniqueid(1)}
    keep(one, tmp_path, 6, "sip:bot@b", "2027-01-10T00:01:00.000Z", NOW_S, **desk)  # the leg to whom they talked with
    yield one
    one.close()


def offhook(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["records", *arguments])


def contains(folder: Path, text: str) -> list[str]:
    """The files of the database that have a text."""
    return [path.name for path in folder.glob("calls.db*") if text.encode() in path.read_bytes()]


def test_a_dry_run_shows_and_keeps_everything(store: RecordStore, tmp_path: Path) -> None:
    shown = offhook("erase", "--number", NUMBER, "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "4 calls would be erased, 0 left" in shown.stdout and uniqueid(3) in shown.stdout
    assert "1 captures, 1 events, 1 messages, 1 recordings" in shown.stdout
    assert "perhaps the same number: 05551234567" in shown.stdout
    assert len(store.calls()) == 6 and all(path.exists() for path in files(tmp_path, 1))


def test_everything_of_a_number_is_erased(store: RecordStore, tmp_path: Path) -> None:
    assert contains(tmp_path, "secret 1"), "what is looked for below can be found"
    published = [publish(files(tmp_path, number)[1]) for number in (1, 4)]
    done = offhook("erase", "--number", "1 (555) 123-4567".replace(" ", ""), "--json")
    assert done.exit_code == 0, done.output
    erased = json.loads(done.stdout)
    assert [call["id"] for call in erased["erased"]] == [uniqueid(number) for number in (1, 2, 3, 6)]
    assert sorted(erased["erased"][0]["files"]) == sorted(str(path) for path in files(tmp_path, 1))
    assert {call.uniqueid for call in store.calls()} == {uniqueid(4), uniqueid(5)}
    for number in (1, 2, 3, 6):
        assert not any(path.exists() for path in files(tmp_path, number))
        assert contains(tmp_path, f"secret {number}") == [], "nor is it left in free pages, or in the log"
    assert all(path.exists() for path in files(tmp_path, 4)) and contains(tmp_path, "secret 4")
    assert [path.name for path in (tmp_path / "recordings" / PUBLISHED).iterdir()] == published[1:]
    assert {row.uniqueid for row in store.read(lambda conn: listed(conn, None, 100))} == {uniqueid(4), uniqueid(5)}
    assert store.finish(CallRecord(uniqueid=uniqueid(9), src="a", dst="b", start="2027-01-15T00:00:00.000Z")).result(5)


def test_a_database_of_an_earlier_version_gets_what_it_lacks(store: RecordStore, tmp_path: Path) -> None:
    store.close()
    with closing(sqlite3.connect(tmp_path / "calls.db")) as database, database:
        database.execute("DROP TABLE outbox")
        for column in ADDED[9]:
            database.execute(f"ALTER TABLE {column.table.name} DROP COLUMN {column.name}")
        database.execute("UPDATE schema_version SET version = 9")
    # It does not know whose leg the leg is.
    assert "3 calls would be erased" in offhook("erase", "--number", NUMBER, "--dry-run").stdout
    done = offhook("erase", "--number", NUMBER)
    assert done.exit_code == 0 and "3 calls erased, 0 left" in done.stdout, done.output


def test_a_call_that_goes_on_is_left(store: RecordStore, tmp_path: Path) -> None:
    going_on = CallRecord(uniqueid=uniqueid(7), src=f"sip:{NUMBER}@a", dst="b", start="2027-01-15T00:00:00.000Z")
    assert store.begin(going_on).result(5)
    (tmp_path / "unwritten-1.jsonl").write_text("[]\n")
    done = offhook("erase", "--number", NUMBER)
    assert done.exit_code == 1 and "LEFT: the call goes on" in done.stdout and "4 calls erased, 1 left" in done.stdout
    assert "unwritten-1.jsonl  LEFT" in done.stdout


OTHERS = "+15550000000"


@pytest.mark.parametrize(
    ("number", "asked_from", "is_left"), [(OTHERS, OTHERS, False), (NUMBER, OTHERS, True), (OTHERS, NUMBER, True)]
)
def test_somebody_who_is_to_be_called_back_is_named(
    store: RecordStore, tmp_path: Path, number: str, asked_from: str, is_left: bool
) -> None:
    about = {"uniqueid": uniqueid(1), "src": f"sip:{asked_from}@trunk.example", "dst": "sip:bot@b"}
    kept = {"queue": "support", "name": number, "wish": {"number": number}, "about": about}
    (tmp_path / QUEUES).write_text(json.dumps({"agents": {"anna": "login"}, "call_backs": [kept]}))
    done = offhook("erase", "--number", NUMBER)
    assert done.exit_code == is_left
    left = f"queues.json  LEFT: {number} is to be called back, which `offhook queue drop {number}` ends; erase again"
    assert (left in done.stdout) is is_left
    shown = json.loads(offhook("erase", "--number", NUMBER, "--json").stdout)
    assert shown["waiting"] == ([str(tmp_path / QUEUES)] if is_left else [])


def test_what_others_have_not_got_of_a_call_back_to_the_number_is_erased(store: RecordStore) -> None:
    callers = {4: (NUMBER, OTHERS), 5: (OTHERS, OTHERS), 8: (OTHERS, f"sip:{NUMBER}@a")}
    for number, (to, asked_from) in callers.items():  # the record of 8 is gone
        data = {"uniqueid": uniqueid(number), "src": asked_from, "dst": "sip:bot@b", "step": "given_up", "number": to}
        assert store.notify(OutboxEvent(uniqueid(number), QUEUE_CALL_BACK, f"evt_back{number}", data)).result(5)
    shown = offhook("erase", "--number", NUMBER, "--dry-run")
    assert "\n2 events of call-backs, which others have not got yet\n" in shown.stdout
    done = offhook("erase", "--number", NUMBER, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["events"] == 2
    left = {row.id for row in store.read(lambda conn: listed(conn, None, 100))}
    assert {each for each in left if each.startswith("evt_back")} == {"evt_back5"}
    assert "events of call-backs" not in offhook("erase", "--number", NUMBER, "--dry-run").stdout


def test_the_file_of_the_queues_is_that_of_the_bot() -> None:
    assert QUEUES == queue_file.NAME


def test_a_number_that_is_none() -> None:
    refused = offhook("erase", "--number", "+")
    assert isinstance(refused.exception, UserError) and "is no number" in str(refused.exception)


def test_records_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_RECORDS__DIR", str(tmp_path / "none"))
    for arguments in (("erase", "--number", NUMBER), ("export",)):
        refused = offhook(*arguments)
        assert isinstance(refused.exception, UserError) and "there are no records" in str(refused.exception)
    assert not (tmp_path / "none").exists()


def rows(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(StringIO(text)))


def test_export_as_a_table_and_whole(store: RecordStore, tmp_path: Path) -> None:
    table = tmp_path / "calls.csv"
    done = offhook("export", "--since", "2027-01-11", "--until", "2027-01-13", "--output", str(table))
    assert done.exit_code == 0, done.output
    assert [row["uniqueid"] for row in rows(table.read_text())] == [uniqueid(3), uniqueid(2)]
    assert table.stat().st_mode & 0o077 == 0
    lines = [json.loads(line) for line in offhook("export", "--format", "jsonl").stdout.splitlines() if line[0] == "{"]
    assert len(lines) == 6 and lines[-1]["transcript"][0]["text"] == "secret 1"


def test_an_export_of_what_there_is_of_a_caller(store: RecordStore) -> None:
    done = offhook("export", "--number", NUMBER)
    assert done.exit_code == 0, done.output
    exported = [row["uniqueid"] for row in rows(done.stdout) if row["start"]]
    assert exported == [uniqueid(number) for number in (3, 2, 6, 1)]
    assert "perhaps the same number: 05551234567" in done.stderr
    nobody = offhook("export", "--number", "+15550000000", "--format", "jsonl")
    assert nobody.exit_code == 0 and "{" not in nobody.stdout


def test_the_sound_of_a_caller_is_exported_and_decrypted(
    store: RecordStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, out = key_file(tmp_path), tmp_path / "out" / "caller"
    (key,) = read_keys(keys)
    monkeypatch.setenv("OFFHOOK_RECORDS__KEY_FILE", str(keys))
    recording = files(tmp_path, 2)[0]
    recording.unlink()
    encrypted = growing_file(recording, key)
    encrypted.append(b"sealed 2")
    encrypted.close()
    table = tmp_path / "calls.jsonl"
    asked = ("--number", NUMBER, "--since", "2027-01-11", "--format", "jsonl", "-o", str(table), "--files", str(out))
    done = offhook("export", *asked)
    assert done.exit_code == 0, done.output
    assert "wrote 2 calls to" in done.stderr and "wrote 4 files to" in done.stderr
    exported = {json.loads(line)["uniqueid"] for line in table.read_text().splitlines()}
    assert exported == {uniqueid(2), uniqueid(3)}
    written = {path.name: path.read_bytes() for path in out.iterdir()}
    expected = {path.name: b"audio %d" % number for number in (2, 3) for path in files(tmp_path, number)[:2]}
    assert written == expected | {recording.name: b"sealed 2"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (out, *out.iterdir()))


def test_sound_that_cannot_be_exported_is_named(
    store: RecordStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, out = key_file(tmp_path), tmp_path / "out"
    (key,) = read_keys(keys)
    recordings = [files(tmp_path, number)[0] for number in (1, 2)]
    for path in recordings:
        path.unlink()
        sealed = growing_file(path, key if path == recordings[0] else new_key())
        sealed.append(b"sealed")
        sealed.close()
    recordings[0].write_bytes(recordings[0].read_bytes()[:-20])  # its end is gone
    monkeypatch.setenv("OFFHOOK_RECORDS__KEY_FILE", str(keys))
    done = offhook("export", "--number", NUMBER, "--files", str(out))
    assert done.exit_code == 1 and "wrote 7 files to" in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith(str(tmp_path / "recordings"))]
    assert sorted(line.partition(":")[0] for line in lines) == sorted(map(str, recordings))
    assert (out / recordings[0].name).exists() and not (out / recordings[1].name).exists()


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--files", "{}/out"), "whose sound is it?"),
        (("--number", NUMBER, "--files", "{}/recordings"), "is where they are kept"),
        (("--number", NUMBER, "--files", "{}/calls.db"), "cannot be made"),
    ],
)
def test_folders_that_get_no_sound(store: RecordStore, tmp_path: Path, arguments: tuple[str, ...], what: str) -> None:
    refused = offhook("export", *(each.format(tmp_path) for each in arguments))
    assert isinstance(refused.exception, UserError) and what in str(refused.exception)
    assert refused.exception.problems[0].where == "--files"


@pytest.mark.parametrize("name", ["elsewhere", "recordings", "elsewhere/for/ann"])
def test_recordings_by_a_link_are_not_written_over_themselves(store: RecordStore, tmp_path: Path, name: str) -> None:
    (tmp_path / "recordings").rename(tmp_path / "elsewhere")
    (tmp_path / "recordings").symlink_to(tmp_path / "elsewhere")
    before = {path: path.read_bytes() for path in (tmp_path / "elsewhere").iterdir()}
    refused = offhook("export", "--number", NUMBER, "--files", str(tmp_path / name))
    assert isinstance(refused.exception, UserError) and "is where they are kept" in str(refused.exception)
    assert {path: path.read_bytes() for path in (tmp_path / "elsewhere").iterdir()} == before


def test_a_recording_by_another_name_is_not_written_over(store: RecordStore, tmp_path: Path) -> None:
    recording, out = files(tmp_path, 1)[0], tmp_path / "out"
    out.mkdir(mode=0o700)
    (out / recording.name).hardlink_to(recording)
    refused = offhook("export", "--number", NUMBER, "--files", str(out))
    assert isinstance(refused.exception, UserError) and "is where they are kept" in str(refused.exception)
    assert recording.samefile(out / recording.name)


def test_an_export_of_many_pages(store: RecordStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "calls.db")) as database, database:
        names = [row[1] for row in database.execute("PRAGMA table_info(calls)")]
        others = ", ".join(f'"{name}"' for name in names if name != "uniqueid")
        for number in range(2 * MAX_FOUND):
            statement = f"INSERT INTO calls (uniqueid, {others}) SELECT ?, {others} FROM calls WHERE uniqueid = ?"
            database.execute(statement, (uniqueid(1_000 + number), uniqueid(1)))
    found = rows(offhook("export").stdout)
    assert len({row["uniqueid"] for row in found if row["uniqueid"]} - {None}) >= 2 * MAX_FOUND + 6


def test_a_format_that_is_none_and_parquet_without_its_package(
    store: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = offhook("export", "--format", "parket")
    assert isinstance(refused.exception, UserError) and "did you mean `parquet`?" in str(refused.exception)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused = offhook("export", "--format", "parquet")
    assert isinstance(refused.exception, UserError) and "pip install 'offhook[parquet]'" in str(refused.exception)


def test_parquet(store: RecordStore, tmp_path: Path) -> None:
    done = offhook("export", "--format", "parquet", "--output", str(tmp_path / "calls.parquet"))
    assert done.exit_code == 0, done.output
    found = parquet.read_table(tmp_path / "calls.parquet").to_pylist()
    assert [row["uniqueid"] for row in found] == [uniqueid(number) for number in (5, 4, 3, 2, 6, 1)]
    assert found[0]["duration"] == 2.5 and found[0]["answer"] is None
