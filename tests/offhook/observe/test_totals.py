from offhook.observe.metrics import Metrics
from offhook.observe.totals import Totals, media_ticks
from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.asr.fixed import FixedEngine
from offhook.pipeline.chain.member import Member
from offhook.pipeline.chain.spending import EngineUse, Limits, Outcome
from offhook.records.writer import WriterCounters
from offhook.sip.counters import Counters
from offhook.telephony.net.clock import ClockCounters


def test_totals_become_metrics_once() -> None:
    metrics = Metrics()
    totals = Totals(metrics)
    sip = Counters(received=7, sent=5, parse_errors=2)
    sip.rejected_by_status[405] = 3
    records = WriterCounters(written=9, errors=1, dropped=0)
    for restarts in (1, 1, 2):
        totals.sip(sip)
        totals.records(records)
        totals.restarts({"pocketsphinx": restarts})
    sip.received += 1
    totals.sip(sip)
    text = metrics.render().decode()
    for line in (
        'offhook_sip_messages_total{direction="received"} 8.0',
        'offhook_sip_messages_total{direction="sent"} 5.0',
        "offhook_sip_malformed_total 2.0",
        'offhook_sip_refused_total{status="405"} 3.0',
        "offhook_record_errors_total 1.0",
        "offhook_records_dropped_total 0.0",
        'offhook_engine_restarts_total{engine="pocketsphinx"} 2.0',
    ):
        assert f"{line}\n" in text


def test_what_engines_have_done() -> None:
    metrics, member = Metrics(), Member[AsrEngine]("vosk", FixedEngine("yes"), "asr", Limits(price_per_minute=0.5))
    totals = Totals(metrics)
    for _ in range(2):
        use = EngineUse("asr", "vosk", Outcome.FAILED, member.limits.spent(audio_s=30.0))
        member.count(use, 100.0, 1, probe=False)
        totals.engines([member], 100.0)
        totals.engines([member], 100.0)
    member.breaker.failed(100.0)
    totals.engines([member], 100.0)
    text = metrics.render().decode()
    for line in (
        'offhook_engine_uses_total{engine="vosk",outcome="failed",part="asr"} 2.0',
        'offhook_engine_audio_seconds_total{engine="vosk",part="asr"} 60.0',
        'offhook_engine_cost_total{engine="vosk",part="asr"} 0.5',
        'offhook_engine_breaker_open{engine="vosk",part="asr"} 1.0',
    ):
        assert f"{line}\n" in text
    assert "offhook_engine_characters_total{" not in text


def test_packets_that_are_late_or_left_out() -> None:
    counters = ClockCounters(skipped=4)
    for late_ms, ticks in ((0.2, 10), (5.0, 2), (7.0, 3), (400.0, 1)):
        counters.count(late_ms, ticks)
    ticked = media_ticks(counters)
    assert (ticked.all, ticked.late) == (20, 8)
    metrics = Metrics()
    totals = Totals(metrics)
    for _ in range(2):
        totals.media(counters)
    assert "offhook_media_ticks_total 20.0\n" in metrics.render().decode()
    assert "offhook_media_late_ticks_total 8.0\n" in metrics.render().decode()
