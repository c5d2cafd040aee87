"""Budgets of a day after a restart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from offhook.pipeline.chain.member import DAY_S
from offhook.pipeline.chain.spending import DayLedger, Spent
from offhook.pipeline.chain.table import EngineRows, shared_cells
from offhook.process.spent_today import restore_spent_today
from offhook.records import RecordStore
from offhook.settings.config import AsrConfig, Config, TtsConfig
from tests.offhook.records.children import call


def test_what_todays_calls_have_used_counts(tmp_path: Path) -> None:
    options = {"dear": {"engine": "fixed", "limits": {"cost_per_day": 5}}}
    budgeted = Config(asr=AsrConfig(engine=("fixed", "dear"), options=options), tts=TtsConfig(engine="recorded"))
    now = datetime.now(UTC)
    used = {"part": "asr", "engine": "dear", "uses": {"answered": 1}, "audio_s": 30.0, "characters": 0, "cost": 0.5}
    store = RecordStore.open(str(tmp_path / "calls.db"))
    try:
        for start in (now, now, now - timedelta(days=2)):
            _, record = call()
            store.finish(replace(record, start=start.isoformat(timespec="milliseconds"), engines=(used,)))
        assert store.flush()
        table = shared_cells(2, 3)
        restore_spent_today(store, budgeted, table, now.timestamp())
        day = int(now.timestamp() // DAY_S)
        seen = [DayLedger(EngineRows(table, engine=each, engines=3, process=1)).spent(day) for each in range(3)]
        assert seen == [Spent(), Spent(60.0, 0, 1.0), Spent()]
        free, table = budgeted.model_copy(update={"asr": AsrConfig(engine=("fixed", "dear"))}), shared_cells(2, 3)
        restore_spent_today(store, free, table, now.timestamp())
        assert not any(table), "without a budget the records are not read"
    finally:
        store.close()
