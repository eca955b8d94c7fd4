/* SPDX-License-Identifier: MIT */
/*
 * INF files: enough of the format to choose a driver and to install its service.
 * https://learn.microsoft.com/windows-hardware/drivers/install/general-syntax-rules-for-inf-files
 * No kernel state and no allocation: runs natively in tests.
 */
#ifndef PNP_INF_H
#define PNP_INF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INF_FIELDS   16
#define INF_LINE_MAX 1024

typedef struct INF_FILE {
    const char *Name; /* "owner.inf", for messages */
    const char *
        Package; /* the folder of its driver package in the driver store, "" for one that is installed from the start */
    const char *Text; /* 8-bit characters */
    size_t Length;
} INF_FILE;

/*
 * One line of a section: `key = field, field, ...`. Without an equals sign Key is empty and the fields are all there is.
 * Fields are unquoted and %strings% are replaced. Everything points into Buffer.
 */
typedef struct INF_LINE {
    const char *Key;
    const char *Fields[INF_FIELDS];
    int Count;
    char Buffer[INF_LINE_MAX];
} INF_LINE;

/* A position in a section; sections of the same name are read as one. */
typedef struct INF_CURSOR {
    const INF_FILE *File;
    char Section[80];
    size_t At;
    bool Inside;
} INF_CURSOR;

/*
 * Prepares Bytes for parsing: UTF-16LE with BOM is narrowed into Buffer (characters above 0xFF become '?'), a UTF-8 BOM is skipped, and other text is
 * used in place. False: Buffer too small.
 */
bool InfOpen(INF_FILE *File, const char *Name, const void *Bytes, size_t Length, char *Buffer, size_t BufferSize);
void InfSeek(INF_CURSOR *Cursor, const INF_FILE *File, const char *Section);
/* The next line of the section. False at its end. */
bool InfNext(INF_CURSOR *Cursor, INF_LINE *Line);
bool InfHasSection(const INF_FILE *File, const char *Section);
/* First line of the section with that key. */
bool InfFind(const INF_FILE *File, const char *Section, const char *Key, INF_LINE *Line);

/* ASCII case-insensitive equality. */
bool InfEqual(const char *A, const char *B);
/* Number as INF writes it: decimal or 0x; Default for an empty or malformed text. */
uint32_t InfNumber(const char *Text, uint32_t Default);

/*
 * How a device matches a model: lower is better, INF_NO_MATCH if not at all. A hardware ID of the device beats a compatible ID, and among equals the
 * earlier (more specific) one wins: https://learn.microsoft.com/windows-hardware/drivers/install/how-setup-ranks-drivers--windows-vista-and-later-
 * HardwareIds and CompatibleIds are double-null-terminated lists (NULL = none).
 */
#define INF_NO_MATCH 0xFFFFFFFFu
typedef struct INF_MATCH {
    const INF_FILE *File;
    uint32_t Rank;
    char Install[80]; /* the DDInstall section's name, decoration included ("Install.NT") */
    char Description[80];
    char DeviceId[120]; /* the ID in the INF that matched */
} INF_MATCH;
/* On a match as good as *Best the file with the newer DriverVer wins; of two equal ones the first. */
void InfMatchDevice(const INF_FILE *File, const char *HardwareIds, const char *CompatibleIds, INF_MATCH *Best);

/*
 * DriverVer = mm/dd/yyyy,w.x.y.z as numbers that compare as Windows compares them: first the date, then the version. Both 0 without DriverVer.
 * https://learn.microsoft.com/windows-hardware/drivers/install/inf-driverver-directive
 */
typedef struct INF_DRIVER_VERSION {
    uint32_t Date;    /* yyyymmdd */
    uint64_t Version; /* 16 bits each */
} INF_DRIVER_VERSION;
void InfDriverVersion(const INF_FILE *File, INF_DRIVER_VERSION *Version);
bool InfIsNewer(const INF_FILE *File, const INF_FILE *Than);

/*
 * The service that the DDInstall section associates with the device (flag 2 of AddService); Section is its service-install section. Both are empty for the
 * NULL driver: "AddService = ,2", https://learn.microsoft.com/windows-hardware/drivers/install/inf-addservice-directive
 */
bool InfAssociatedService(const INF_MATCH *Match, char *Service, size_t ServiceSize, char *Section, size_t SectionSize);

#endif
