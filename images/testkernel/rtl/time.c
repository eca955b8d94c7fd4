/* SPDX-License-Identifier: MIT */
/* Calendar: 100 ns units since 1601-01-01 (Gregorian, UTC) to and from fields. Any IRQL. */
#include "rtl/rtl.h"

#define UNITS_PER_MS     10000LL
#define UNITS_PER_SECOND 10000000LL
#define SECONDS_PER_DAY  86400LL
#define DAYS_PER_400Y    146097
#define SECONDS_TO_1970  11644473600LL
#define SECONDS_TO_1980  11960006400LL

static BOOLEAN IsLeap(int Year)
{
    return (Year % 4 == 0 && Year % 100 != 0) || Year % 400 == 0;
}

static int DaysInMonth(int Year, int Month)
{
    static const UCHAR Days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return Days[Month - 1] + (Month == 2 && IsLeap(Year));
}

/* Days from 1601-01-01 to the first of January. */
static LONG64 DaysToYear(int Year)
{
    LONG64 Years = Year - 1601;
    return Years * 365 + Years / 4 - Years / 100 + Years / 400;
}

VOID NTAPI RtlTimeToTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields)
{
    LONG64 Units = Time->QuadPart, Days = Units / (SECONDS_PER_DAY * UNITS_PER_SECOND);
    LONG64 Rest = Units % (SECONDS_PER_DAY * UNITS_PER_SECOND) / UNITS_PER_MS;
    int Year, Month = 1;
    TimeFields->Milliseconds = (CSHORT)(Rest % 1000);
    TimeFields->Second = (CSHORT)(Rest / 1000 % 60);
    TimeFields->Minute = (CSHORT)(Rest / 60000 % 60);
    TimeFields->Hour = (CSHORT)(Rest / 3600000);
    TimeFields->Weekday = (CSHORT)((Days + 1) % 7); /* 1601-01-01 was a Monday */
    Year = (int)(1601 + Days * 400 / DAYS_PER_400Y);
    while (DaysToYear(Year) > Days) {
        Year--;
    }
    while (DaysToYear(Year + 1) <= Days) {
        Year++;
    }
    Days -= DaysToYear(Year);
    while (Days >= DaysInMonth(Year, Month)) {
        Days -= DaysInMonth(Year, Month++);
    }
    TimeFields->Year = (CSHORT)Year;
    TimeFields->Month = (CSHORT)Month;
    TimeFields->Day = (CSHORT)(Days + 1);
}

/* FALSE if a field is out of range (years 1601 to 30827). Weekday is ignored. */
BOOLEAN NTAPI RtlTimeFieldsToTime(PTIME_FIELDS TimeFields, PLARGE_INTEGER Time)
{
    LONG64 Days;
    if (TimeFields->Year < 1601 || TimeFields->Year > 30827 || TimeFields->Month < 1 || TimeFields->Month > 12 ||
        TimeFields->Day < 1 || TimeFields->Day > DaysInMonth(TimeFields->Year, TimeFields->Month) ||
        TimeFields->Hour < 0 || TimeFields->Hour > 23 || TimeFields->Minute < 0 || TimeFields->Minute > 59 ||
        TimeFields->Second < 0 || TimeFields->Second > 59 || TimeFields->Milliseconds < 0 ||
        TimeFields->Milliseconds > 999) {
        return FALSE;
    }
    Days = DaysToYear(TimeFields->Year) + TimeFields->Day - 1;
    for (int Month = 1; Month < TimeFields->Month; Month++) {
        Days += DaysInMonth(TimeFields->Year, Month);
    }
    Time->QuadPart =
        ((Days * SECONDS_PER_DAY + TimeFields->Hour * 3600LL + TimeFields->Minute * 60LL + TimeFields->Second) *
             1000LL +
         TimeFields->Milliseconds) *
        UNITS_PER_MS;
    return TRUE;
}

static BOOLEAN ToSeconds(PLARGE_INTEGER Time, LONG64 Epoch, PULONG Elapsed)
{
    LONG64 Seconds = Time->QuadPart / UNITS_PER_SECOND - Epoch;
    if (Seconds < 0 || Seconds > 0xFFFFFFFFLL) {
        return FALSE;
    }
    *Elapsed = (ULONG)Seconds;
    return TRUE;
}

BOOLEAN NTAPI RtlTimeToSecondsSince1970(PLARGE_INTEGER Time, PULONG ElapsedSeconds)
{
    return ToSeconds(Time, SECONDS_TO_1970, ElapsedSeconds);
}

BOOLEAN NTAPI RtlTimeToSecondsSince1980(PLARGE_INTEGER Time, PULONG ElapsedSeconds)
{
    return ToSeconds(Time, SECONDS_TO_1980, ElapsedSeconds);
}

VOID NTAPI RtlSecondsSince1970ToTime(ULONG ElapsedSeconds, PLARGE_INTEGER Time)
{
    Time->QuadPart = (ElapsedSeconds + SECONDS_TO_1970) * UNITS_PER_SECOND;
}

VOID NTAPI RtlSecondsSince1980ToTime(ULONG ElapsedSeconds, PLARGE_INTEGER Time)
{
    Time->QuadPart = (ElapsedSeconds + SECONDS_TO_1980) * UNITS_PER_SECOND;
}

/* Days in Day, the time of day in the other fields. */
VOID NTAPI RtlTimeToElapsedTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields)
{
    LONG64 Milliseconds = Time->QuadPart / UNITS_PER_MS;
    RtlZeroMemory(TimeFields, sizeof(*TimeFields));
    TimeFields->Day = (CSHORT)(Milliseconds / (SECONDS_PER_DAY * 1000));
    TimeFields->Hour = (CSHORT)(Milliseconds / 3600000 % 24);
    TimeFields->Minute = (CSHORT)(Milliseconds / 60000 % 60);
    TimeFields->Second = (CSHORT)(Milliseconds / 1000 % 60);
    TimeFields->Milliseconds = (CSHORT)(Milliseconds % 1000);
}
