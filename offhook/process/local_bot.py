"""A bot in a single process: for the demo, for one outbound call, for tests."""

from offhook.api.agent import CallAgent
from offhook.api.call import Dialog
from offhook.api.flow_switches import switches_of
from offhook.calls.services import Listener
from offhook.engines.engine_set import EngineSet
from offhook.process.allotments import worker_specs
from offhook.process.free_ports import with_free_ports
from offhook.process.host import CallHost
from offhook.process.lifespan import Lifespan
from offhook.process.messages import MakeEngines
from offhook.process.os_limits import cores
from offhook.process.supervisor import Supervisor
from offhook.process.worker_source import LocalWorkers
from offhook.settings.config import Config
from offhook.settings.resolve import with_addresses


class LocalBot(Supervisor):
    """The supervisor with one worker beside it. Create it on the running loop."""

    def __init__(
        self,
        config: Config,
        dialog: Dialog | CallAgent,
        *,
        engines: MakeEngines = EngineSet,
        lifespan: Lifespan | None = None,
    ) -> None:
        config = with_free_ports(with_addresses(config))
        (spec,) = worker_specs(config, dialog, 1, cores(), lifespan, engines)
        self.listeners: list[Listener] = spec.listeners
        """(the call's id, what happened), for all calls."""
        self._local = LocalWorkers([spec])
        super().__init__(config, self._local, 1, engines_table=spec.engines_table, switches=switches_of(dialog))

    @property
    def host(self) -> CallHost:
        """The call host."""
        return self._local.workers[0].host
