#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Configures a QEMU source tree for x86_64 with as little as the devices need.
#
#   configure-qemu.sh SOURCE BUILDDIR
#
# BUILDDIR is made anew. Newer QEMUs want a newer meson than an older distribution has; then one is put into BUILDDIR.venv.
set -eu

source=$(cd "${1:?usage: configure-qemu.sh SOURCE BUILDDIR}" && pwd)
build=${2:?usage: configure-qemu.sh SOURCE BUILDDIR}
log=$build.log

die() {
    echo "configure-qemu: $*" >&2
    exit 1
}

for tool in meson ninja pkg-config gcc python3; do
    command -v "$tool" >/dev/null ||
        die "$tool is missing. Install what qemu-device/packages.txt lists: apt-get install \$(cat qemu-device/packages.txt)"
done
[ -r "$source/VERSION" ] || die "$source is not a QEMU source tree (no file VERSION)"

# QEMU 8.1 and later make an environment of their own (mkvenv) and insist on an interpreter that has meson as a package: the one that
# meson itself is started with. Earlier ones take --python as a wish for a bundled meson, which Debian's source does not have.
python=$(sed -n '1s/^#! *\([^ ]*\).*/\1/p' "$(command -v meson)")
[ -x "$python" ] || python=python3

# Debian takes firmware images out of the source, but newer meson files insist on their being there. Nothing reads them.
sed -n "s/^ *'\(edk2-.*\.fd\)',$/\1/p" "$source/pc-bios/meson.build" | while read -r image; do
    [ -e "$source/pc-bios/$image.bz2" ] || : >"$source/pc-bios/$image.bz2"
done

run_configure() {
    rm -rf "$build"
    mkdir -p "$build"
    set --
    if [ -e "$source/python/scripts/mkvenv.py" ]; then
        set -- --python="$python"
    fi
    (cd "$build" && "$source/configure" "$@" --target-list=x86_64-softmmu --without-default-features --enable-system \
        --enable-modules --enable-tcg --enable-fdt --disable-docs --disable-tools --disable-werror --disable-install-blobs) >"$log" 2>&1
}
newer_meson() {
    grep -q "isn't suitable\|was not found" "$log" || return 1
    echo "configure-qemu: fetching a newer meson into a private environment" >&2
    python3 -m venv "$build.venv" && "$build.venv/bin/pip" -q install 'meson>=1.5,<2' pycotap >>"$log" 2>&1 &&
        python=$build.venv/bin/python
}
run_configure || { newer_meson && run_configure; } || {
    tail -5 "$log" >&2
    die "configure of $source failed (log: $log)"
}
