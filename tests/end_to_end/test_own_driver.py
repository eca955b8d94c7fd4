# SPDX-License-Identifier: MIT
"""A user's own driver and hardware: a driver for QEMU's stock `edu` device beside those of the image (docs/own-driver.md)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.base.paths import build_dir, repository
from tests.end_to_end.conftest import Command

TOPOLOGY = r"""
ports: [rp1, rp2]
devices:
  edu0: {driver: edu, hardware_id: 'PCI\VEN_1234&DEV_11E8', bus: rp1}
"""
SUITE = """
defaults: {topology: card.yaml, drivers: [driver], exercise: none}
scenarios:
  comes-sleeps-and-goes:
    about: The card is plugged in, sleeps and is unplugged.
    steps:
      - plug: edu0
      - suspend
      - resume
      - unplug: edu0
      - plug: edu0
      - yank: edu0
"""


@pytest.fixture(scope="module")
def images() -> Path:
    subprocess.run(
        ["make", "-s", "-j2", "-C", str(repository() / "images" / "testkernel"), f"BUILD={build_dir()}", "selftest"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return build_dir() / "testkernel" / "selftest"


@pytest.fixture
def own(tmp_path: Path, images: Path) -> Command:
    """A folder with a suite, a topology and a driver package."""
    package = tmp_path / "driver"
    package.mkdir()
    shutil.copy(images / "edu.sys", package / "EDU.sys")
    shutil.copy(repository() / "tests" / "testkernel" / "drivers" / "edu.inf", package)
    (tmp_path / "card.yaml").write_text(TOPOLOGY)
    (tmp_path / "suite.yaml").write_text(SUITE)
    return Command(tmp_path, build_dir())


def test_its_hardware_comes_sleeps_and_goes(own: Command) -> None:
    ended = own("run", str(own.directory / "suite.yaml"))
    assert ended.exit_code == 0, ended.output
    console = (own.run / "comes-sleeps-and-goes" / "console.log").read_text()
    assert console.count("edu: interrupt ok after start") == 2 and "edu: surprise" in console and " FAILED " not in console


def test_without_the_driver_the_device_is_not_started(own: Command) -> None:
    suite = own.directory / "suite.yaml"
    suite.write_text(SUITE.replace("drivers: [driver], ", "patience: 1 s, "))
    ended = own("run", str(suite))
    assert ended.exit_code == 1, ended.output
    assert "1 edu in the machine, but 0 started in the guest" in ended.output


def test_every_sequence_of_the_suite_for_own_devices(own: Command) -> None:
    words = ["--driver", str(own.directory / "driver"), "--set", "driver=edu", "--set", "device=edu"]
    ended = own(
        "run", "suites/own-device.yaml", *words, "--set", r"hardware_id=PCI\VEN_1234&DEV_11E8", "--set", "times=2", limit=120
    )
    assert ended.exit_code == 0 and "17 of 17 passed" in ended.output, ended.output


def test_its_command_to_repeat_has_the_driver_and_the_variables(own: Command) -> None:
    words = ["--driver", str(own.directory / "driver"), "--set", "driver=edu", "--set", "device=edu", "--set", "hardware_id=NONE"]
    ended = own("run", "suites/own-device.yaml", "--only", "remove", *words)
    assert ended.exit_code == 1 and "0 edu in the machine" not in ended.output
    assert f"repeat:   orchestrator run suites/own-device.yaml --only remove {' '.join(words)}" in ended.output


def test_at_the_prompt(own: Command) -> None:
    process = own.start(
        *("boot", "--topology", str(own.directory / "card.yaml"), "--driver", str(own.directory / "driver")),
        text="plug edu0\ndevices\n",
    )
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and r"edu          started  PCI\VEN_1234&DEV_11E8" in output, output


def test_an_image_is_missing(own: Command) -> None:
    (own.directory / "driver" / "EDU.sys").unlink()
    ended = own("run", str(own.directory / "suite.yaml"))
    assert ended.exit_code == 2 and "edu.inf names edu.sys, which is not in" in ended.output


def test_an_import_is_missing(own: Command) -> None:
    image = own.directory / "driver" / "EDU.sys"
    image.write_bytes(image.read_bytes().replace(b"IoConnectInterruptEx\0", b"IoConnectInterruptXx\0"))
    ended = own("run", str(own.directory / "suite.yaml"))
    assert ended.exit_code == 2 and "EDU.sys imports ntoskrnl.exe!IoConnectInterruptXx" in ended.output


def test_its_name_is_taken(own: Command) -> None:
    package = own.directory / "driver"
    (package / "edu.inf").rename(package / "owner.inf")
    ended = own("run", str(own.directory / "suite.yaml"))
    assert ended.exit_code == 2 and "there is a driver called 'owner' already" in ended.output


def test_two_packages_in_one_folder(own: Command) -> None:
    package = own.directory / "driver"
    shutil.copy(package / "edu.inf", package / "other.inf")
    ended = own("run", str(own.directory / "suite.yaml"))
    assert ended.exit_code == 2 and "one INF was expected in this folder, but it has edu.inf, other.inf" in ended.output
