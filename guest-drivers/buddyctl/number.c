/* SPDX-License-Identifier: MIT */
#include "number.h"

int HexDigit(wchar_t Character)
{
    if (Character >= L'0' && Character <= L'9') {
        return Character - L'0';
    }
    Character |= 0x20;
    return Character >= L'a' && Character <= L'f' ? Character - L'a' + 10 : -1;
}

BOOL ParseNumber(const wchar_t *Text, DWORD *Number)
{
    int base = Text[0] == L'0' && (Text[1] | 0x20) == L'x' ? 16 : 10;
    ULONGLONG value = 0;

    Text += base == 16 ? 2 : 0;
    if (*Text == L'\0') {
        return FALSE;
    }
    for (; *Text != L'\0'; Text++) {
        int digit = HexDigit(*Text);

        if (digit < 0 || digit >= base) {
            return FALSE;
        }
        value = value * (unsigned)base + (unsigned)digit;
        if (value > MAXDWORD) {
            return FALSE;
        }
    }
    *Number = (DWORD)value;
    return TRUE;
}
