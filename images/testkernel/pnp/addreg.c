/* SPDX-License-Identifier: MIT */
/*
 * AddReg and DelReg: the registry lines of an INF.
 * https://learn.microsoft.com/windows-hardware/drivers/install/inf-addreg-directive
 * https://learn.microsoft.com/windows-hardware/drivers/install/inf-delreg-directive
 */
#include "pnp/install.h"

#define FLG_ADDREG_NOCLOBBER     0x00000002
#define FLG_ADDREG_DELVAL        0x00000004
#define FLG_ADDREG_APPEND        0x00000008
#define FLG_ADDREG_KEYONLY       0x00000010
#define FLG_ADDREG_OVERWRITEONLY 0x00000020

/* Where a line's reg-root points: HKR is Root; NULL for a root that no driver's INF may name here (HKCR, HKCU, HKU). */
static PCM_KEY RootOf(PCM_KEY Root, const INF_LINE *Line)
{
    if (InfEqual(Line->Fields[0], "HKR")) {
        return Root;
    }
    return InfEqual(Line->Fields[0], "HKLM") ? CmSubkey(NULL, L"\\Registry\\Machine", TRUE) : NULL;
}

/* One AddReg line: reg-root, subkey, value name, flags, data... Root is where HKR points. */
static VOID AddRegLine(PCM_KEY Root, const INF_LINE *Line)
{
    WCHAR Wide[INF_WIDE], NameBuffer[INF_WIDE];
    UNICODE_STRING Name;
    PCM_KEY Key = RootOf(Root, Line);
    PCM_VALUE Old;
    ULONG Flags = Line->Count > 3 ? InfNumber(Line->Fields[3], 0) : 0;
    int I;
    if (Key && Line->Count > 1 && Line->Fields[1][0]) {
        Key = CmSubkey(Key, PnpWiden(Line->Fields[1], Wide), TRUE);
    }
    if (!Key || (Flags & FLG_ADDREG_KEYONLY) || Line->Count < 3) {
        return;
    }
    RtlInitUnicodeString(&Name, PnpWiden(Line->Fields[2], NameBuffer));
    Old = CmValue(Key, &Name);
    if ((Flags & FLG_ADDREG_DELVAL) && Old) {
        CmDeleteValue(Old);
    }
    if ((Flags & FLG_ADDREG_DELVAL) || ((Flags & FLG_ADDREG_NOCLOBBER) && Old) ||
        ((Flags & FLG_ADDREG_OVERWRITEONLY) && !Old)) {
        return;
    }
    switch (Flags & 0x000F0001) {
    case 0x00010001: { /* REG_DWORD: one number, or four bytes */
        ULONG Value = 0;
        for (I = 4; I < Line->Count; I++) {
            Value |= Line->Count == 5 ? InfNumber(Line->Fields[I], 0) : InfNumber(Line->Fields[I], 0) << (8 * (I - 4));
        }
        CmSetValue(Key, &Name, REG_DWORD, &Value, sizeof(Value));
        break;
    }
    case 0x00000001: { /* REG_BINARY */
        UCHAR Bytes[INF_FIELDS];
        for (I = 4; I < Line->Count; I++) {
            CHAR Hex[16] = "0x";
            ULONG J;
            for (J = 0; Line->Fields[I][J] && J + 3 < sizeof(Hex); J++) {
                Hex[2 + J] = Line->Fields[I][J];
            }
            Hex[2 + J] = 0;
            Bytes[I - 4] = (UCHAR)InfNumber(Hex, 0);
        }
        CmSetValue(Key, &Name, REG_BINARY, Bytes, Line->Count > 4 ? (ULONG)(Line->Count - 4) : 0);
        break;
    }
    case 0x00010000: { /* REG_MULTI_SZ; FLG_ADDREG_APPEND keeps what is there */
        WCHAR Multi[INF_WIDE];
        ULONG At = 0;
        if ((Flags & FLG_ADDREG_APPEND) && Old && Old->Type == REG_MULTI_SZ && Old->Size > sizeof(WCHAR)) {
            At = Old->Size / sizeof(WCHAR) - 1;
            At = min(At, INF_WIDE / 2);
            RtlCopyMemory(Multi, Old->Data, At * sizeof(WCHAR));
        }
        for (I = 4; I < Line->Count; I++) {
            PCSTR Text;
            for (Text = Line->Fields[I]; *Text && At + 3 < INF_WIDE; Text++) {
                Multi[At++] = (UCHAR)*Text;
            }
            Multi[At++] = 0;
        }
        Multi[At++] = 0;
        CmSetValue(Key, &Name, REG_MULTI_SZ, Multi, At * sizeof(WCHAR));
        break;
    }
    default:
        PnpWiden(Line->Count > 4 ? Line->Fields[4] : "", Wide);
        CmSetValue(Key, &Name, (Flags & 0x000F0000) == 0x00020000 ? REG_EXPAND_SZ : REG_SZ, Wide,
                   (ULONG)(wcslen(Wide) + 1) * sizeof(WCHAR));
        break;
    }
}

/* One DelReg line: reg-root, subkey, value name. Without a value name the key goes, if nothing is below it. */
static VOID DelRegLine(PCM_KEY Root, const INF_LINE *Line)
{
    WCHAR Wide[INF_WIDE];
    UNICODE_STRING Name;
    PCM_KEY Key = RootOf(Root, Line);
    PCM_VALUE Value;
    if (Key && Line->Count > 1 && Line->Fields[1][0]) {
        Key = CmSubkey(Key, PnpWiden(Line->Fields[1], Wide), FALSE);
    }
    if (Key && Line->Count > 2 && Line->Fields[2][0]) {
        RtlInitUnicodeString(&Name, PnpWiden(Line->Fields[2], Wide));
        Value = CmValue(Key, &Name);
        if (Value) {
            CmDeleteValue(Value);
        }
    } else if (Key && Key != Root) {
        CmDeleteKey(Key);
    }
}

static VOID ApplyLines(const INF_FILE *File, PCSTR Section, PCM_KEY Root, PCSTR Directive,
                       VOID (*Apply)(PCM_KEY, const INF_LINE *))
{
    INF_CURSOR *Cursors = ExAllocatePoolWithTag(PagedPool, 2 * sizeof(INF_CURSOR), PNP_TAG);
    INF_LINE *Lines = ExAllocatePoolWithTag(PagedPool, 2 * sizeof(INF_LINE), PNP_TAG);
    int I;
    if (Cursors && Lines && Root) {
        InfSeek(&Cursors[0], File, Section);
        while (InfNext(&Cursors[0], &Lines[0])) {
            if (!InfEqual(Lines[0].Key, Directive)) {
                continue;
            }
            for (I = 0; I < Lines[0].Count; I++) {
                InfSeek(&Cursors[1], File, Lines[0].Fields[I]);
                while (InfNext(&Cursors[1], &Lines[1])) {
                    Apply(Root, &Lines[1]);
                }
            }
        }
    }
    if (Cursors) {
        ExFreePoolWithTag(Cursors, PNP_TAG);
    }
    if (Lines) {
        ExFreePoolWithTag(Lines, PNP_TAG);
    }
}

/* "DelReg sections are processed before AddReg sections": page on DelReg. */
VOID PnpAddReg(const INF_FILE *File, PCSTR Section, PCM_KEY Root)
{
    ApplyLines(File, Section, Root, "DelReg", DelRegLine);
    ApplyLines(File, Section, Root, "AddReg", AddRegLine);
}

PCWSTR PnpWiden(PCSTR Text, PWCHAR Wide)
{
    ULONG I;
    for (I = 0; Text[I] && I + 1 < INF_WIDE; I++) {
        Wide[I] = (UCHAR)Text[I];
    }
    Wide[I] = 0;
    return Wide;
}
