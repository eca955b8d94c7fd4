/* SPDX-License-Identifier: MIT */
/*
 * Power settings (Microsoft, "PoRegisterPowerSettingCallback"). This machine is always on mains power and has no display, lid or battery;
 * a setting's callback is called once with its value when it is registered, as on Windows, and never again because nothing changes.
 */
#include <initguid.h>
#include "po/po.h"
#include "io/verify.h"

DEFINE_GUID(SettingPowerSource, 0x5d3e9a59, 0xe9d5, 0x4b00, 0xa6, 0xbd, 0xff, 0x34, 0xff, 0x51, 0x65, 0x48);
DEFINE_GUID(SettingMonitorOn, 0x02731015, 0x4510, 0x4526, 0x99, 0xe6, 0xe5, 0xa1, 0x7e, 0xbd, 0x1a, 0xea);
DEFINE_GUID(SettingDisplayState, 0x6fe69556, 0x704a, 0x47a0, 0x8f, 0x24, 0xc2, 0x8d, 0x93, 0x6f, 0xda, 0x47);
DEFINE_GUID(SettingAwayMode, 0x98a7f580, 0x01f7, 0x48aa, 0x9c, 0x0f, 0x44, 0x35, 0x2c, 0x29, 0xe5, 0xc0);

static const struct {
    const GUID *Guid;
    ULONG Value;
} Settings[] = {
    {&SettingPowerSource, 0},  /* PoAc */
    {&SettingMonitorOn, 0},    /* off */
    {&SettingDisplayState, 0}, /* off */
    {&SettingAwayMode, 0},     /* leaving */
};

typedef struct _REGISTRATION {
    PPOWER_SETTING_CALLBACK Callback;
    PVOID Context;
} REGISTRATION;

/* PASSIVE_LEVEL. A setting that this machine does not have is registered and stays silent. */
NTSTATUS NTAPI PoRegisterPowerSettingCallback(PDEVICE_OBJECT DeviceObject, LPCGUID SettingGuid, PPOWER_SETTING_CALLBACK Callback,
                                              PVOID Context, PVOID *Handle)
{
    REGISTRATION *registration;
    ULONG value;

    IoRequireIrql("PoRegisterPowerSettingCallback", PASSIVE_LEVEL, _ReturnAddress());
    registration = ExAllocatePoolWithTag(NonPagedPool, sizeof(*registration), PO_TAG);
    if (registration == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    registration->Callback = Callback;
    registration->Context = Context;
    if (Handle != NULL)
        *Handle = registration;
    for (ULONG i = 0; i < COUNT_OF(Settings); i++) {
        if (IsEqualGUID(SettingGuid, Settings[i].Guid)) {
            value = Settings[i].Value;
            Callback(SettingGuid, &value, sizeof(value), Context);
        }
    }
    return STATUS_SUCCESS;
}

/* PASSIVE_LEVEL. */
NTSTATUS NTAPI PoUnregisterPowerSettingCallback(PVOID Handle)
{
    IoRequireIrql("PoUnregisterPowerSettingCallback", PASSIVE_LEVEL, _ReturnAddress());
    ExFreePoolWithTag(Handle, PO_TAG);
    return STATUS_SUCCESS;
}
