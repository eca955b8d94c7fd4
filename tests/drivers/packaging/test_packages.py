# SPDX-License-Identifier: MIT
"""Implementations that had no part in making a package accept it, and refuse it once a byte is changed."""

from __future__ import annotations

import shutil
import stat
import struct
from pathlib import Path

import pefile
import pytest
from driverpack import catalog, certificate, package, pe, verify
from driverpack.errors import PackageError
from driverpack.inf import Inf
from driverpack.oscrypto_import import import_oscrypto

import_oscrypto()
from signify.authenticode import AuthenticodeFile, CertificateTrustList  # noqa: E402

from tests.drivers.packaging.variants import NAMES  # noqa: E402

Packages = dict[str, package.Package]


@pytest.fixture
def copied(packages: Packages, tmp_path: Path) -> package.Package:
    """The owner's package, to be damaged."""
    return package.Package(Path(shutil.copytree(packages["owner"].folder, tmp_path / "owner")), "owner")


def change(path: Path, offset: int) -> None:
    """Change one byte."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", NAMES)
def test_others_accept_the_package(packages: Packages, key: certificate.SigningKey, name: str) -> None:
    made = packages[name]
    assert sorted(path.name for path in made.folder.iterdir()) == sorted(
        f"{name}.{suffix}" for suffix in ("cat", "inf", "pdb", "sys")
    )
    made.verify(key.pem)


def refusals(made: package.Package, pem: Path) -> str:
    """What the verifiers say of a package that is not right; it must not pass."""
    with pytest.raises(PackageError) as refusal:
        made.verify(pem)
    return str(refusal.value)


def test_a_changed_driver_is_refused(copied: package.Package, key: certificate.SigningKey) -> None:
    change(copied.image, 0x1000)
    assert "owner.sys" in refusals(copied, key.pem)
    for catalogue in (None, copied.catalog):
        with pytest.raises(PackageError, match=r"signify does not accept owner\.sys"):
            verify.signify(copied.image, key.pem, catalogue)
    with pytest.raises(PackageError, match=r"osslsigncode does not find owner\.sys"):
        verify.check_catalog(copied.catalog, copied.image, key.pem)


def test_a_changed_inf_is_refused(copied: package.Package, key: certificate.SigningKey) -> None:
    change(copied.inf, copied.inf.stat().st_size // 2)
    assert "owner.inf by owner.cat" in refusals(copied, key.pem)


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.75, 0.95])
def test_a_changed_list_is_refused(copied: package.Package, key: certificate.SigningKey, share: float) -> None:
    content = CertificateTrustList.from_envelope(copied.catalog.read_bytes()).content_asn1.dump()
    change(copied.catalog, copied.catalog.read_bytes().index(content) + int(len(content) * share))
    with pytest.raises(Exception, match=r".") as refusal:  # a verifier may already choke on the damaged structure
        verify.signify(copied.inf, key.pem, copied.catalog)
    assert not isinstance(refusal.value, AssertionError)


def test_a_changed_signature_is_refused(copied: package.Package, key: certificate.SigningKey) -> None:
    change(copied.catalog, copied.catalog.stat().st_size - 10)  # the signature stands at the end
    with pytest.raises(PackageError, match=r"signify does not accept owner\.inf"):
        verify.signify(copied.inf, key.pem, copied.catalog)
    with pytest.raises(PackageError, match=r"osslsigncode does not find owner\.sys"):
        verify.check_catalog(copied.catalog, copied.image, key.pem)


def test_another_drivers_catalogue_is_refused(packages: Packages, key: certificate.SigningKey) -> None:
    with pytest.raises(PackageError):
        verify.check_catalog(packages["owner"].catalog, packages["borrower"].image, key.pem)
    with pytest.raises(PackageError):
        verify.check_catalog(packages["owner"].catalog, packages["borrower"].inf, key.pem)


def test_an_untrusted_certificate_is_refused(copied: package.Package, tmp_path: Path) -> None:
    other = certificate.make(tmp_path / "other")
    assert refusals(copied, other.pem)
    with pytest.raises(PackageError):
        verify.signify(copied.inf, other.pem, copied.catalog)


def test_an_unsigned_driver_is_refused(built: Path, key: certificate.SigningKey) -> None:
    with pytest.raises(PackageError):
        verify.check_embedded(built / "owner" / "owner.sys", key.pem)


@pytest.mark.parametrize("name", NAMES)
def test_our_image_hash_is_that_of_others(packages: Packages, built: Path, name: str) -> None:
    made = packages[name].image.read_bytes()
    ours = pe.authenticode_sha256(made)
    with packages[name].image.open("rb") as stream:
        (signature,) = AuthenticodeFile.from_stream(stream).embedded_signatures
    assert ours == signature.indirect_data.digest
    assert ours == pe.authenticode_sha256((built / name / f"{name}.sys").read_bytes()), "signing does not change the hash"


@pytest.mark.parametrize("name", NAMES)
def test_what_the_catalogue_says(packages: Packages, name: str) -> None:
    made = packages[name]
    trust_list = CertificateTrustList.from_envelope(made.catalog.read_bytes())
    subjects = {subject.identifier: subject for subject in trust_list.subjects}
    assert set(subjects) == {catalog.Member(path.name, path.read_bytes()).digest for path in (made.inf, made.image)}
    for subject in subjects.values():
        assert subject.indirect_data and subject.indirect_data.digest == subject.identifier
    text = made.catalog.read_bytes()
    for said in ("OSAttr", "File", "OS"):
        assert said.encode("utf-16-be") in text
    for said in ("2:10.0", "_v100_X64", f"{name}.sys", f"{name}.inf", *Inf.read(made.inf).hardware_ids()):
        assert said.encode("utf-16-le") + b"\0\0" in text
    assert (b"H\0W\0I\0D\x001" in text.replace(b"\0H", b"H")) == bool(Inf.read(made.inf).hardware_ids())


@pytest.mark.parametrize("name", NAMES)
def test_headers_of_the_signed_driver(packages: Packages, name: str) -> None:
    image = pefile.PE(str(packages[name].image))
    assert image.verify_checksum(), "Windows refuses boot drivers with a wrong checksum"
    (strings,) = (table.entries for info in image.FileInfo[0] for table in getattr(info, "StringTable", []))
    version = Inf.read(packages[name].inf).version("DriverVer").split(",")[1]
    assert strings[b"FileVersion"].decode() == version, "the file's version is the package's"
    assert strings[b"OriginalFilename"].decode() == f"{name}.sys"
    assert strings[b"CompanyName"].decode() == Inf.read(packages[name].inf).version("Provider")
    fixed = image.VS_FIXEDFILEINFO[0]
    assert (fixed.FileType, fixed.FileSubtype) == (3, 7), "a system driver"
    assert [fixed.FileVersionMS >> 16, fixed.FileVersionMS & 0xFFFF] == [int(part) for part in version.split(".")[:2]]


@pytest.mark.parametrize("name", NAMES)
def test_symbols_belong_to_the_driver(packages: Packages, name: str) -> None:
    made = packages[name]
    (entry,) = pefile.PE(str(made.image)).DIRECTORY_ENTRY_DEBUG
    assert entry.entry.PdbFileName.rstrip(b"\0") == f"{name}.pdb".encode(), "no path of the build machine"
    symbols = made.symbols.read_bytes()
    assert symbols.startswith(b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0")
    guid = entry.entry
    identity = struct.pack("<IHH", guid.Signature_Data1, guid.Signature_Data2, guid.Signature_Data3)
    assert identity in symbols, "the PDB has the GUID for which WinDbg asks"


def test_the_same_sources_give_the_same_package(
    packages: Packages, built: Path, key: certificate.SigningKey, tmp_path: Path
) -> None:
    again = package.build(built / "fredbus", tmp_path / "fredbus", certificate.make(tmp_path / "signing"))
    first = packages["fredbus"]
    assert again.inf.read_bytes() == first.inf.read_bytes()
    assert again.symbols.read_bytes() == first.symbols.read_bytes()
    images = [bytearray(made.image.read_bytes()) for made in (first, again)]
    for image in images:  # all but what signing writes
        parts = pe.layout(bytes(image))
        image[parts.checksum : parts.checksum + 4] = bytes(4)
        image[parts.directory : parts.directory + 8] = bytes(8)
        del image[parts.certificates :]
    assert images[0] == images[1]
    catalogs = [package.unsigned_catalog(made.inf, made.image, ("X64",)) for made in (first, again)]
    assert catalogs[0] == catalogs[1] == package.unsigned_catalog(first.inf, built / "fredbus" / "fredbus.sys", ("X64",))
    contents = [CertificateTrustList.from_envelope(made.catalog.read_bytes()).content_asn1.dump() for made in (first, again)]
    assert contents[0] == contents[1]
    assert contents[0] in catalogs[0], "signing keeps the list byte for byte"


def test_the_key_stays_private(tmp_path: Path) -> None:
    made = certificate.make(tmp_path / "signing")
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    before = made.key.read_bytes()
    assert certificate.make(tmp_path / "signing").key.read_bytes() == before, "made once"


def test_a_package_is_replaced_only_by_a_good_one(built: Path, key: certificate.SigningKey, tmp_path: Path) -> None:
    source = Path(shutil.copytree(built / "oven", tmp_path / "oven"))
    made = package.build(source, tmp_path / "out" / "oven", key)
    before = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    inf = source / "oven.inf"
    inf.write_text(inf.read_text().replace("PnpLockdown = 1", ""))
    with pytest.raises(PackageError, match=r"oven.inf:\d+: pnp-lockdown: "):
        package.build(source, tmp_path / "out" / "oven", key)
    (source / "oven.pdb").unlink()
    with pytest.raises(PackageError, match=r"oven.pdb is missing"):
        package.build(source, tmp_path / "out" / "oven", key)
    assert {path.name: path.read_bytes() for path in made.folder.iterdir()} == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["oven"], "nothing is left lying about"
