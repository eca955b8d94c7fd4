/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BuddyFunction: what `buddy` and `fredbus` have in common as PCI functions.
 *
 * The abstract QOM type `buddy-function` owns the configuration space (power management, MSI, MSI-X, PCI Express,
 * serial number), the power state, the way of a register access (recording, power check, gate check), interrupt
 * delivery, the counters and surprise removal. The concrete types supply registers through BuddyFunctionClass.
 *
 * Everything runs with the big QEMU lock held.
 */
#ifndef BUDDY_FUNCTION_H
#define BUDDY_FUNCTION_H

#include "qemu/osdep.h"
#include "hw/pci/pci.h"
#include "qom/object.h"
#include "compat.h"
#include "fault.h"
#include "registers.h"
#include "rules_table.h"

#define TYPE_BUDDY_FUNCTION "buddy-function"
OBJECT_DECLARE_TYPE(BuddyFunction, BuddyFunctionClass, BUDDY_FUNCTION)

#define FUNCTION_MAX_CLIENTS 8
/* The client of accesses that belong to no client page (fredbus has none). */
#define NO_CLIENT (-1)

#define FUNCTION_BAR_REGISTERS 0
#define FUNCTION_BAR_MSIX      4

/* Offsets of the capabilities: fixed, so that a driver writer finds them where docs/device.md says. */
#define FUNCTION_PM_OFFSET   0x40
#define FUNCTION_MSI_OFFSET  0x50
#define FUNCTION_MSIX_OFFSET 0x70
#define FUNCTION_EXP_OFFSET  0x80
#define FUNCTION_AER_OFFSET  0x100
#define FUNCTION_DSN_OFFSET  0x180

typedef enum PowerState {
    POWER_D0,
    POWER_D1,
    POWER_D2,
    POWER_D3HOT,
    POWER_D3COLD,
} PowerState;

typedef enum ResetCause {
    RESET_BUS,  /* machine reset, hot reset, slot power lost */
    RESET_FLR,  /* function-level reset */
    RESET_SOFT, /* by a register of the device */
    RESET_D3,   /* D3hot to D0 with No_Soft_Reset = 0 */
    RESET_WAKE, /* machine reset that ends S3 */
} ResetCause;

typedef struct FunctionCounters {
    uint64_t reads[FUNCTION_MAX_CLIENTS]; /* [0] too for functions without client pages */
    uint64_t writes[FUNCTION_MAX_CLIENTS];
    uint64_t interrupts[FUNCTION_MAX_CLIENTS];
    uint64_t resets;
    uint64_t power_changes;
    uint64_t violations;
    uint64_t rule[RULE_COUNT];
} FunctionCounters;

/* What an access to an aligned word of BAR0 needs, looked up and formatted once. */
typedef struct RegisterWord {
    const RegDesc *reg; /* NULL: reserved, or not looked up yet */
    uint8_t client_bit; /* of its page in `answers` */
    uint8_t counter;    /* index of its client in the counters */
    uint16_t read_length;
    uint16_t write_length;
    const char *read; /* the constant middle part of its records */
    const char *write;
} RegisterWord;

/* Where the registers of BAR0 are. Kept apart from the device, because it outlives it: see void.c. */
typedef struct RegisterMap RegisterMap;
struct RegisterMap {
    uint32_t size;    /* bytes */
    uint32_t clients; /* client pages; 0: none */
    uint32_t slots;   /* slot blocks of fredbus */
    /* The register at an offset (a multiple of 4) or NULL. `prefix` gets what stands before its name ("slot[3]."). */
    const RegDesc *(*find)(const RegisterMap *map, uint32_t offset, char *prefix, size_t size);
};

struct BuddyFunction {
    PCIDevice parent_obj;
    BuddyFunctionClass *klass; /* a QOM cast costs too much in a register access */

    /* properties */
    uint64_t serial; /* Device Serial Number; 0: none */
    bool use_msi;
    bool use_msix;
    bool no_soft_reset;
    bool has_d1_d2;
    uint32_t d3hot_delay_us; /* after D3hot, before which registers do not answer; 0: ready at once */
    uint32_t d2_delay_us;
    uint32_t ack_timeout_ms; /* 0: no limit */

    MemoryRegion bar0;
    MemoryRegion msix_bar;
    RegisterMap map;
    uint32_t vectors; /* asked for */

    PowerState power;
    ResetCause reset_cause; /* what the reset that is under way is due to */
    bool bus_master;
    bool memory_enabled;
    int64_t ready_at;   /* virtual ns before which registers do not answer (D0 entry); 0: ready */
    bool late_by_fault; /* it is the fault d0-late that makes it so */

    uint8_t asserted;                           /* mask of the clients whose interrupt is asserted */
    int64_t ack_deadline[FUNCTION_MAX_CLIENTS]; /* virtual ns; 0: none */
    QEMUTimer *ack_timer;

    int64_t access_seq; /* journal record of the access that is being carried out */
    uint32_t access_offset;
    int access_client;
    RegisterWord *words; /* by offset / 4 */
    uint8_t answers;     /* mask of the clients whose registers answer now; see function_update_answers() */
    FunctionCounters counters;

    uint32_t faults_armed; /* mask of FaultKind */
    Fault faults[FAULT_COUNT];
    uint8_t late_clients; /* interrupts that the fault interrupt-late holds back */
    uint8_t lost_clients; /* clients whose asserted interrupt was lost */
    QEMUTimer *late_timer;

    QLIST_ENTRY(BuddyFunction) link;
};

struct BuddyFunctionClass {
    PCIDeviceClass parent_class;
    DeviceRealize parent_dc_realize;

    /* Set map and vectors, add further BARs. */
    bool (*setup)(BuddyFunction *f, Error **errp);
    void (*teardown)(BuddyFunction *f);
    /* Mask of the clients whose gates are open; bit 0 for functions without client pages. */
    uint8_t (*open_gates)(BuddyFunction *f);
    /* Aligned 32-bit accesses in D0 through an open gate. */
    uint32_t (*read)(BuddyFunction *f, uint32_t offset);
    void (*write)(BuddyFunction *f, uint32_t offset, uint32_t value);
    /* All registers to their reset values, engines stopped. */
    void (*reset_registers)(BuddyFunction *f, ResetCause cause);
    /* The function leaves D0: engines stop, nothing may be signalled. True if something was under way. */
    bool (*power_down)(BuddyFunction *f);
    /* The power state, or the memory or bus master enable changed. */
    void (*power_changed)(BuddyFunction *f);
    /* Bring the interrupts of all clients up to date. */
    void (*update_interrupts)(BuddyFunction *f);
    /* The device goes without a word to the guest: take down what hangs below it. */
    void (*before_yank)(BuddyFunction *f);
};

/* Does this fault happen now? Counts and records it if so. `offset` is for faults that a register access brings out. */
static inline bool fault_fires_at(BuddyFunction *f, FaultKind kind, int client, int64_t offset)
{
    return unlikely(f->faults_armed & (1u << kind)) && fault_consider(f, kind, client, offset);
}

static inline bool fault_fires(BuddyFunction *f, FaultKind kind, int client)
{
    return fault_fires_at(f, kind, client, -1);
}

/* The link to the port is down: nothing reaches the function, nothing comes from it. */
static inline bool function_link_down(const BuddyFunction *f)
{
    return unlikely(f->faults_armed & (1u << FAULT_LINK_DOWN));
}

/* function.c */
const char *function_id(const BuddyFunction *f);
const char *power_name(PowerState state);
/* Tell the journal, which has just been opened, which functions are there. */
void function_journal_present(void);
/* `slot` record: plug, unplug-request, unplug, yank. */
void function_slot_event(BuddyFunction *f, const char *event);
void function_reset_registers(BuddyFunction *f, ResetCause cause);
extern const VMStateDescription vmstate_buddy_function;

/* function_mmio.c */
void function_mmio_init(BuddyFunction *f);
void function_mmio_exit(BuddyFunction *f);
/*
 * To be called whenever the power state, the recovery time, a fault or a gate changes: finds out for which clients an
 * access may take the short way, on which nothing needs to be checked.
 */
void function_update_answers(BuddyFunction *f);
/* An access to a register by its offset in BAR0, from wherever it came. Returns what a read gives. */
uint64_t function_register_access(BuddyFunction *f, uint32_t offset, bool is_write, uint64_t value, unsigned size);
/* The register's name as records say it, a string that stays. */
const char *register_map_name(const RegisterMap *map, uint32_t offset);
/* The client whose page the offset is in, or NO_CLIENT. */
int register_map_client(const RegisterMap *map, uint32_t offset);
/*
 * An access to register BAR space that no device answered. Recorded as of `id` in state `power`.
 * Returns the record's number. `f` is NULL when the device is gone.
 */
int64_t function_record_unanswered(BuddyFunction *f, const char *id, const RegisterMap *map, PowerState power,
                                   uint32_t offset, bool is_write, uint64_t value, unsigned size);

/* function_power.c */
bool function_power_init(BuddyFunction *f, Error **errp);
void function_power_config_write(BuddyFunction *f, uint32_t address, int length);
void function_set_power(BuddyFunction *f, PowerState to, const char *cause);
/* After a reset of the registers: power management state and command register as after power-on. */
void function_power_reset(BuddyFunction *f, ResetCause cause);
/* Slot power has no callback for being switched on; every configuration access looks. */
void function_power_notice(BuddyFunction *f);
void function_command_changed(BuddyFunction *f, bool memory, bool bus_master);
void function_track_command(BuddyFunction *f);
/* The time that the function needs after D0 entry is over. */
bool function_ready(BuddyFunction *f);

/* function_irq.c */
bool function_irq_init(BuddyFunction *f, Error **errp);
void function_irq_exit(BuddyFunction *f);
/* The interrupt of a client (0 for functions without clients) is asserted or not. */
void function_irq_set(BuddyFunction *f, int client, bool level);
/* An interrupt without a cause. */
void function_irq_spurious(BuddyFunction *f, int client);
/* The guest changed MSI, MSI-X or INTx enabling. */
void function_irq_mode_changed(BuddyFunction *f);
const char *function_irq_mode(const BuddyFunction *f);
/* No interrupt is asserted any more (reset, power). */
void function_irq_clear(BuddyFunction *f);

/* function_port.c: what the PCI Express port above the function shows */
/* The hot-plug slot that a device is in, or NULL (root complex, conventional bus). */
PCIDevice *function_slot_port(PCIDevice *pci);
/* The root port above the function, through switches, or NULL. */
PCIDevice *function_root_port(BuddyFunction *f);
/* Make the port's Data Link Layer State Changed bits work. */
void function_port_widen(PCIDevice *port);
/* Presence and link, or only the link, drop or come back; the port's status follows and its interrupt is raised. */
void function_port_removed(PCIDevice *port);
void function_port_link(PCIDevice *port, bool up);
void function_port_notify(PCIDevice *port);

/* function_pme.c: power management events */
uint16_t function_pme_capabilities(const BuddyFunction *f);
/* Make the root port's PME bits work. */
void function_pme_widen(BuddyFunction *f);
void function_pme_class_init(ObjectClass *klass);

/* function_aer.c: report an error as PCI Express advanced error reporting wants it */
void function_aer_report(BuddyFunction *f, bool fatal);

/* function_counters.c */
void function_counters_class_init(ObjectClass *klass);

/* violation.c */
extern const char *const rule_names[RULE_COUNT];
/* Violations of all devices since QEMU started, also of devices that are gone. */
extern uint64_t violations_total;
/* Record a violation by the register access that is being carried out. */
void violation(BuddyFunction *f, Rule rule, int client);
/* The same for something that is no register access; `reg` may be NULL, `ref` JOURNAL_NO_SEQ. */
void violation_at(BuddyFunction *f, Rule rule, int client, const char *reg, int64_t ref);
/* The same for a device that is gone. */
void violation_gone(const char *id, Rule rule, int client, const char *reg, int64_t ref);

/* removal.c */
void removal_class_init(void);
void removal_realize(BuddyFunction *f);
void removal_exit(BuddyFunction *f);

/* machine.c */
/* Follow the machine's resets and sleep. May be called any number of times. */
void machine_follow(void);
/* The reset that is under way ends S3. */
bool machine_is_waking(void);

/* void.c: what answers where no device does */
/* Answer all ones in the whole PCI address space of this device's root bus, below everything else. */
void void_cover(PCIDevice *pci);
/* The same, and tell of the accesses to this function that nothing else answers. */
void void_attach(BuddyFunction *f);
/* Remember where the BARs are; called whenever the guest may have moved them. */
void void_remember(BuddyFunction *f);
/* The function is going: keep its addresses, so that later accesses can be told. */
void void_device_gone(BuddyFunction *f);
/* Machine reset: addresses of earlier devices mean nothing any more. */
void void_forget_gone(void);

#endif
