"""This machine's address on the way to another."""

import socket


def own_host(host: str, port: int | str) -> str:
    """The address from which packets to a host, a name or an address, would go; nothing is sent. Raises OSError."""
    family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])
