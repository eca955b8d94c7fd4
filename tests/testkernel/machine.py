# SPDX-License-Identifier: MIT
"""A running test kernel on stock QEMU, with QMP and the guest agent: for tests of PCI, hot-plug and power."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import re
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from qemu.qmp import QMPError
from qemu.qmp.legacy import QEMUMonitorProtocol

from tests.waiting import TIME_LIMIT, wait_until

GLOBALS = ["ICH9-LPC.disable_s3=0", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]


class Machine:
    """QEMU with `ports` empty root ports rp1, rp2, …; the test kernel runs in it as soon as the object is made.

    With `device_module` (buddy.so) QEMU has our devices too, and writes `journal`.
    """

    def __init__(
        self,
        kernel: Path,
        directory: Path,
        modules: list[Path],
        append: str = "",
        ports: int = 2,
        qemu: list[str] | None = None,
        device_module: Path | None = None,
    ) -> None:
        self.console = directory / "com1.log"
        self.console.touch()
        agent, monitor = directory / "agent", directory / "qmp"
        command = ["qemu-system-x86_64", "-machine", "q35", "-m", "64", "-accel", "tcg", "-nodefaults", "-display", "none", "-S"]
        command += ["-serial", f"file:{self.console}", "-chardev", f"socket,id=agent,path={agent},server=on,wait=off"]
        command += ["-serial", "chardev:agent", "-device", "pvpanic", "-action", "panic=pause"]
        for setting in GLOBALS:
            command += ["-global", setting]
        for port in range(1, ports + 1):
            command += ["-device", f"pcie-root-port,id=rp{port},chassis={port},slot={port},addr={port}.0"]
        self.journal = directory / "journal.jsonl"
        environment = dict(os.environ)
        if device_module:
            environment["LD_PRELOAD"] = str(device_module)
            command += ["-chardev", f"file,id=journal,path={self.journal}", "-device", "buddy-trace,id=trace,chardev=journal"]
        command += ["-kernel", str(kernel), "-append", append, *(qemu or [])]
        if modules:
            command += ["-initrd", ",".join(map(str, modules))]
        self.events: list[str] = []
        self._qmp = QEMUMonitorProtocol(str(monitor), server=True)
        self._process = subprocess.Popen([*command, "-qmp", f"unix:{monitor}"], stdin=subprocess.DEVNULL, env=environment)
        self._qmp.accept(TIME_LIMIT)
        self._agent = socket.socket(socket.AF_UNIX)
        self._agent.connect(str(agent))
        self._received = b""
        self.qmp("cont")

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._agent.close()
        self._process.kill()
        self._process.wait()
        self._qmp.close()

    @property
    def log(self) -> str:
        return self.console.read_text(errors="replace")

    @property
    def complaints(self) -> list[str]:
        """Checks of a test driver that failed."""
        return re.findall(r".*\w+: \w+ FAILED.*", self.log)

    def records(self) -> list[dict[str, Any]]:
        """The journal up to now."""
        self.qmp("qom-set", path="/machine/peripheral/trace", property="flush", value=True)
        return [json.loads(line) for line in self.journal.read_text().splitlines()]

    def qmp(self, command: str, **arguments: Any) -> Any:
        return self._qmp.cmd(command, **arguments)

    def wait_event(self, name: str) -> None:
        """Waits for a QMP event that has not been waited for yet."""
        deadline = time.monotonic() + TIME_LIMIT
        while name not in self.events:
            remaining = deadline - time.monotonic()
            assert remaining > 0 and "GUEST_PANICKED" not in self.events, f"no {name}, only {self.events}: {self.log}"
            with contextlib.suppress(TimeoutError):
                event = self._qmp.pull_event(wait=min(remaining, 1.0))
                if event is not None:
                    self.events.append(event["event"])
        self.events.remove(name)

    def wait_exit(self) -> int:
        return self._process.wait(TIME_LIMIT)

    def wait_console(self, text: str, count: int = 1) -> None:
        """Waits until `text` is on the console `count` times."""
        self.wait_until(lambda: self.log.count(text) >= count, f"{count} times {text!r}")

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, lambda: f"{what}: {self.log}", pause=0.002)

    def agent(self, command: str, answer: bool = True, **arguments: Any) -> Any:
        """One guest-agent command; `answer` is False for those that answer nothing on success."""
        message: dict[str, Any] = {"execute": command} | ({"arguments": arguments} if arguments else {})
        self._agent.sendall(json.dumps(message).encode() + b"\n")
        if not answer:
            return None
        reply = self._reply(TIME_LIMIT)
        assert "return" in reply, f"{command}: {reply}"
        return reply["return"]

    def refusal(self, command: str, **arguments: Any) -> str:
        """A guest-agent command that must fail: the error's text."""
        self.agent(command, answer=False, **arguments)
        return str(self._reply(TIME_LIMIT)["error"]["desc"])

    def _reply(self, limit: float) -> Any:
        self._agent.settimeout(limit)
        while b"\n" not in self._received:
            self._received += self._agent.recv(4096)
        line, self._received = self._received.split(b"\n", 1)
        return json.loads(line)

    def synchronize(self) -> None:
        """After boot and wake: what was sent while the serial port was in reset is lost, so ask until the answer fits."""
        deadline = time.monotonic() + TIME_LIMIT
        while time.monotonic() < deadline:
            number = random.randrange(1 << 30)
            self.agent("guest-sync", answer=False, id=number)
            try:
                while self._reply(0.5) != {"return": number}:
                    pass
                return
            except TimeoutError:
                continue
        raise AssertionError(f"the guest agent does not answer: {self.log}")

    def control(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """buddyctl: exit code and JSON."""
        started = self.agent("guest-exec", path="buddyctl.exe", arg=list(arguments), **{"capture-output": True})
        status: dict[str, Any] = {"exited": False}
        while not status["exited"]:
            status = self.agent("guest-exec-status", pid=started["pid"])
        return status["exitcode"], json.loads(base64.b64decode(status.get("out-data", "")) or "{}")

    def devices(self) -> dict[str, dict[str, Any]]:
        code, result = self.control("devices")
        assert code == 0, result
        return {device["instance"]: device for device in result["devices"]}

    def device(self, hardware: str) -> dict[str, Any] | None:
        """The device one of whose hardware IDs is `hardware`."""
        return next((d for d in self.devices().values() if hardware in d["hardware_ids"]), None)

    def unplug(self, device: str) -> None:
        self.qmp("device_del", id=device)
        self.wait_event("DEVICE_DELETED")

    def sleep(self) -> None:
        """Into S3; returns when QEMU says so."""
        self.agent("guest-suspend-ram", answer=False)
        self.wait_event("SUSPEND")

    def wake(self) -> None:
        self.qmp("system_wakeup")
        self.wait_event("WAKEUP")
        self.synchronize()


__all__ = ["Machine", "QMPError"]
