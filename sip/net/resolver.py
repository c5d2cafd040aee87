"""From a domain and a transport to the addresses that requests go to: RFC 3263, as far as A and AAAA records."""

import asyncio
import socket

from offhook.sip.net.address import Address, numeric
from offhook.sip.net.flow import Transport


async def addresses_of(host: str, port: int | None, transport: Transport, local: Address) -> tuple[Address, ...]:
    """The addresses of `host` that can be reached from `local`, in the resolver's order, each once.

    `port` None: the transport's. Raises OSError when there is none.
    """
    # §4.2: with a port no SRV record is asked for. Without one NAPTR and SRV would come here.
    port = port or transport.default_port
    number = numeric(host)
    if number is not None:
        return (Address(str(number), port),)
    family = socket.AF_INET6 if ":" in local.host else socket.AF_INET
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_DGRAM)
    except UnicodeError as error:  # a label that is too long
        raise OSError(str(error)) from error
    return tuple(dict.fromkeys(Address(str(each[4][0]), port) for each in found))
