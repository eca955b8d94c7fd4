/* SPDX-License-Identifier: MIT */
/*
 * What the DDK headers of mingw-w64 lack, in this one file. With Microsoft's WDK the #ifndef branches fall away.
 */
#ifndef DDK_COMPAT_H
#define DDK_COMPAT_H

/*
 * mingw's wdm.h defines these two as static after intrin.h has declared them; clang takes that, as Microsoft's compiler does, for an external definition, and
 * every object file has one. Under names of their own they stay static.
 */
#if defined(__clang__) && defined(__MINGW32__)
#include <intrin.h>
#define InterlockedBitTestAndSet   WdmInterlockedBitTestAndSet
#define InterlockedBitTestAndReset WdmInterlockedBitTestAndReset
#endif

#include <ntddk.h>

/* On x86 mingw declares it and has it nowhere. */
#if defined(__MINGW32__) && !defined(_WIN64)
#define InterlockedIncrement64(Value) __sync_add_and_fetch((Value), 1)
#endif

/* Section placement. `#pragma alloc_text` does nothing in gcc; the section name is what makes code pageable or discardable. */
#if defined(_MSC_VER) && !defined(__clang__)
#define SECTION_INIT __declspec(code_seg("INIT"))
#define SECTION_PAGE __declspec(code_seg("PAGE"))
#else
#define SECTION_INIT __attribute__((section("INIT")))
#define SECTION_PAGE __attribute__((section("PAGE")))
#endif

#ifndef NT_ASSERT
#define NT_ASSERT(expression) ((void)(expression))
#endif

/* Orders device register accesses between each other; volatile alone binds the compiler, this also binds the processor. */
#ifndef KeMemoryBarrier
#define KeMemoryBarrier() __sync_synchronize()
#endif

/* PoFx, ExAllocatePool2 and POOL_FLAG_* are absent as well; the drivers use the older documented functions, which every Windows has. */

/* The layouts that the drivers share with the kernel; a wrong header would corrupt IRPs silently. */
#ifdef _WIN64
C_ASSERT(sizeof(IRP) == 0xD0);
C_ASSERT(sizeof(IO_STACK_LOCATION) == 0x48);
C_ASSERT(sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR) == 20);
#endif

#endif
