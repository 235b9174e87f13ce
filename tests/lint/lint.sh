#!/usr/bin/env bash
# One check of the sources by name; prints what is wrong and "N passed, N failed", a count of files.
set -euo pipefail

check=$1 build=$(realpath "$2")
passed=0 failed=0

ours() { git ls-files --cached --others --exclude-standard -- "$@"; }

# try FILE COMMAND..: counts FILE as failed, and shows the command's words, when the command fails
try() {
    local file=$1 words
    shift
    if words=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL %s\n%s\n' "$file" "$words"
    fi
}

# The design's direction: what each folder's files may include, as prefixes of the quoted path.
allowed() {
    case $1 in
    common/base/*) echo 'base/' ;;
    common/chain/*) echo 'base/ chain/ registry_' ;;
    common/turn/*) echo 'base/ turn/' ;;
    common/kex/*) echo 'base/ chain/ kex/' ;;
    common/wm/*) echo 'base/ chain/ kex/ wm/' ;;
    coturn-module/*) echo 'base/ chain/ turn/ kex/ wm/ OWN' ;;
    wm-server/*) echo 'base/ chain/ turn/ kex/ registry_ OWN' ;;
    client/*) echo 'base/ chain/ turn/ kex/ wm/ OWN' ;;
    *) echo '' ;;
    esac
}

check_layers_of() {
    local file=$1 path prefix ok folder bad=0
    folder=${file%%/*}
    while read -r path; do
        ok=no
        for prefix in $(allowed "$file"); do
            if [ "$prefix" = OWN ]; then
                # a program's own headers: named without a folder of common/
                [ -z "$(git ls-files --cached --others -- "$folder/*/$path" "$folder/$path" "$folder/src/$path")" ] || ok=yes
                # the one file that sees coturn's own headers
                [ "$file" != coturn-module/src/adapter.c ] || ok=yes
            elif [[ $path == "$prefix"* ]]; then
                ok=yes
            fi
        done
        if [ $ok = no ]; then
            echo "$file includes \"$path\", which lies outside what its layer may see: $(allowed "$file")"
            bad=1
        fi
    done < <(sed -nE 's/^#include "([^"]+)".*/\1/p' "$file")
    return $bad
}

# No type or header of a foreign library stands in a header of ours.
check_header_of() {
    local file=$1
    if grep -nE '#include <(openssl|curl|json-c|microhttpd|hiredis|sqlite3|secp256k1|event2|nettle|gnutls|p11-kit|usrsctp)' "$file" ||
        grep -nwE 'json_object|CURL|CURLM|SSL|SSL_CTX|EVP_[A-Z_]+|sqlite3|sqlite3_stmt|MHD_[A-Za-z]+|redisContext|secp256k1_[a-z_]+|CK_[A-Z_]+|ioa_[a-z_]+|turn_turnserver|sctp_assoc_t|sockaddr_conn' "$file"; then
        echo "$file shows a foreign library's type or header"
        return 1
    fi
    cc -std=c11 -D_DEFAULT_SOURCE -fsyntax-only -Wall -Wextra -Werror -x c -Icommon -Icommon/include \
        -Icoturn-module/include -Icoturn-module/src -Iclient/include -Iwm-server/src -I"$(dirname "$file")" "$file"
}

# The check must see what it is there for: each planted breach has to be refused.
control() {
    local check_of=$1 file=$2 line=$3 planted
    planted=$(mktemp -d)
    mkdir -p "$planted/$(dirname "$file")"
    printf '%s\n' "$line" >"$planted/$file"
    if (cd "$planted" && "$check_of" "$file") >/dev/null 2>&1; then
        failed=$((failed + 1))
        echo "FAIL control: $line in $file was not refused"
    else
        passed=$((passed + 1))
    fi
    rm -rf "$planted"
}

check_format_of() { clang-format --dry-run -Werror "$1"; }
check_tidy_of() { clang-tidy --quiet -p "$commands" "$1" 2>/dev/null; }

# Our own files out of what this build compiles, coturn's left out: clang-tidy and cppcheck need the flags.
commands=$build/lint-$check
list_commands() {
    mkdir -p "$commands"
    node -e '
        const fs = require("fs"), [from, to, top, build] = process.argv.slice(1);
        const all = JSON.parse(fs.readFileSync(from, "utf8"));
        const own = all.filter((c) => c.file.startsWith(top + "/") && !c.file.startsWith(build + "/"));
        fs.writeFileSync(to, JSON.stringify(own));
        console.log([...new Set(own.map((c) => c.file))].sort().join("\n"));
    ' "$build/compile_commands.json" "$commands/compile_commands.json" "$PWD" "$build"
}

export -f check_tidy_of
export commands

case $check in
format)
    for file in $(ours '*.c' '*.h'); do try "$file" check_format_of "$file"; done
    ;;
layers)
    control check_layers_of common/base/planted.c '#include "chain/tx.h"'
    control check_layers_of common/chain/planted.c '#include "kex/pass.h"'
    control check_layers_of common/turn/planted.c '#include "chain/key.h"'
    control check_layers_of client/src/planted.c '#include "store.h"'
    for file in $(ours 'common/*.[ch]' 'coturn-module/*.[ch]' 'wm-server/*.[ch]' 'client/*.[ch]'); do
        try "$file" check_layers_of "$file"
    done
    ;;
headers)
    control check_header_of common/chain/planted.h 'struct json_object *parse(void);'
    control check_header_of wm-server/src/planted.h '#include <sqlite3.h>'
    control check_header_of common/base/planted.h 'uint8_t undeclared;'
    for file in $(ours 'common/*.h' 'coturn-module/*.h' 'wm-server/*.h' 'client/*.h'); do
        try "$file" check_header_of "$file"
    done
    ;;
shell)
    for file in run .ci/run $(ours '*.sh'); do try "$file" shellcheck "$file"; done
    ;;
man)
    for file in $(ours '*.1' '*.3' '*.5' '*.8'); do
        try "$file" mandoc -T lint -W warning "$file"
    done
    ;;
tidy)
    # shellcheck disable=SC2016 # the inner shell expands it
    results=$(list_commands | xargs -P "$(nproc)" -I{} bash -c \
        'if words=$(check_tidy_of "$1"); then echo "pass $1"; else printf "FAIL %s\n%s\n" "$1" "$words"; fi' _ {})
    passed=$(grep -c '^pass ' <<<"$results" || true)
    failed=$(grep -c '^FAIL ' <<<"$results" || true)
    grep -v '^pass ' <<<"$results" || true
    ;;
cppcheck)
    files=$(list_commands | wc -l)
    if words=$(cppcheck --project="$commands/compile_commands.json" -j "$(nproc)" \
        --enable=warning,portability --inline-suppr --error-exitcode=1 --quiet \
        --suppress=missingIncludeSystem --std=c11 2>&1); then
        passed=$files
    else
        failed=1
        printf 'FAIL\n%s\n' "$words"
    fi
    ;;
*)
    echo "lint.sh does not know $check"
    exit 2
    ;;
esac

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
