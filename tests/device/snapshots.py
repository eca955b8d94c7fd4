# SPDX-License-Identifier: MIT
"""Snapshots of a machine over QMP."""

from __future__ import annotations

from tests.device.qtest import Machine


def add_snapshot_disk(machine: Machine) -> None:
    """Make an empty image `disk0` that snapshots can be saved into."""
    disk = machine.options.workdir / "snapshots.qcow2"
    machine.command_qmp("blockdev-create", **{"job-id": "file", "options": {"driver": "file", "filename": str(disk), "size": 0}})
    machine.wait_event("JOB_STATUS_CHANGE", status="concluded")
    machine.command_qmp("blockdev-add", **{"driver": "file", "filename": str(disk), "node-name": "file0"})
    machine.command_qmp("blockdev-create", **{"job-id": "disk", "options": {"driver": "qcow2", "file": "file0", "size": 1 << 20}})
    machine.wait_event("JOB_STATUS_CHANGE", status="concluded")
    machine.command_qmp("blockdev-add", **{"driver": "qcow2", "file": "file0", "node-name": "disk0"})


def snapshot_job(machine: Machine, job: str, command: str) -> None:
    """Run `snapshot-save` or `snapshot-load` as a job of that name, to its end."""
    machine.command_qmp(command, **{"job-id": job, "tag": "s", "vmstate": "disk0", "devices": ["disk0"]})
    machine.wait_event("JOB_STATUS_CHANGE", id=job, status="concluded")
    (status,) = [known for known in machine.command_qmp("query-jobs") if known["id"] == job]
    assert "error" not in status, status
    machine.command_qmp("job-dismiss", id=job)
