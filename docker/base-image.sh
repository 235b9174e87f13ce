#!/usr/bin/env bash
# Makes debian:bookworm-slim from Debian's packages, for a host that can pull no image.
#
#   base-image.sh [MIRROR]     needs root, debootstrap and a docker daemon
#
# The host's own certificate authorities come along, so that what the host can download, a build in
# the image can too.
set -euo pipefail

root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 1' HUP INT TERM

debootstrap --variant=minbase bookworm "$root" "$@"
mirror=$(sed -n 's/^deb \([^ ]*\) bookworm .*/\1/p' "$root/etc/apt/sources.list" | head -n 1)
printf 'deb %s main\n' "$mirror bookworm-updates" "$mirror-security bookworm-security" \
    >>"$root/etc/apt/sources.list"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    mkdir -p "$root/usr/local/share/ca-certificates"
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
fi
tar -C "$root" --numeric-owner -c . | docker import --change 'CMD ["bash"]' - debian:bookworm-slim
