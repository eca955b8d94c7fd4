/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What answers where no device does: all ones, as on a real bus.
 *
 * Stock QEMU answers 0 there, which a driver cannot tell from a healthy register. A memory region below everything
 * else in the PCI address space answers instead. It also knows where the BARs of our functions are or were, so an
 * access that comes after a surprise removal, with memory decoding off or without slot power is told in the journal.
 */
#include "qemu/osdep.h"
#include "hw/core/cpu.h"
#include "hw/pci/pci_bus.h"
#include "function.h"
#include "journal.h"

#define ACCESSES_WITHOUT_PAUSE 256
#define TURN_MS                5
#define GONE_LIMIT             64 /* devices that are gone and still remembered */

typedef struct Window {
    int bar;
    uint64_t base;
    uint64_t size;
} Window;

/* A function and the windows that the guest last gave it. */
typedef struct Place {
    QTAILQ_ENTRY(Place) link;
    BuddyFunction *function; /* NULL: gone */
    char *id;
    RegisterMap map;
    Window windows[PCI_NUM_REGIONS];
    int window_count;
} Place;

static QTAILQ_HEAD(, Place) places = QTAILQ_HEAD_INITIALIZER(places);
static MemoryRegion *void_region; /* one for the whole machine, never removed */
static unsigned gone_count;

static void place_free(Place *place)
{
    QTAILQ_REMOVE(&places, place, link);
    gone_count -= !place->function;
    g_free(place->id);
    g_free(place);
}

static Place *place_of(BuddyFunction *f)
{
    Place *place;

    QTAILQ_FOREACH(place, &places, link)
    {
        if (place->function == f) {
            return place;
        }
    }
    place = g_new0(Place, 1);
    place->function = f;
    place->id = g_strdup(function_id(f));
    place->map = f->map;
    QTAILQ_INSERT_HEAD(&places, place, link);
    return place;
}

static void tell(Place *place, const Window *window, hwaddr addr, bool is_write, uint64_t value, unsigned size)
{
    BuddyFunction *f = place->function;
    uint64_t offset = addr - window->base;
    PowerState power = f ? f->power : POWER_D3COLD;
    bool registers = window->bar == FUNCTION_BAR_REGISTERS;
    int client = registers ? register_map_client(&place->map, offset) : NO_CLIENT;
    int64_t ref = JOURNAL_NO_SEQ;
    char bar[16];
    const char *name;

    if (registers) {
        ref = function_record_unanswered(f, place->id, &place->map, power, offset, is_write, value, size);
        name = register_map_name(&place->map, offset);
    } else {
        snprintf(bar, sizeof(bar), "BAR%d", window->bar);
        name = bar;
    }
    if (!f) {
        violation_gone(place->id, RULE_ACCESS_AFTER_REMOVAL, client, name, ref);
    } else if (power == POWER_D0) {
        violation_at(f, RULE_ACCESS_MEMORY_DISABLED, client, name, ref);
    } else {
        violation_at(f, RULE_ACCESS_NOT_IN_D0, client, name, ref);
    }
}

/* The newest place first: addresses are given again to later devices. */
static void void_access(hwaddr addr, bool is_write, uint64_t value, unsigned size)
{
    Place *place;

    QTAILQ_FOREACH(place, &places, link)
    {
        for (int i = 0; i < place->window_count; i++) {
            const Window *window = &place->windows[i];

            if (addr - window->base < window->size) {
                tell(place, window, addr, is_write, value, size);
                return;
            }
        }
    }
}

static QemuSemaphore main_loop_turn;

static void main_loop_had_its_turn(void *opaque)
{
    qemu_sem_post(&main_loop_turn);
}

/*
 * A processor that hammers on what is gone holds QEMU's lock for nearly all its time; the main loop, whose timers and commands would end that, gets
 * it seldom or never, for the lock is not fair. So it is given a turn now and then, and waited for (not for long: it may be waiting for this very
 * processor to stop). Not under -icount, where processor and main loop take turns anyway, nor without a processor (qtest).
 */
static void let_main_loop_in(void)
{
    static unsigned accesses;

    if (!current_cpu || icount_enabled() || ++accesses % ACCESSES_WITHOUT_PAUSE != 0) {
        return;
    }
    while (qemu_sem_timedwait(&main_loop_turn, 0) == 0) {
        /* turns that came too late the last time */
    }
    aio_bh_schedule_oneshot(qemu_get_aio_context(), main_loop_had_its_turn, NULL);
    bql_unlock();
    qemu_sem_timedwait(&main_loop_turn, TURN_MS);
    bql_lock();
}

/* The bus error is kept (a bus master sees it); processors of the x86 ignore it and take the data. */
static MemTxResult void_read(void *opaque, hwaddr addr, uint64_t *value, unsigned size, MemTxAttrs attrs)
{
    *value = UINT64_MAX;
    void_access(addr, false, 0, size);
    let_main_loop_in();
    return MEMTX_DECODE_ERROR;
}

static MemTxResult void_write(void *opaque, hwaddr addr, uint64_t value, unsigned size, MemTxAttrs attrs)
{
    void_access(addr, true, value, size);
    let_main_loop_in();
    return MEMTX_DECODE_ERROR;
}

static const MemoryRegionOps void_ops = {
    .read_with_attrs = void_read,
    .write_with_attrs = void_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 1, .max_access_size = 8, .unaligned = true},
    .impl = {.min_access_size = 1, .max_access_size = 8, .unaligned = true},
};

void void_cover(PCIDevice *pci)
{
    if (!void_region) {
        PCIBus *root = pci_device_root_bus(pci);

        void_region = g_new0(MemoryRegion, 1);
        qemu_sem_init(&main_loop_turn, 0);
        memory_region_init_io(void_region, NULL, &void_ops, NULL, "pci-no-answer", UINT64_MAX);
        memory_region_add_subregion_overlap(root->address_space_mem, 0, void_region, INT_MIN);
    }
}

void void_attach(BuddyFunction *f)
{
    void_cover(PCI_DEVICE(f));
    place_of(f);
}

void void_remember(BuddyFunction *f)
{
    PCIDevice *pci = PCI_DEVICE(f);
    Place *place = place_of(f);

    place->window_count = 0;
    for (int i = 0; i < PCI_ROM_SLOT; i++) {
        const PCIIORegion *region = &pci->io_regions[i];

        if (region->size && !(region->type & PCI_BASE_ADDRESS_SPACE_IO) && region->addr != PCI_BAR_UNMAPPED) {
            place->windows[place->window_count++] = (Window){i, region->addr, region->size};
        }
    }
}

void void_device_gone(BuddyFunction *f)
{
    Place *place = place_of(f);

    place->function = NULL;
    gone_count++;
    if (gone_count > GONE_LIMIT) {
        Place *oldest = NULL;

        QTAILQ_FOREACH(place, &places, link)
        {
            oldest = place->function ? oldest : place;
        }
        place_free(oldest);
    }
}

void void_forget_gone(void)
{
    Place *place, *next;

    QTAILQ_FOREACH_SAFE(place, &places, link, next)
    {
        place->window_count = 0;
        if (!place->function) {
            place_free(place);
        }
    }
}
