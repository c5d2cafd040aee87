"""Budgets of a day outlast a restart: what today's calls have used is in their records."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from offhook.engines.chains import limits_of
from offhook.engines.factory import Kind
from offhook.pipeline.chain.member import DAY_S
from offhook.pipeline.chain.spending import UNLIMITED, DayLedger, Spent
from offhook.pipeline.chain.table import Cells, EngineRows
from offhook.records import RecordStore
from offhook.records.search import engines_since
from offhook.settings.config import Config


def restore_spent_today(store: RecordStore, config: Config, cells: Cells, now: float) -> None:
    """Count it in the shared table `cells`, if an engine has a budget for a day. `now` is Unix time. Blocks on the
    database."""
    kinds: dict[Kind, tuple[str, ...]] = {"asr": config.asr.chain, "tts": config.tts.chain}
    named = [(kind, name) for kind, chain in kinds.items() for name in chain]
    if all(limits_of(config, kind, name).per_day == UNLIMITED for kind, name in named):
        return
    midnight = datetime.fromtimestamp(now, UTC).date().isoformat()
    spent = _sums(store.read(lambda conn: engines_since(conn, midnight)))
    for number, key in enumerate(named):
        if key in spent:
            DayLedger(EngineRows(cells, engine=number, engines=len(named))).add(spent[key], int(now // DAY_S))


def _sums(uses: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Spent]:
    spent: dict[tuple[str, str], Spent] = {}
    for use in uses:
        key = use["part"], use["engine"]
        spent[key] = spent.get(key, Spent()) + Spent(use["audio_s"], use["characters"], use["cost"])
    return spent
