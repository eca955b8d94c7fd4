/* SPDX-License-Identifier: MIT */
/*
 * Power settings (Microsoft, "PoRegisterPowerSettingCallback"). This machine is always on mains power and has no display, lid or battery;
 * a setting's callback is called once with its value when it is registered, as on Windows, and never again because nothing changes.
 */
#include <initguid.h>
#include "po/po.h"

static const struct {
    const GUID *Guid;
    ULONG Value;
} Settings[] = {
    {&GUID_ACDC_POWER_SOURCE, 0},     /* PoAc */
    {&GUID_MONITOR_POWER_ON, 0},      /* off */
    {&GUID_CONSOLE_DISPLAY_STATE, 0}, /* off */
    {&GUID_SYSTEM_AWAYMODE, 0},       /* leaving */
};

typedef struct _REGISTRATION {
    PPOWER_SETTING_CALLBACK Callback;
    PVOID Context;
} REGISTRATION;

/* PASSIVE_LEVEL. A setting that this machine does not have is registered and stays silent. */
NTSTATUS NTAPI PoRegisterPowerSettingCallback(PDEVICE_OBJECT DeviceObject, LPCGUID SettingGuid,
                                              PPOWER_SETTING_CALLBACK Callback, PVOID Context, PVOID *Handle)
{
    REGISTRATION *registration;
    ULONG value;

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
    ExFreePoolWithTag(Handle, PO_TAG);
    return STATUS_SUCCESS;
}
