# SPDX-License-Identifier: MIT
"""pnptest: what the test filter (guest-drivers/pnptest) does to the stack of one device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.base.strict_yaml import Node

if TYPE_CHECKING:
    from orchestrator.scenario.context import Context
    from orchestrator.scenario.model import Step

SERVICE = "pnptest"
# The filter's own interface on a device.
_INTERFACE = r"{6f4b0d31-5a5c-4e0b-9e6b-b0dd00000005}\pnptest"
# CTL_CODE(0xB0DD, function, METHOD_BUFFERED, FILE_ANY_ACCESS), as include/pnptest_ioctl.h has them.
_ARM, _REBALANCE, _SURPRISE_REMOVE, _QUERY, _RELEASE = (0xB0DD << 16 | function << 2 for function in range(0x820, 0x825))
# What is asked for -> I/O control and input.
_CONTROLS: dict[str, tuple[int, int | None]] = {
    "fail-query-remove": (_ARM, 1),
    "hold-query-remove": (_ARM, 1 | 16),
    "release": (_RELEASE, None),
    "fail-query-stop": (_ARM, 2),
    "fail-restart": (_ARM, 4),
    "new-resources": (_ARM, 8),
    "rebalance": (_REBALANCE, None),
    "surprise-remove": (_SURPRISE_REMOVE, None),
    "query": (_QUERY, None),
}


@dataclass(frozen=True)
class PnpTest:
    """Attach the filter to a driver's device or take it off (either restarts the device), or have it do something."""

    driver: str
    action: str

    @property
    def title(self) -> str:
        return f"pnptest on {self.driver}: {self.action}"

    async def run(self, context: Context) -> None:
        instance = await context.instance(self.driver)
        if self.action in ("attach", "detach"):
            change = "add" if self.action == "attach" else "remove"
            await context.ask(context.ctl.run("filter", instance, change, SERVICE), f"filter {self.driver} {change}")
            await context.ask(context.ctl.run("restart", instance), f"restart {self.driver}")
            await context.settled()
            return
        code, value = _CONTROLS[self.action]
        words = [] if value is None else [value.to_bytes(4, "little").hex()]
        link = "\\\\?\\" + instance.replace("\\", "#") + "#" + _INTERFACE
        await context.ask(context.ctl.run("ioctl", link, f"0x{code:08x}", *words), self.title)


def parse_pnptest(node: Node) -> PnpTest:
    """`pnptest: {driver: owner, do: fail-query-remove}`."""
    node.only("driver", "do")
    return PnpTest(node.need("driver").text(), node.need("do").choice("attach", "detach", *_CONTROLS))


PARSERS: dict[str, Callable[[Node], Step]] = {"pnptest": parse_pnptest}
