"""PJSIP's settings, from ours. What its build or this backend cannot do is refused, at the start."""

from collections.abc import Iterable, Iterator
from typing import Any

from offhook.settings.config import Config
from offhook.settings.sections import RtpConfig
from offhook.settings.trunks import TrunkConfig
from offhook.sip.net.address import Address, numeric
from offhook.sip.policy import Use
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.crypto import SrtpCapabilities, SrtpPolicy
from offhook.telephony.pcm import RATE_HZ, WIDE_RATE_HZ
from offhook.usererror import Problem, UserError
from offhook.version import __version__

FRAME_MS = 20
WANTED_CALLS = 1_000
"""PJSIP takes as many of them as its build has room for."""

_RELIABLE = {Use.OFF: "PJSUA_100REL_NOT_USED", Use.SUPPORTED: "PJSUA_100REL_OPTIONAL",
             Use.REQUIRED: "PJSUA_100REL_MANDATORY"}  # fmt: skip
_TIMER = {Use.OFF: "PJSUA_SIP_TIMER_INACTIVE", Use.SUPPORTED: "PJSUA_SIP_TIMER_OPTIONAL",
          Use.REQUIRED: "PJSUA_SIP_TIMER_REQUIRED"}  # fmt: skip
_SRTP = {"off": "PJMEDIA_SRTP_DISABLED", "preferred": "PJMEDIA_SRTP_OPTIONAL", "required": "PJMEDIA_SRTP_MANDATORY"}


def endpoint_config(pj: Any, config: Config) -> Any:
    """For `libInit`. No thread of PJSIP's ever runs Python: signalling is polled, and media has threads in C alone."""
    made = pj.EpConfig()
    made.uaConfig.threadCnt, made.uaConfig.mainThreadOnly = 0, True
    made.uaConfig.maxCalls = WANTED_CALLS
    made.uaConfig.userAgent = f"offhook/{__version__}"
    if config.sip.stun_server is not None:
        made.uaConfig.stunServer.append(config.sip.stun_server)
    made.logConfig.level = made.logConfig.consoleLevel = made.logConfig.msgLogging = 0
    media = made.medConfig
    media.clockRate = media.sndClockRate = rate_hz(config)
    media.audioFramePtime, media.ptime = FRAME_MS, config.rtp.ptime_ms
    media.noVad, media.ecTailLen = True, 0
    media.sndAutoCloseTime = -1  # the clock of all lines, which goes on while calls are held
    media.maxMediaPorts = 2 * WANTED_CALLS
    return made


def rate_hz(config: Config) -> int:
    """Of all lines, and of PJSIP's bridge: wideband where a codec is. PJSIP converts what has another rate."""
    return WIDE_RATE_HZ if "G722" in config.rtp.codecs else RATE_HZ


def set_codecs(pj: Any, endpoint: Any, names: tuple[str, ...]) -> None:
    """Have these codecs only, the first choice first. Raises UserError."""
    if problems := missing_codecs(names, {each.codecId for each in endpoint.codecEnum2()}):
        raise UserError.of(problems)
    for each in endpoint.codecEnum2():
        name = each.codecId.partition("/")[0].upper()
        endpoint.codecSetPriority(each.codecId, 255 - names.index(name) if name in names else 0)


def audio(config: RtpConfig) -> AudioCapabilities:
    """What PJSIP offers, and takes for an answer."""
    return AudioCapabilities(config.codecs, srtp=SrtpCapabilities(SrtpPolicy(config.srtp)))


def missing_codecs(names: Iterable[str], there: Iterable[str]) -> list[Problem]:
    """A problem for each codec that is not among PJSIP's, which are NAME/RATE/CHANNELS."""
    known = sorted({each.partition("/")[0].upper() for each in there})
    why, todo = (
        f"this build of PJSIP has {', '.join(known)}",
        '`codecs = ["PCMU", "PCMA"]` below `[rtp]`, or a build with it',
    )
    return [Problem(f"the codec {name} is not there", why, todo, "rtp.codecs") for name in names if name not in known]


def uses_tls(config: Config) -> bool:
    """Whether there is SIP over TLS, in either direction."""
    return config.sip.tls_certificate is not None or any(each.transport == "tls" for each in config.trunks.values())


def transports(pj: Any, config: Config, address: Address) -> Iterator[tuple[str, int, Any]]:
    """(what it is for people, PJSIP's type, its settings), for each."""
    six = pj.PJSIP_TRANSPORT_IPV6 if ":" in address.host else 0
    yield f"UDP at {address}", pj.PJSIP_TRANSPORT_UDP | six, transport_config(pj, config, address)
    if config.sip.tcp:
        yield f"TCP at {address}", pj.PJSIP_TRANSPORT_TCP | six, transport_config(pj, config, address)
    if uses_tls(config):
        at = Address(address.host, config.sip.tls_port)
        made = transport_config(pj, config, at)
        made.tlsConfig = _tls_config(pj, config)
        yield f"TLS at {at}", pj.PJSIP_TRANSPORT_TLS | six, made


def transport_config(pj: Any, config: Config, address: Address) -> Any:
    """For signalling at that address."""
    made = pj.TransportConfig()
    made.port = address.port
    if not address.is_wildcard:
        made.boundAddress = address.host
    if config.sip.advertised_host is not None:
        made.publicAddress = config.sip.advertised_host
    return made


def _tls_config(pj: Any, config: Config) -> Any:
    sip, made = config.sip, pj.TlsConfig()
    if sip.tls_certificate is not None:
        made.certFile = str(sip.tls_certificate)
        made.privKeyFile = str(sip.tls_key or sip.tls_certificate)
    if sip.tls_authorities is not None:
        made.CaListFile = str(sip.tls_authorities)
    made.verifyServer = True
    made.verifyClient = made.requireClientCert = sip.tls_client_certificates
    return made


def account_config(pj: Any, config: Config, address: Address, trunk: TrunkConfig | None = None) -> Any:
    """Of a trunk's account, or of calls without one."""
    made = pj.AccountConfig()
    made.idUri = trunk.aor if trunk is not None and trunk.user else f"sip:{address.uri_host}:{address.port}"
    if trunk is not None and trunk.password is not None:
        user = trunk.auth_user or trunk.user or ""
        made.sipConfig.authCreds.append(pj.AuthCredInfo("digest", trunk.realm or "*", user, 0, trunk.password))
    policy = config.signalling.policy(trunk)
    made.callConfig.prackUse = getattr(pj, _RELIABLE[policy.reliable_provisionals])
    made.callConfig.timerUse = getattr(pj, _TIMER[policy.session_timer])
    made.callConfig.timerSessExpiresSec = policy.session_expires_s
    made.callConfig.timerMinSESec = policy.min_session_expires_s
    media = made.mediaConfig
    media.srtpUse = getattr(pj, _SRTP[config.rtp.srtp])
    media.srtpSecureSignaling = 1 if config.rtp.srtp == "required" else 0
    media.lockCodecEnabled = False  # what the far end may send, we take
    media.transportConfig.port = config.rtp.port_min
    media.transportConfig.portRange = config.rtp.port_max - config.rtp.port_min
    if not address.is_wildcard:
        media.transportConfig.boundAddress = address.host
    if config.sip.advertised_host is not None:
        media.transportConfig.publicAddress = config.sip.advertised_host
    if ":" in address.host:
        media.ipv6Use = pj.PJSUA_IPV6_ENABLED
    made.natConfig.iceEnabled = config.sip.ice
    # For it the host of a Contact is looked up while all calls wait, and connected to.
    made.natConfig.contactUseSrcPort = 0
    made.natConfig.udpKaIntervalSec = 0 if trunk is None else int(trunk.keepalive_s)
    return made


def check(config: Config) -> None:
    """Refuse what this backend cannot do, all at once. Raises UserError."""
    if problems := list(_problems(config)):
        raise UserError.of(problems)


def _problems(config: Config) -> Iterator[Problem]:
    sip, with_it = config.sip, 'with `backend = "pjsua2"`'
    what = f"is not there {with_it}"
    other = 'or `backend = "own"` below `[sip]`'
    if config.calls.workers not in (0, 1):
        why = "PJSIP has one process, whose threads are its own"
        yield Problem(
            f"{config.calls.workers} workers cannot share PJSIP", why, f"--workers 1, {other}", "calls.workers"
        )
    own_port = sip.advertised_port in (None, sip.port)
    refused = (
        ("users", bool(sip.users), "PJSIP's library has neither a registrar nor passwords for callers"),
        ("advertised_port", not own_port, "PJSIP's Contact has the port that it listens on"),
        ("unknown_sources", sip.unknown_sources != "answer", "PJSIP answers everybody"),
        ("registrar", "registrar" in sip.model_fields_set and sip.registrar, "PJSIP's library has no registrar"),
        ("digest", "digest" in sip.model_fields_set, "PJSIP asks no caller for a password"),
        ("domain", sip.domain is not None, "PJSIP asks no caller for a password, and answers calls to any domain"),
    )
    for key, given, why in refused:
        if given:
            yield Problem(f"`sip.{key}` {what}", why, f"remove `{key}` below `[sip]`, {other}", f"sip.{key}")
    number = numeric(sip.host)
    if sip.ice and number is not None and number.is_loopback:
        why = "PJSIP takes no loopback address for a candidate (RFC 8445), and would answer each call 500"
        todo = f"the address of a network as `host` below `[sip]`, or no `ice`, {other}"
        yield Problem(f"`sip.ice` cannot be used at {sip.host}", why, todo, "sip.ice")
    yield from _of_records(config, what, other)
    if sip.tls_authorities is None and any(trunk.transport == "tls" for trunk in config.trunks.values()):
        # With all those of a system the handshakes of PJSIP's OpenSSL do not come to an end.
        why = "PJSIP sends the names of all authorities to those who connect, and the system's are too many for that"
        todo = f"`tls_authorities = …` below `[sip]`, with those of the trunks alone, {other}"
        yield Problem("trunks over TLS need the file of their authorities", why, todo, "sip.tls_authorities")
    for name, trunk in config.trunks.items():
        for key, why in _of_trunk(trunk):
            where = f"trunks.{name}.{key}"
            yield Problem(f"`{where}` {what}", why, f"remove `{key}` below `[trunks.{name}]`, {other}", where)


def _of_records(config: Config, what: str, other: str) -> Iterator[Problem]:
    by_trunk = {f"trunks.{name}": each.capture for name, each in config.trunks.items()}
    for name, wanted in {"records": config.records.capture, **by_trunk}.items():
        if wanted:
            why, todo = "packets go by PJSIP's own sockets", f"remove `capture` below `[{name}]`, {other}"
            yield Problem(f"`{name}.capture` {what}", why, todo, f"{name}.capture")
    if "sip_days" in config.records.model_fields_set and config.records.sip_days:
        why = "PJSIP keeps its messages to itself"
        todo = f"remove `sip_days` below `[records]`, {other}"
        yield Problem(f"`records.sip_days` {what}", why, todo, "records.sip_days")


def _of_trunk(trunk: TrunkConfig) -> Iterator[tuple[str, str]]:
    if trunk.options_s:
        yield "options_s", "PJSIP's library asks nobody by OPTIONS"
    if trunk.codecs:
        yield "codecs", "PJSIP has the same codecs in all calls: `codecs` below `[rtp]`"
    if trunk.contact_user not in (None, trunk.user):
        yield "contact_user", "PJSIP's Contact has the account's user"
