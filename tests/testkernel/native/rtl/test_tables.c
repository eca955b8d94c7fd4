/* SPDX-License-Identifier: MIT */
/* Generic tables against a plain array, and the bounds-checked string functions. */
#include "harness.h"

static RTL_GENERIC_COMPARE_RESULTS Compare(PRTL_AVL_TABLE Table, PVOID First, PVOID Second)
{
    int a = *(int *)First, b = *(int *)Second;
    (void)Table;
    return a < b ? GenericLessThan : a > b ? GenericGreaterThan : GenericEqual;
}

static PVOID Allocate(PRTL_AVL_TABLE Table, CLONG Size)
{
    (void)Table;
    return malloc(Size);
}

static VOID Free(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    (void)Table;
    free(Buffer);
}

static int Depth(PRTL_BALANCED_LINKS Node)
{
    if (!Node) {
        return 0;
    }
    int left = Depth(Node->LeftChild), right = Depth(Node->RightChild);
    CHECK(!Node->LeftChild || Node->LeftChild->Parent == Node);
    CHECK(!Node->RightChild || Node->RightChild->Parent == Node);
    return 1 + (left > right ? left : right);
}

TEST(generic_tables_agree_with_an_array)
{
    enum { VALUES = 300 };
    RTL_AVL_TABLE table;
    UCHAR present[VALUES] = {0};
    ULONG count = 0;
    RtlInitializeGenericTableAvl(&table, Compare, Allocate, Free, NULL);
    for (int round = 0; round < 6000; round++) {
        int value = (int)Random(VALUES);
        if (Random(2)) {
            BOOLEAN is_new;
            int *element = RtlInsertElementGenericTableAvl(&table, &value, sizeof(value), &is_new);
            EQUAL(value, *element);
            EQUAL(!present[value], is_new);
            count += is_new;
            present[value] = 1;
        } else {
            EQUAL(present[value], RtlDeleteElementGenericTableAvl(&table, &value));
            count -= present[value];
            present[value] = 0;
        }
        EQUAL(count, RtlNumberGenericTableElementsAvl(&table));
        EQUAL(present[value], RtlLookupElementGenericTableAvl(&table, &value) != NULL);
    }
    int *element = RtlEnumerateGenericTableAvl(&table, TRUE);
    ULONG index = 0;
    for (int value = 0; value < VALUES; value++) {
        if (present[value]) {
            CHECK(element && *element == value);
            EQUAL(value, *(int *)RtlGetElementGenericTableAvl(&table, index++));
            element = RtlEnumerateGenericTableAvl(&table, FALSE);
        }
    }
    CHECK(element == NULL && RtlGetElementGenericTableAvl(&table, index) == NULL);
    /* Deleting while enumerating, as drivers empty their tables. */
    while ((element = RtlEnumerateGenericTableAvl(&table, TRUE)) != NULL) {
        int value = *element;
        CHECK(RtlDeleteElementGenericTableAvl(&table, &value));
    }
    EQUAL(0, RtlNumberGenericTableElementsAvl(&table));
}

TEST(generic_tables_stay_balanced_when_filled_in_order)
{
    RTL_AVL_TABLE table;
    RtlInitializeGenericTableAvl(&table, Compare, Allocate, Free, NULL);
    for (int value = 0; value < 4096; value++) {
        RtlInsertElementGenericTableAvl(&table, &value, sizeof(value), NULL);
    }
    CHECK(Depth(table.BalancedRoot.RightChild) < 48); /* a list would be 4096 deep, a perfect tree 13 */
    for (int value = 0; value < 4096; value++) {
        CHECK(RtlDeleteElementGenericTableAvl(&table, &value));
    }
}

TEST(bounds_checked_copies_keep_their_bounds)
{
    char text[4] = "abc";
    wchar_t wide[4] = L"ab";
    EQUAL(34, strcpy_s(text, sizeof(text), "long"));
    EQUAL(0, text[0]);
    EQUAL(0, strcpy_s(text, sizeof(text), "xy"));
    EQUAL(34, strcat_s(text, sizeof(text), "zw"));
    EQUAL(0, text[0]);
    EQUAL(80, strncpy_s(text, sizeof(text), "long", (size_t)-1));
    SAME_TEXT("lon", text);
    EQUAL(0, strncpy_s(text, sizeof(text), "long", 2));
    SAME_TEXT("lo", text);
    EQUAL(22, strcpy_s(text, sizeof(text), NULL));
    EQUAL(0, wcscat_s(wide, 4, L"c"));
    EQUAL(0, memcmp(wide, L"abc", 8));
    EQUAL(34, memcpy_s(text, sizeof(text), "12345", 5));
    EQUAL(0, text[0]);
}

TEST(a_table_is_walked_and_searched_without_changing_it)
{
    RTL_AVL_TABLE table;
    PVOID key = NULL, place;
    TABLE_SEARCH_RESULT result;
    BOOLEAN added;
    RtlInitializeGenericTableAvl(&table, Compare, Allocate, Free, NULL);
    CHECK(RtlIsGenericTableEmptyAvl(&table));
    CHECK(RtlEnumerateGenericTableWithoutSplayingAvl(&table, &key) == NULL);
    for (int value = 30; value > 0; value -= 10) {
        CHECK(RtlLookupElementGenericTableFullAvl(&table, &value, &place, &result) == NULL);
        EQUAL(value == 30, result == TableEmptyTree);
        int *element = RtlInsertElementGenericTableFullAvl(&table, &value, sizeof(value), &added, place, result);
        CHECK(added && *element == value);
    }
    CHECK(!RtlIsGenericTableEmptyAvl(&table));
    int twenty = 20, found = 0;
    int *element = RtlLookupElementGenericTableFullAvl(&table, &twenty, &place, &result);
    CHECK(element && *element == 20 && result == TableFoundNode);
    CHECK(RtlInsertElementGenericTableFullAvl(&table, &twenty, sizeof(twenty), &added, place, result) == element);
    CHECK(!added);
    for (key = NULL; (element = RtlEnumerateGenericTableWithoutSplayingAvl(&table, &key)) != NULL;) {
        found += 10;
        EQUAL(found, *element); /* in order */
    }
    EQUAL(30, found);
    for (int value = 10; value <= 30; value += 10) {
        CHECK(RtlDeleteElementGenericTableAvl(&table, &value));
    }
    CHECK(RtlIsGenericTableEmptyAvl(&table) && !RtlDeleteElementGenericTableAvl(&table, &twenty));
}
