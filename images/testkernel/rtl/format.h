/* SPDX-License-Identifier: MIT */
/* printf as Windows' kernel has it: %d %i %u %x %X %o %c %C %s %S %ws %wZ %Z %p %I64 %I32 %I %ll %l %h %z, flags, width, precision. */
#ifndef RTL_FORMAT_H
#define RTL_FORMAT_H
#include <stdarg.h>
#include <stddef.h>

/* Any IRQL. Returns the length that the whole text needs (without terminator), writes at most Size bytes including the terminator. */
size_t RtlFormatV(char *Buffer, size_t Size, const char *Format, va_list Arguments);
size_t RtlFormat(char *Buffer, size_t Size, const char *Format, ...);

/*
 * What the others are made of. Writes at most Limit characters and no terminator; returns how many the whole text has. Wide: Buffer and Format
 * are 16-bit; %s and %c take wide arguments then, and %S and %C narrow ones.
 */
size_t RtlFormatTextV(void *Buffer, size_t Limit, int Wide, const void *Format, va_list Arguments);

#endif
