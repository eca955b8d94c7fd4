/* SPDX-License-Identifier: MIT */
/*
 * Generic tables (the …Avl family): sorted elements with the caller's comparison and memory. The tree is a treap: each node has a
 * pseudo-random priority where Windows keeps the AVL balance, and lies below nodes of higher priority, which keeps it balanced on average
 * with much less code. The caller synchronizes; any IRQL that the caller's routines allow.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlinitializegenerictableavl
 */
#include "rtl/rtl.h"

/* The user's data follow the links. BalancedRoot.RightChild is the root; the root's Parent is BalancedRoot. */
#define DATA(Node)  ((PVOID)((Node) + 1))
#define ROOT(Table) ((Table)->BalancedRoot.RightChild)

C_ASSERT(sizeof(RTL_BALANCED_LINKS) == 32);

static ULONG Priority(const RTL_BALANCED_LINKS *Node)
{
    ULONG Value;
    memcpy(&Value, &Node->Balance, sizeof(Value));
    return Value;
}

VOID NTAPI RtlInitializeGenericTableAvl(PRTL_AVL_TABLE Table, PRTL_AVL_COMPARE_ROUTINE CompareRoutine,
                                        PRTL_AVL_ALLOCATE_ROUTINE AllocateRoutine, PRTL_AVL_FREE_ROUTINE FreeRoutine,
                                        PVOID TableContext)
{
    memset(Table, 0, sizeof(*Table));
    Table->BalancedRoot.Parent = &Table->BalancedRoot;
    Table->CompareRoutine = CompareRoutine;
    Table->AllocateRoutine = AllocateRoutine;
    Table->FreeRoutine = FreeRoutine;
    Table->TableContext = TableContext;
}

/* The link that points to Node. */
static PRTL_BALANCED_LINKS *LinkTo(PRTL_BALANCED_LINKS Node)
{
    return Node->Parent->LeftChild == Node ? &Node->Parent->LeftChild : &Node->Parent->RightChild;
}

/* Node takes its parent's place; the parent becomes its child. */
static VOID RotateUp(PRTL_BALANCED_LINKS Node)
{
    PRTL_BALANCED_LINKS Parent = Node->Parent, Moved;
    *LinkTo(Parent) = Node;
    Node->Parent = Parent->Parent;
    if (Parent->LeftChild == Node) {
        Moved = Node->RightChild;
        Parent->LeftChild = Moved;
        Node->RightChild = Parent;
    } else {
        Moved = Node->LeftChild;
        Parent->RightChild = Moved;
        Node->LeftChild = Parent;
    }
    Parent->Parent = Node;
    if (Moved) {
        Moved->Parent = Parent;
    }
}

static PRTL_BALANCED_LINKS First(PRTL_BALANCED_LINKS Node)
{
    while (Node && Node->LeftChild) {
        Node = Node->LeftChild;
    }
    return Node;
}

static PRTL_BALANCED_LINKS Successor(PRTL_AVL_TABLE Table, PRTL_BALANCED_LINKS Node)
{
    if (Node->RightChild) {
        return First(Node->RightChild);
    }
    while (Node->Parent != &Table->BalancedRoot && Node->Parent->RightChild == Node) {
        Node = Node->Parent;
    }
    return Node->Parent == &Table->BalancedRoot ? NULL : Node->Parent;
}

/* Where Buffer is, or below which node it belongs. */
static TABLE_SEARCH_RESULT Search(PRTL_AVL_TABLE Table, PVOID Buffer, PRTL_BALANCED_LINKS *Node)
{
    PRTL_BALANCED_LINKS Next = ROOT(Table);
    TABLE_SEARCH_RESULT Result = TableEmptyTree;
    *Node = &Table->BalancedRoot;
    while (Next) {
        RTL_GENERIC_COMPARE_RESULTS Order = Table->CompareRoutine(Table, Buffer, DATA(Next));
        *Node = Next;
        if (Order == GenericEqual) {
            return TableFoundNode;
        }
        Result = Order == GenericLessThan ? TableInsertAsLeft : TableInsertAsRight;
        Next = Order == GenericLessThan ? Next->LeftChild : Next->RightChild;
    }
    return Result;
}

/* NodeOrParent and SearchResult are what RtlLookupElementGenericTableFullAvl said of Buffer. NULL: the caller's routine had no memory. */
PVOID NTAPI RtlInsertElementGenericTableFullAvl(PRTL_AVL_TABLE Table, PVOID Buffer, CLONG BufferSize,
                                                PBOOLEAN NewElement, PVOID NodeOrParent,
                                                TABLE_SEARCH_RESULT SearchResult)
{
    PRTL_BALANCED_LINKS Node = NodeOrParent, Parent = NodeOrParent;
    BOOLEAN IsNew = SearchResult != TableFoundNode;
    if (IsNew) {
        ULONG Value = RtlRandomEx(&Table->DepthOfTree); /* the field is the seed here; it is undocumented */
        Node = Table->AllocateRoutine(Table, (CLONG)(sizeof(*Node) + BufferSize));
        if (!Node) {
            return NULL;
        }
        memset(Node, 0, sizeof(*Node));
        memcpy(&Node->Balance, &Value, sizeof(Value));
        memcpy(DATA(Node), Buffer, BufferSize);
        Parent = SearchResult == TableEmptyTree ? &Table->BalancedRoot : Parent;
        Node->Parent = Parent;
        if (SearchResult == TableInsertAsLeft) {
            Parent->LeftChild = Node;
        } else {
            Parent->RightChild = Node;
        }
        while (Node->Parent != &Table->BalancedRoot && Priority(Node) > Priority(Node->Parent)) {
            RotateUp(Node);
        }
        Table->NumberGenericTableElements++;
        Table->OrderedPointer = NULL;
    }
    if (NewElement) {
        *NewElement = IsNew;
    }
    return DATA(Node);
}

/* A copy of Buffer is inserted, unless an equal element exists: then that one is returned. */
PVOID NTAPI RtlInsertElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer, CLONG BufferSize, PBOOLEAN NewElement)
{
    PRTL_BALANCED_LINKS Node;
    TABLE_SEARCH_RESULT Result = Search(Table, Buffer, &Node);
    return RtlInsertElementGenericTableFullAvl(Table, Buffer, BufferSize, NewElement, Node, Result);
}

PVOID NTAPI RtlLookupElementGenericTableFullAvl(PRTL_AVL_TABLE Table, PVOID Buffer, PVOID *NodeOrParent,
                                                TABLE_SEARCH_RESULT *SearchResult)
{
    PRTL_BALANCED_LINKS Node;
    *SearchResult = Search(Table, Buffer, &Node);
    *NodeOrParent = Node;
    return *SearchResult == TableFoundNode ? DATA(Node) : NULL;
}

PVOID NTAPI RtlLookupElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    PRTL_BALANCED_LINKS Node;
    return Search(Table, Buffer, &Node) == TableFoundNode ? DATA(Node) : NULL;
}

/* FALSE if there is no such element. The caller's free routine gets the node. */
BOOLEAN NTAPI RtlDeleteElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    PRTL_BALANCED_LINKS Node, Child;
    if (Search(Table, Buffer, &Node) != TableFoundNode) {
        return FALSE;
    }
    if (Table->RestartKey == Node) { /* the enumeration goes on behind the deleted element */
        PRTL_BALANCED_LINKS Before = First(ROOT(Table)), Next = Before;
        for (Before = NULL; Next != Node; Next = Successor(Table, Next)) {
            Before = Next;
        }
        Table->RestartKey = Before;
    }
    while (Node->LeftChild && Node->RightChild) {
        RotateUp(Priority(Node->LeftChild) > Priority(Node->RightChild) ? Node->LeftChild : Node->RightChild);
    }
    Child = Node->LeftChild ? Node->LeftChild : Node->RightChild;
    *LinkTo(Node) = Child;
    if (Child) {
        Child->Parent = Node->Parent;
    }
    Table->NumberGenericTableElements--;
    Table->DeleteCount++;
    Table->OrderedPointer = NULL;
    Table->FreeRoutine(Table, Node);
    return TRUE;
}

/* In order. *RestartKey is NULL for the first call; NULL at the end. The caller must not delete the element that it stands on. */
PVOID NTAPI RtlEnumerateGenericTableWithoutSplayingAvl(PRTL_AVL_TABLE Table, PVOID *RestartKey)
{
    PRTL_BALANCED_LINKS Node = *RestartKey;
    Node = Node ? Successor(Table, Node) : First(ROOT(Table));
    if (!Node) {
        return NULL;
    }
    *RestartKey = Node;
    return DATA(Node);
}

PVOID NTAPI RtlEnumerateGenericTableAvl(PRTL_AVL_TABLE Table, BOOLEAN Restart)
{
    PVOID Key = Restart ? NULL : Table->RestartKey, Data;
    Data = RtlEnumerateGenericTableWithoutSplayingAvl(Table, &Key);
    Table->RestartKey = Key;
    return Data;
}

/* The element with I smaller ones before it, or NULL. Asking in rising order takes one step each. */
PVOID NTAPI RtlGetElementGenericTableAvl(PRTL_AVL_TABLE Table, ULONG I)
{
    PRTL_BALANCED_LINKS Node = Table->OrderedPointer;
    ULONG At = Table->WhichOrderedElement;
    if (I >= Table->NumberGenericTableElements) {
        return NULL;
    }
    if (!Node || I < At) {
        Node = First(ROOT(Table));
        At = 0;
    }
    for (; At < I; At++) {
        Node = Successor(Table, Node);
    }
    Table->OrderedPointer = Node;
    Table->WhichOrderedElement = At;
    return DATA(Node);
}

ULONG NTAPI RtlNumberGenericTableElementsAvl(PRTL_AVL_TABLE Table)
{
    return Table->NumberGenericTableElements;
}

BOOLEAN NTAPI RtlIsGenericTableEmptyAvl(PRTL_AVL_TABLE Table)
{
    return !Table->NumberGenericTableElements;
}
