#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Puts the devices into a QEMU source tree, for QEMUs that do not export their symbols.
#
#   drop-in.sh /path/to/qemu-source
#
# Copies src/ and include/ to hw/buddy/ with a Kconfig and a meson.build, and names them once in hw/Kconfig and hw/meson.build. Can
# be run again: it replaces what it put there. Then: configure --target-list=x86_64-softmmu …; ninja qemu-system-x86_64
set -eu

tree=${1:?usage: drop-in.sh /path/to/qemu-source}
here=$(cd "$(dirname "$0")/.." && pwd)
if ! [ -r "$tree/hw/meson.build" ] || ! [ -r "$tree/VERSION" ]; then
    echo "drop-in: $tree is not a QEMU source tree (no hw/meson.build or no VERSION)" >&2
    exit 1
fi

rm -rf "$tree/hw/buddy"
mkdir "$tree/hw/buddy"
cp "$here"/src/*.[ch] "$here"/include/*.h "$here/qemu-tree/Kconfig" "$here/qemu-tree/meson.build" "$tree/hw/buddy/"
rm "$tree/hw/buddy/loader.c"
grep -qx "subdir('buddy')" "$tree/hw/meson.build" || echo "subdir('buddy')" >>"$tree/hw/meson.build"
grep -qx 'source buddy/Kconfig' "$tree/hw/Kconfig" || echo 'source buddy/Kconfig' >>"$tree/hw/Kconfig"
echo "drop-in: the devices are in $tree/hw/buddy (QEMU $(cat "$tree/VERSION")); configure and build it as usual"
