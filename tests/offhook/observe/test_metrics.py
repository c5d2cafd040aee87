import re
import threading
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from offhook.observe.metrics import OUTCOMES, Metrics, Stage


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[name, frozenset(labels.items())]


def test_the_documentation_names_them_all() -> None:
    metrics = Metrics("1.2.3")
    families = list(metrics.registry.collect())
    ours = {one.name + {"counter": "_total", "info": "_info"}.get(one.type, "") for one in families}
    text = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
    documented = set(re.findall(r"^\| `(offhook_\w+)` \|", text, re.MULTILINE))
    assert documented == {name for name in ours if not name.startswith("process_")}


def test_names() -> None:
    metrics = Metrics("1.2.3")
    metrics.turn_response("total", 0.3)
    names = {name for name, _ in samples(metrics)}
    assert names >= {
        "offhook_calls_active",
        "offhook_turn_response_seconds_bucket",
        "offhook_bargein_stop_seconds_count",
        "offhook_rtp_packets_total",
        "offhook_rtp_lost_packets_total",
        "offhook_asr_failures_total",
        "offhook_event_loop_lag_seconds_count",
        "offhook_build_info",
        "process_open_fds",
    }
    (build,) = [dict(labels) for name, labels in samples(metrics) if name == "offhook_build_info"]
    assert build["version"] == "1.2.3"


def test_a_call() -> None:
    metrics = Metrics()
    metrics.call_started()
    metrics.call_started()
    metrics.call_ended("inbound", "UDP", "completed")
    metrics.call_refused("inbound", "udp", "busy")
    assert value(metrics, "offhook_calls_active") == 1
    labels = {"direction": "inbound", "transport": "udp"}
    assert value(metrics, "offhook_calls_total", outcome="completed", **labels) == 1
    assert value(metrics, "offhook_calls_total", outcome="busy", **labels) == 1


@pytest.mark.parametrize("stage", get_args(Stage))
def test_stages(stage: Stage) -> None:
    metrics = Metrics()
    metrics.turn_response(stage, 0.25)
    assert value(metrics, "offhook_turn_response_seconds_count", stage=stage) == 1
    assert value(metrics, "offhook_turn_response_seconds_sum", stage=stage) == 0.25


def test_counters() -> None:
    metrics = Metrics()
    metrics.rtp_packets("received", 50)
    metrics.rtp_packets("received", 25)
    metrics.rtp_packets("sent", 10)
    metrics.rtp_lost(3)
    metrics.rtp_lost(-2)
    metrics.asr_failure()
    metrics.engine_restart("pocketsphinx")
    metrics.recording_truncated()
    metrics.sip_malformed()
    metrics.record_errors(2)
    metrics.records_dropped()
    metrics.event_loop_lag(-0.001)
    metrics.bargein_stop(0.08)
    assert value(metrics, "offhook_rtp_packets_total", direction="received") == 75
    assert value(metrics, "offhook_rtp_packets_total", direction="sent") == 10
    assert value(metrics, "offhook_rtp_lost_packets_total") == 3
    assert value(metrics, "offhook_asr_failures_total") == 1
    assert value(metrics, "offhook_engine_restarts_total", engine="pocketsphinx") == 1
    assert value(metrics, "offhook_recordings_truncated_total") == 1
    assert value(metrics, "offhook_sip_malformed_total") == 1
    assert value(metrics, "offhook_record_errors_total") == 2
    assert value(metrics, "offhook_records_dropped_total") == 1
    assert value(metrics, "offhook_event_loop_lag_seconds_sum") == 0
    assert value(metrics, "offhook_bargein_stop_seconds_sum") == 0.08


def test_a_remote_cannot_make_new_series() -> None:
    metrics = Metrics()
    for n in range(1_000):
        metrics.call_refused("inbound", f"transport-{n}", f"+49301234{n}")
    found = samples(metrics)
    outcomes = {dict(labels)["outcome"] for name, labels in found if name == "offhook_calls_total"}
    assert outcomes <= {*OUTCOMES, "other"}


def test_registries_are_separate_and_threads_may_share_one() -> None:
    one, other = Metrics(), Metrics()

    def work() -> None:
        for _ in range(1_000):
            one.asr_failure()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(one, "offhook_asr_failures_total") == 4_000
    assert value(other, "offhook_asr_failures_total") == 0
