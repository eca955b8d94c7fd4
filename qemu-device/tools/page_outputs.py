# SPDX-License-Identifier: MIT
"""What people and Python read: the generated parts of docs/device.md, and the register names for decoding the journal."""

from __future__ import annotations

from rdl_outputs import GENERATED, Field, Register

BLOCK_TITLES = {
    "client": "buddy BAR0: a client's page (offset in the page; page n is at n * 0x1000)",
    "owner": "buddy BAR0: the owner's registers (page 0 only, at 0x800)",
    "bus": "fredbus BAR0: the controller",
    "slot": "fredbus BAR0: a slot (slot n is at 0x400 + n * 0x40)",
    "io": "buddy BAR1: the I/O window (property `ioport=on`)",
}
BLOCK_BASE = {"owner": 0x800}
ACCESS = {"ro": "read", "rw": "read/write", "wo": "write", "w1c": "write 1 to clear"}


def _bits(field: Field) -> str:
    return str(field.low) if field.low == field.high else f"{field.high}:{field.low}"


def register_section(maps: dict[str, list[Register]]) -> str:
    """Markdown: one table a block, one row a field."""
    lines: list[str] = []
    for registers in maps.values():
        for block in dict.fromkeys(register.block for register in registers):
            lines += [f"### {BLOCK_TITLES[block]}", ""]
            lines += ["| offset | register | bits | field | access | reset | meaning |", "|---|---|---|---|---|---|---|"]
            for register in (r for r in registers if r.block == block):
                about = f"**{register.title}.** {register.description}".strip()
                where = f"| 0x{register.offset + BLOCK_BASE.get(block, 0):03x} | `{register.name}` "
                for field in register.fields:
                    meaning = " ".join(part for part in (about, field.description) if part)
                    access = ACCESS[field.access]
                    lines.append(f"{where}| {_bits(field)} | {field.name} | {access} | {field.reset:#x} | {meaning} |")
                    about, where = "", "| | "
            lines.append("")
    return "\n".join(lines)


def rules_section(rules: list[dict[str, str]]) -> str:
    """Markdown: the rules with their rationale and source."""
    lines = ["| rule | why | source |", "|---|---|---|"]
    lines += [f"| `{rule['name']}` | {rule['why']} | {rule['source']} |" for rule in rules]
    return "\n".join([*lines, ""])


def fill(page: str, name: str, text: str) -> str:
    """Put a generated section between its markers on a page."""
    begin, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->\n"
    head, rest = page.split(begin, 1)
    _, tail = rest.split(end, 1)
    return f"{head}{begin}\n{text}\n{end}{tail}"


def python_names(maps: dict[str, list[Register]]) -> str:
    """A module with every register's offset and fields, and a function that spells a value out."""
    lines = [
        "# SPDX-License-Identifier: MIT",
        f'"""Names of the devices\' registers and fields, for decoding the journal.\n\n{GENERATED}\n"""',
        "",
        "# ruff: noqa: E501",
        "# fmt: off",
        "from __future__ import annotations",
        "",
        "import re",
        "",
        "# device type -> register (slots without their number: `slot.STATUS`) -> fields as (name, lowest bit, mask)",
        "REGISTERS: dict[str, dict[str, tuple[tuple[str, int, int], ...]]] = {",
    ]
    for device, registers in maps.items():
        lines.append(f'    "{device}": {{')
        for register in registers:
            name = f"slot.{register.name}" if register.block == "slot" else register.name
            fields = "".join(f'("{f.name}", {f.low}, 0x{f.mask:x}), ' for f in register.fields).strip()
            fields = fields if len(register.fields) == 1 else fields.rstrip(",")
            lines.append(f'        "{name}": ({fields}),')
        lines.append("    },")
    lines += [
        "}",
        "",
        "",
        "def spell_out(device: str, register: str, value: int) -> str:",
        '    """The fields of a register value: single bits that are set by name, wider fields with their value.',
        "",
        "    `device` is the QEMU type (`buddy`, `fredbus`), `register` the name in the journal. Unknown ones give the number.",
        '    """',
        '    fields = REGISTERS.get(device, {}).get(re.sub(r"\\[\\d+\\]", "", register))',
        "    if fields is None or (len(fields) == 1 and fields[0][2] == 0xFFFFFFFF):",
        '        return f"{value:#x}"',
        "    words = []",
        "    for name, low, mask in fields:",
        "        part = (value & mask) >> low",
        "        if mask >> low == 1:",
        "            words += [name] if part else []",
        "        else:",
        '            words.append(f"{name}={part:#x}")',
        '    return " ".join(words) or "0"',
        "",
    ]
    return "\n".join(lines)
