"""Ports, by binding and releasing them, and descriptors."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from offhook.api.dialogs import bench_dialog
from offhook.cli.checks.finding import Finding, Level, noting
from offhook.process.allotments import worker_count, worker_specs
from offhook.process.os_limits import DESCRIPTORS_A_CALL, cores, raise_descriptor_limit
from offhook.settings.config import Config
from offhook.usererror import Problem

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def check(config: Config) -> list[Finding]:
    """Check the ports of SIP, HTTP and media, and the limit of descriptors."""
    found: list[Finding] = []
    sip, http = config.sip, config.http
    found.append(_try("sip", sip.host, sip.port, socket.SOCK_DGRAM, "--sip HOST:PORT"))
    if sip.tls_certificate is not None:
        found.append(
            _try("sip", sip.host, sip.tls_port, socket.SOCK_STREAM, "--config FILE with `tls_port` below `[sip]`")
        )
    if http.enabled:
        found.append(_try("http", http.host, http.port, socket.SOCK_STREAM, "--http HOST:PORT"))
    found += _media(config)
    with noting(found, "ports"):
        worker_specs(config, bench_dialog, worker_count(config, cores()), cores())
    found += _descriptors(config)
    return found


def _try(area: str, host: str, port: int, kind: socket.SocketKind, option: str) -> Finding:
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    problem = _bind(host, port, kind)
    if problem is None:
        return Finding.ok(area, f"{'TCP' if kind is socket.SOCK_STREAM else 'UDP'} {shown} is free")
    why = problem.strerror or str(problem)
    if problem.errno == errno.EADDRINUSE:
        why += ": another program has it, perhaps a bot that is already running"
    todo = f"offhook serve {option}, with an address of this machine and a port that is free"
    return Finding.of(Problem(f"{shown} cannot be used", why, todo), area, Level.MACHINE)


def _bind(host: str, port: int, kind: socket.SocketKind) -> OSError | None:
    try:
        family, _, proto, _, where = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, proto) as probe:
            if kind is socket.SOCK_STREAM:  # like a server: a port in TIME_WAIT is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        return error
    return None


def _media(config: Config) -> Iterator[Finding]:
    low, high, host = config.rtp.port_min, config.rtp.port_max, config.sip.host
    if _bind(host, 0, socket.SOCK_DGRAM) is not None:
        return  # the address itself is wrong, as reported for the SIP port
    taken = {port for port in range(low, high + 1) if _bind(host, port, socket.SOCK_DGRAM) is not None}
    pairs = sum(taken.isdisjoint((port, port + 1)) for port in range(low, high, 2))
    if not pairs:
        what, why = f"no pair of the media ports {low}-{high} is free", "other programs have them"
        yield Finding.of(Problem(what, why, "--rtp-ports with others"), "ports", Level.MACHINE)
        return
    yield Finding.ok("ports", f"UDP {low}-{high} for media: {pairs} calls")
    if taken:
        what, why = f"{len(taken)} of the media ports are taken", f"{min(taken)} is the first: other programs have them"
        yield Finding.warning("ports", what, why, "--rtp-ports with others, if those are many")
    if low <= config.sip.port <= high:
        what, why = f"the SIP port {config.sip.port} is one of the media ports", "a call that gets it will fail"
        yield Finding.warning("ports", what, why, "another `port` below `[sip]`, or other media ports")
    yield from _ephemeral(low, high)


def _ephemeral(low: int, high: int) -> Iterator[Finding]:
    """Check for overlap with Linux's ephemeral ports."""
    try:
        first, last = (int(each) for each in _EPHEMERAL.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return
    if low <= last and first <= high:
        what, why = "other programs may be given the media ports", f"the system hands out {first}-{last}"
        todo = f"media ports below {first}, or sysctl net.ipv4.ip_local_reserved_ports={low}-{high}"
        yield Finding.warning("ports", what, why, todo)


def _descriptors(config: Config) -> Iterator[Finding]:
    workers = worker_count(config, cores())
    limit = raise_descriptor_limit()
    calls = config.calls.max_calls
    if calls and -(-calls // workers) * DESCRIPTORS_A_CALL > limit:
        what, why = f"{calls} calls need more files than a process may open", f"the limit is {limit}"
        todo = f"ulimit -n {4 * calls * DESCRIPTORS_A_CALL} (LimitNOFILE= in a systemd unit)"
        yield Finding.warning("limits", what, why, todo)
