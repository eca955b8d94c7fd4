# SPDX-License-Identifier: MIT
"""Checking a finished package with implementations that had no part in making it: signify (Python) and osslsigncode (OpenSSL)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from driverpack.errors import PackageError
from driverpack.oscrypto_import import import_oscrypto
from driverpack.signing import osslsigncode


def check_embedded(image: Path, certificate: Path) -> None:
    """The image's own signature is good, by both; the certificate (PEM) is the only one that is trusted."""
    done = osslsigncode("verify", "-CAfile", certificate, "-in", image)
    if done.returncode:
        raise PackageError(f"osslsigncode does not accept the signature of {image.name}:\n{done.stdout}{done.stderr}")
    signify(image, certificate, None)


def check_catalog(catalog: Path, member: Path, certificate: Path) -> None:
    """The catalogue's signature is good and the file is a member of it. By both; osslsigncode knows images only."""
    if member.suffix == ".sys":
        done = osslsigncode("verify", "-CAfile", certificate, "-catalog", catalog, "-in", member)
        if done.returncode:
            raise PackageError(f"osslsigncode does not find {member.name} in {catalog.name}:\n{done.stdout}{done.stderr}")
    signify(member, certificate, catalog)


def signify(file: Path, certificate: Path, catalog: Path | None) -> None:
    """Let signify verify one file, by its own signature or by the catalogue alone."""
    import_oscrypto()
    from signify.authenticode import AuthenticodeFile, CertificateTrustList
    from signify.exceptions import SignifyError
    from signify.x509 import Certificate, CertificateStore

    trusted = CertificateStore([Certificate.from_pem(certificate.read_bytes())], trusted=True)
    try:
        with file.open("rb") as stream:
            signed = AuthenticodeFile.from_stream(stream, file.name, allow_flat=True)
            if catalog:
                signed.add_catalog(CertificateTrustList.from_envelope(catalog.read_bytes()))
            kind: Literal["catalog", "embedded"] = "catalog" if catalog else "embedded"
            signed.verify(signature_types=kind, multi_verify_mode="all", trusted_certificate_store=trusted)
    except SignifyError as error:
        by = f"by {catalog.name}" if catalog else "by its own signature"
        raise PackageError(f"signify does not accept {file.name} {by}: {type(error).__name__}: {error}") from error
