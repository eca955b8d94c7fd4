# SPDX-License-Identifier: MIT
#
# With what the drivers are built. Included by guest-drivers/Makefile.
#
#   TOOLCHAIN  gcc (mingw-w64; what the suite loads) or clang (with lld; its PDB has types and lines)
#   ARCH       x64 or x86
#
# The default variant, gcc for x64, is built into $(BUILD)/drivers, the others into $(BUILD)/drivers-<toolchain>-<arch>.
# Why these flags: docs/packaging.md, "Toolchains".

TOOLCHAIN ?= gcc
ARCH      ?= x64

ifeq ($(filter gcc clang,$(TOOLCHAIN)),)
$(error TOOLCHAIN is '$(TOOLCHAIN)'; it must be gcc or clang)
endif
ifeq ($(filter x64 x86,$(ARCH)),)
$(error ARCH is '$(ARCH)'; it must be x64 or x86)
endif

VARIANT := $(if $(filter gcc-x64,$(TOOLCHAIN)-$(ARCH)),,-$(TOOLCHAIN)-$(ARCH))
MACHINE := $(if $(filter x64,$(ARCH)),x86_64,i686)
# The sources' INFs are decorated NTamd64; a build's INFs are decorated for what it builds.
INF_ARCHITECTURE := $(if $(filter x64,$(ARCH)),NTamd64,NTx86)
CROSS   := $(MACHINE)-w64-mingw32-
AR      := $(CROSS)ar
WINDRES := $(CROSS)windres

TARGET_CFLAGS_x64 := -D_WIN64 -D_AMD64_
TARGET_CFLAGS_x86 := -D_X86_
IMAGE_BASE_x64    := 0x140000000
IMAGE_BASE_x86    := 0x10000

# Stack probes of large frames come from the compiler's library, also for clang.
LIBGCC := $(shell $(CROSS)gcc -print-libgcc-file-name)

comma := ,
TARGET_LDFLAGS := -Wl,--image-base,$(IMAGE_BASE_$(ARCH))

# For x86 mingw declares the register functions without volatile.
ifeq ($(TOOLCHAIN),gcc)
CC             := $(CROSS)gcc
TARGET_CFLAGS  := $(TARGET_CFLAGS_$(ARCH)) -g -ffile-prefix-map=$(CURDIR)=guest-drivers $(if $(filter x86,$(ARCH)),-Wno-discarded-qualifiers)
# The COFF symbols stay in the image: the test kernel names backtrace lines by them.
STRIP_DEBUG    := -Wl,--strip-debug
TARGET_LDFLAGS += -Wl,--wdmdriver $(if $(filter x86,$(ARCH)),-Wl$(comma)--entry$(comma)_DriverEntry@8)
else
CC             := clang --target=$(MACHINE)-w64-windows-gnu
TARGET_CFLAGS  := $(TARGET_CFLAGS_$(ARCH)) -g -gcodeview -ffile-prefix-map=$(CURDIR)/= -mno-sse -mno-mmx -Wno-ignored-pragmas -Wno-pragma-pack \
	$(if $(filter x86,$(ARCH)),-Wno-incompatible-pointer-types-discards-qualifiers)
TARGET_LDFLAGS += -fuse-ld=lld -Wl,-Xlink=/driver:wdm -Wl,-Xlink=/pdbaltpath:%_PDB%
endif

# $(call version-rule,<driver>,<object folder>): the version resource, from the driver's INF.
define version-rule
$(2)/$(1)-version.o: packaging/version.rc.in packaging/version.sh $(1)/$(1).inf
	@mkdir -p $$(@D)
	@packaging/version.sh $(1)/$(1).inf packaging/version.rc.in >$$(@:.o=.rc)
	@$(WINDRES) --codepage=65001 -i $$(@:.o=.rc) -o $$@
endef
