"""The ports on which PJSIP will listen in another process: known, and found free, before that starts."""

import socket

from offhook.carriers.pjsua2.setup import uses_tls
from offhook.settings.config import Config
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import PORT_ATTEMPTS
from offhook.usererror import UserError


def with_free_ports(config: Config) -> Config:
    """The settings with ports that are free now in place of 0, where PJSIP has the sockets. Raises UserError."""
    sip = config.sip
    if sip.backend == "own":
        return config
    update: dict[str, object] = {"port": free_address(config, sip.port).port}
    if uses_tls(config):
        update["tls_port"] = free_address(config, sip.tls_port, "a `tls_port` below `[sip]` that is free").port
    return config.model_copy(update={"sip": sip.model_copy(update=update)})


def free_address(
    config: Config, port: int, todo: str = "offhook serve --sip HOST:PORT with a port that is free"
) -> Address:
    """That port of `sip.host`, or of 0 one that is free. Raises UserError with `todo`: it cannot be bound."""
    host = config.sip.host
    for attempt in range(PORT_ATTEMPTS):
        try:
            return _bound(host, port)
        except OSError as error:
            if port or attempt == PORT_ATTEMPTS - 1:
                raise UserError(f"SIP cannot use {host}:{port}", error.strerror or str(error), todo) from error
    raise AssertionError("the last attempt returns or raises")


def _bound(host: str, port: int) -> Address:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as datagrams, socket.socket(family, socket.SOCK_STREAM) as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        datagrams.bind((host, port))
        found = Address(*datagrams.getsockname()[:2])
        stream.bind((host, found.port))
        return found
