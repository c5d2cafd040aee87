"""Opens the SIP socket and the records' database, which a bot has once."""

import time
from collections.abc import Callable

from offhook.pipeline.chain.table import Cells
from offhook.process.spent_today import restore_spent_today
from offhook.process.tls_files import open_tls
from offhook.records import RecordStore
from offhook.settings.config import Config
from offhook.sip.events import Event
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.settings import UaSettings
from offhook.sip.uas import Admit
from offhook.usererror import UserError


def open_store(config: Config, engines_table: Cells | None = None) -> RecordStore:
    """The records' database; what today's calls in it have used is counted in `engines_table`. Raises UserError."""
    folder = config.records.dir.resolve()
    store = RecordStore.open(config.records.database_url or str(folder / "calls.db"), folder=folder)
    if engines_table is not None:
        restore_spent_today(store, config, engines_table, time.time())
    return store


async def open_endpoint(config: Config, on_event: Callable[[Event], None], admit: Admit) -> Endpoint:
    """The SIP socket; `admit` returns why a new call is refused. Raises UserError."""
    host, port = config.sip.host, config.sip.port
    advertised = config.sip.advertised_host
    # Port 0 in `advertised` stands for the bound port.
    settings = UaSettings(advertised=Address(advertised, config.sip.advertised_port or port) if advertised else None)
    tls = open_tls(config.sip)
    try:
        return await Endpoint.open(host, port, on_event, settings=settings, admit=admit, tcp=config.sip.tcp, tls=tls)
    except OSError as error:
        raise UserError(
            f"SIP cannot use {host}:{port}" + (f", or {host}:{tls.port} for TLS" if tls is not None else ""),
            error.strerror or str(error),
            "offhook serve --sip HOST:PORT with an address of this machine and a port that is free"
            + ("; `tls_port = …` below `[sip]`" if tls is not None else ""),
        ) from error
