"""rtpengine, which forwards RTP by itself, without its kernel module, and Kamailio, which has calls go through it."""

import re
import socket
import time
from pathlib import Path

from tests.e2e.daemon import Daemon
from tests.e2e.kamailio import Kamailio
from tests.e2e.peers import HOST, free_udp_ports, program

MEDIA_PORTS = 40

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
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:{host}:{relay}")

request_route {{
    if (is_method("OPTIONS") && !has_totag()) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (is_method("INVITE|UPDATE") && has_body("application/sdp")) rtpengine_manage("{offer}");
    if (is_method("BYE")) rtpengine_delete();
    t_on_reply("media");
    if (has_totag()) {{
        loose_route();
    }} else {{
        record_route();
        $du = "sip:{bot}";
    }}
    t_relay();
}}

onreply_route[media] {{
    if (has_body("application/sdp")) rtpengine_manage("{answer}");
}}
"""
REPORT = r"Port +[\d.]+:\d+ +<> +[\d.]+:\d+ *, SSRC \w+, (\d+) p,"
"""What it logs of a port at the end of a call; of one for RTCP "(RTCP)" stands before the comma."""
BOTH_WAYS = "replace-origin replace-session-connection ICE=remove"


class Rtpengine(Daemon):
    """The relay, which other programs direct at `port`."""

    def __init__(self, directory: Path) -> None:
        self.port = free_udp_ports()
        media = free_udp_ports(MEDIA_PORTS)
        command = [
            *(program("rtpengine"), "--config-file=none", "--foreground", "--log-stderr", "--table=-1"),
            "--delete-delay=0",
            *(f"--interface={HOST}", f"--listen-ng={HOST}:{self.port}", "--num-threads=2"),
            *(f"--port-min={media}", f"--port-max={media + MEDIA_PORTS - 1}"),
        ]
        self.launch(directory, command, self._is_there)

    def packets(self) -> list[int]:
        """What it forwarded in the call that is over, of each stream of RTP that it got."""
        return [int(count) for count in re.findall(REPORT, self.log())]

    def _is_there(self) -> bool:
        """Whether it answers its control protocol."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            sock.connect((HOST, self.port))
            try:
                sock.send(b"1 d7:command4:pinge")
                return b"pong" in sock.recv(4_096)
            except OSError:
                time.sleep(0.05)
                return False


class RelayingProxy(Kamailio):
    """One whose calls go to the `bot` (HOST:PORT), their media through the relay. With `encrypts` the bot is offered
    SRTP; to the callers it stays RTP."""

    def __init__(self, directory: Path, relay: Rtpengine, bot: str, *, encrypts: bool = False) -> None:
        offer, answer = ("RTP/SAVP", "RTP/AVP") if encrypts else ("", "")
        self._start(
            directory,
            CONFIG,
            relay=str(relay.port),
            bot=bot,
            offer=f"{BOTH_WAYS} {offer}",
            answer=f"{BOTH_WAYS} {answer}",
        )
