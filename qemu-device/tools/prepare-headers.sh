#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes the QEMU headers that the module is compiled against, for one exact QEMU version.
#
#   prepare-headers.sh VERSION OUTDIR [QEMU_SRC]
#
# VERSION   what `qemu-system-x86_64 --version` prints after "version ", for example
#           "7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)"
# OUTDIR    gets include/, linux-headers/, tcg/ and generated/; only complete ones are left behind
# QEMU_SRC  a QEMU source tree of that version; without it Debian's source package is fetched by apt
#           into a private place (the system's source lists and package lists are not touched)
#
# Nothing of QEMU is compiled: configure and three header generators take about ten seconds.
set -eu

version=$1
outdir=$2
source=${3:-}
work=$outdir.work

die() {
    echo "prepare-headers: $*" >&2
    exit 1
}

here=$(cd "$(dirname "$0")" && pwd)

# Private deb-src entries for every archive that offers the installed package.
write_source_list() {
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    options=
    [ -r "$keyring" ] && options="[signed-by=$keyring] "
    apt-cache madison qemu-system-x86 2>/dev/null | awk -F'|' '{print $3}' | while read -r uri suite _; do
        echo "deb-src $options$uri ${suite%%/*} ${suite#*/}"
    done | sort -u >"$1"
    if ! [ -s "$1" ]; then
        # No package lists on this machine: the distribution's own archives.
        # shellcheck source=/dev/null
        codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
        {
            echo "deb-src ${options}http://deb.debian.org/debian $codename main"
            echo "deb-src ${options}http://deb.debian.org/debian $codename-updates main"
            echo "deb-src ${options}http://deb.debian.org/debian-security $codename-security main"
        } >"$1"
    fi
}

fetch_debian_source() {
    package_version=$(printf '%s' "$version" | sed -n 's/.*(Debian \(.*\))$/\1/p' | sed 's/+b[0-9]*$//')
    [ -n "$package_version" ] ||
        die "QEMU \"$version\" is not a Debian build. Give its source tree: make -C qemu-device QEMU_SRC=/path/to/qemu-${version%% *}"
    apt=$work/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/parts"
    write_source_list "$apt/sources.list"
    cat >"$apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/parts";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Dir::Log "$apt";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
CONF
    echo "prepare-headers: fetching the source of qemu $package_version" >&2
    APT_CONFIG=$apt/apt.conf apt-get -qq update >"$work/apt.log" 2>&1 ||
        die "apt-get update with $apt/sources.list failed (log: $work/apt.log). Is the network up?"
    (cd "$work" && APT_CONFIG=$apt/apt.conf apt-get -qq source --download-only "qemu=$package_version") >>"$work/apt.log" 2>&1 ||
        die "the archives in $apt/sources.list have no source package qemu $package_version (log: $work/apt.log). Upgrade qemu-system-x86, or give QEMU_SRC"
    dpkg-source --no-check -x "$work"/qemu_*.dsc "$work/source" >>"$work/apt.log" 2>&1 ||
        die "dpkg-source failed (log: $work/apt.log)"
    source=$work/source
}

rm -rf "$work"
mkdir -p "$work/build"
[ -n "$source" ] || fetch_debian_source
[ -r "$source/VERSION" ] || die "$source is not a QEMU source tree (no file VERSION)"
numeric=${version%% *}
[ "$(cat "$source/VERSION")" = "$numeric" ] ||
    die "$source is QEMU $(cat "$source/VERSION"), but $numeric is wanted"

source=$(cd "$source" && pwd)
"$here/configure-qemu.sh" "$source" "$work/build" || exit 1
(cd "$work/build" && ninja config-poison.h qapi/qapi-types-common.h qapi/qapi-events-qdev.h) >>"$work/build.log" 2>&1 ||
    die "generating QEMU's headers failed (log: $work/build.log)"

# Only the headers are kept: 15 MB instead of 300.
mkdir -p "$work/ready/generated"
cp -R "$source/include" "$source/linux-headers" "$work/ready/"
# Debian leaves out the accelerator that the tests drive the devices with; it is one small file.
mkdir -p "$work/ready/accel" && cp "$source/accel/qtest/qtest.c" "$work/ready/accel/"
mkdir -p "$work/ready/tcg"
[ -d "$source/tcg/i386" ] && cp -R "$source/tcg/i386" "$work/ready/tcg/"
[ -d "$source/host" ] && cp -R "$source/host" "$work/ready/"
(cd "$work/build" && find . -name '*.h' -not -path './meson-private/*' | cpio -pdm --quiet "$work/ready/generated" 2>/dev/null) ||
    (cd "$work/build" && find . -name '*.h' -not -path './meson-private/*' -exec cp --parents {} "$work/ready/generated/" \;)
rm -rf "$outdir"
mv "$work/ready" "$outdir"
rm -rf "$work"
