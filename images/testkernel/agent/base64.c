/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648, section 4): the agent protocol's form of command output. */
#include "agent/agent.h"

SIZE_T AgentBase64(const VOID *Bytes, SIZE_T Length, PCHAR Text)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const UCHAR *bytes = Bytes;
    PCHAR out = Text;

    for (SIZE_T i = 0; i < Length; i += 3) {
        SIZE_T left = Length - i;
        ULONG group = (ULONG)bytes[i] << 16 | (left > 1 ? (ULONG)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
        *out++ = left > 2 ? alphabet[group & 63] : '=';
    }
    *out = 0;
    return (SIZE_T)(out - Text);
}
