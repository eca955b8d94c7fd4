/* SPDX-License-Identifier: MIT */
/*
 * Splay trees: a node that is splayed becomes the root, so that what is used often is found soon. The root's Parent is the root itself.
 * The caller synchronizes; any IRQL.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlsplay
 */
#include "rtl/rtl.h"

static BOOLEAN IsRoot(PRTL_SPLAY_LINKS Node)
{
    return Node->Parent == Node;
}

static BOOLEAN IsLeft(PRTL_SPLAY_LINKS Node)
{
    return !IsRoot(Node) && Node->Parent->LeftChild == Node;
}

/* Puts Child (may be NULL) where Node hangs. */
static VOID Replace(PRTL_SPLAY_LINKS Node, PRTL_SPLAY_LINKS Child)
{
    if (IsRoot(Node)) {
        if (Child) {
            Child->Parent = Child;
        }
        return;
    }
    if (IsLeft(Node)) {
        Node->Parent->LeftChild = Child;
    } else {
        Node->Parent->RightChild = Child;
    }
    if (Child) {
        Child->Parent = Node->Parent;
    }
}

/* Node, which is no root, takes its parent's place; the parent becomes its child. */
static VOID Rotate(PRTL_SPLAY_LINKS Node)
{
    PRTL_SPLAY_LINKS Parent = Node->Parent, Moved;
    BOOLEAN Left = IsLeft(Node);
    Replace(Parent, Node);
    Moved = Left ? Node->RightChild : Node->LeftChild;
    if (Left) {
        Parent->LeftChild = Moved;
        Node->RightChild = Parent;
    } else {
        Parent->RightChild = Moved;
        Node->LeftChild = Parent;
    }
    Parent->Parent = Node;
    if (Moved) {
        Moved->Parent = Parent;
    }
}

/* Makes Links the root and returns it. */
PRTL_SPLAY_LINKS NTAPI RtlSplay(PRTL_SPLAY_LINKS Links)
{
    while (!IsRoot(Links)) {
        PRTL_SPLAY_LINKS Parent = Links->Parent;
        if (!IsRoot(Parent)) {
            Rotate(IsLeft(Links) == IsLeft(Parent) ? Parent : Links); /* zig-zig or zig-zag */
        }
        Rotate(Links);
    }
    return Links;
}

/* The next one in the subtree of Links; NULL if there is none. */
PRTL_SPLAY_LINKS NTAPI RtlSubtreeSuccessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Node = Links->RightChild;
    while (Node && Node->LeftChild) {
        Node = Node->LeftChild;
    }
    return Node;
}

PRTL_SPLAY_LINKS NTAPI RtlSubtreePredecessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Node = Links->LeftChild;
    while (Node && Node->RightChild) {
        Node = Node->RightChild;
    }
    return Node;
}

/* The next one in the whole tree. */
PRTL_SPLAY_LINKS NTAPI RtlRealSuccessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Node = RtlSubtreeSuccessor(Links);
    if (Node) {
        return Node;
    }
    for (Node = Links; !IsRoot(Node); Node = Node->Parent) {
        if (IsLeft(Node)) {
            return Node->Parent;
        }
    }
    return NULL;
}

PRTL_SPLAY_LINKS NTAPI RtlRealPredecessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Node = RtlSubtreePredecessor(Links);
    if (Node) {
        return Node;
    }
    for (Node = Links; !IsRoot(Node); Node = Node->Parent) {
        if (!IsLeft(Node)) {
            return Node->Parent;
        }
    }
    return NULL;
}

/* Exchanges the places of Node and of its subtree predecessor, which has no right child. */
static VOID SwapWithPredecessor(PRTL_SPLAY_LINKS Node, PRTL_SPLAY_LINKS Lower)
{
    RTL_SPLAY_LINKS Old = *Lower;
    BOOLEAN Adjacent = Old.Parent == Node;
    Replace(Node, Lower);
    Lower->RightChild = Node->RightChild;
    if (Lower->RightChild) {
        Lower->RightChild->Parent = Lower;
    }
    Lower->LeftChild = Adjacent ? Node : Node->LeftChild;
    Lower->LeftChild->Parent = Lower;
    if (!Adjacent) {
        Old.Parent->RightChild = Node;
        Node->Parent = Old.Parent;
    }
    Node->LeftChild = Old.LeftChild;
    Node->RightChild = NULL;
    if (Node->LeftChild) {
        Node->LeftChild->Parent = Node;
    }
}

/* Takes Links out. *Root is the tree's root before and after, NULL for an empty tree. */
VOID NTAPI RtlDeleteNoSplay(PRTL_SPLAY_LINKS Links, PRTL_SPLAY_LINKS *Root)
{
    PRTL_SPLAY_LINKS Child;
    if (Links->LeftChild && Links->RightChild) {
        PRTL_SPLAY_LINKS Lower = RtlSubtreePredecessor(Links);
        SwapWithPredecessor(Links, Lower);
        if (*Root == Links) {
            *Root = Lower;
        }
    }
    Child = Links->LeftChild ? Links->LeftChild : Links->RightChild;
    if (*Root == Links) {
        *Root = Child;
    }
    Replace(Links, Child);
}

/* Takes Links out, splays its former parent and returns the new root; NULL if the tree is empty now. */
PRTL_SPLAY_LINKS NTAPI RtlDelete(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Root = Links, Parent;
    while (!IsRoot(Root)) {
        Root = Root->Parent;
    }
    if (Links->LeftChild && Links->RightChild) {
        PRTL_SPLAY_LINKS Lower = RtlSubtreePredecessor(Links);
        SwapWithPredecessor(Links, Lower);
        Root = Root == Links ? Lower : Root;
    }
    Parent = IsRoot(Links) ? NULL : Links->Parent;
    RtlDeleteNoSplay(Links, &Root);
    return Parent ? RtlSplay(Parent) : Root;
}
