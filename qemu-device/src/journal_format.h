/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes JSON Lines of the journal's records. One caller at a time. */
#ifndef BUDDY_JOURNAL_FORMAT_H
#define BUDDY_JOURNAL_FORMAT_H

#include "journal_record.h"

/* Begin with sequence number 0. */
void journal_format_start(void);
/* Bytes that must be free for a record's line. */
size_t journal_format_room(const JournalRecord *record);
/* Write the line of the next record. Returns its end. */
char *journal_format(char *at, const JournalRecord *record);
/* Write a number in decimal. Returns its end. */
char *journal_format_uint(char *at, uint64_t value);
/*
 * A copy of the middle part of an access's record, from `,"dev":` to `"value":`, that stays for good and may be read beyond its
 * end in steps of JOURNAL_COPY. Equal texts get the same copy, so what is kept does not grow when a device is plugged again.
 */
const char *journal_intern(const char *text);
#define JOURNAL_COPY 32

#endif
