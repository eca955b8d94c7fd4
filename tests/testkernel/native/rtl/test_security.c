/* SPDX-License-Identifier: MIT */
/* Security identifiers, access control lists, security descriptors: built, measured, and refused when they come damaged from outside. */
#include "harness.h"

static SID_IDENTIFIER_AUTHORITY Nt = {{0, 0, 0, 0, 0, 5}};

/* S-1-5-32-544: the administrators. */
static PSID Administrators(void *Memory)
{
    EQUAL(STATUS_SUCCESS, RtlInitializeSid(Memory, &Nt, 2));
    *RtlSubAuthoritySid(Memory, 0) = 32;
    *RtlSubAuthoritySid(Memory, 1) = 544;
    return Memory;
}

TEST(identifiers_are_as_long_as_their_sub_authorities)
{
    ULONG memory[17], copy[17], small[3];
    EQUAL(8, RtlLengthRequiredSid(0));
    EQUAL(68, RtlLengthRequiredSid(15));
    PSID sid = Administrators(memory);
    EQUAL(16, RtlLengthSid(sid));
    EQUAL(2, *RtlSubAuthorityCountSid(sid));
    CHECK(RtlValidSid(sid) && !RtlValidSid(NULL));
    EQUAL(STATUS_SUCCESS, RtlCopySid(sizeof(copy), copy, sid));
    CHECK(RtlEqualSid(sid, copy));
    *RtlSubAuthoritySid(copy, 1) = 545;
    CHECK(!RtlEqualSid(sid, copy));
    *RtlSubAuthorityCountSid(copy) = 1;
    CHECK(!RtlEqualSid(sid, copy));
    EQUAL(STATUS_BUFFER_TOO_SMALL, RtlCopySid(sizeof(small), small, sid));
    EQUAL(STATUS_INVALID_PARAMETER, RtlInitializeSid(memory, &Nt, 16));
    *RtlSubAuthorityCountSid(sid) = 16;
    CHECK(!RtlValidSid(sid));
}

TEST(lists_hold_what_fits)
{
    ULONG memory[4], room[12];
    PACL acl = (PACL)room;
    PVOID ace;
    PSID sid = Administrators(memory);
    EQUAL(STATUS_BUFFER_TOO_SMALL, RtlCreateAcl(acl, 7, 2));
    EQUAL(STATUS_INVALID_PARAMETER, RtlCreateAcl(acl, sizeof(room), 9));
    EQUAL(STATUS_SUCCESS, RtlCreateAcl(acl, 40, 2));
    EQUAL(STATUS_SUCCESS, RtlAddAccessAllowedAce(acl, 2, 0x1F01FF, sid)); /* 8 + 24 bytes */
    EQUAL(1, acl->AceCount);
    EQUAL(STATUS_ALLOTTED_SPACE_EXCEEDED, RtlAddAccessAllowedAce(acl, 2, 1, sid));
    EQUAL(1, acl->AceCount);
    EQUAL(STATUS_SUCCESS, RtlGetAce(acl, 0, &ace));
    EQUAL(24, ((PACE_HEADER)ace)->AceSize);
    EQUAL(0x1F01FF, ((PACCESS_ALLOWED_ACE)ace)->Mask);
    CHECK(RtlEqualSid(&((PACCESS_ALLOWED_ACE)ace)->SidStart, sid));
    EQUAL(STATUS_INVALID_PARAMETER, RtlGetAce(acl, 1, &ace));
    ((PACE_HEADER)ace)->AceSize = 200; /* beyond the list */
    EQUAL(STATUS_INVALID_ACL, RtlAddAccessAllowedAce(acl, 2, 1, sid));
    EQUAL(STATUS_REVISION_MISMATCH, RtlAddAccessAllowedAce(acl, 9, 1, sid));
    memory[0] = 0;
    EQUAL(STATUS_INVALID_SID, RtlAddAccessAllowedAce(acl, 2, 1, sid));
}

TEST(generic_rights_are_mapped)
{
    GENERIC_MAPPING mapping = {1, 2, 4, 7};
    ACCESS_MASK mask = GENERIC_READ | GENERIC_EXECUTE | 0x10000;
    RtlMapGenericMask(&mask, &mapping);
    EQUAL(0x10005, mask);
    mask = GENERIC_ALL;
    RtlMapGenericMask(&mask, &mapping);
    EQUAL(7, mask);
    mask = GENERIC_WRITE;
    RtlMapGenericMask(&mask, &mapping);
    EQUAL(2, mask);
}

TEST(descriptors_hold_a_list_and_an_owner)
{
    SECURITY_DESCRIPTOR descriptor;
    ULONG memory[4], room[2];
    PACL acl = (PACL)room, found = NULL;
    PSID sid = Administrators(memory), owner = NULL;
    BOOLEAN present = 7, defaulted = 7;
    EQUAL(STATUS_UNKNOWN_REVISION, RtlCreateSecurityDescriptor(&descriptor, 2));
    EQUAL(STATUS_SUCCESS, RtlCreateSecurityDescriptor(&descriptor, 1));
    EQUAL(40, RtlLengthSecurityDescriptor(&descriptor));
    EQUAL(STATUS_SUCCESS, RtlGetDaclSecurityDescriptor(&descriptor, &present, &found, &defaulted));
    CHECK(!present && found == NULL);
    RtlCreateAcl(acl, sizeof(room), 2);
    EQUAL(STATUS_SUCCESS, RtlSetDaclSecurityDescriptor(&descriptor, TRUE, acl, TRUE));
    EQUAL(STATUS_SUCCESS, RtlGetDaclSecurityDescriptor(&descriptor, &present, &found, &defaulted));
    CHECK(present && found == acl && defaulted);
    EQUAL(STATUS_SUCCESS, RtlSetOwnerSecurityDescriptor(&descriptor, sid, FALSE));
    EQUAL(STATUS_SUCCESS, RtlGetOwnerSecurityDescriptor(&descriptor, &owner, &defaulted));
    CHECK(owner == sid && !defaulted);
    EQUAL(40 + 8 + 16, RtlLengthSecurityDescriptor(&descriptor));
    CHECK(RtlValidSecurityDescriptor(&descriptor));
    EQUAL(STATUS_SUCCESS, RtlSetDaclSecurityDescriptor(&descriptor, TRUE, NULL, FALSE)); /* everybody may */
    EQUAL(STATUS_SUCCESS, RtlGetDaclSecurityDescriptor(&descriptor, &present, &found, &defaulted));
    CHECK(present && found == NULL && RtlValidSecurityDescriptor(&descriptor));
    acl->AclRevision = 99;
    RtlSetDaclSecurityDescriptor(&descriptor, TRUE, acl, FALSE);
    CHECK(!RtlValidSecurityDescriptor(&descriptor) && !RtlValidSecurityDescriptor(NULL));
    descriptor.Revision = 9;
    EQUAL(STATUS_UNKNOWN_REVISION, RtlSetDaclSecurityDescriptor(&descriptor, FALSE, NULL, FALSE));
}

/* Header, owner, DACL with one entry. */
static ULONG MakeRelative(PUCHAR Memory)
{
    PISECURITY_DESCRIPTOR_RELATIVE d = (PISECURITY_DESCRIPTOR_RELATIVE)(void *)Memory;
    *d = (SECURITY_DESCRIPTOR_RELATIVE){1, 0, SE_SELF_RELATIVE | SE_DACL_PRESENT, 20, 0, 0, 36};
    Administrators(Memory + 20);
    RtlCreateAcl((PACL)(void *)(Memory + 36), 32, 2);
    RtlAddAccessAllowedAce((PACL)(void *)(Memory + 36), 2, 1, Memory + 20);
    return 68;
}

TEST(relative_descriptors_must_lie_within_their_length)
{
    _Alignas(8) UCHAR memory[68];
    ULONG length = MakeRelative(memory);
    BOOLEAN present, defaulted;
    PACL acl;
    CHECK(RtlValidRelativeSecurityDescriptor(memory, length, OWNER_SECURITY_INFORMATION));
    CHECK(SeValidSecurityDescriptor(length, memory) && RtlValidSecurityDescriptor(memory));
    CHECK(!RtlValidRelativeSecurityDescriptor(memory, length, GROUP_SECURITY_INFORMATION)); /* it has none */
    EQUAL(68, RtlLengthSecurityDescriptor(memory));
    EQUAL(STATUS_SUCCESS, RtlGetDaclSecurityDescriptor(memory, &present, &acl, &defaulted));
    CHECK(present && (PUCHAR)acl == memory + 36);
    EQUAL(STATUS_INVALID_SECURITY_DESCR, RtlSetDaclSecurityDescriptor(memory, TRUE, NULL, FALSE));
    EQUAL(STATUS_INVALID_SECURITY_DESCR, RtlSetOwnerSecurityDescriptor(memory, NULL, FALSE));
    for (ULONG shorter = 0; shorter < length; shorter++) { /* the sanitizer sees to it that nothing beyond is read */
        PUCHAR copy = malloc(shorter ? shorter : 1);
        memcpy(copy, memory, shorter);
        CHECK(!SeValidSecurityDescriptor(shorter, copy));
        free(copy);
    }
    for (int round = 0; round < 20000;
         round++) { /* damaged anywhere: refused or not, but never read beyond its length */
        PUCHAR copy = malloc(length);
        memcpy(copy, memory, length);
        copy[Random(length)] = (UCHAR)Random(256);
        copy[Random(length)] = (UCHAR)Random(256);
        (void)SeValidSecurityDescriptor(length, copy);
        free(copy);
    }
}
