"""Kamailio as a registrar with digest, and as the proxy that finds who has registered; over TLS, too."""

import shutil
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import Authority, Issued
from tests.e2e.daemon import Daemon
from tests.e2e.peers import HOST, free_udp_ports, program

MODULES = next((path for path in Path("/usr").glob("lib*/**/kamailio/modules") if path.is_dir()), Path("/usr/lib"))

CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
listen=udp:{host}:{port}
listen=tcp:{host}:{port}
mpath="{modules}/"
{tls}
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "siputils.so"
loadmodule "textops.so"
modparam("auth", "algorithm", "{algorithm}")
modparam("registrar", "min_expires", 60)
modparam("registrar", "default_expires", 60)
modparam("registrar", "max_expires", {expires_s})
modparam("tm", "fr_timer", {patience_ms})

request_route {{
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("office.example", "{password}", "0")) {{
            auth_challenge("office.example", "1");
            exit;
        }}
        consume_credentials();
        save("location");
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
    {calls}
    if (!lookup("location")) {{
        sl_send_reply("404", "Nobody Here");
        exit;
    }}
    record_route();
    t_relay();
}}
"""

CALLS = """\
    if (is_method("INVITE")) {{
        if (!pv_proxy_authenticate("{host}", "{password}", "0")) {{
            proxy_challenge("{host}", "1");
            exit;
        }}
        consume_credentials();
        record_route();
        $du = "sip:{host}:{calls_to}";
        t_relay();
        exit;
    }}
"""
"""Calls of those who know the password go to one port."""

TLS = """\
enable_tls=yes
tcp_accept_aliases=no
listen=tls:{host}:{port}
loadmodule "tls.so"
modparam("tls", "config", "{file}")
"""

TLS_CONFIG = """\
[server:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = {asks}
certificate = {certificate}
private_key = {key}
ca_list = {authority}
[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
certificate = {certificate}
private_key = {key}
ca_list = {authority}
"""


@dataclass(frozen=True, slots=True)
class Secure:
    """What Kamailio needs for TLS. To whom it connects it shows its certificate, and wants one of the authority; with
    `mutual` it wants one of those who connect as well. Without, nobody can connect to who connects: their Contact names
    their connection, and that is used."""

    authority: Authority
    issued: Issued
    mutual: bool

    def write(self, directory: Path, port: int) -> str:
        """Its file of settings; returns what names it."""
        file = directory / "tls.cfg"
        file.write_text(
            TLS_CONFIG.format(
                asks="yes" if self.mutual else "no",
                certificate=self.issued.certificate,
                key=self.issued.key,
                authority=self.authority.certificate,
            )
        )
        return TLS.format(host=HOST, port=port, file=file)


DISPATCHER = """\
#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
listen=udp:{host}:{port}
listen=tcp:{host}:{port}
mpath="{modules}/"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "dispatcher.so"
modparam("dispatcher", "list_file", "{targets}")
modparam("dispatcher", "ds_ping_interval", 1)
modparam("dispatcher", "ds_probing_mode", 1)
modparam("dispatcher", "ds_probing_threshold", 1)
modparam("dispatcher", "ds_inactive_threshold", 1)

request_route {{
    if (has_totag()) {{
        loose_route();
        t_relay();
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (!ds_select_dst("1", "8")) {{
        sl_send_reply("503", "Nobody There");
        exit;
    }}
    if (is_method("OPTIONS")) {{
        append_to_reply("X-Target: $du\\r\\n");
        sl_send_reply("200", "OK");
        exit;
    }}
    record_route();
    t_relay();
}}
"""
"""New calls go to the first of several servers that answers OPTIONS."""


class Kamailio(Daemon):
    """One that knows a password, for any user. `algorithm` is Kamailio's: MD5 or SHA-256. With `calls_to` it is a proxy
    for calls out, to that port, by UDP, and asks for the password; it gives them up (408) where nothing is answered for
    `patience_ms`. With `secure` it also listens for TLS."""

    def __init__(
        self,
        directory: Path,
        *,
        password: str,
        algorithm: str = "SHA-256",
        expires_s: int = 3_600,
        calls_to: int | None = None,
        patience_ms: int = 30_000,
        secure: Secure | None = None,
    ) -> None:
        calls = "" if calls_to is None else CALLS.format(host=HOST, password=password, calls_to=calls_to)
        self.tls_port = 0 if secure is None else free_udp_ports()
        values = {"password": password, "algorithm": algorithm, "expires_s": str(expires_s), "calls": calls}
        values["patience_ms"] = str(patience_ms)
        values["tls"] = "" if secure is None else secure.write(directory, self.tls_port)
        self._start(directory, CONFIG, **values)

    def _start(self, directory: Path, text: str, **values: str) -> None:
        self.port = free_udp_ports()
        # Its control sockets have long names, and the names of sockets are limited.
        self._run = Path(tempfile.mkdtemp(prefix="kam"))
        config = directory / "kamailio.cfg"
        config.write_text(text.format(host=HOST, port=self.port, modules=MODULES, **values))
        command = [program("kamailio"), "-f", str(config), "-DD", "-E", "-Y", str(self._run), "-m", "64", "-M", "8"]
        self.launch(directory, command, lambda: bool(self._asks("nobody")))

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def knows(self, user: str) -> bool:
        """Whether somebody has registered as that user."""
        answer = self._asks(user)
        assert answer, self.log()
        return not answer.startswith("SIP/2.0 404")

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._run, ignore_errors=True)

    def _asks(self, user: str) -> str:
        """The final answer to an OPTIONS for the user; empty if there is none."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((HOST, 0))
            sock.settimeout(1.0)
            own, number = sock.getsockname()[1], time.monotonic_ns()
            request = (
                f"OPTIONS sip:{user}@{self.address} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{own};branch=z9hG4bK{number}\r\n"
                f"From: <sip:qa@{HOST}>;tag={number}\r\nTo: <sip:{user}@{self.address}>\r\nCall-ID: {number}\r\n"
                "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            )
            sock.sendto(request.encode(), (HOST, self.port))
            try:
                while (answer := sock.recv(65_536).decode(errors="replace")).startswith("SIP/2.0 1"):
                    pass
            except OSError:
                return ""
        return answer


class Dispatcher(Kamailio):
    """One that asks several servers, given as URIs, each second whether they are there."""

    def __init__(self, directory: Path, *targets: str) -> None:
        file = directory / "dispatcher.list"
        file.write_text("".join(f"1 {uri} 0 {len(targets) - at}\n" for at, uri in enumerate(targets)))
        self._start(directory, DISPATCHER, targets=str(file))

    def target(self) -> str:
        """Where a new call would go; empty: nowhere."""
        _, found, rest = self._asks("anybody").partition("X-Target: ")
        return rest.split("\r\n")[0] if found else ""
