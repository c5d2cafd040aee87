"""Certificates for tests: an authority, and what it signed, made by the program openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Issued:
    """Files in PEM."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates, all in one folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self.certificate = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"),
            *("-subj", f"/CN={name}", "-keyout", str(self._key), "-out", str(self.certificate)),
        )

    def issue(self, *names: str, file: str | None = None, days: int = 30, subject: str = "/CN=test") -> Issued:
        """A certificate for host names, addresses (`IP:127.0.0.1`) and URIs (`URI:sip:example.com`), as its alternative
        names, if there are any; `days` below 0: it has ended."""
        stem = file or names[0].replace(":", "-")
        made = Issued(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        request, extensions = self._folder / f"{stem}.csr", self._folder / f"{stem}.ext"
        listed = ",".join(name if ":" in name else f"DNS:{name}" for name in names)
        extensions.write_text(f"subjectAltName={listed}\n" if listed else "")
        _openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", subject, "-keyout", str(made.key), "-out", str(request)),
        )
        _openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self._key)),
            *("-CAcreateserial", "-days", str(days), "-extfile", str(extensions), "-out", str(made.certificate)),
        )
        return made


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
