#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fetches another QEMU from Debian for testing the module with it. Nothing is installed: packages are unpacked into a directory.
#
#   fetch-qemu.sh OUTDIR [SUITE]      SUITE: bookworm-backports (default), trixie, …
#
# If this machine's libraries are too old for it, the libraries of SUITE are fetched too (40 MB), and QEMU is started with them.
# Leaves OUTDIR/qemu-system-x86_64 (a script that runs it with its own firmware) and OUTDIR/source (its source tree):
#   make -C qemu-device BUILD=/dir QEMU=OUTDIR/qemu-system-x86_64 QEMU_SRC=OUTDIR/source
set -eu

out=$(mkdir -p "${1:?usage: fetch-qemu.sh OUTDIR [SUITE]}" && cd "$1" && pwd)
suite=${2:-bookworm-backports}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=http://deb.debian.org

die() {
    echo "fetch-qemu: $*" >&2
    exit 1
}

if [ -x "$out/qemu-system-x86_64" ] && [ -r "$out/source/VERSION" ]; then
    exit 0
fi
rm -rf "$out/root" "$out/source" "$out/debs" "$out/apt"
mkdir -p "$out/apt/lists/partial" "$out/apt/cache/archives/partial" "$out/apt/parts" "$out/root" "$out/debs"
options=
[ -r "$keyring" ] && options="[signed-by=$keyring] "
{
    echo "deb $options$mirror/debian $suite main"
    echo "deb-src $options$mirror/debian $suite main"
    # Backports lean on the packages of the release, whose name comes first.
    [ "${suite%-backports}" = "$suite" ] || echo "deb $options$mirror/debian ${suite%-backports} main"
} >"$out/apt/sources.list"
cat >"$out/apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$out/apt/sources.list";
Dir::Etc::sourceparts "$out/apt/parts";
Dir::State::lists "$out/apt/lists";
Dir::State::status "/dev/null";
Dir::Cache "$out/apt/cache";
Dir::Log "$out/apt";
APT::Sandbox::User "";
APT::Install-Recommends "false";
CONF
export APT_CONFIG="$out/apt/apt.conf"
apt-get -qq update >"$out/apt/log" 2>&1 || die "apt-get update failed (log: $out/apt/log). Is the network up?"
version=$(apt-cache madison qemu-system-x86 | awk -F'|' -v suite="$suite/main" '$3 ~ suite && /Packages/ { gsub(/ /, "", $2); print $2; exit }')
[ -n "$version" ] || die "$suite has no qemu-system-x86"

unpack() {
    for package in "$1"/*.deb; do
        dpkg-deb -x "$package" "$out/root"
    done
}
(cd "$out/debs" && apt-get -qq download "qemu-system-x86=$version" "qemu-system-common=$version" "qemu-system-data=$version" seabios) \
    >>"$out/apt/log" 2>&1 || die "the packages of QEMU $version cannot be had (log: $out/apt/log)"
unpack "$out/debs"
run=
if ldd "$out/root/usr/bin/qemu-system-x86_64" 2>&1 | grep -q 'not found'; then
    apt-get -qq -y install --download-only "qemu-system-x86=$version" >>"$out/apt/log" 2>&1 ||
        die "the libraries of QEMU $version cannot be had (log: $out/apt/log)"
    unpack "$out/apt/cache/archives"
    libraries=$out/root/usr/lib/x86_64-linux-gnu
    run="\"$libraries/ld-linux-x86-64.so.2\" --library-path \"$libraries\" "
fi

# The source as Debian keeps it. Of superseded backports the archive keeps only upstream's part; that is enough for the headers, of which
# Debian's patches change one, and that for the Hurd.
(cd "$out/debs" && apt-get -qq source --download-only "qemu=$version") >>"$out/apt/log" 2>&1 || true
original=$(find "$out/debs" -name 'qemu_*.orig.tar.xz' | head -1)
[ -n "$original" ] || die "there is no source of QEMU $version (log: $out/apt/log)"
mkdir "$out/source"
tar -xf "$original" -C "$out/source" --strip-components=1
patches=$(find "$out/debs" -name 'qemu_*.debian.tar.xz' | head -1)
if [ -n "$patches" ]; then
    tar -xf "$patches" -C "$out/source"
    (cd "$out/source" && sed 's/#.*//; s/ *$//; /^$/d' debian/patches/series | while read -r patch; do
        patch -s -p1 <"debian/patches/$patch"
    done) >>"$out/apt/log" 2>&1 || die "Debian's patches do not apply (log: $out/apt/log)"
    with="upstream's source with Debian's patches"
else
    with="upstream's source without Debian's patches, which the archive does not keep for this version"
fi

cat >"$out/qemu-system-x86_64" <<RUN
#!/bin/sh
exec $run"$out/root/usr/bin/qemu-system-x86_64" -L "$out/root/usr/share/qemu" -L "$out/root/usr/share/seabios" "\$@"
RUN
chmod +x "$out/qemu-system-x86_64"
rm -rf "$out/debs" "$out/apt"
echo "fetch-qemu: $("$out/qemu-system-x86_64" --version | head -1); headers from $with"
