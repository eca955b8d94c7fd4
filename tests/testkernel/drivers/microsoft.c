/* SPDX-License-Identifier: MIT */
/*
 * A driver as Microsoft's tools make one: for the target windows-msvc, linked by lld-link with a PDB and no COFF symbols, stack cookies by the load
 * configuration, INT 29h where memory is found corrupt. It breaks in the way that its service's name ends with. No header: the DDK of mingw is not
 * for this target.
 */
typedef unsigned short WCHAR;
typedef unsigned long long ULONG64;
typedef struct _UNICODE_STRING {
    unsigned short Length, MaximumLength;
    WCHAR *Buffer;
} UNICODE_STRING;
typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink, *Blink;
} LIST_ENTRY;

#define DEFAULT_COOKIE      0x00002B992DDFA232ULL
#define STATUS_UNSUCCESSFUL 0xC0000001
#define DISPATCH_LEVEL      2

__declspec(dllimport) unsigned char KfRaiseIrql(unsigned char Irql);
__declspec(dllimport) unsigned long DbgPrint(const char *Format, ...);
int _fltused = 1;

ULONG64 __security_cookie = DEFAULT_COOKIE;
/* IMAGE_LOAD_CONFIG_DIRECTORY64 as far as the cookie; lld-link fills the header's entry from the name. */
const struct {
    unsigned Size, Unused[21];
    ULONG64 *SecurityCookie;
    ULONG64 Rest[20];
} _load_config_used = {sizeof(_load_config_used), {0}, &__security_cookie, {0}};

__attribute__((no_stack_protector)) void __security_check_cookie(ULONG64 Cookie)
{
    if (Cookie != __security_cookie) {
        __fastfail(2);
    }
}

static volatile int Sink, Many = 28;
static void (*volatile Nobody)(void);

__attribute__((noinline)) static void Overrun(int Count)
{
    volatile char local[16];
    for (int i = 0; i < Count; i++) {
        local[i] = 'x';
    }
    Sink = local[Count / 2];
}

__attribute__((noinline)) static void RemoveTwice(void)
{
    LIST_ENTRY head, entry = {&head, &head};
    head.Flink = head.Blink = &head; /* the entry was removed before */
    if (entry.Blink->Flink != &entry) {
        __fastfail(3);
    }
}

__attribute__((noinline)) static int ReadNull(volatile int *Pointer)
{
    return Pointer[4];
}

/* A tail call: ReadNull's caller is not on the stack. */
__attribute__((noinline)) static int TailCall(volatile int *Pointer)
{
    Sink = 1;
    return ReadNull(Pointer);
}

__attribute__((noinline)) static void CallNull(void)
{
    Nobody();
    Sink = 2;
}

__attribute__((noinline)) static void CallNullAtDispatch(void)
{
    KfRaiseIrql(DISPATCH_LEVEL);
    Nobody();
    Sink = 3;
}

/* Ends with the instruction: what follows belongs to the next function. */
__attribute__((noinline)) static void Break(void)
{
    __debugbreak();
    __builtin_unreachable();
}

__attribute__((noinline)) static void Assert(void)
{
    __asm__ volatile("int $0x2c");
    __builtin_unreachable();
}

__attribute__((noinline)) static void MisalignedVector(void)
{
    static char memory[64];
    __asm__ volatile("movaps %%xmm0, 1(%0)" : : "r"((ULONG64)memory & ~15ULL) : "memory");
}

__attribute__((noinline)) static int Recurse(int Depth)
{
    volatile char frame[1024];
    frame[Depth & 1023] = 1;
    return Recurse(Depth + 1) + frame[0];
}

static int EndsWith(const UNICODE_STRING *Path, const char *End)
{
    int length = 0;
    while (End[length]) {
        length++;
    }
    const WCHAR *at = Path->Buffer + Path->Length / sizeof(WCHAR) - length;
    while (*End && *at == (unsigned char)*End) {
        at++;
        End++;
    }
    return !*End;
}

static unsigned DriverEntry(const UNICODE_STRING *Path)
{
    if (EndsWith(Path, "overrun")) {
        Overrun(Many);
    } else if (EndsWith(Path, "list")) {
        RemoveTwice();
    } else if (EndsWith(Path, "tail")) {
        Sink = TailCall((void *)0);
    } else if (EndsWith(Path, "null")) {
        CallNull();
    } else if (EndsWith(Path, "dispatch")) {
        CallNullAtDispatch();
    } else if (EndsWith(Path, "break")) {
        Break();
    } else if (EndsWith(Path, "assert")) {
        Assert();
    } else if (EndsWith(Path, "vector")) {
        MisalignedVector();
    } else if (EndsWith(Path, "recurse")) {
        Sink = Recurse(0);
    }
    DbgPrint("microsoft: the cookie is good\n");
    return STATUS_UNSUCCESSFUL;
}

/* What BufferOverflowFastFailK.lib does: the loader must have changed the cookie. */
__attribute__((no_stack_protector)) unsigned GsDriverEntry(void *Driver, const UNICODE_STRING *Path)
{
    if (!__security_cookie || __security_cookie == DEFAULT_COOKIE || __security_cookie >> 48) {
        __fastfail(6);
    }
    return DriverEntry(Path);
}
