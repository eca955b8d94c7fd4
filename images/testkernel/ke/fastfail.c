/* SPDX-License-Identifier: MIT */
/*
 * __fastfail: INT 29h with the reason in ECX, which compilers and headers emit where they find memory corrupted (stack cookie, LIST_ENTRY). The
 * stop is 0x139, whose first parameter is the reason.
 * https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x139--kernel-security-check-failure
 */
#include "ke/fastfail.h"

PCSTR KiFastFailReason(ULONG Code)
{
    static const PCSTR reasons[] = {
        [0] = "a stack buffer was overrun (legacy cookie)",
        [1] = "an illegal virtual function table",
        [2] = "a stack buffer was overrun: the cookie between locals and return address is not what it was",
        [3] = "a LIST_ENTRY is corrupt: its neighbours do not point back to it (removed twice, freed, overwritten?)",
        [5] = "an invalid parameter that a function considers fatal",
        [6] = "the stack cookie is the linker's default value: nobody initialized it",
        [7] = "the driver asks for its end",
        [8] = "an array index out of bounds",
        [10] = "an indirect call to what is no valid target",
        [14] = "an invalid reference count",
        [29] = "a corrupt balanced tree",
    };
    return Code < COUNT_OF(reasons) && reasons[Code] ? reasons[Code] : "a corruption without a name here";
}
