"""A running bot's web server: its routes and pages, and the calls that come over it."""

from offhook.calls.directory import CallDirectory
from offhook.carriers.pjsua2.unseen import MESSAGES, STATE
from offhook.process.bot_status import BotStatus
from offhook.process.calls_out import CallsOut
from offhook.process.capture_orders import CaptureOrders
from offhook.process.queues import Queues
from offhook.process.signalling_log import SignallingLog
from offhook.process.stream_intake import StreamIntake
from offhook.process.switchboard import Switchboard
from offhook.records import RecordStore
from offhook.settings.config import Config
from offhook.sip.net.endpoint import Endpoint
from offhook.web.app import create_app
from offhook.web.call_api import CallApi
from offhook.web.captures import capture_routes
from offhook.web.live import LiveHub
from offhook.web.media_streams import server_with_streams
from offhook.web.queues import queue_routes
from offhook.web.server import WebServer
from offhook.web.sip import MessageHub, Unseen, sip_routes, unseen_routes
from offhook.web.site import add_site
from offhook.web.status import status_routes
from offhook.web.switches import switch_routes


class BotWeb:
    """What its routes show and change is the supervisor's. `hub` passes on what happens in calls that are watched."""

    def __init__(  # a route each
        self,
        config: Config,
        status: BotStatus,
        directory: CallDirectory,
        streams: StreamIntake,
        calls_out: CallsOut,
        queues: Queues,
        captures: CaptureOrders,
        switches: Switchboard,
    ) -> None:
        self.hub = LiveHub()
        self._config = config
        self._status = status
        self._directory = directory
        self._streams = streams
        self._calls_out = calls_out
        self._queues = queues
        self._captures = captures
        self._switches = switches
        self._messages: MessageHub | None = None
        self._server: WebServer | None = None

    async def start(self, endpoint: Endpoint, signalling: SignallingLog, store: RecordStore) -> None:
        """Listen, if the settings have that. Raises UserError, OSError."""
        config = self._config
        if not config.http.enabled:
            return
        app = create_app(self._status)
        app.include_router(status_routes(self._status))
        self._messages = MessageHub(signalling.traces)
        if config.sip.backend == "own":
            app.include_router(sip_routes(endpoint, signalling, self._messages))
        else:
            app.include_router(unseen_routes(signalling, Unseen(MESSAGES, STATE)))
        app.include_router(queue_routes(self._queues))
        app.include_router(capture_routes(self._captures, store))
        app.include_router(switch_routes(self._switches))
        add_site(app, self.hub, store, config)
        app.add_middleware(CallApi, token=config.outbound.token, calls=self._calls_out, records=store)
        self._server = server_with_streams(app, config, self._streams, self._directory)
        await self._server.start(config.http.host, config.http.port)

    async def stop(self) -> None:
        """Release who watches, and the address. Also after a failed start."""
        self.hub.close()
        if self._messages is not None:
            self._messages.close()
        if self._server is not None:
            await self._server.stop()

    @property
    def address(self) -> tuple[str, int] | None:
        """Where it listens."""
        return self._server.address if self._server is not None else None
