#!/bin/sh
# Fetches coturn's pristine source into a directory by apt-get source, and verifies it.
#
#   fetch.sh OUTDIR     leaves OUTDIR/coturn-VERSION and prints that path; a second run does nothing
#
# The machine's own apt entries are copied to a private file with the type deb-src; apt's
# configuration, lists and cache are not touched, and root is not needed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^version=//p' "$here/UPSTREAM")
tarball=$(sed -n 's/^tarball=//p' "$here/UPSTREAM")
sha256=$(sed -n 's/^sha256=//p' "$here/UPSTREAM")

die() {
    printf 'coturn-module/fetch.sh: %s\n' "$1" >&2
    printf 'Unpack coturn %s (sha256 of its tarball: %s) yourself and configure with -DCHAINTURN_COTURN_SOURCE=DIR.\n' \
        "$version" "$sha256" >&2
    exit 1
}

if [ $# -ne 1 ]; then
    printf 'usage: fetch.sh OUTDIR\n' >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
tree=$out/coturn-$version
stamp=$tree/.verified-$sha256
if [ -e "$stamp" ]; then
    printf '%s\n' "$tree"
    exit 0
fi

sum_is_right() {
    [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d ' ' -f 1)" = "$sha256" ]
}

# Debian's own suites by their names; other vendors' entries have other suites or components.
suites='(bookworm|trixie|forky|sid|oldstable|stable|testing|unstable)(-updates|-security|-backports|/updates)?'

# Writes the one-line entries of FILE as deb-src lines.
one_line_entries() {
    sed -nE "s%^[[:space:]]*deb(-src)?([[:space:]]+\[[^]]*\])?([[:space:]]+[^[:space:]]+[[:space:]]+${suites}[[:space:]]+([^#]*[[:space:]])?main([[:space:]].*)?)\$%deb-src\2\3%p" \
        "$1"
}

# Writes the deb822 stanzas of FILE with Types: deb-src; all other fields (Signed-By with its
# continuation lines, too) are kept.
deb822_entries() {
    awk -v suites="$suites" '
        function flush_stanza() {
            if (is_debian && has_main && !disabled) {
                printf "%s\n", text
            }
            text = ""; field = ""; is_debian = 0; has_main = 0; disabled = 0
        }
        /^[[:space:]]*$/ { flush_stanza(); next }
        /^#/ { next }
        /^[^[:space:]]/ { field = tolower($0); sub(/:.*/, "", field) }
        {
            value = $0
            if (value !~ /^[[:space:]]/) { sub(/^[^:]*:/, "", value) }
            n = split(value, word, /[[:space:]]+/)
            for (i = 1; i <= n; i++) {
                if (field == "suites" && word[i] ~ "^" suites "$") { is_debian = 1 }
                if (field == "components" && word[i] == "main") { has_main = 1 }
                if (field == "enabled" && tolower(word[i]) ~ /^(no|false|off|0)$/) { disabled = 1 }
            }
            if (field == "types") { $0 = "Types: deb-src" }
            text = text $0 "\n"
        }
        END { flush_stanza() }' "$1"
}

if ! sum_is_right "$out/$tarball"; then
    command -v apt-get >/dev/null 2>&1 || die 'apt-get is not on this machine, so the source cannot be fetched.'
    private=$(mktemp -d)
    trap 'rm -rf "$private"' EXIT
    trap 'exit 1' HUP INT TERM
    chmod 755 "$private"
    mkdir -p "$private/lists/partial" "$private/archives/partial" "$private/parts" "$private/get"
    etc=${CHAINTURN_APT_ETC:-/etc/apt}
    for f in "$etc/sources.list" "$etc"/sources.list.d/*.list; do
        if [ -r "$f" ]; then one_line_entries "$f"; fi
    done >"$private/parts/copy.list"
    for f in "$etc"/sources.list.d/*.sources; do
        if [ -r "$f" ]; then deb822_entries "$f"; fi
    done >"$private/parts/copy.sources"
    [ -s "$private/parts/copy.list" ] || [ -s "$private/parts/copy.sources" ] ||
        die "no Debian entry was found in $etc, so the source package cannot be fetched."

    apt() {
        apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$private/parts" \
            -o Dir::State="$private" -o Dir::State::lists="$private/lists" \
            -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$private" \
            -o Dir::Cache::archives="$private/archives" -o Acquire::Languages=none \
            -o Acquire::Retries=3 -o APT::Get::List-Cleanup=0 "$@" </dev/null >>"$private/log" 2>&1
    }
    # A single failing entry does not matter as long as another one has the package.
    apt update || true
    # Any Debian revision of this version has the same upstream tarball.
    revision=$(apt-cache -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$private/parts" \
        -o Dir::State="$private" -o Dir::State::lists="$private/lists" \
        -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$private" showsrc coturn 2>>"$private/log" |
        sed -n "s/^Version: \\($version-.*\\)\$/\\1/p" | head -n 1)
    if [ -z "$revision" ]; then
        tail -n 12 "$private/log" >&2
        die "the apt entries of this machine offer no source package coturn $version."
    fi
    if ! (cd "$private/get" && apt source --download-only --tar-only "coturn=$revision"); then
        tail -n 12 "$private/log" >&2
        die "apt-get could not download the source of coturn $revision."
    fi
    sum_is_right "$private/get/$tarball" ||
        die "the tarball that apt-get downloaded does not have the sha256 pinned in coturn-module/UPSTREAM; it was not used."
    mv "$private/get/$tarball" "$out/$tarball"
fi

rm -rf "$out/unpack.$$"
mkdir "$out/unpack.$$"
tar -xf "$out/$tarball" -C "$out/unpack.$$" --strip-components=1 || die "the tarball $out/$tarball could not be unpacked."
: >"$out/unpack.$$/${stamp##*/}"
rm -rf "$tree"
mv "$out/unpack.$$" "$tree"
printf '%s\n' "$tree"
