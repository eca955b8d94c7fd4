/* SPDX-License-Identifier: MIT */
/*
 * Which model of an INF fits a device best, and which service it brings.
 * https://learn.microsoft.com/windows-hardware/drivers/install/inf-manufacturer-section
 * https://learn.microsoft.com/windows-hardware/drivers/install/creating-inf-files-for-multiple-platforms-and-operating-systems
 */
#include "pnp/inf.h"

static size_t Append(char *To, size_t Size, size_t At, const char *Text)
{
    while (*Text && At + 1 < Size) {
        To[At++] = *Text++;
    }
    To[At] = 0;
    return At;
}

static bool StartsWith(const char *Text, const char *Prefix)
{
    while (*Prefix) {
        char A = *Text, B = *Prefix;
        A = A >= 'A' && A <= 'Z' ? (char)(A + 32) : A;
        B = B >= 'A' && B <= 'Z' ? (char)(B + 32) : B;
        if (A != B) {
            return false;
        }
        Text++;
        Prefix++;
    }
    return true;
}

/* What this kernel says it is (rtl/version.c). */
#define OS_MAJOR   10u
#define OS_MINOR   0u
#define OS_BUILD   19041u
#define OS_PRODUCT 1u /* VER_NT_WORKSTATION */
#define OS_SUITE   0u
#define SPECIFICS  5
#define NOT_GIVEN  0xFFFFFFFFu

/*
 * TargetOSVersion "NTamd64[.major[.minor[.product[.suite[.build]]]]]" of a models section: does it fit this system? How closely: higher is closer, 0 does not fit.
 * "Windows uses the section with the highest version numbers that are not higher than the operating system version", "a specific version number takes
 * precedence over the product type and suite mask". Without an architecture it is for x86: page on the Manufacturer section.
 */
static uint32_t Decoration(const char *Text)
{
    uint32_t Part[SPECIFICS], I;
    if (!StartsWith(Text, "ntamd64") || (Text[7] && Text[7] != '.')) {
        return 0;
    }
    Text += 7;
    for (I = 0; I < SPECIFICS; I++) {
        char Number[16];
        size_t Used = 0;
        Text += *Text == '.';
        while (*Text && *Text != '.') {
            if (Used + 1 < sizeof(Number)) {
                Number[Used++] = *Text;
            }
            Text++;
        }
        Number[Used] = 0;
        Part[I] = Used ? InfNumber(Number, 0xFFFFFFFEu) : NOT_GIVEN;
    }
    uint32_t Major = Part[0] == NOT_GIVEN ? 0 : Part[0], Minor = Part[1] == NOT_GIVEN ? 0 : Part[1];
    if (*Text || Major > OS_MAJOR || (Major == OS_MAJOR && Minor > OS_MINOR) ||
        (Part[2] != NOT_GIVEN && Part[2] != OS_PRODUCT) || (Part[3] != NOT_GIVEN && (Part[3] & OS_SUITE) != Part[3]) ||
        /* "Evaluated only when the OS major/minor version matches the current OS exactly." */
        (Part[4] != NOT_GIVEN && Major == OS_MAJOR && Minor == OS_MINOR && Part[4] > OS_BUILD)) {
        return 0;
    }
    return 1 + (Part[3] != NOT_GIVEN) + 2 * (Part[2] != NOT_GIVEN) +
           4 * (Part[4] == NOT_GIVEN ? 0 : Part[4] & 0x7FFFF) + 0x200000 * (Major << 4 | (Minor & 15));
}

/* Position of Id in a double-null-terminated list, or -1. */
static int IndexOf(const char *List, const char *Id)
{
    int Index = 0;
    while (List && *List) {
        if (InfEqual(List, Id)) {
            return Index;
        }
        while (*List++) {
        }
        Index++;
    }
    return -1;
}

static uint32_t Rank(const INF_LINE *Model, const char *HardwareIds, const char *CompatibleIds, const char **Id)
{
    uint32_t Best = INF_NO_MATCH;
    int I;
    for (I = 1; I < Model->Count; I++) {
        int Hardware = IndexOf(HardwareIds, Model->Fields[I]);
        int Compatible = IndexOf(CompatibleIds, Model->Fields[I]);
        uint32_t InInf =
            I == 1 ? 0 : 0x1000 + (uint32_t)(I - 2) * 0x100; /* its hardware ID, or one of its compatible IDs */
        uint32_t Value = Hardware >= 0     ? InInf + (uint32_t)Hardware
                         : Compatible >= 0 ? 0x2000 + InInf + (uint32_t)Compatible
                                           : INF_NO_MATCH;
        if (Value < Best) {
            Best = Value;
            *Id = Model->Fields[I];
        }
    }
    return Best;
}

/* Section, or Section.NTamd64 or Section.NT when the file has one, written to Out; false when there is none. */
static bool Decorate(const INF_FILE *File, const char *Section, char *Out, size_t Size)
{
    static const char *const Suffixes[] = {".NTamd64", ".NT", ""};
    size_t I;
    for (I = 0; I < sizeof(Suffixes) / sizeof(Suffixes[0]); I++) {
        Append(Out, Size, Append(Out, Size, 0, Section), Suffixes[I]);
        if (InfHasSection(File, Out)) {
            return true;
        }
    }
    return false;
}

/* A decimal number at *Text, which moves behind it and one separator. */
static uint32_t Part(const char **Text)
{
    uint32_t Value = 0;
    for (; **Text >= '0' && **Text <= '9'; (*Text)++) {
        Value = Value * 10 + (uint32_t)(**Text - '0');
    }
    *Text += **Text != 0;
    return Value;
}

void InfDriverVersion(const INF_FILE *File, INF_DRIVER_VERSION *Version)
{
    INF_LINE Line;
    Version->Date = 0;
    Version->Version = 0;
    if (InfFind(File, "Version", "DriverVer", &Line) && Line.Count) {
        const char *Text = Line.Fields[0];
        uint32_t Month = Part(&Text), Day = Part(&Text);
        Version->Date = Part(&Text) * 10000 + Month * 100 + Day;
        Text = Line.Count > 1 ? Line.Fields[1] : "";
        for (int I = 0; I < 4; I++) {
            Version->Version = Version->Version << 16 | (Part(&Text) & 0xFFFF);
        }
    }
}

bool InfIsNewer(const INF_FILE *File, const INF_FILE *Than)
{
    INF_DRIVER_VERSION A, B;
    InfDriverVersion(File, &A);
    InfDriverVersion(Than, &B);
    return A.Date != B.Date ? A.Date > B.Date : A.Version > B.Version;
}

static void MatchModels(const INF_FILE *File, const char *Section, const char *HardwareIds, const char *CompatibleIds,
                        INF_MATCH *Best)
{
    INF_CURSOR Cursor;
    INF_LINE Model;
    InfSeek(&Cursor, File, Section);
    while (InfNext(&Cursor, &Model)) {
        const char *Id = "";
        char Install[80];
        uint32_t Value = Rank(&Model, HardwareIds, CompatibleIds, &Id);
        /* https://learn.microsoft.com/windows-hardware/drivers/install/how-setup-selects-drivers: equal ranks, then the driver's date, then its version. */
        if (Value > Best->Rank || (Value == Best->Rank && (!Best->File || !InfIsNewer(File, Best->File))) ||
            Model.Count < 2 || !Decorate(File, Model.Fields[0], Install, sizeof(Install))) {
            continue;
        }
        Best->File = File;
        Best->Rank = Value;
        Append(Best->Install, sizeof(Best->Install), 0, Install);
        Append(Best->Description, sizeof(Best->Description), 0, Model.Key);
        Append(Best->DeviceId, sizeof(Best->DeviceId), 0, Id);
    }
}

void InfMatchDevice(const INF_FILE *File, const char *HardwareIds, const char *CompatibleIds, INF_MATCH *Best)
{
    INF_CURSOR Cursor;
    INF_LINE Line;
    InfSeek(&Cursor, File, "Manufacturer");
    while (InfNext(&Cursor, &Line)) {
        char Section[160];
        uint32_t Specific = 0;
        int I, Chosen = 0;
        if (Line.Count == 0) {
            continue;
        }
        for (I = 1; I < Line.Count; I++) {
            uint32_t Value = Decoration(Line.Fields[I]);
            if (Value > Specific) {
                Specific = Value;
                Chosen = I;
            }
        }
        /* An x64 system takes no undecorated models: they are for x86. */
        if (Chosen == 0) {
            continue;
        }
        Append(Section, sizeof(Section),
               Append(Section, sizeof(Section), Append(Section, sizeof(Section), 0, Line.Fields[0]), "."),
               Line.Fields[Chosen]);
        MatchModels(File, Section, HardwareIds, CompatibleIds, Best);
    }
}

bool InfAssociatedService(const INF_MATCH *Match, char *Service, size_t ServiceSize, char *Section, size_t SectionSize)
{
    char Services[96];
    INF_CURSOR Cursor;
    INF_LINE Line;
    Append(Services, sizeof(Services), Append(Services, sizeof(Services), 0, Match->Install), ".Services");
    InfSeek(&Cursor, Match->File, Services);
    while (InfNext(&Cursor, &Line)) {
        if (InfEqual(Line.Key, "AddService") && Line.Count >= 2 && (InfNumber(Line.Fields[1], 0) & 2) &&
            (Line.Count >= 3 || !Line.Fields[0][0])) {
            Append(Service, ServiceSize, 0, Line.Fields[0]);
            Append(Section, SectionSize, 0, Line.Count >= 3 ? Line.Fields[2] : "");
            return true;
        }
    }
    return false;
}
