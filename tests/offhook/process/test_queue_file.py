"""What of the queues outlives a process."""

import json
import stat
from pathlib import Path

import pytest

from offhook.process.queue_file import NAME, KeptCallBack, QueueFile, QueueState
from offhook.queues.messages import CallBackWish

WISH = CallBackWish("+15551234567", "de", "ö", recorded=False, consent="refused")
CALL_BACK = KeptCallBack("t1", "support", "main", "+15551234567", WISH, 1_800_000_000.5, 2)
STATE = QueueState({"anna": "login", "ben": "pause"}, (CALL_BACK,))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = QueueFile(tmp_path)
    assert file.read() == QueueState()
    file.write(QueueState({"anna": "logout"}))
    file.write(STATE)
    file.close()
    assert QueueFile(tmp_path).read() == STATE
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [NAME]


def test_a_state_is_written_once(tmp_path: Path) -> None:
    file = QueueFile(tmp_path)
    file.write(STATE)
    file.close()
    (tmp_path / NAME).unlink()
    again = QueueFile(tmp_path)
    again.write(QueueState())
    again.close()
    assert json.loads((tmp_path / NAME).read_text()) == {"agents": {}, "call_backs": []}


@pytest.mark.parametrize("content", ["", "[]", '{"agents": 1}', '{"agents": {}, "call_backs": [{"x": 1}]}', "\xff"])
def test_a_damaged_file_counts_as_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content, encoding="latin-1")
    assert QueueFile(tmp_path).read() == QueueState()


def test_a_folder_that_cannot_be_written_is_no_end(tmp_path: Path) -> None:
    file = QueueFile(tmp_path / "gone")
    file.write(STATE)
    file.close()
    assert not (tmp_path / "gone").exists()
