/* SPDX-License-Identifier: MIT */
/*
 * Generic tables on splay trees (without RTL_USE_AVL_TABLES): sorted by the caller's comparison, and listed in the order of insertion. Each
 * element lies behind RTL_SPLAY_LINKS and a LIST_ENTRY in memory of the caller's routine. The caller synchronizes.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlinitializegenerictable
 */
#include "rtl/rtl.h"

typedef struct _ELEMENT {
    RTL_SPLAY_LINKS Links;
    LIST_ENTRY InsertOrder;
    DECLSPEC_ALIGN(8) UCHAR Data[];
} ELEMENT, *PELEMENT;

#define OF_LINKS(Node)  CONTAINING_RECORD(Node, ELEMENT, Links)
#define OF_ORDER(Entry) CONTAINING_RECORD(Entry, ELEMENT, InsertOrder)

VOID NTAPI RtlInitializeGenericTable(PRTL_GENERIC_TABLE Table, PRTL_GENERIC_COMPARE_ROUTINE CompareRoutine,
                                     PRTL_GENERIC_ALLOCATE_ROUTINE AllocateRoutine,
                                     PRTL_GENERIC_FREE_ROUTINE FreeRoutine, PVOID TableContext)
{
    memset(Table, 0, sizeof(*Table));
    Table->InsertOrderList.Flink = Table->InsertOrderList.Blink = &Table->InsertOrderList;
    Table->OrderedPointer = &Table->InsertOrderList;
    Table->CompareRoutine = CompareRoutine;
    Table->AllocateRoutine = AllocateRoutine;
    Table->FreeRoutine = FreeRoutine;
    Table->TableContext = TableContext;
}

/* Where Buffer is, or below which node it belongs (NULL in an empty table). */
static TABLE_SEARCH_RESULT Search(PRTL_GENERIC_TABLE Table, PVOID Buffer, PRTL_SPLAY_LINKS *Node)
{
    PRTL_SPLAY_LINKS Next = Table->TableRoot;
    TABLE_SEARCH_RESULT Result = TableEmptyTree;
    *Node = NULL;
    while (Next) {
        RTL_GENERIC_COMPARE_RESULTS Order = Table->CompareRoutine(Table, Buffer, OF_LINKS(Next)->Data);
        *Node = Next;
        if (Order == GenericEqual) {
            return TableFoundNode;
        }
        Result = Order == GenericLessThan ? TableInsertAsLeft : TableInsertAsRight;
        Next = Order == GenericLessThan ? Next->LeftChild : Next->RightChild;
    }
    return Result;
}

/* NodeOrParent and SearchResult are what RtlLookupElementGenericTableFull said of Buffer. NULL: the caller's routine had no memory. */
PVOID NTAPI RtlInsertElementGenericTableFull(PRTL_GENERIC_TABLE Table, PVOID Buffer, CLONG BufferSize,
                                             PBOOLEAN NewElement, PVOID NodeOrParent, TABLE_SEARCH_RESULT SearchResult)
{
    PRTL_SPLAY_LINKS Parent = NodeOrParent;
    PELEMENT Element;
    if (NewElement) {
        *NewElement = SearchResult != TableFoundNode;
    }
    if (SearchResult == TableFoundNode) {
        Table->TableRoot = RtlSplay(Parent);
        return OF_LINKS(Parent)->Data;
    }
    Element = Table->AllocateRoutine(Table, (CLONG)(sizeof(ELEMENT) + BufferSize));
    if (!Element) {
        if (NewElement) {
            *NewElement = FALSE;
        }
        return NULL;
    }
    memset(Element, 0, sizeof(*Element));
    memcpy(Element->Data, Buffer, BufferSize);
    Element->Links.Parent = SearchResult == TableEmptyTree ? &Element->Links : Parent;
    if (SearchResult == TableInsertAsLeft) {
        Parent->LeftChild = &Element->Links;
    } else if (SearchResult == TableInsertAsRight) {
        Parent->RightChild = &Element->Links;
    }
    Element->InsertOrder.Flink = &Table->InsertOrderList;
    Element->InsertOrder.Blink = Table->InsertOrderList.Blink;
    Table->InsertOrderList.Blink->Flink = &Element->InsertOrder;
    Table->InsertOrderList.Blink = &Element->InsertOrder;
    Table->NumberGenericTableElements++;
    Table->TableRoot = RtlSplay(&Element->Links);
    return Element->Data;
}

/* A copy of Buffer is inserted, unless an equal element exists: then that one is returned. */
PVOID NTAPI RtlInsertElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer, CLONG BufferSize, PBOOLEAN NewElement)
{
    PRTL_SPLAY_LINKS Node;
    TABLE_SEARCH_RESULT Result = Search(Table, Buffer, &Node);
    return RtlInsertElementGenericTableFull(Table, Buffer, BufferSize, NewElement, Node, Result);
}

PVOID NTAPI RtlLookupElementGenericTableFull(PRTL_GENERIC_TABLE Table, PVOID Buffer, PVOID *NodeOrParent,
                                             TABLE_SEARCH_RESULT *SearchResult)
{
    PRTL_SPLAY_LINKS Node;
    *SearchResult = Search(Table, Buffer, &Node);
    *NodeOrParent = Node;
    if (*SearchResult != TableFoundNode) {
        return NULL;
    }
    Table->TableRoot = RtlSplay(Node);
    return OF_LINKS(Node)->Data;
}

PVOID NTAPI RtlLookupElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    PVOID Node;
    TABLE_SEARCH_RESULT Result;
    return RtlLookupElementGenericTableFull(Table, Buffer, &Node, &Result);
}

/* FALSE if there is no such element. The caller's free routine gets the node. */
BOOLEAN NTAPI RtlDeleteElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    PRTL_SPLAY_LINKS Node;
    PELEMENT Element;
    if (Search(Table, Buffer, &Node) != TableFoundNode) {
        return FALSE;
    }
    Element = OF_LINKS(Node);
    Table->TableRoot = RtlDelete(Node);
    Element->InsertOrder.Blink->Flink = Element->InsertOrder.Flink;
    Element->InsertOrder.Flink->Blink = Element->InsertOrder.Blink;
    Table->NumberGenericTableElements--;
    Table->WhichOrderedElement = 0;
    Table->OrderedPointer = &Table->InsertOrderList;
    Table->FreeRoutine(Table, Element);
    return TRUE;
}

/* In the sorted order. *RestartKey is NULL for the first call; NULL at the end. */
PVOID NTAPI RtlEnumerateGenericTableWithoutSplaying(PRTL_GENERIC_TABLE Table, PVOID *RestartKey)
{
    PRTL_SPLAY_LINKS Node = *RestartKey;
    if (Node) {
        Node = RtlRealSuccessor(Node);
    } else {
        for (Node = Table->TableRoot; Node && Node->LeftChild; Node = Node->LeftChild) {
        }
    }
    if (!Node) {
        return NULL;
    }
    *RestartKey = Node;
    return OF_LINKS(Node)->Data;
}

/* In the sorted order, from the start if Restart; the element becomes the root, which is where the next call goes on. */
PVOID NTAPI RtlEnumerateGenericTable(PRTL_GENERIC_TABLE Table, BOOLEAN Restart)
{
    PVOID Key = Restart ? NULL : Table->TableRoot;
    PVOID Data = Restart || Key ? RtlEnumerateGenericTableWithoutSplaying(Table, &Key) : NULL;
    if (Data) {
        Table->TableRoot = RtlSplay(Key);
    }
    return Data;
}

/* The element that was inserted as number I, counted from 0 without the deleted ones; NULL if there are fewer. */
PVOID NTAPI RtlGetElementGenericTable(PRTL_GENERIC_TABLE Table, ULONG I)
{
    PLIST_ENTRY Entry = Table->OrderedPointer;
    ULONG At = Table->WhichOrderedElement; /* number of the ordered pointer's element, plus 1; 0: none */
    if (I >= Table->NumberGenericTableElements) {
        return NULL;
    }
    if (!At || I + 1 < At) {
        Entry = Table->InsertOrderList.Flink;
        At = 1;
    }
    for (; At < I + 1; At++) {
        Entry = Entry->Flink;
    }
    Table->OrderedPointer = Entry;
    Table->WhichOrderedElement = At;
    return OF_ORDER(Entry)->Data;
}

ULONG NTAPI RtlNumberGenericTableElements(PRTL_GENERIC_TABLE Table)
{
    return Table->NumberGenericTableElements;
}

BOOLEAN NTAPI RtlIsGenericTableEmpty(PRTL_GENERIC_TABLE Table)
{
    return !Table->NumberGenericTableElements;
}
