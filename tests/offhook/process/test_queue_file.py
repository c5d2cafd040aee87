"""What of the queues outlives a process."""

import json
import stat
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from offhook.process import queue_file
from offhook.process.queue_file import AGAIN_S, NAME, KeptCallBack, QueueFile, QueueState
from offhook.process.whole_file import write_whole
from offhook.queues.messages import CallBackWish

WISH = CallBackWish("+15551234567", "de", "ö", recorded=False, consent="refused")
CALL_BACK = KeptCallBack("t1", "support", "main", "+15551234567", WISH, 1_800_000_000.5, 2)
STATE = QueueState({"anna": "login", "ben": "pause"}, (CALL_BACK,), ("sales",))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = QueueFile(tmp_path)
    assert file.read() == QueueState()
    file.write(QueueState({"anna": "logout"}))
    file.write(STATE)
    file.close()
    assert QueueFile(tmp_path).read() == STATE
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [NAME]


def test_half_a_character_of_a_server_does_not_keep_it_from_being_written(tmp_path: Path) -> None:
    state = QueueState({}, (replace(CALL_BACK, wish=replace(WISH, summary="\ud83d")),))
    file = QueueFile(tmp_path)
    assert file.write(state).result(10)
    file.close()
    assert QueueFile(tmp_path).read() == state


def test_a_file_of_before_queues_could_be_closed_is_read(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"agents": {"anna": "login"}, "call_backs": []}')
    assert QueueFile(tmp_path).read() == QueueState({"anna": "login"})


def test_a_state_is_written_once(tmp_path: Path) -> None:
    file = QueueFile(tmp_path)
    file.write(STATE)
    file.close()
    (tmp_path / NAME).unlink()
    again = QueueFile(tmp_path)
    again.write(QueueState())
    again.close()
    assert json.loads((tmp_path / NAME).read_text()) == {"agents": {}, "call_backs": [], "closed": []}


@pytest.mark.parametrize("content", ["", "[]", '{"agents": 1}', '{"agents": {}, "call_backs": [{"x": 1}]}', "\xff"])
def test_a_damaged_file_counts_as_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content, encoding="latin-1")
    assert QueueFile(tmp_path).read() == QueueState()


def test_a_folder_that_cannot_be_written_is_no_end(tmp_path: Path) -> None:
    file = QueueFile(tmp_path / "gone")
    assert file.write(STATE).result(10) is False
    (tmp_path / "gone").mkdir()
    file.close()  # which tries once more
    assert QueueFile(tmp_path / "gone").read() == STATE


def test_what_could_not_be_written_is_tried_again_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(queue_file, "monotonic", lambda: now)
    file = QueueFile(tmp_path / "gone")
    failed = file.write(STATE)
    assert failed.result(10) is False
    (tmp_path / "gone").mkdir()
    assert file.write(STATE) is failed
    now += AGAIN_S
    assert file.write(STATE).result(10) is True
    file.close()


def test_what_changes_while_the_disk_is_busy_is_on_it_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Event()

    def slow(path: Path, data: bytes) -> None:
        busy.wait(10)
        write_whole(path, data)

    monkeypatch.setattr(queue_file, "write_whole", slow)
    file = QueueFile(tmp_path)
    states = [QueueState({"anna": action}) for action in ("login", "pause", "logout")]
    written = [file.write(state) for state in states]
    assert not any(each.done() for each in written)
    busy.set()
    assert [each.result(10) for each in written] == [True] * 3
    assert QueueFile(tmp_path).read() == states[-1]
    file.close()
