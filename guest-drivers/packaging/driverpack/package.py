# SPDX-License-Identifier: MIT
"""One driver's package: INF, signed image, signed catalogue, symbols."""

from __future__ import annotations

import datetime
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from driverpack import catalog, pe, signing, verify
from driverpack.certificate import SigningKey
from driverpack.errors import PackageError
from driverpack.inf import Inf
from driverpack.rules import check


@dataclass(frozen=True)
class Package:
    """A folder that Windows installs from."""

    folder: Path
    name: str

    @property
    def inf(self) -> Path:
        """The INF, not changed."""
        return self.folder / f"{self.name}.inf"

    @property
    def image(self) -> Path:
        """The driver with its embedded signature."""
        return self.folder / f"{self.name}.sys"

    @property
    def catalog(self) -> Path:
        """The signed catalogue over both."""
        return self.folder / f"{self.name}.cat"

    @property
    def symbols(self) -> Path:
        """The PDB; not installed."""
        return self.folder / f"{self.name}.pdb"

    def verify(self, certificate: Path) -> None:
        """Have every signature and every membership confirmed by others (verify.py)."""
        verify.check_embedded(self.image, certificate)
        for member in (self.image, self.inf):
            verify.check_catalog(self.catalog, member, certificate)


def driver_date(inf: Inf) -> datetime.datetime:
    """The date of DriverVer: the catalogue's date, so that the same sources give the same catalogue."""
    date = inf.version("DriverVer").split(",")[0].strip()
    try:
        return datetime.datetime.strptime(date, "%m/%d/%Y")
    except ValueError as error:
        raise PackageError(f"{inf.name}: DriverVer begins with '{date}'; expected a date as mm/dd/yyyy") from error


def unsigned_catalog(inf_path: Path, image: Path, architectures: Sequence[str]) -> bytes:
    """The catalogue of an INF and its driver. Signed or unsigned, the image is the same to it."""
    inf = Inf.read(inf_path)
    members = [catalog.Member(path.name, path.read_bytes()) for path in (inf_path, image)]
    return catalog.build(members, inf.hardware_ids(), driver_date(inf), architectures)


# What begins the decoration of an INF's sections for an architecture.
DECORATIONS = {"X64": "ntamd64", "X86": "ntx86"}


def checked_inf(path: Path, architectures: Sequence[str]) -> Inf:
    """The INF, which must break no rule, belong to the driver whose name it has and install on these architectures."""
    findings = check(Inf.read(path))
    if findings:
        raise PackageError("\n".join(map(str, findings)))
    inf = Inf.read(path)
    expected = [f"{path.stem}.sys"]
    if [name.lower() for name in inf.source_files()] != expected:
        raise PackageError(
            f"{path.name}: [SourceDisksFiles] names {inf.source_files()}; a package here has one driver, {expected}"
        )
    if inf.version("CatalogFile").lower() != f"{path.stem}.cat":
        raise PackageError(f"{path.name}: CatalogFile is '{inf.version('CatalogFile')}'; expected {path.stem}.cat")
    for architecture in architectures:
        if DECORATIONS[architecture] not in inf.architectures():
            found = ", ".join(sorted(inf.architectures())) or "no"
            raise PackageError(
                f"{path.name} has {found} sections; {architecture} Windows needs one decorated {DECORATIONS[architecture]}"
            )
    return inf


def build(source: Path, target: Path, key: SigningKey, architectures: Sequence[str] = ("X64",)) -> Package:
    """Make the package of the driver in `source` (NAME/NAME.sys, .inf, .pdb) in `target`, which it replaces once all is good."""
    name = source.name
    inf, image, symbols = (source / f"{name}.{suffix}" for suffix in ("inf", "sys", "pdb"))
    for file in (inf, image, symbols):
        if not file.exists():
            raise PackageError(f"{file} is missing; build the driver first: make -C guest-drivers drivers")
    checked_inf(inf, architectures)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{name}-") as work:
        package = Package(Path(work) / name, name)
        package.folder.mkdir()
        shutil.copyfile(inf, package.inf)
        shutil.copyfile(symbols, package.symbols)
        unsigned = Path(work) / "unsigned"
        unsigned.write_bytes(pe.with_checksum(image.read_bytes()))
        signing.sign(unsigned, package.image, key)
        unsigned.write_bytes(unsigned_catalog(package.inf, package.image, architectures))
        signing.sign(unsigned, package.catalog, key)
        package.verify(key.pem)
        shutil.rmtree(target, ignore_errors=True)
        package.folder.rename(target)
    return Package(target, name)
