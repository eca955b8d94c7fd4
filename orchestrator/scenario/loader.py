# SPDX-License-Identifier: MIT
"""Reads scenario files. Strict: what is not understood is an error with file, line and the nearest valid key."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.base.errors import BadInput
from orchestrator.base.strict_yaml import Node, load, nearest
from orchestrator.base.verdict import Verdict
from orchestrator.guest.catalogue import GUESTS
from orchestrator.machine.topology import Topology, load_topology
from orchestrator.scenario.model import ExpectedFailure, Scenario, Step, Suite
from orchestrator.scenario.steps import fault, guest_work, hotplug, pnptest, power, process, reboot, update, waiting
from orchestrator.scenario.steps.hotplug import Plug, Unplug, Yank
from orchestrator.scenario.steps.power import Wake
from orchestrator.scenario.steps.waiting import Repeat

_SCENARIO_KEYS = (
    *("about", "guest", "topology", "drivers", "first", "replace", "exercise"),
    *("journal", "allow", "limit", "patience", "steps", "expect"),
)
_DEFAULT_KEYS = ("guest", "topology", "drivers", "first", "replace", "exercise", "journal", "allow", "limit", "patience")
_EXPECT_KEYS = ("failure", "name", "reason", "rule", "client", "code", "bugcheck", "driver")


def load_suite(path: Path, values: Mapping[str, str] | None = None) -> Suite:
    """The suite in the file, with these values of its variables. Raises BadInput."""
    root = load(path)
    root.only("variables", "definitions", "defaults", "scenarios")
    variables = _variables(root, values or {})
    root.substitute(variables)
    defaults = root.get("defaults")
    if defaults:
        defaults.only(*_DEFAULT_KEYS)
    scenarios = [_scenario(name, node, defaults, path, variables) for name, node in root.need("scenarios").pairs()]
    if not scenarios:
        raise BadInput(f"{path}: has no scenarios")
    return Suite(path, scenarios)


def _variables(root: Node, given: Mapping[str, str]) -> dict[str, str]:
    """The suite's variables with their values: those that are given, else the defaults. One without either is an error."""
    node = root.get("variables")
    declared = {} if node is None else dict(node.pairs())
    for name in given:
        if name not in declared:
            known = list(declared)
            root.fail(f"the suite has no variable {name!r}{nearest(name, known)}", f"It has: {', '.join(known) or 'none'}.")
    for name, default in declared.items():
        if name not in given and default.empty():
            default.fail(f"the variable {name!r} has no value", f"Give it: --set {name}=VALUE")
    return {name: given[name] if name in given else default.text() for name, default in declared.items()}


def _scenario(name: str, node: Node, defaults: Node | None, path: Path, variables: Mapping[str, str]) -> Scenario:
    if not all(c.isalnum() or c in "-_." for c in name):
        node.fail(f"a scenario's name may have letters, digits, '-', '_' and '.', but it is {name!r}")
    node.only(*_SCENARIO_KEYS)

    def setting(key: str) -> Node | None:
        return node.get(key) or (defaults.get(key) if defaults else None)

    guest, first, exercise = setting("guest"), setting("first"), setting("exercise")
    replace, journal, allow, limit = setting("replace"), setting("journal"), setting("allow"), setting("limit")
    packages = setting("drivers")
    patience = setting("patience")
    topology_node = setting("topology") or node.fail(f"scenario {name} needs the key 'topology'")
    topology = _topology(topology_node, path, variables)
    expect = node.get("expect")
    steps_node = node.need("steps")
    steps = [] if steps_node.empty() else [_step(entry, topology) for entry in steps_node.items()]
    return Scenario(
        name,
        node.need("about").text(),
        node.place,
        path,
        guest.choice(*GUESTS) if guest else "testkernel",
        topology.name,
        steps,
        first.choice("owner", "borrower") if first else None,
        {key: value.text() for key, value in replace.pairs()} if replace else {},
        tuple(path.parent / entry.text() for entry in packages.items()) if packages else (),
        variables,
        (),
        _exercise(exercise),
        journal.choice("full", "events") if journal else "full",
        frozenset(entry.text() for entry in allow.items()) if allow else frozenset(),
        limit.seconds() if limit else 60.0,
        _expected(expect) if expect else (),
        patience.seconds() if patience else None,
    )


def _exercise(node: Node | None) -> str | None:
    if node is None:
        return "borrower"
    return None if node.text() == "none" else node.text()


def _topology(node: Node, suite: Path, variables: Mapping[str, str]) -> Topology:
    name = node.text()
    if name.endswith((".yaml", ".yml")):
        # A file is meant as seen from the suite's own folder.
        name = str(suite.parent / name)
    try:
        return load_topology(name, variables)
    except BadInput as error:
        node.fail(error.problem, error.remedy)


def _expected(node: Node) -> tuple[ExpectedFailure, ...]:
    if node.kind == "list":
        return tuple(_expected_failure(entry) for entry in node.items())
    return (_expected_failure(node),)


def _expected_failure(node: Node) -> ExpectedFailure:
    node.only(*_EXPECT_KEYS)
    failures = [str(v) for v in (Verdict.DRIVER_FAILURE, Verdict.GUEST_BUGCHECK, Verdict.HANG)]
    verdict = Verdict(node.need("failure").choice(*failures))
    name, reason = node.get("name"), node.get("reason")
    facts = {key: value.plain() for key, value in node.pairs() if key not in ("failure", "name", "reason")}
    if not facts and name is None and reason is None:
        node.fail("expect must name the reason: at least one of name, reason, rule, client, code, bugcheck, driver")
    return ExpectedFailure(verdict, name.text() if name else None, reason.text() if reason else None, facts)


def _parse_repeat(node: Node, topology: Topology) -> Repeat:
    node.only("times", "steps")
    return Repeat(node.need("times").whole(1), [_step(entry, topology) for entry in node.need("steps").items()])


_PARSERS: Mapping[str, Callable[[Node], Step]] = {
    **fault.PARSERS,
    **hotplug.PARSERS,
    **power.PARSERS,
    **reboot.PARSERS,
    **pnptest.PARSERS,
    **process.PARSERS,
    **guest_work.PARSERS,
    **update.PARSERS,
    **waiting.PARSERS,
}


def _step(node: Node, topology: Topology) -> Step:
    known = [*_PARSERS, "repeat"]
    if node.kind == "value":
        # A step without a value, such as `- suspend`.
        name = node.text()
        if name not in ("suspend", "resume", "reboot"):
            node.fail(f"unknown step {name!r}{nearest(name, known)}", f"Steps: {', '.join(known)}.")
        return _PARSERS[name](node.nothing())
    pairs = list(node.pairs())
    if len(pairs) != 1:
        node.fail(f"a step is one key with its value, but here are {len(pairs)} keys")
    name, value = pairs[0]
    if name == "repeat":
        return _parse_repeat(value, topology)
    if name not in _PARSERS:
        node.fail(f"unknown step {name!r}{nearest(name, known)}", f"Steps: {', '.join(known)}.")
    step = _PARSERS[name](value)
    if isinstance(step, Plug | Unplug | Yank) and (several := fnmatch.filter(topology.devices, step.device)) != [step.device]:
        # A pattern: one after the other, and only then the wait until the guest has followed.
        steps = [replace(step, device=id, settle=step.settle and id == several[-1]) for id in several]
        if steps:
            return Repeat(1, steps)
    if isinstance(step, Plug | Unplug | Yank | Wake) and step.device not in topology.devices:
        devices = list(topology.devices)
        value.fail(
            f"topology {topology.name} has no device {step.device!r}{nearest(step.device, devices)}",
            f"It has: {', '.join(devices) or 'none'}.",
        )
    return step
