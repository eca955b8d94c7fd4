/* SPDX-License-Identifier: MIT */
/*
 * The printf family that ntoskrnl exports. The _sn forms write no terminator when the text is as long as the buffer and return -1 when it is
 * longer; the _s forms always terminate and return -1 when the text was cut off (the C run-time would stop the program there).
 * https://learn.microsoft.com/cpp/c-runtime-library/reference/snprintf-snprintf-snprintf-l-snwprintf-snwprintf-l
 */
#include "rtl/format.h"
#include "rtl/rtl.h"

#define UNBOUNDED ((size_t)0x7FFFFFFF)
#define TRUNCATE  ((size_t)-1)

static void Terminate(void *Buffer, int Wide, size_t Index)
{
    if (Wide) {
        ((WCHAR *)Buffer)[Index] = 0;
    } else {
        ((char *)Buffer)[Index] = 0;
    }
}

/* _vsnprintf and _vsnwprintf. */
static int Print(void *Buffer, size_t Count, int Wide, const void *Format, va_list Arguments)
{
    size_t Length = RtlFormatTextV(Buffer, Count, Wide, Format, Arguments);
    if (Length < Count) {
        Terminate(Buffer, Wide, Length);
    }
    return Length <= Count ? (int)Length : -1;
}

/* _vsnprintf_s: Size is the buffer's, Count (or TRUNCATE) the most that may be written, without terminator. */
static int PrintSafe(void *Buffer, size_t Size, size_t Count, int Wide, const void *Format, va_list Arguments)
{
    size_t Room, Length;
    if (!Buffer || !Size) {
        return -1;
    }
    Room = Count < Size ? Count : Size - 1;
    Length = RtlFormatTextV(Buffer, Room, Wide, Format, Arguments);
    if (Length <= Room) {
        Terminate(Buffer, Wide, Length);
        return (int)Length;
    }
    Terminate(Buffer, Wide,
              Count == TRUNCATE || Count < Size ? Room : 0); /* too long for the buffer: empty, as documented */
    return -1;
}

/* Runs Call on the variable arguments after Last and returns its result. */
#define RETURN_WITH(Last, Call)                                                                                        \
    va_list Arguments;                                                                                                 \
    int Result;                                                                                                        \
    va_start(Arguments, Last);                                                                                         \
    Result = (Call);                                                                                                   \
    va_end(Arguments);                                                                                                 \
    return Result

int __cdecl _vsnprintf(char *Buffer, size_t Count, const char *Format, va_list Arguments)
{
    return Print(Buffer, Count, 0, Format, Arguments);
}

int __cdecl _snprintf(char *Buffer, size_t Count, const char *Format, ...)
{
    RETURN_WITH(Format, Print(Buffer, Count, 0, Format, Arguments));
}

int __cdecl vsprintf(char *Buffer, const char *Format, va_list Arguments)
{
    return Print(Buffer, UNBOUNDED, 0, Format, Arguments);
}

int __cdecl sprintf(char *Buffer, const char *Format, ...)
{
    RETURN_WITH(Format, Print(Buffer, UNBOUNDED, 0, Format, Arguments));
}

int __cdecl _vsnwprintf(wchar_t *Buffer, size_t Count, const wchar_t *Format, va_list Arguments)
{
    return Print(Buffer, Count, 1, Format, Arguments);
}

int __cdecl _snwprintf(wchar_t *Buffer, size_t Count, const wchar_t *Format, ...)
{
    RETURN_WITH(Format, Print(Buffer, Count, 1, Format, Arguments));
}

/* Without a count: ntoskrnl's form, as old as its ABI. mingw's headers declare the standard's form under this name. */
int __cdecl RtlpSwprintf(wchar_t *Buffer, const wchar_t *Format, ...) __asm__("swprintf");
int __cdecl RtlpSwprintf(wchar_t *Buffer, const wchar_t *Format, ...)
{
    RETURN_WITH(Format, Print(Buffer, UNBOUNDED, 1, Format, Arguments));
}

int __cdecl _swprintf(wchar_t *Buffer, const wchar_t *Format, ...)
{
    RETURN_WITH(Format, Print(Buffer, UNBOUNDED, 1, Format, Arguments));
}

int __cdecl _vswprintf(wchar_t *Buffer, const wchar_t *Format, va_list Arguments)
{
    return Print(Buffer, UNBOUNDED, 1, Format, Arguments);
}

int __cdecl _vsnprintf_s(char *Buffer, size_t Size, size_t Count, const char *Format, va_list Arguments)
{
    return PrintSafe(Buffer, Size, Count, 0, Format, Arguments);
}

int __cdecl _snprintf_s(char *Buffer, size_t Size, size_t Count, const char *Format, ...)
{
    RETURN_WITH(Format, PrintSafe(Buffer, Size, Count, 0, Format, Arguments));
}

int __cdecl vsprintf_s(char *Buffer, size_t Size, const char *Format, va_list Arguments)
{
    return PrintSafe(Buffer, Size, Size, 0, Format, Arguments);
}

int __cdecl sprintf_s(char *Buffer, size_t Size, const char *Format, ...)
{
    RETURN_WITH(Format, PrintSafe(Buffer, Size, Size, 0, Format, Arguments));
}

int __cdecl _vsnwprintf_s(wchar_t *Buffer, size_t Size, size_t Count, const wchar_t *Format, va_list Arguments)
{
    return PrintSafe(Buffer, Size, Count, 1, Format, Arguments);
}

int __cdecl _snwprintf_s(wchar_t *Buffer, size_t Size, size_t Count, const wchar_t *Format, ...)
{
    RETURN_WITH(Format, PrintSafe(Buffer, Size, Count, 1, Format, Arguments));
}

int __cdecl vswprintf_s(wchar_t *Buffer, size_t Size, const wchar_t *Format, va_list Arguments)
{
    return PrintSafe(Buffer, Size, Size, 1, Format, Arguments);
}

int __cdecl swprintf_s(wchar_t *Buffer, size_t Size, const wchar_t *Format, ...)
{
    RETURN_WITH(Format, PrintSafe(Buffer, Size, Size, 1, Format, Arguments));
}
