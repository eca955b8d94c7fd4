# SPDX-License-Identifier: MIT
"""The test certificate: made once a checkout, never leaves it, trusted by nobody who has not said so.

It is its own issuer and no certificate authority (CA:FALSE): who puts it among the trusted roots trusts what this key signs as
code, and nothing else.
"""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY = datetime.timedelta(days=3650)


@dataclass(frozen=True)
class SigningKey:
    """The files of one test certificate."""

    folder: Path

    @property
    def key(self) -> Path:
        """Private key (PEM), readable by its owner only."""
        return self.folder / "buddy-test.key"

    @property
    def pem(self) -> Path:
        """Certificate for osslsigncode."""
        return self.folder / "buddy-test.pem"

    @property
    def cer(self) -> Path:
        """Certificate for Windows (DER)."""
        return self.folder / "buddy-test.cer"


def write_private(path: Path, data: bytes) -> None:
    """Write a file that nobody else could read even for a moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


def make(folder: Path) -> SigningKey:
    """The test certificate in the folder; made if it is not there yet."""
    files = SigningKey(folder)
    if files.key.exists() and files.pem.exists() and files.cer.exists():
        return files
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Buddy driver test {os.urandom(4).hex()}")])
    start = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(days=1)  # clocks of guests run late
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALIDITY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pkcs8 = serialization.PrivateFormat.PKCS8
    write_private(files.key, key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption()))
    files.pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.cer.write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    return files
