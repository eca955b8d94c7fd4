/* SPDX-License-Identifier: MIT */
/*
 * The sleeping state that q35's own tables lack, for QEMU's -acpitable: \_S1 (ACPI 6.4, 7.4.2.2 and 16.1.1). SLP_TYP 3 means nothing to QEMU's
 * PM1 control register: 0 switches off, 1 is S3, 2 is S4 (hw/acpi/core.c).
 */
DefinitionBlock ("", "SSDT", 1, "BUDDY ", "SLEEPS1 ", 1)
{
    Name (_S1, Package (4) {3, 3, 0, 0})
}
