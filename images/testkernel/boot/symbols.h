/* SPDX-License-Identifier: MIT */
/* Symbol tables: the kernel's (appended to kernel.bin by tools/mkimage.py) and the COFF ones of driver files. */
#ifndef BOOT_SYMBOLS_H
#define BOOT_SYMBOLS_H
#include "boot/loader.h"

/* Any IRQL. The kernel function that contains Rva; NULL if unknown. *Start receives its RVA. */
PCSTR BootKernelSymbol(ULONG Rva, PULONG Start);
/* Any IRQL. The same from a driver file's COFF symbol table; Name receives a terminated copy. FALSE when stripped. */
BOOLEAN BootCoffSymbol(const UCHAR *File, SIZE_T FileSize, ULONG Rva, PSTR Name, SIZE_T NameSize, PULONG Start);
/* Bytes of the kernel's image in memory (the headers' SizeOfImage counts debug information that is not loaded). */
ULONG BootImageSize(VOID);
/* Physical end of the kernel's symbol table, relative to the image base. */
ULONG BootSymbolsEnd(VOID);

#endif
