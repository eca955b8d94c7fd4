/* SPDX-License-Identifier: MIT */
/*
 * Unwinding one frame. At a fault inside a prolog only the codes of the instructions that ran are undone. An epilog is recognized by
 * its instructions (add/lea rsp, pops, ret), as the x64 ABI asks for.
 */
#include "ke/unwind.h"
#include "boot/loader.h"
#include "mm/mm.h"

typedef struct _FUNCTION_ENTRY {
    ULONG Begin, End, Unwind;
} FUNCTION_ENTRY;

typedef struct _UNWIND_HEADER {
    UCHAR VersionFlags, PrologSize, CodeCount, Frame;
    USHORT Codes[];
} UNWIND_HEADER;

enum {
    UWOP_PUSH = 0,
    UWOP_ALLOC_LARGE,
    UWOP_ALLOC_SMALL,
    UWOP_SET_FPREG,
    UWOP_SAVE,
    UWOP_SAVE_FAR,
    UWOP_EPILOG,
    UWOP_SPARE,
    UWOP_SAVE_XMM,
    UWOP_SAVE_XMM_FAR,
    UWOP_MACHFRAME
};

#define FLAG_CHAIN 4
#define MAX_CHAIN  8

static BOOLEAN Load(ULONG64 Address, PULONG64 Value)
{
    if ((Address & 7) || !MiIsMapped((PVOID)Address, 8)) {
        return FALSE;
    }
    *Value = *(PULONG64)Address;
    return TRUE;
}

static const FUNCTION_ENTRY *FindFunction(PLOADED_IMAGE Image, ULONG Rva)
{
    PIMAGE_NT_HEADERS64 nt = (PVOID)(Image->Base + ((PIMAGE_DOS_HEADER)Image->Base)->e_lfanew);
    PIMAGE_DATA_DIRECTORY directory = &nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXCEPTION];
    const FUNCTION_ENTRY *table = (PVOID)(Image->Base + directory->VirtualAddress);
    ULONG low = 0, high = directory->VirtualAddress ? directory->Size / sizeof(*table) : 0;
    while (low < high) {
        ULONG middle = (low + high) / 2;
        if (Rva < table[middle].Begin) {
            high = middle;
        } else if (Rva >= table[middle].End) {
            low = middle + 1;
        } else {
            return &table[middle];
        }
    }
    return NULL;
}

/* Slots that a code takes besides its own. */
static ULONG ExtraSlots(UCHAR Operation, UCHAR Info)
{
    switch (Operation) {
    case UWOP_ALLOC_LARGE:
        return Info ? 2 : 1;
    case UWOP_SAVE:
    case UWOP_SAVE_XMM:
    case UWOP_EPILOG:
        return 1;
    case UWOP_SAVE_FAR:
    case UWOP_SAVE_XMM_FAR:
    case UWOP_SPARE:
        return 2;
    default:
        return 0;
    }
}

/* In an epilog: runs its remaining instructions. FALSE if Rip is in none. */
static BOOLEAN RunEpilog(UNWIND_STATE *State, PLOADED_IMAGE Image, ULONG64 FunctionEnd)
{
    UNWIND_STATE state = *State;
    const UCHAR *p = (const UCHAR *)state.Rip;
    const UCHAR *end = Image->Base + FunctionEnd;
    if (p + 4 <= end && p[0] == 0x48 && p[1] == 0x83 && p[2] == 0xC4) { /* add rsp, imm8 */
        state.Registers[UNWIND_RSP] += p[3];
        p += 4;
    } else if (p + 7 <= end && p[0] == 0x48 && p[1] == 0x81 && p[2] == 0xC4) { /* add rsp, imm32 */
        state.Registers[UNWIND_RSP] += *(const ULONG *)(p + 3);
        p += 7;
    }
    while (p < end) {
        UCHAR high = 0;
        if (*p == 0x41 && p + 1 < end) {
            high = 8;
            p++;
        }
        if (*p < 0x58 || *p > 0x5F) {
            break;
        }
        if (!Load(state.Registers[UNWIND_RSP], &state.Registers[high + *p - 0x58])) {
            return FALSE;
        }
        state.Registers[UNWIND_RSP] += 8;
        p++;
    }
    if (p >= end || (*p != 0xC3 && *p != 0xC2 && !(*p == 0xF3 && p + 1 < end && p[1] == 0xC3))) {
        return FALSE;
    }
    if (!Load(state.Registers[UNWIND_RSP], &state.Rip)) {
        return FALSE;
    }
    state.Registers[UNWIND_RSP] += 8;
    *State = state;
    return TRUE;
}

/* Undoes the codes of one unwind info. *MachineFrame: the return address came from a trap frame. */
static BOOLEAN RunCodes(UNWIND_STATE *State, const UNWIND_HEADER *Info, ULONG PrologOffset, PBOOLEAN MachineFrame)
{
    PULONG64 registers = State->Registers;
    ULONG64 frame = registers[Info->Frame & 15] - (Info->Frame >> 4) * 16ULL;
    for (ULONG i = 0; i < Info->CodeCount; i++) {
        UCHAR offset = (UCHAR)Info->Codes[i], operation = Info->Codes[i] >> 8 & 15,
              info = (UCHAR)(Info->Codes[i] >> 12);
        ULONG extra = ExtraSlots(operation, info);
        USHORT first = extra ? Info->Codes[i + 1] : 0;
        ULONG far = extra > 1 ? first | (ULONG)Info->Codes[i + 2] << 16 : 0;
        i += extra;
        if (offset > PrologOffset) {
            continue; /* not executed yet */
        }
        ULONG64 base = Info->Frame & 15 ? frame : registers[UNWIND_RSP];
        switch (operation) {
        case UWOP_PUSH:
            if (!Load(registers[UNWIND_RSP], &registers[info])) {
                return FALSE;
            }
            registers[UNWIND_RSP] += 8;
            break;
        case UWOP_ALLOC_LARGE:
            registers[UNWIND_RSP] += info ? far : first * 8ULL;
            break;
        case UWOP_ALLOC_SMALL:
            registers[UNWIND_RSP] += info * 8ULL + 8;
            break;
        case UWOP_SET_FPREG:
            registers[UNWIND_RSP] = frame;
            break;
        case UWOP_SAVE:
        case UWOP_SAVE_FAR:
            if (!Load(base + (operation == UWOP_SAVE ? first * 8ULL : far), &registers[info])) {
                return FALSE;
            }
            break;
        case UWOP_MACHFRAME: {
            ULONG64 at = registers[UNWIND_RSP] + (info ? 8 : 0);
            ULONG64 stack;
            if (!Load(at, &State->Rip) || !Load(at + 24, &stack)) {
                return FALSE;
            }
            registers[UNWIND_RSP] = stack;
            *MachineFrame = TRUE;
            break;
        }
        default: /* xmm registers are not needed for backtraces */
            break;
        }
    }
    return TRUE;
}

BOOLEAN KiUnwindFrame(UNWIND_STATE *State)
{
    PLOADED_IMAGE image = LdrImageFromAddress((PVOID)State->Rip);
    const FUNCTION_ENTRY *entry = NULL;
    BOOLEAN machine = FALSE;
    if (image && !image->Unloaded) {
        entry = FindFunction(image, (ULONG)(State->Rip - (ULONG64)image->Base));
    }
    if (entry) {
        /* The code may be gone: a call into a discarded INIT section. */
        if (MiIsMapped((PVOID)State->Rip, 16) && RunEpilog(State, image, entry->End)) {
            return State->Rip != 0;
        }
        ULONG offset = (ULONG)(State->Rip - (ULONG64)image->Base) - entry->Begin;
        for (ULONG chain = 0; chain < MAX_CHAIN; chain++) {
            const UNWIND_HEADER *info = (PVOID)(image->Base + entry->Unwind);
            if (!RunCodes(State, info, offset, &machine)) {
                return FALSE;
            }
            if (!(info->VersionFlags >> 3 & FLAG_CHAIN)) {
                break;
            }
            entry = (PVOID)&info->Codes[(info->CodeCount + 1) & ~1];
            offset = ~0u; /* a chained part's prolog is complete */
        }
    }
    if (!machine) { /* also leaf functions, and jumps to nowhere: the return address is on top of the stack */
        if (!Load(State->Registers[UNWIND_RSP], &State->Rip)) {
            return FALSE;
        }
        State->Registers[UNWIND_RSP] += 8;
    }
    return State->Rip != 0;
}
