"""A worker is killed in a call whose recording is encrypted."""

import os
import signal
import wave
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from offhook.encryption.reader import Ending, open_kept
from tests.e2e.conftest import BotProcess
from tests.faults.test_workers import hold, worker_pids
from tests.offhook.encryption.keyfile import key_file

HELD_BYTES = 5 * 4 * 8_000
"""Of a recording, before its process is killed."""
LOST_S = 6.0
"""At its end, at the most: two seconds that may still change, half a second until it is written, and a busy machine."""


@pytest.mark.real_time
def test_a_kill_leaves_what_was_written(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    settings = {f"OFFHOOK_RECORDS__{each}": "true" for each in ("RECORD_AUDIO", "ENCRYPT")}
    with ExitStack() as stack:
        bot = start_bot(**settings, OFFHOOK_RECORDS__KEY_FILE=str(keys))
        (held,) = hold(stack, bot, 1)
        recordings = bot.directory / "data" / "recordings"

        def written() -> int:
            return sum(path.stat().st_size for path in recordings.glob("*.wav"))

        bot.wait_for(lambda: written() > HELD_BYTES, 30)
        killed = worker_pids(bot)[0]
        os.kill(killed, signal.SIGKILL)
        record = bot.record(held.phone.port)
        assert record["ended_by"] == "crash"
        path = Path(str(record["recording"]))
        with open_kept(path, keys) as kept:
            assert kept.ending is Ending.CUT
            with wave.open(kept.file, "rb") as audio:
                lasts_s = audio.getnframes() / audio.getframerate()
                sound = audio.readframes(audio.getnframes())
        assert len(sound) == 4 * 8_000 * lasts_s
        assert lasts_s > max(4.0, record["billsec"] - LOST_S)
        assert np.frombuffer(sound, "<i2").reshape(-1, 2)[:, 1].any(), "the bot is heard"
