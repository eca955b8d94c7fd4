# SPDX-License-Identifier: MIT
"""One virtual machine: start it, plug, unplug, yank, put to sleep and wake it, and end it.

The machine's alarm is raised when the guest panics or resets, or QEMU exits, whoever is waiting for what at that time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from orchestrator.base.alarm import Alarm
from orchestrator.base.errors import HarnessError
from orchestrator.base.verdict import Finding, Verdict
from orchestrator.machine.command import MachineConfig, MachineFiles, command, environment
from orchestrator.machine.process import QemuProcess
from orchestrator.machine.qmp import Monitor, QmpEvent, QmpRefused
from orchestrator.machine.states import LifeCycle, MachineState
from orchestrator.machine.topology import Topology

START_SECONDS = 10.0
QEMU_ANSWER_SECONDS = 5.0
# After a device_del that the guest did not grant, QEMU refuses the next one for this long, in virtual time
# (hw/pci/pcie.c: pending_deleted_expires_ms).
UNPLUG_PENDING_SECONDS = 5.0
# It also refuses one while the slot's indicator blinks: the guest is about to answer the last one.
_NOT_YET = ("already in the process of unplug", "guest is busy")


class UnplugPending(Exception):
    """QEMU still waits for the guest's answer to an earlier device_del; it takes the next one after five seconds."""


class Machine:
    """A QEMU with its monitor. Use `start`, then the rest, and `stop` in a `finally`."""

    def __init__(self, config: MachineConfig, files: MachineFiles, alarm: Alarm) -> None:
        self.config = config
        self.files = files
        self.alarm = alarm
        self.life = LifeCycle()
        self.process = QemuProcess(command(config, files), environment(config), files.qemu_log)
        self.monitor = Monitor(files.qmp, files.qmp_log)
        # Ids of the devices that are physically there, as QEMU says by its events.
        self.present: set[str] = {device.id for device in self.topology.devices.values() if device.plugged}
        self._ending = False
        # A reset of the machine is asked for, and no surprise.
        self._reset_wanted = False
        self._watcher: asyncio.Task[None] | None = None
        # The sleep is S1.
        self.standby = False

    @property
    def topology(self) -> Topology:
        """The ports and devices that this machine was made from."""
        return self.config.topology

    async def start(self) -> None:
        """Start QEMU and shake hands with its monitor. Raises HarnessError with QEMU's own words when it will not start."""
        self.life.to(MachineState.STARTING)
        await self.monitor.listen()
        self.monitor.subscribe(self._on_event)
        await self.process.start()
        await self._or_exit(self.monitor.accept(), "QEMU to connect to its monitor socket", START_SECONDS)
        self.life.to(MachineState.RUNNING)
        self._watcher = asyncio.create_task(self._watch())

    async def _or_exit(self, work: Coroutine[Any, Any, None], what: str, limit: float) -> None:
        exited = asyncio.create_task(self.process.exited())
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task, exited}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and task.exception() is None:
                return
            if task.done():
                # The connection broke; QEMU's end, a moment later, is the reason.
                await asyncio.wait({exited}, timeout=1)
            if exited.done():
                said = self.process.said() or "it said nothing"
                raise HarnessError(f"QEMU ended with status {exited.result()} before it started the machine: {said}")
            if task.done():
                raise HarnessError(f"QEMU's monitor did not greet: {task.exception()}")
            raise HarnessError(f"waited {limit:g} s for {what}, which did not come")
        finally:
            task.cancel()
            exited.cancel()
            await asyncio.gather(task, exited, return_exceptions=True)

    async def _watch(self) -> None:
        status = await self.process.exited()
        if not self._ending:
            self.life.to(MachineState.STOPPED)
            reason = f"QEMU ended unexpectedly with status {status}: {self.process.said() or 'it said nothing'}"
            self.alarm.raise_(Finding(Verdict.HARNESS_ERROR, "qemu-exit", reason))

    def _on_event(self, event: QmpEvent) -> None:
        match event.name:
            case "DEVICE_DELETED":
                self.present.discard(event.data.get("device", ""))
            case "SUSPEND":
                self.life.to(MachineState.ASLEEP)
            case "WAKEUP":
                self.life.to(MachineState.RUNNING)
            case "GUEST_PANICKED" if self.life.state != MachineState.PANICKED:
                self.life.to(MachineState.PANICKED)
                self.alarm.raise_(Finding(Verdict.GUEST_BUGCHECK, "bugcheck", "the guest panicked"))
            case "RESET" if not self._reset_wanted and event.data.get("guest") and self.life.state is MachineState.RUNNING:
                self._died_by_reset()
            case "SHUTDOWN" if event.data.get("reason") == "guest-reset" and self.life.state != MachineState.PANICKED:
                self._died_by_reset()

    def _died_by_reset(self) -> None:
        self.life.to(MachineState.PANICKED)
        reason = "the guest reset the machine (a triple fault, or it chose to)"
        self.alarm.raise_(Finding(Verdict.GUEST_BUGCHECK, "guest-reset", reason))

    async def execute(self, name: str, arguments: dict[str, object] | None = None) -> Any:
        """A QMP command, guarded: QEMU's answer within five seconds, QmpRefused, or the alarm."""
        try:
            return await self.alarm.guard(self.monitor.execute(name, arguments), f"QEMU's answer to {name}", QEMU_ANSWER_SECONDS)
        except HarnessError:
            # The connection breaks a moment before the process' end is seen; the end is the better reason.
            await asyncio.wait({asyncio.create_task(self.alarm.raised())}, timeout=0.5)
            self.alarm.check()
            raise

    async def event(self, name: str, since: int, limit: float, match: dict[str, Any] | None = None) -> QmpEvent:
        """The QMP event since the mark, within `limit` seconds."""
        about = " of " + ", ".join(f"{key} {value}" for key, value in match.items()) if match else ""
        return await self.alarm.guard(self.monitor.event(name, since, match), f"the QMP event {name}{about}", limit)

    async def plug(self, id: str) -> None:
        """Plug the topology's device `id` in (device_add). The guest notices later."""
        self.life.require(MachineState.RUNNING, MachineState.ASLEEP)
        device = self.topology.device(id)
        await self.execute("device_add", device.arguments())
        self.present.add(id)

    async def request_unplug(self, id: str) -> None:
        """Ask the guest to give `id` up (device_del). Raises UnplugPending while QEMU waits for the answer to the last one."""
        self.life.require(MachineState.RUNNING, MachineState.ASLEEP)
        try:
            await self.execute("device_del", {"id": id})
        except QmpRefused as refused:
            if any(text in refused.answer for text in _NOT_YET):
                raise UnplugPending(refused.answer) from refused
            raise

    async def withdraw_unplug(self, id: str) -> None:
        """The guest refused the device_del of `id`: QEMU need not wait for it any longer, and takes the next one at once."""
        path = f"/machine/peripheral/{id}"
        with contextlib.suppress(QmpRefused):  # not a PCI device: there the five seconds have to pass
            await self.execute("qom-set", {"path": path, "property": "unplug-requested", "value": False})

    async def deleted(self, id: str, since: int, limit: float) -> None:
        """Wait until QEMU says that `id` is gone (DEVICE_DELETED since the mark)."""
        await self.event("DEVICE_DELETED", since, limit, {"device": id})

    async def yank(self, id: str) -> None:
        """Pull `id` out without asking; returns when it is gone."""
        self.life.require(MachineState.RUNNING, MachineState.ASLEEP)
        since = self.monitor.mark()
        await self.execute("qom-set", {"path": f"/machine/peripheral/{id}", "property": "yank", "value": True})
        await self.deleted(id, since, QEMU_ANSWER_SECONDS)

    async def asleep(self, since: int, limit: float) -> None:
        """Wait until the machine sleeps (SUSPEND since the mark)."""
        await self.event("SUSPEND", since, limit)

    def stands_by(self) -> None:
        """The guest says that it sleeps in S1, of which QEMU knows nothing."""
        self.life.to(MachineState.ASLEEP)
        self.standby = True

    def left_standby(self) -> None:
        """The guest says that S1 is over."""
        self.life.to(MachineState.RUNNING)
        self.standby = False

    async def press_power_button(self) -> None:
        """What ends S1."""
        self.life.require(MachineState.ASLEEP)
        await self.execute("system_powerdown")

    async def wake(self) -> None:
        """Wake the machine from S3; returns when QEMU says that it woke."""
        self.life.require(MachineState.ASLEEP)
        since = self.monitor.mark()
        await self.execute("system_wakeup")
        await self.event("WAKEUP", since, QEMU_ANSWER_SECONDS)

    @contextlib.asynccontextmanager
    async def resetting(self, limit: float) -> AsyncIterator[None]:
        """Whatever resets the machine inside the block is wanted; it must have been reset `limit` seconds after the block's end.

        The block ends when the guest is up again: firmware may reset the machine once more by itself, as SeaBIOS does.
        Outside of such a block a reset ends the run, and the guest stays as it is, for evidence.
        """
        self.life.require(MachineState.RUNNING)
        since = self.monitor.mark()
        self._reset_wanted = True
        await self.execute("set-action", {"reboot": "reset"})
        try:
            yield
            await self.event("RESET", since, limit)
            await self.execute("set-action", {"reboot": "shutdown"})
        finally:
            self._reset_wanted = False

    async def fault(self, id: str, text: str) -> None:
        """Arm or disarm a fault of `id`, as its property `fault` takes it (docs/device.md). Raises QmpRefused."""
        self.life.require(MachineState.RUNNING, MachineState.ASLEEP)
        await self.execute("qom-set", {"path": f"/machine/peripheral/{id}", "property": "fault", "value": text})

    async def signal_wake(self, id: str) -> None:
        """The world knocks at `id`: it signals PME, if the guest has enabled that."""
        self.life.require(MachineState.RUNNING, MachineState.ASLEEP)
        await self.execute("qom-set", {"path": f"/machine/peripheral/{id}", "property": "wake-event", "value": True})

    async def woken(self, since: int) -> None:
        """Wait until QEMU says that the machine woke since the mark."""
        await self.event("WAKEUP", since, QEMU_ANSWER_SECONDS)

    async def nmi(self, limit: float) -> bool:
        """Send every processor an NMI; True when the guest answered with a crash within `limit` seconds.

        For hangs, after the alarm: it is not guarded by it.
        """
        since = self.monitor.mark()
        try:
            async with asyncio.timeout(limit):
                await self.monitor.execute("inject-nmi")
                await self.monitor.event("GUEST_PANICKED", since)
                return True
        except (TimeoutError, QmpRefused, HarnessError):
            return False

    async def dump(self, path: Path, limit: float) -> None:
        """Write the guest's memory to `path`, as an ELF core by virtual addresses (as gdb reads it). Not guarded by the alarm.

        Raises QmpRefused with QEMU's reason, TimeoutError, or HarnessError when QEMU is gone.
        """
        async with asyncio.timeout(limit):
            await self.monitor.execute("dump-guest-memory", {"paging": True, "protocol": f"file:{path.absolute()}"})

    def call_at_panic(self, callback: Callable[[], None]) -> None:
        """`callback` is called when the guest panics."""
        self.monitor.subscribe(lambda event: callback() if event.name == "GUEST_PANICKED" else None)

    async def stop(self) -> None:
        """End QEMU; returns when nothing of it is left. Safe to call at any time, more than once."""
        self._ending = True
        if self._watcher:
            self._watcher.cancel()
        await self.monitor.close()
        await self.process.stop()
        if self.life.state not in (MachineState.OFF, MachineState.STOPPED):
            self.life.to(MachineState.STOPPED)
