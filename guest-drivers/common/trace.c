/* SPDX-License-Identifier: MIT */
/*
 * Trace lines: formatted into a buffer on the stack, then written by one `rep outsb` with interrupts disabled, so that no interrupt
 * handler on this processor can put its own line into the middle (docs/journal.md, "Trace lines").
 * The formatter is our own because the kernel's are only documented for PASSIVE_LEVEL.
 */
#include "trace.h"
#include <stdarg.h>

#define TRACE_PORT 0xB00
#define LINE_SIZE  160

ULONG TraceDetail = 1;

typedef struct _LINE {
    CHAR Text[LINE_SIZE];
    ULONG Length;
} LINE;

/* One place is always kept free for the newline; a longer line is cut. */
static VOID PutChar(LINE *Line, CHAR Character)
{
    if (Line->Length < LINE_SIZE - 1) {
        Line->Text[Line->Length++] = Character;
    }
}

static VOID PutString(LINE *Line, const CHAR *String)
{
    while (*String != '\0') {
        PutChar(Line, *String++);
    }
}

static VOID PutUnicode(LINE *Line, const UNICODE_STRING *String)
{
    ULONG index;

    for (index = 0; index < String->Length / sizeof(WCHAR); index++) {
        WCHAR character = String->Buffer[index];
        PutChar(Line, character > ' ' && character < 0x7F ? (CHAR)character : '?');
    }
}

static VOID PutDecimal(LINE *Line, ULONG Value)
{
    CHAR digits[10];
    ULONG count = 0;

    do {
        digits[count++] = (CHAR)('0' + Value % 10);
        Value /= 10;
    } while (Value != 0);
    while (count > 0) {
        PutChar(Line, digits[--count]);
    }
}

static VOID PutHexadecimal(LINE *Line, ULONG Value)
{
    LONG shift;

    PutString(Line, "0x");
    for (shift = 28; shift >= 0; shift -= 4) {
        PutChar(Line, "0123456789abcdef"[(Value >> shift) & 0xF]);
    }
}

static VOID WriteLine(const LINE *Line)
{
    const CHAR *text = Line->Text;
    SIZE_T length = Line->Length;

#if defined(_MSC_VER) && !defined(__clang__)
    /* Microsoft's compiler has intrinsics instead of inline assembly, and keeps their order. */
    unsigned __int64 flags = __readeflags();

    _disable();
    __outbytestring(TRACE_PORT, (PUCHAR)text, (ULONG)length);
    __writeeflags(flags);
#else
    /* One asm statement, so that the compiler cannot put anything between the saving and the restoring of the interrupt flag. */
    __asm__ __volatile__("pushf\n\tcli\n\trep outsb\n\tpopf"
                         : "+S"(text), "+c"(length)
                         : "d"((USHORT)TRACE_PORT)
                         : "memory", "cc");
#endif
}

VOID Trace(const CHAR *Format, ...)
{
    LINE line;
    va_list arguments;

    if (TraceDetail == 0) {
        return;
    }
    line.Length = 0;
    PutString(&line, TraceDriverName);
    PutChar(&line, ' ');
    va_start(arguments, Format);
    for (; *Format != '\0'; Format++) {
        if (*Format != '%') {
            PutChar(&line, *Format);
            continue;
        }
        switch (*++Format) {
        case 's':
            PutString(&line, va_arg(arguments, const CHAR *));
            break;
        case 'S':
            PutUnicode(&line, va_arg(arguments, const UNICODE_STRING *));
            break;
        case 'u':
            PutDecimal(&line, va_arg(arguments, ULONG));
            break;
        case 'x':
            PutHexadecimal(&line, va_arg(arguments, ULONG));
            break;
        default:
            PutChar(&line, *Format);
            break;
        }
    }
    va_end(arguments);
    line.Text[line.Length++] = '\n';
    WriteLine(&line);
}
