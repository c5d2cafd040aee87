"""A name server on loopback, with the records that a test gives it."""

import asyncio
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from offhook.sip.net.address import Address


class DnsServer(asyncio.DatagramProtocol):
    """`zone` has lines of a zone file by name and type: `{("pbx.test", "A"): ["127.0.0.1"]}`. `ttl_s` is that of all.

    While it is `silent` it answers nothing.
    """

    def __init__(self, zone: dict[tuple[str, str], list[str]], ttl_s: int = 60) -> None:
        self.zone = zone
        self.ttl_s = ttl_s
        self.asked: list[tuple[str, str]] = []
        self.silent = False
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    @property
    def address(self) -> Address:
        assert self._transport is not None
        return Address(*self._transport.get_extra_info("sockname")[:2])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        key = str(question.name).rstrip("."), dns.rdatatype.to_text(question.rdtype)
        self.asked.append(key)
        if self.silent or self._transport is None:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if key in self.zone:
            answer.answer.append(dns.rrset.from_text(question.name, self.ttl_s, "IN", key[1], *self.zone[key]))
        elif not any(name == key[0] for name, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), addr)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
