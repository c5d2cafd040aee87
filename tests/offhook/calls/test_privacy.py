"""What makes a call private, and whether its recording is kept."""

from pathlib import Path

from offhook.calls.privacy import Privacy
from offhook.records.recording import RecordingWriter


def test_each_reason_alone_is_enough() -> None:
    heard: list[bool] = []
    privacy = Privacy(withheld=True)
    privacy.listeners.append(heard.append)
    assert privacy.on
    privacy.pause(True)
    privacy.withhold(False)
    assert privacy.on and heard == [], "consent does not end a pause"
    privacy.pause(False)
    privacy.follow(True)
    privacy.withhold(True)
    privacy.follow(False)
    assert heard == [False, True] and privacy.on, "nor does the other call's privacy end a refusal"


def test_a_discarded_recording_is_removed_and_what_follows_is_kept(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path)
    try:
        gone, again, silent = writer.record(), writer.record(), writer.record()
        for each in (gone, again):
            each.caller(b"\1\0" * 800, 0)
            each.discard()
        again.caller(b"\2\0" * 800, 1_600)
        assert gone.close().result(5).path is None and silent.close().result(5).path is None
        kept = again.close().result(5)
    finally:
        assert writer.close()
    assert [path.name for path in tmp_path.iterdir()] == [again.path.name]
    data = again.path.read_bytes()
    assert kept.seconds == 0.3 and b"\1\0\0\0" not in data[44:] and data.endswith(b"\2\0\0\0" * 2)
