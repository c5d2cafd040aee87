"""Kamailio as the proxies between two user agents, one behind the other; and a name server that says which is asked
first."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.dns_server import DnsServer
from tests.e2e.kamailio import Kamailio
from tests.e2e.peers import HOST

CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
listen=udp:{host}:{port}
mpath="{modules}/"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "auth.so"
loadmodule "siputils.so"
loadmodule "textops.so"

request_route {{
    if (is_method("OPTIONS") && !has_totag()) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (has_totag()) {{
        loose_route();
        t_relay();
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    {asks}
    if ($rU == "moved") {{
        append_to_reply("Contact: <sip:qa@{host}:{port}>\\r\\n");
        sl_send_reply("302", "Moved Temporarily");
        exit;
    }}
    {goes_on}
}}
"""

ASKS = """\
    if (!pv_proxy_authenticate("{realm}", "{password}", "0")) {{
        proxy_challenge("{realm}", "1");
        exit;
    }}
    consume_credentials();
"""


RELAYS = """\
    record_route();
    $du = "sip:{calls_to}";
    t_relay();
"""

REFUSES = """\
    sl_send_reply("503", "Overloaded");
"""


class Proxy(Kamailio):
    """One that hands all calls to `calls_to` (HOST:PORT; empty: it refuses them with 503) and stays in the way; who
    calls "moved" is told to call "qa". With a `password` it asks for that, in a realm of its own."""

    def __init__(self, directory: Path, name: str, calls_to: str, *, password: str = "") -> None:
        folder = directory / name
        folder.mkdir()
        asks = ASKS.format(realm=f"{name}.example", password=password) if password else ""
        goes_on = RELAYS.format(calls_to=calls_to) if calls_to else REFUSES
        self._start(folder, CONFIG, asks=asks, goes_on=goes_on)


@contextmanager
def domain(name: str, *ports: int) -> Iterator[str]:
    """A domain whose servers have those ports on loopback, the first one before the second; HOST:PORT of its name
    server."""
    zone = {("server.test", "A"): [HOST]}
    zone[(f"_sip._udp.{name}", "SRV")] = [f"{at} 1 {port} server.test." for at, port in enumerate(ports)]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = DnsServer(zone)
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        yield str(server.address)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(asyncio.sleep(0))  # then its socket is closed
        loop.close()
