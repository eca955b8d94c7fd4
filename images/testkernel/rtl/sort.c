/* SPDX-License-Identifier: MIT */
/* qsort (as heap sort: in place, no recursion on the small kernel stack) and bsearch. Any IRQL if the memory is resident. */
#include "rtl/rtl.h"

typedef int(__cdecl *COMPARE)(const void *, const void *);

static void Swap(UCHAR *A, UCHAR *B, size_t Size)
{
    for (; Size; Size--, A++, B++) {
        UCHAR Byte = *A;
        *A = *B;
        *B = Byte;
    }
}

/* Moves the element at Root down until its children among the first Count elements are not greater. */
static void SiftDown(UCHAR *Base, size_t Root, size_t Count, size_t Size, COMPARE Compare)
{
    for (size_t Child; (Child = 2 * Root + 1) < Count; Root = Child) {
        if (Child + 1 < Count && Compare(Base + Child * Size, Base + (Child + 1) * Size) < 0) {
            Child++;
        }
        if (Compare(Base + Root * Size, Base + Child * Size) >= 0) {
            return;
        }
        Swap(Base + Root * Size, Base + Child * Size, Size);
    }
}

void __cdecl qsort(void *Base, size_t Count, size_t Size, COMPARE Compare)
{
    for (size_t i = Count / 2; i-- > 0;) {
        SiftDown(Base, i, Count, Size, Compare);
    }
    for (size_t i = Count; i-- > 1;) {
        Swap(Base, (UCHAR *)Base + i * Size, Size);
        SiftDown(Base, 0, i, Size, Compare);
    }
}

void *__cdecl bsearch(const void *Key, const void *Base, size_t Count, size_t Size, COMPARE Compare)
{
    const UCHAR *First = Base;
    while (Count) {
        const UCHAR *Middle = First + Count / 2 * Size;
        int Order = Compare(Key, Middle);
        if (!Order) {
            return (void *)(ULONG_PTR)Middle;
        }
        if (Order > 0) {
            First = Middle + Size;
            Count--;
        }
        Count /= 2;
    }
    return NULL;
}
