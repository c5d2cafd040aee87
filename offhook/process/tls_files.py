"""The certificate for SIP over TLS: opened at the start, judged by `offhook check`."""

import ssl
from contextlib import suppress
from pathlib import Path

from offhook.settings.sections import SipConfig
from offhook.sip.net.tls import Tls, TlsFiles
from offhook.usererror import UserError


def open_tls(sip: SipConfig) -> Tls:
    """The contexts for TLS; without a certificate those for connections of our own alone. Raises UserError."""
    files = TlsFiles(sip.tls_certificate, sip.tls_key, sip.tls_authorities, sip.tls_client_certificates)
    for setting, path in (
        ("tls_certificate", files.certificate),
        ("tls_key", files.key),
        ("tls_authorities", files.authorities),
    ):
        if path is not None:
            _readable(setting, path)
    try:
        return Tls(files, sip.tls_port)
    except ssl.SSLError as error:
        raise _unusable(files, error) from error


def days_left(tls: Tls, certificate: Path, now: float) -> float:
    """Until the certificate ends; `now` in seconds since 1970. Raises UserError for one that is not valid now."""
    taken = _taken_by_itself(tls, certificate)
    return (ssl.cert_time_to_seconds(str(taken["notAfter"])) - now) / 86_400


def _readable(setting: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        what, why = f"sip.{setting} cannot be read: {path}", error.strerror or str(error)
        raise UserError(what, why, f"`{setting} = …` below `[sip]`, a file that the bot's user may read") from error


def _unusable(files: TlsFiles, error: ssl.SSLError) -> UserError:
    if files.certificate is None:
        what, todo = f"sip.tls_authorities cannot be used: {files.authorities}", "openssl x509 -noout -text -in FILE"
        return UserError(what, f"it cannot be read as PEM: {error.reason or error}", todo)
    what = f"the certificate for SIP over TLS cannot be used: {files.certificate}"
    key = files.key or files.certificate
    text = key.read_text(encoding="latin-1")
    if "PRIVATE KEY" not in text:
        return UserError(what, f"there is no key in {key}", "`tls_key = …` below `[sip]` with the key made for it")
    if "ENCRYPTED" in text:
        return UserError(what, f"the key in {key} is encrypted", f"openssl pkey -in {key} -out plain.pem")
    if error.reason == "KEY_VALUES_MISMATCH":
        why = f"the key in {key} belongs to another one"
        return UserError(what, why, "`tls_key = …` below `[sip]` with the key made for it")
    names = ", ".join(str(path) for path in (files.certificate, files.authorities) if path is not None)
    return UserError(
        what, f"it cannot be read as PEM: {error.reason or error}", f"openssl x509 -noout -text -in FILE, for {names}"
    )


def _taken_by_itself(tls: Tls, certificate: Path) -> dict[str, object]:
    """What the certificate says: shown by our listener to a client, in memory, that trusts it."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_verify_locations(certificate)
    listening = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    listening.load_cert_chain(certificate, tls.files.key, password="")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server)
    server = listening.wrap_bio(to_server, to_client, server_side=True)
    done = False
    while not done:
        try:
            client.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            what = f"the certificate for SIP over TLS is not valid: {certificate}"
            raise UserError(what, error.verify_message, "renew it: far ends refuse it") from error
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
    return dict(client.getpeercert() or {})
