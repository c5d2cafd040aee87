from offhook.metrics import Metrics
from offhook.records.writer import WriterCounters
from offhook.totals import Totals
from sip.counters import Counters


def test_totals_become_metrics_once() -> None:
    metrics = Metrics()
    totals = Totals(metrics)
    sip = Counters(received=7, sent=5, parse_errors=2)
    sip.rejected_by_status[405] = 3
    records = WriterCounters(written=9, errors=1, dropped=0)
    totals.report(sip, records, {"pocketsphinx": 1})
    totals.report(sip, records, {"pocketsphinx": 1})
    sip.received += 1
    totals.report(sip, records, {"pocketsphinx": 2})
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
