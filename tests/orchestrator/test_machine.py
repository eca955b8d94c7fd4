# SPDX-License-Identifier: MIT
"""The machine layer on the real QEMU with the real module; no guest is needed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.base.alarm import Alarm, WaitExpired
from orchestrator.base.errors import BadInput, HarnessError
from orchestrator.base.verdict import ScenarioFailed, Verdict
from orchestrator.guest.agent import Agent
from orchestrator.journal.follower import Journal
from orchestrator.journal.invariants import Invariants
from orchestrator.machine import accelerator
from orchestrator.machine.command import GdbServer, MachineConfig, MachineFiles, command
from orchestrator.machine.machine import Machine, UnplugPending
from orchestrator.machine.module import QemuInstallation, find_qemu, fitting
from orchestrator.machine.states import LifeCycle, MachineState
from orchestrator.machine.topology import load_topology, names
from tests.waiting import wait_until

# For the topology of a user's own device (own-device.yaml).
VARIABLES = {"device": "edu", "hardware_id": r"PCI\VEN_1234&DEV_11E8"}


@asynccontextmanager
async def machine(
    qemu: QemuInstallation, directory: Path, topology: str = "buddy", gdb: GdbServer | None = None
) -> AsyncIterator[tuple[Machine, Journal]]:
    alarm = Alarm()
    files = MachineFiles(directory, directory)
    agent = Agent(files.agent, directory / "agent.log")
    await agent.listen()
    journal = Journal(files.journal, alarm, Invariants())
    follower = asyncio.create_task(journal.follow())
    vm = Machine(MachineConfig(qemu, "tcg", load_topology(topology, VARIABLES), [], gdb=gdb), files, alarm)
    try:
        await vm.start()
        yield vm, journal
    finally:
        await vm.stop()
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
        await agent.close()
        journal.close()


Test = Callable[[Machine, Journal], Awaitable[None]]


def on_machine(qemu: QemuInstallation, directory: Path, test: Test, topology: str = "buddy") -> None:
    async def run() -> None:
        async with asyncio.timeout(20), machine(qemu, directory, topology) as (vm, journal):
            await test(vm, journal)

    asyncio.run(run())


def test_a_removal_is_told_at_once(qemu: QemuInstallation, tmp_path: Path) -> None:
    """Stock QEMU's RCU thread lets 50 ms pass first (qemu-device/src/removal_hurry.c)."""

    async def test(vm: Machine, journal: Journal) -> None:
        times = []
        for _ in range(8):
            started = time.monotonic()
            await vm.yank("buddy0")
            times.append(time.monotonic() - started)
            await vm.plug("buddy0")
        assert sorted(times)[3] < 0.04, times

    on_machine(qemu, tmp_path, test)


def test_a_refused_unplug_can_be_asked_for_again_when_it_is_withdrawn(qemu: QemuInstallation, tmp_path: Path) -> None:
    async def test(vm: Machine, journal: Journal) -> None:
        await vm.request_unplug("buddy0")  # nobody is there to grant it
        with pytest.raises(UnplugPending, match="already in the process of unplug"):
            await vm.request_unplug("buddy0")
        await vm.withdraw_unplug("buddy0")
        await vm.request_unplug("buddy0")
        assert vm.present == {"buddy0"} and not vm.monitor.seen("DEVICE_DELETED")

    on_machine(qemu, tmp_path, test)


def test_hardware_is_yanked_and_plugged_back(qemu: QemuInstallation, tmp_path: Path) -> None:
    async def test(vm: Machine, journal: Journal) -> None:
        for _ in range(3):
            await vm.yank("buddy0")
            assert vm.present == set()
            await vm.plug("buddy0")
            assert vm.present == {"buddy0"}
        await vm.alarm.guard(journal.expect({"kind": "slot", "event": "plug"}, 0, times=4), "the fourth plug", 2)
        assert [r["event"] for r in journal.records if r.kind == "slot"] == ["plug", *["yank", "plug"] * 3]

    on_machine(qemu, tmp_path, test)


@pytest.mark.parametrize("topology", names())
def test_every_topology_starts(qemu: QemuInstallation, tmp_path: Path, topology: str) -> None:
    async def test(vm: Machine, journal: Journal) -> None:
        there = {entry["name"] for entry in await vm.execute("qom-list", {"path": "/machine/peripheral"})}
        assert vm.present <= there
        assert set(vm.topology.ports) <= there

    on_machine(qemu, tmp_path, test, topology)


def test_an_unplug_that_nobody_answers_blocks_the_next_one(qemu: QemuInstallation, tmp_path: Path) -> None:
    async def test(vm: Machine, journal: Journal) -> None:
        await vm.request_unplug("buddy0")
        with pytest.raises(UnplugPending, match="already in the process of unplug"):
            await vm.request_unplug("buddy0")
        with pytest.raises(WaitExpired, match="DEVICE_DELETED of device buddy0"):
            await vm.deleted("buddy0", vm.monitor.mark(), 0.1)

    on_machine(qemu, tmp_path, test)


def test_an_unexpected_end_of_qemu_ends_every_wait_as_a_harness_error(qemu: QemuInstallation, tmp_path: Path) -> None:
    async def test(vm: Machine, journal: Journal) -> None:
        assert vm.process.pid is not None
        waiting = asyncio.create_task(vm.event("SUSPEND", 0, 10))
        os.kill(vm.process.pid, signal.SIGKILL)
        with pytest.raises(ScenarioFailed, match="QEMU ended unexpectedly with status -9") as error:
            await waiting
        assert error.value.finding.verdict is Verdict.HARNESS_ERROR
        assert vm.life.state is MachineState.STOPPED

    on_machine(qemu, tmp_path, test)


def test_a_port_in_use_is_told_in_qemus_words(qemu: QemuInstallation, tmp_path: Path) -> None:
    async def run(port: int) -> None:
        async with machine(qemu, tmp_path, gdb=GdbServer(port)):
            pass

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(HarnessError, match="Address already in use"):
            asyncio.run(run(taken.getsockname()[1]))


def test_a_socket_that_cannot_be_made_is_told(qemu: QemuInstallation, tmp_path: Path) -> None:
    async def run() -> None:
        config = MachineConfig(qemu, "tcg", load_topology("buddy"), [])
        vm = Machine(config, MachineFiles(tmp_path, tmp_path / "missing"), Alarm())
        try:
            await vm.start()
        finally:
            await vm.stop()

    with pytest.raises(HarnessError, match="cannot create the QMP socket"):
        asyncio.run(run())


def test_a_module_for_another_qemu_is_refused(qemu: QemuInstallation, tmp_path: Path) -> None:
    (tmp_path / "buddy.so").write_bytes(b"")
    (tmp_path / "module.json").write_text(json.dumps({"qemu_version": "6.1.0 (Debian)"}))
    with pytest.raises(BadInput, match=r"built for QEMU 6\.1\.0 .*, but .* is .*; it was not loaded"):
        asyncio.run(fitting(find_qemu(), tmp_path))


def test_a_module_that_is_not_built_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="make image"):
        asyncio.run(fitting(find_qemu(), tmp_path))


def test_a_missing_qemu_is_told() -> None:
    with pytest.raises(BadInput, match="there is no qemu-system-nonsense"):
        find_qemu("qemu-system-nonsense")


def test_states_have_only_their_legal_transitions() -> None:
    life = LifeCycle()
    with pytest.raises(HarnessError, match="off cannot become asleep"):
        life.to(MachineState.ASLEEP)
    life.to(MachineState.STARTING)
    life.to(MachineState.RUNNING)
    with pytest.raises(HarnessError, match="must be asleep for this, but is running"):
        life.require(MachineState.ASLEEP)


def test_the_command_line_follows_from_the_configuration(qemu: QemuInstallation, tmp_path: Path) -> None:
    config = MachineConfig(replace(qemu, program=Path("qemu")), "tcg", load_topology("buddy"), ["-kernel", "k"])
    line = " ".join(command(config, MachineFiles(Path("RUN"), Path("PRIVATE"))))
    for part in (
        "-device pcie-root-port,id=rp1,chassis=1,slot=1",
        "-device buddy,id=buddy0,bus=rp1",
        "-device buddy-trace,chardev=journal,detail=full",
        "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
        "-kernel k",
    ):
        assert part in line
    assert "fredbus" not in line


def test_what_was_asked_for_is_not_tried(tmp_path: Path) -> None:
    chosen = asyncio.run(accelerator.choose(Path("/nowhere"), tmp_path / "cache", "tcg"))
    assert chosen.name == "tcg"


ORPHAN = """
import asyncio, sys
from pathlib import Path
from orchestrator.machine.process import QemuProcess
async def main():
    process = QemuProcess([sys.argv[1], "-machine", "none", "-nodefaults", "-display", "none"], {}, Path(sys.argv[2]))
    await process.start()
    print(process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def test_qemu_dies_with_the_orchestrator_whatever_kills_that(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", ORPHAN, str(find_qemu()), str(tmp_path / "log")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        # The prefix has to have become QEMU, else the test would show nothing.
        wait_until(lambda: "qemu" in Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0], "QEMU's start")
        parent.kill()
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or _state(pid) == "Z", "QEMU's end with the orchestrator", 5)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
