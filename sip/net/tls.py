"""Certificates for SIP over TLS: ours, read again when its files change, and those whose signature is trusted.

Theory of operation. A listener keeps one `ssl.SSLContext` for as long as it listens. At each handshake it is asked for
the certificate, and that is when the files are looked at: a renewed certificate serves the next connection, without a
restart or a signal, and a broken one leaves the present one in use.
"""

import logging
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger("sip.net")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files in PEM."""

    certificate: Path | None = None
    """Ours, with its chain; None: connections are only opened, and no certificate is shown."""
    key: Path | None = None
    """Its private key; None: it is in the certificate's file."""
    authorities: Path | None = None
    """Whose signature on a peer's certificate is trusted; None: those of the system."""
    client_certificates: bool = False
    """Whether peers that connect have to show a certificate."""


class Tls:
    """Both roles of TLS, 1.2 or later, and the port to listen on. Raises OSError (ssl.SSLError is one) when a file
    cannot be used."""

    def __init__(self, files: TlsFiles, port: int = 5061) -> None:
        self.port = port
        self.files = files
        self._stamps = _stamps(files)
        self.server = _server_context(files) if files.certificate is not None else None
        """For the listener; None without a certificate."""
        self._shown = self.server
        if self.server is not None:
            self.server.sni_callback = self._pick  # without a name in the handshake it is called as well
        # The system's authorities take a while to read: only when they are needed, but our own files are judged now.
        self._client = None if files == TlsFiles() else _client_context(files)

    @property
    def client(self) -> ssl.SSLContext:
        """For connections that we open: the host's name is verified, and our own certificate is shown if asked for."""
        self._refresh()
        if self._client is None:
            self._client = _client_context(self.files)
        return self._client

    def _pick(self, handshake: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
        self._refresh()
        if self._shown is not None and handshake.context is not self._shown:
            handshake.context = self._shown

    def _refresh(self) -> None:
        stamps = _stamps(self.files)
        if stamps == self._stamps or self.server is None:
            return
        self._stamps = stamps
        path = self.files.certificate
        try:
            self._shown, self._client = _server_context(self.files), _client_context(self.files)
        except OSError as error:
            # It may be half written: the next change is looked at again.
            what = "the changed certificate in %s cannot be used, the one before stays: %s; type: offhook check"
            logger.warning(what, path, error)
        else:
            logger.info("the certificate in %s has changed: it serves from now on", path)


def _stamps(files: TlsFiles) -> tuple[tuple[int, int, int], ...]:
    """What changes with the files; nothing of one that is not there."""
    stamps: list[tuple[int, int, int]] = []
    for path in (files.certificate, files.key):
        with suppress(OSError):
            if path is not None:
                found = path.stat()
                stamps.append((found.st_mtime_ns, found.st_size, found.st_ino))
    return tuple(stamps)


def _server_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _show(context, files)
    if files.client_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
        _trust(context, files, ssl.Purpose.CLIENT_AUTH)
    return context


def _client_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and name
    if files.certificate is not None:
        _show(context, files)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _trust(context, files, ssl.Purpose.SERVER_AUTH)
    return context


def _show(context: ssl.SSLContext, files: TlsFiles) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    assert files.certificate is not None
    # An encrypted key would be asked for on the terminal: a password that is wrong makes it an error instead.
    context.load_cert_chain(files.certificate, files.key, password="")


def _trust(context: ssl.SSLContext, files: TlsFiles, purpose: ssl.Purpose) -> None:
    if files.authorities is not None:
        context.load_verify_locations(files.authorities)
    else:
        context.load_default_certs(purpose)
