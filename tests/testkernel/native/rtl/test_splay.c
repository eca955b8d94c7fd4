/* SPDX-License-Identifier: MIT */
/* Splay trees and the generic tables on them. */
#include "harness.h"

#define NODES 64

typedef struct {
    RTL_SPLAY_LINKS Links;
    int Value;
} NODE;

#define VALUE(links) (((NODE *)(links))->Value)

static PRTL_SPLAY_LINKS Insert(PRTL_SPLAY_LINKS Root, NODE *Node)
{
    Node->Links = (RTL_SPLAY_LINKS){&Node->Links, NULL, NULL};
    if (!Root) {
        return &Node->Links;
    }
    for (;;) {
        PRTL_SPLAY_LINKS *next = Node->Value < VALUE(Root) ? &Root->LeftChild : &Root->RightChild;
        if (!*next) {
            *next = &Node->Links;
            Node->Links.Parent = Root;
            return RtlSplay(&Node->Links);
        }
        Root = *next;
    }
}

/* Sorted, and every child knows its parent. Returns the number of nodes. */
static int CheckTree(PRTL_SPLAY_LINKS Node, PRTL_SPLAY_LINKS Parent, int Low, int High)
{
    if (!Node) {
        return 0;
    }
    CHECK(Node->Parent == (Parent ? Parent : Node));
    CHECK(VALUE(Node) > Low && VALUE(Node) < High);
    return 1 + CheckTree(Node->LeftChild, Node, Low, VALUE(Node)) +
           CheckTree(Node->RightChild, Node, VALUE(Node), High);
}

TEST(a_splayed_node_is_the_root_of_the_same_tree)
{
    NODE nodes[NODES];
    PRTL_SPLAY_LINKS root = NULL;
    for (int i = 0; i < NODES; i++) {
        nodes[i].Value = i * 37 % NODES;
        root = Insert(root, &nodes[i]);
        CHECK(root == &nodes[i].Links);
        EQUAL(i + 1, CheckTree(root, NULL, -1, NODES));
    }
    for (int i = 0; i < NODES; i++) {
        CHECK(RtlSplay(&nodes[i].Links) == &nodes[i].Links);
        EQUAL(NODES, CheckTree(&nodes[i].Links, NULL, -1, NODES));
    }
}

TEST(successors_and_predecessors)
{
    NODE nodes[NODES], *sorted[NODES];
    PRTL_SPLAY_LINKS root = NULL;
    for (int i = 0; i < NODES; i++) {
        nodes[i].Value = i * 37 % NODES;
        sorted[nodes[i].Value] = &nodes[i];
        root = Insert(root, &nodes[i]);
    }
    for (int i = 0; i < NODES; i++) {
        CHECK(RtlRealSuccessor(&sorted[i]->Links) == (i + 1 < NODES ? &sorted[i + 1]->Links : NULL));
        CHECK(RtlRealPredecessor(&sorted[i]->Links) == (i ? &sorted[i - 1]->Links : NULL));
    }
    root = RtlSplay(&sorted[5]->Links); /* of the root, the subtree is the tree */
    CHECK(RtlSubtreeSuccessor(root) == &sorted[6]->Links && RtlSubtreePredecessor(root) == &sorted[4]->Links);
    root = RtlSplay(&sorted[NODES - 1]->Links);
    CHECK(RtlSubtreeSuccessor(root) == NULL && root->RightChild == NULL);
}

TEST(deleted_nodes_leave_a_sorted_tree)
{
    for (int round = 0; round < 200; round++) {
        NODE nodes[NODES];
        PRTL_SPLAY_LINKS root = NULL;
        int left = NODES;
        for (int i = 0; i < NODES; i++) {
            nodes[i].Value = i * 37 % NODES;
            root = Insert(root, &nodes[i]);
        }
        for (int i = (int)Random(NODES); left; i = (i + 1) % NODES) {
            if (nodes[i].Value < 0 || (left > 1 && Random(2))) {
                continue;
            }
            if (Random(2)) {
                root = RtlDelete(&nodes[i].Links);
            } else {
                RtlDeleteNoSplay(&nodes[i].Links, &root);
            }
            nodes[i].Value = -1;
            EQUAL(--left, CheckTree(root, NULL, -1, NODES));
        }
        CHECK(root == NULL);
    }
}

static RTL_GENERIC_COMPARE_RESULTS Compare(PRTL_GENERIC_TABLE Table, PVOID First, PVOID Second)
{
    int a = *(int *)First, b = *(int *)Second;
    EQUAL(0xB0DD, (uintptr_t)Table->TableContext);
    return a < b ? GenericLessThan : a > b ? GenericGreaterThan : GenericEqual;
}

static int Allocations;

static PVOID Allocate(PRTL_GENERIC_TABLE Table, CLONG ByteSize)
{
    (void)Table;
    if (Allocations == 100) {
        return NULL;
    }
    Allocations++;
    return malloc(ByteSize);
}

static VOID Free(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    (void)Table;
    Allocations--;
    free(Buffer);
}

TEST(splay_tables_are_sorted_and_remember_the_order_of_insertion)
{
    RTL_GENERIC_TABLE table;
    BOOLEAN added;
    PVOID place, key = NULL;
    TABLE_SEARCH_RESULT result;
    RtlInitializeGenericTable(&table, Compare, Allocate, Free, (PVOID)0xB0DD);
    CHECK(RtlIsGenericTableEmpty(&table) && RtlEnumerateGenericTable(&table, TRUE) == NULL);
    for (int i = 0; i < 100; i++) {
        int value = i * 37 % 100;
        int *element = RtlInsertElementGenericTable(&table, &value, sizeof(value), &added);
        CHECK(added && element != &value && *element == value);
        CHECK(RtlInsertElementGenericTable(&table, &value, sizeof(value), &added) == element && !added);
    }
    int more = 1000, three = 3;
    CHECK(RtlInsertElementGenericTable(&table, &more, sizeof(more), &added) == NULL && !added); /* no memory */
    EQUAL(100, RtlNumberGenericTableElements(&table));
    CHECK(RtlLookupElementGenericTable(&table, &more) == NULL);
    EQUAL(3, *(int *)RtlLookupElementGenericTableFull(&table, &three, &place, &result));
    EQUAL(TableFoundNode, result);
    CHECK(RtlInsertElementGenericTableFull(&table, &three, sizeof(three), &added, place, result) && !added);
    int expected = 0;
    for (int *e = RtlEnumerateGenericTable(&table, TRUE); e; e = RtlEnumerateGenericTable(&table, FALSE)) {
        EQUAL(expected++, *e);
    }
    EQUAL(100, expected);
    expected = 0;
    for (int *e; (e = RtlEnumerateGenericTableWithoutSplaying(&table, &key)) != NULL;) {
        EQUAL(expected++, *e);
    }
    EQUAL(100, expected);
    for (ULONG i = 0; i < 100; i++) {
        EQUAL(i * 37 % 100, *(int *)RtlGetElementGenericTable(&table, i));
    }
    EQUAL(37, *(int *)RtlGetElementGenericTable(&table, 1)); /* backwards, too */
    CHECK(RtlGetElementGenericTable(&table, 100) == NULL);
    for (int i = 0; i < 100; i++) {
        int value = i * 51 % 100;
        CHECK(RtlDeleteElementGenericTable(&table, &value));
        CHECK(!RtlDeleteElementGenericTable(&table, &value));
        EQUAL(99 - i, RtlNumberGenericTableElements(&table));
    }
    CHECK(RtlIsGenericTableEmpty(&table) && Allocations == 0);
}
