#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fetches another QEMU from Debian for testing the module with it. Nothing is installed: packages are unpacked into a directory.
#
#   fetch-qemu.sh OUTDIR [SUITE]      SUITE: bookworm-backports (default), or any other that runs on this machine's libraries
#
# Leaves OUTDIR/qemu-system-x86_64 (a script that runs it with its own firmware) and OUTDIR/source (its source tree):
#   make -C qemu-device BUILD=/dir QEMU=OUTDIR/qemu-system-x86_64 QEMU_SRC=OUTDIR/source
set -eu

out=$(mkdir -p "${1:?usage: fetch-qemu.sh OUTDIR [SUITE]}" && cd "$1" && pwd)
suite=${2:-bookworm-backports}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die() {
    echo "fetch-qemu: $*" >&2
    exit 1
}

if [ -x "$out/qemu-system-x86_64" ] && [ -r "$out/source/VERSION" ]; then
    exit 0
fi
rm -rf "$out/root" "$out/source" "$out/debs"
mkdir -p "$out/apt/lists/partial" "$out/apt/cache/archives/partial" "$out/apt/parts" "$out/root" "$out/debs"
options=
[ -r "$keyring" ] && options="[signed-by=$keyring] "
printf '%s\n' "deb ${options}http://deb.debian.org/debian $suite main" "deb-src ${options}http://deb.debian.org/debian $suite main" \
    "deb ${options}http://deb.debian.org/debian bookworm main" >"$out/apt/sources.list"
cat >"$out/apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$out/apt/sources.list";
Dir::Etc::sourceparts "$out/apt/parts";
Dir::State::lists "$out/apt/lists";
Dir::State::status "/dev/null";
Dir::Cache "$out/apt/cache";
Dir::Log "$out/apt";
APT::Sandbox::User "";
CONF
export APT_CONFIG="$out/apt/apt.conf"
apt-get -qq update >"$out/apt/log" 2>&1 || die "apt-get update failed (log: $out/apt/log). Is the network up?"
version=$(apt-cache madison qemu-system-x86 | awk -F'|' -v suite="$suite/main" '$3 ~ suite && /Packages/ { gsub(/ /, "", $2); print $2; exit }')
[ -n "$version" ] || die "$suite has no qemu-system-x86"
(cd "$out/debs" && apt-get -qq download "qemu-system-x86=$version" "qemu-system-common=$version" "qemu-system-data=$version" seabios) \
    >>"$out/apt/log" 2>&1 || die "the packages of QEMU $version cannot be had (log: $out/apt/log)"
for package in "$out"/debs/*.deb; do
    dpkg-deb -x "$package" "$out/root"
done
missing=$(ldd "$out/root/usr/bin/qemu-system-x86_64" | grep 'not found' || true)
[ -z "$missing" ] || die "QEMU $version lacks libraries on this machine:$missing"

# The upstream part of the source is enough: Debian's patches do not touch the headers, and for older backports are no longer kept.
(cd "$out/debs" && apt-get -qq source --download-only "qemu=$version") >>"$out/apt/log" 2>&1 || true
original=$(find "$out/debs" -name 'qemu_*.orig.tar.xz' | head -1)
[ -n "$original" ] || die "there is no source of QEMU $version (log: $out/apt/log)"
mkdir "$out/source"
tar -xf "$original" -C "$out/source" --strip-components=1

cat >"$out/qemu-system-x86_64" <<RUN
#!/bin/sh
exec "$out/root/usr/bin/qemu-system-x86_64" -L "$out/root/usr/share/qemu" -L "$out/root/usr/share/seabios" "\$@"
RUN
chmod +x "$out/qemu-system-x86_64"
rm -rf "$out/debs" "$out/apt"
echo "fetch-qemu: $("$out/qemu-system-x86_64" --version | head -1)"
