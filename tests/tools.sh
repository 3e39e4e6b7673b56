#!/bin/sh
# Tools that some tests make their evidence with: says which are missing, and installs them where it may.
# Without them those tests skip and say so; this script never fails a build for their lack.
set -u

missing=""
need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] || missing="$missing $2"
}
need mke2fs e2fsprogs
need debugfs e2fsprogs
need mkntfs ntfs-3g
need ntfscp ntfs-3g
need mkfs.vfat dosfstools
need mkfs.exfat exfatprogs
need mcopy mtools
need 7z p7zip-full
need ewfacquire ewf-tools
need caddy caddy
need chromium chromium

# The server itself is beside the path on Debian: /usr/lib/postgresql/VERSION/bin.
postgresql=""
for server in /usr/lib/postgresql/*/bin/postgres; do
    [ -x "$server" ] || continue
    version=${server#/usr/lib/postgresql/}
    version=${version%%/*}
    case $version in *[!0-9]*) continue ;; esac
    [ "$version" -ge 15 ] && postgresql=$server
done
if [ -z "$postgresql" ]; then
    version=$(postgres --version 2>/dev/null | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 15 ] || missing="$missing postgresql"
fi

missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
missing=${missing% }
if [ -z "$missing" ]; then
    echo "test tools: all are here"
elif [ "$(id -u)" -eq 0 ] && [ -f /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then
    echo "test tools: installing $missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # one word a package
    { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } ||
        echo "test tools: not installed: $missing; the tests that need them will skip"
else
    echo "test tools: missing: $missing; the tests that need them will skip"
    echo "on Debian or Ubuntu: sudo apt-get install $missing"
fi
exit 0
