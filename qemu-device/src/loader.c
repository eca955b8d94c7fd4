/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * buddy.so: what LD_PRELOAD loads into QEMU.
 *
 * It knows nothing of QEMU's structures. It asks the running program for its version, and only if that is the
 * very version that the devices were compiled for it loads buddy-devices.so from its own directory. QEMU has no
 * stable internal interface: a module for another version would corrupt memory rather than fail.
 *
 * Programs other than QEMU (a shell or `timeout` that was started with the same environment) are left alone.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef BUILT_FOR
#error "BUILT_FOR is the version string that `qemu-system-x86_64 --version` prints"
#endif

/* QAPI's VersionInfo, unchanged since QEMU 2.4: an interface of QMP, so safe to look into. */
typedef struct VersionTriple {
    int64_t major;
    int64_t minor;
    int64_t micro;
} VersionTriple;
typedef struct VersionInfo {
    VersionTriple *qemu;
    char *package;
} VersionInfo;

static int is_qemu_system(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    const char *base;

    if (n <= 0) {
        return 0;
    }
    path[n] = 0;
    base = strrchr(path, '/');
    return strncmp(base ? base + 1 : path, "qemu-system-", 12) == 0;
}

static void refuse(const char *what)
{
    fprintf(stderr,
            "buddy: this module was built for QEMU %s, but %s.\n"
            "buddy: rebuild it for the QEMU that you run: " REBUILD "\n",
            BUILT_FOR, what);
    exit(1);
}

/* Load a module that lies beside this one. */
static void load(const char *name)
{
    char path[4096];
    Dl_info self;
    const char *slash;

    if (!dladdr((void *)load, &self) || !(slash = strrchr(self.dli_fname, '/'))) {
        fprintf(stderr, "buddy: give LD_PRELOAD the module's whole path, so that it finds %s beside it\n", name);
        exit(1);
    }
    snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - self.dli_fname), self.dli_fname, name);
    if (!dlopen(path, RTLD_LAZY | RTLD_LOCAL)) {
        fprintf(stderr, "buddy: cannot load %s: %s\nbuddy: build it again: " REBUILD "\n", path, dlerror());
        exit(1);
    }
}

__attribute__((constructor)) static void buddy_loader(void)
{
    VersionInfo *(*query_version)(void **errp) = dlsym(RTLD_DEFAULT, "qmp_query_version");
    VersionInfo *info;
    char running[512];
    char message[640];

    if (!query_version) {
        if (is_qemu_system()) {
            refuse("the QEMU that runs does not export its symbols (not a Debian build; see docs/device.md, "
                   "\"Other QEMUs\", for building the devices into it)");
        }
        return;
    }
    info = query_version(NULL);
    snprintf(running, sizeof(running), "%d.%d.%d%s%s%s", (int)info->qemu->major, (int)info->qemu->minor,
             (int)info->qemu->micro, *info->package ? " (" : "", info->package, *info->package ? ")" : "");
    if (strcmp(running, BUILT_FOR) != 0) {
        snprintf(message, sizeof(message), "QEMU %s runs", running);
        refuse(message);
    }
    /* QEMU's children (migration streams, helpers) are not to inherit it. */
    unsetenv("LD_PRELOAD");
    load("buddy-devices.so");
    if (getenv("BUDDY_QTEST")) {
        load("qtest-accel.so"); /* for tests/device; see the Makefile */
    }
}
