#!/bin/sh
# SPDX-License-Identifier: MIT
# version.sh INF TEMPLATE: the template with the INF's version, provider and description put in.
set -eu

inf=$1
template=$2

# The value of a directive or string of the INF, without quotes and comment.
value() {
    sed -n "s/^$1[[:space:]]*=[[:space:]]*//p" "$inf" | sed 's/^"\(.*\)".*/\1/; s/[[:space:]]*;.*//; s/[[:space:]]*\r*$//' | head -n 1
}

version=$(value DriverVer | sed 's/.*,[[:space:]]*//')
company=$(sed -n '/^\[Strings\]/,$p' "$inf" | sed -n 's/^Provider[[:space:]]*=[[:space:]]*"\(.*\)".*/\1/p')
description=$(value ServiceName)
name=$(basename "$inf" .inf)

if ! echo "$version" | grep -Eq '^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$'; then
    echo "$inf: DriverVer must be date,w.x.y.z; it ends in '$version'" >&2
    exit 1
fi
if [ -z "$company" ] || [ -z "$description" ]; then
    echo "$inf: [Strings] must define Provider and ServiceName: the version resource takes company and description from them" >&2
    exit 1
fi

sed -e "s|@COMMAS@|$(echo "$version" | tr . ,)|; s|@VERSION@|$version|; s|@COMPANY@|$company|" \
    -e "s|@DESCRIPTION@|$description|; s|@NAME@|$name|" "$template"
