"""Each worker's share of media ports, recognisers and cache. Pure."""

from offhook.api.agent import CallAgent
from offhook.api.call import Dialog
from offhook.engines.engine_set import EngineSet
from offhook.pipeline.chain.table import shared_cells
from offhook.process.lifespan import Lifespan
from offhook.process.messages import MakeEngines, WorkerSpec
from offhook.settings.config import Config
from offhook.telephony.net.ports import shared_ports
from offhook.usererror import UserError


def worker_count(config: Config, cores: int) -> int:
    """How many processes carry calls. PJSIP's library exists once: one process has all its calls."""
    return config.calls.workers or (1 if config.sip.backend == "pjsua2" else cores)


def worker_specs(  # all that a worker needs
    config: Config,
    dialog: Dialog | CallAgent,
    workers: int,
    cores: int,
    lifespan: Lifespan | None = None,
    engines: MakeEngines = EngineSet,
) -> list[WorkerSpec]:
    """`workers` specifications. Raises UserError with fewer media ports than one call each needs."""
    ports = shares(config.rtp.pairs, workers)
    if ports[-1] == 0:
        enough = min(65_535, config.rtp.port_min + 2 * 400 * workers - 1)
        raise UserError(
            f"RTP ports {config.rtp.port_min}-{config.rtp.port_max} are too few for {workers} workers",
            f"there are {config.rtp.pairs} pairs, and each worker needs at least one",
            f"--rtp-ports {config.rtp.port_min}-{enough}, or fewer --workers",
        )
    recognisers = shares(config.asr.workers or max(1, cores // 2), workers)
    cache_mib = shares(config.tts.cache_mib, workers)
    specs, low, table = [], config.rtp.port_min, shared_ports()
    engines_table = shared_cells(workers, len(config.asr.chain) + len(config.tts.chain))
    for index in range(workers):
        high = low + 2 * ports[index] - 1
        update = {
            "rtp": config.rtp.model_copy(update={"port_min": low, "port_max": high}),
            "asr": config.asr.model_copy(update={"workers": max(1, recognisers[index])}),
            "tts": config.tts.model_copy(update={"cache_mib": cache_mib[index]}),
        }
        own = config.model_copy(update=update)
        specs.append(WorkerSpec(index, own, dialog, lifespan, engines, ports=table, engines_table=engines_table))
        low = high + 1
    return specs


def shares(total: int, parts: int) -> list[int]:
    """`total` split into `parts` that differ by at most one, the larger ones first."""
    each, more = divmod(total, parts)
    return [each + (part < more) for part in range(parts)]
