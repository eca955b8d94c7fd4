# SPDX-License-Identifier: MIT
"""python -m driverpack check | package | verify: exit code 0 when all is well, 1 when not, 2 for wrong usage."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from driverpack import certificate, package
from driverpack.errors import PackageError
from driverpack.inf import Inf
from driverpack.rules import check


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="driverpack", description=(__doc__ or "").splitlines()[0])
    verbs = top.add_subparsers(dest="verb", required=True)
    checking = verbs.add_parser("check", help="check INF files against the rules that InfVerif documents")
    checking.add_argument("inf", nargs="+", type=Path)
    packaging = verbs.add_parser("package", help="make signed packages of built drivers")
    packaging.add_argument("driver", nargs="+", type=Path, help="folder NAME with NAME.sys, NAME.inf and NAME.pdb")
    packaging.add_argument("--out", required=True, type=Path, help="folder that gets one folder a driver")
    packaging.add_argument("--signing", required=True, type=Path, help="folder of the test certificate; made if it is not there")
    packaging.add_argument("--architecture", choices=("X64", "X86"), default="X64")
    verifying = verbs.add_parser("verify", help="have the signatures of packages confirmed by signify and osslsigncode")
    verifying.add_argument("package", nargs="+", type=Path)
    verifying.add_argument("--certificate", required=True, type=Path, help="the only certificate to trust (PEM)")
    return top


def run(arguments: argparse.Namespace) -> int:
    """Do what the command line asks."""
    if arguments.verb == "check":
        findings = [finding for path in arguments.inf for finding in check(Inf.read(path))]
        print("\n".join(map(str, findings)) or f"{len(arguments.inf)} INF files break no rule")
        return 1 if findings else 0
    if arguments.verb == "package":
        key = certificate.make(arguments.signing)
        for driver in arguments.driver:
            made = package.build(driver, arguments.out / driver.name, key, (arguments.architecture,))
            print(f"[package] {made.folder}")
        return 0
    for folder in arguments.package:
        package.Package(folder, folder.name).verify(arguments.certificate)
        print(f"[verified] {folder}")
    return 0


def main() -> int:
    """Entry point."""
    try:
        return run(parser().parse_args())
    except (PackageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
