"""Each worker's share of ports, recognisers and cache."""

import pytest

from offhook.api.dialogs import bench_dialog
from offhook.process.allotments import shares, worker_count, worker_specs
from offhook.settings.config import AsrConfig, Config, RtpConfig
from offhook.telephony.net.ports import PortPool
from offhook.usererror import UserError
from tests.ports import own_ports


@pytest.mark.parametrize(
    ("total", "parts", "expected"), [(10, 3, [4, 3, 3]), (2, 3, [1, 1, 0]), (6, 2, [3, 3]), (0, 2, [0, 0])]
)
def test_shares(total: int, parts: int, expected: list[int]) -> None:
    assert shares(total, parts) == expected


def test_ports_are_shared_out_without_overlap() -> None:
    config = Config(rtp=RtpConfig(port_min=10_000, port_max=10_009))
    specs = worker_specs(config, bench_dialog, 2, 2)
    assert [(spec.config.rtp.port_min, spec.config.rtp.port_max) for spec in specs] == [
        (10_000, 10_005),
        (10_006, 10_009),
    ]
    assert [spec.index for spec in specs] == [0, 1]


@pytest.mark.parametrize(
    ("configured", "workers", "cores", "expected"),
    [(0, 4, 4, [1, 1, 1, 1]), (0, 1, 8, [4]), (5, 2, 2, [3, 2]), (1, 3, 2, [1, 1, 1])],
)
def test_every_worker_has_a_recogniser(configured: int, workers: int, cores: int, expected: list[int]) -> None:
    config = Config(asr=AsrConfig(workers=configured))
    specs = worker_specs(config, bench_dialog, workers, cores)
    assert [spec.config.asr.workers for spec in specs] == expected


def test_pjsip_has_one_process() -> None:
    assert worker_count(Config(), 8) == 8
    assert worker_count(Config.model_validate({"calls": {"workers": 3}}), 8) == 3
    assert worker_count(Config.model_validate({"sip": {"backend": "pjsua2"}}), 8) == 1


def test_fewer_ports_than_workers() -> None:
    with pytest.raises(UserError) as caught:
        worker_specs(Config(rtp=RtpConfig(port_min=10_000, port_max=10_003)), bench_dialog, 3, 2)
    (problem,) = caught.value.problems
    assert "10000-10003" in problem.what and "2 pairs" in problem.why and "10000-12399" in problem.todo


def test_all_workers_know_which_media_ports_are_given_out() -> None:
    """Also after one was killed, and its successor has the same range."""
    low, high = own_ports()
    config = Config(rtp=RtpConfig(port_min=low, port_max=high))
    first, second = worker_specs(config, bench_dialog, 2, 2)
    pools = [PortPool(each.config.rtp.port_min, each.config.rtp.port_max, table=each.ports) for each in (first, second)]
    pair = pools[0].acquire(0.0)
    assert all(pool.gave(pair.port) and pool.gave(pair.port + 1) for pool in pools)
    assert not any(pool.gave(pair.port + 2) for pool in pools)
    PortPool(first.config.rtp.port_min, first.config.rtp.port_max, table=first.ports)
    assert not pools[1].gave(pair.port)
    pair.release(0.0)
