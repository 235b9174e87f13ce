#!/usr/bin/env bash
# The test network: two devices behind NATs of their own, and a public net with relays, WM and chain.
#
#   net.sh up OWNER_PID TOOLS_DIR   brings it up and prints its prefix; namespaces are PREFIX-HOST
#   net.sh behind PREFIX HOST       puts HOST behind a NAT that has its address and maps it 1:1 to 10.73.0.2
#   net.sh farther PREFIX           makes its distances ten times what they were, for good
#   net.sh down PREFIX              ends what runs in it and removes it
#   net.sh reap                     removes networks whose owner has gone, as "guard" does at once
#   net.sh work PREFIX              prints a folder for files that go when the network goes
#
#     dev-a 10.71.0.2 -- nat-a .101 ==+                     +-- relay1 .11
#                                     |== pub: bridge ------+-- relay2 .12
#     dev-b 10.72.0.2 -- nat-b .102 ==+  198.51.100.0/24    +-- wm .20
#                                                           +-- chain .30 .31 .32
#   == is a delay line of DELAY_US each way, so that a device is 20 ms from the public net and 40 ms
#   from the other device. Both NATs are symmetric and drop what was not asked for.
set -euo pipefail

STATE=${CT_TESTBED_STATE:-/run/chainturn-testbed}
DELAY_US=${CT_TESTBED_DELAY_US:-10000}
HOSTS=(pub relay1 relay2 wm chain nat-a nat-b dev-a dev-b)

die() {
    echo "net.sh: $*" >&2
    exit 1
}

# When a process started, in ticks since boot: with its number this names it for good.
start_time() {
    local stat fields
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra fields <<<"${stat##*) }" # the name before it may hold spaces
    echo "${fields[19]}"
}

in_ns() {
    local ns=$1
    shift
    ip netns exec "$ns" "$@"
}

add_host() {
    local ns=$PREFIX-$1
    echo "$ns" >>"$STATE/$PREFIX/namespaces" # noted before it is made, or a kill between loses it
    ip netns add "$ns"
    ip -n "$ns" link set lo up
    in_ns "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null || true
}

# join_public HOST ADDRESS.. : a cable from HOST to the bridge
join_public() {
    local host=$1 address
    shift
    ip -n "$PREFIX-$host" link add eth0 type veth peer name "p-$host" netns "$PREFIX-pub"
    ip -n "$PREFIX-pub" link set "p-$host" master br0 up
    for address in "$@"; do
        ip -n "$PREFIX-$host" address add "$address/24" dev eth0
    done
    ip -n "$PREFIX-$host" link set eth0 up
}

# start_delay_line: makes wan0 in both NATs and their other ends on the bridge
start_delay_line() {
    local tools=$1 dir=$STATE/$PREFIX pairs=() side
    for side in a b; do
        pairs+=("$PREFIX-nat-$side:wan0" "$PREFIX-pub:p-nat-$side")
    done
    setsid "$tools/ct-delayline" "$DELAY_US" "${pairs[@]}" >"$dir/delayline.out" 2>"$dir/delayline.log" </dev/null &
    echo $! >"$dir/delayline.pid"
    for _ in $(seq 6000); do
        if grep -q ready "$dir/delayline.out"; then
            for side in a b; do
                ip -n "$PREFIX-pub" link set "p-nat-$side" master br0 up
            done
            return
        fi
        kill -0 $! 2>/dev/null || break
        sleep 0.01
    done
    die "the delay line did not start: $(cat "$dir/delayline.log")"
}

# add_nat SIDE OUTSIDE INSIDE_NET : a NAT and the device behind it
add_nat() {
    local nat=$PREFIX-nat-$1 dev=$PREFIX-dev-$1 outside=$2 inside=$3
    ip -n "$nat" address add "$outside/24" dev wan0
    ip -n "$nat" link set wan0 up
    ip -n "$nat" link add lan0 type veth peer name eth0 netns "$dev"
    ip -n "$nat" address add "$inside.1/24" dev lan0
    ip -n "$nat" link set lan0 up
    ip -n "$dev" address add "$inside.2/24" dev eth0
    ip -n "$dev" link set eth0 up
    ip -n "$dev" route add default via "$inside.1"
    in_ns "$nat" sysctl -qw net.ipv4.ip_forward=1
    in_ns "$nat" nft -f - <<EOF
table ip nat {
    chain post {
        type nat hook postrouting priority 100;
        oifname "wan0" masquerade random
    }
}
table ip filter {
    chain input {
        type filter hook input priority 0; policy accept;
        iifname "wan0" ct state established,related accept
        iifname "wan0" drop
    }
    chain forward {
        type filter hook forward priority 0; policy accept;
        iifname "wan0" ct state established,related accept
        iifname "wan0" drop
    }
}
EOF
}

# behind HOST : its cable goes to a NAT of its own, and the address with it; HOST gets a private one
behind() {
    local host=$PREFIX-$1 nat=$PREFIX-nat-$1 outside inside=10.73.0
    outside=$(ip -n "$host" -4 -o address show dev eth0 | awk '{ print $4 }')
    add_host "nat-$1"
    ip -n "$host" link set eth0 netns "$nat" name wan0
    ip -n "$nat" address add "$outside" dev wan0
    ip -n "$nat" link set wan0 up
    ip -n "$nat" link add lan0 type veth peer name eth0 netns "$host"
    ip -n "$nat" address add "$inside.1/24" dev lan0
    ip -n "$nat" link set lan0 up
    ip -n "$host" address add "$inside.2/24" dev eth0
    ip -n "$host" link set eth0 up
    ip -n "$host" route add default via "$inside.1"
    in_ns "$nat" sysctl -qw net.ipv4.ip_forward=1
    in_ns "$nat" nft -f - <<EOF
table ip nat {
    chain pre {
        type nat hook prerouting priority -100;
        iifname "wan0" ip daddr ${outside%/*} dnat to $inside.2
    }
    chain post {
        type nat hook postrouting priority 100;
        oifname "wan0" ip saddr $inside.2 snat to ${outside%/*}
    }
}
EOF
}

build() {
    local tools=$1 host
    for host in "${HOSTS[@]}"; do
        add_host "$host"
    done
    ip -n "$PREFIX-pub" link add br0 type bridge
    ip -n "$PREFIX-pub" link set br0 up
    join_public relay1 198.51.100.11
    join_public relay2 198.51.100.12
    join_public wm 198.51.100.20
    join_public chain 198.51.100.30 198.51.100.31 198.51.100.32
    start_delay_line "$tools"
    add_nat a 198.51.100.101 10.71.0
    add_nat b 198.51.100.102 10.72.0
}

up() {
    local owner=$1 tools=$2 started
    [ "$(id -u)" = 0 ] || die "network namespaces need root"
    command -v nft >/dev/null || die "nft is missing; install the package nftables"
    [ -x "$tools/ct-delayline" ] || die "$tools/ct-delayline is missing; build the tests first"
    started=$(start_time "$owner") || die "process $owner, which is to own the network, does not run"
    PREFIX=ct-$owner
    mkdir -p "$STATE"
    [ ! -e "$STATE/$PREFIX" ] || die "$STATE/$PREFIX exists; run 'net.sh down $PREFIX'"
    mkdir -p "$STATE/new-$owner" # becomes visible to reap with its owner already in it
    : >"$STATE/new-$owner/namespaces"
    echo "$owner $started $(cat /proc/sys/kernel/random/boot_id)" >"$STATE/new-$owner/owner"
    mv -T "$STATE/new-$owner" "$STATE/$PREFIX"
    trap 'down "$PREFIX"' EXIT
    setsid "$0" guard "$PREFIX" >/dev/null 2>&1 </dev/null &
    echo "$! $(start_time $!)" >"$STATE/$PREFIX/guard"
    mkdir -m 0700 "$STATE/$PREFIX/work"
    build "$tools"
    trap - EXIT
    echo "$PREFIX"
}

# farther DIR : by the delay line, which says when it is so
farther() {
    kill -USR1 "$(cat "$1/delayline.pid")"
    for _ in $(seq 6000); do
        if grep -q far "$1/delayline.out"; then
            return
        fi
        sleep 0.01
    done
    die "the delay line did not lengthen"
}

# guard PREFIX : waits until the owner has gone, and clears up if it left the network behind
guard() {
    local prefix=$1 owner started rest
    read -r owner started rest <"$STATE/$prefix/owner"
    tail --pid="$owner" -s 1 -f /dev/null
    read -r _ rest _ <"$STATE/$prefix/owner" 2>/dev/null || exit 0
    [ "$rest" != "$started" ] || down "$prefix"
}

# end_guard DIR : unless the caller is the guard itself
end_guard() {
    local pid started
    read -r pid started <"$1/guard" 2>/dev/null || return 0
    if [ "$pid" != $$ ] && [ "$(start_time "$pid" || true)" = "$started" ]; then
        kill -- "-$pid" 2>/dev/null || true # a session of its own: the shell and its tail
    fi
}

# end_processes FILE : ends what runs in the namespaces listed in FILE; only ours can be there
end_processes() {
    local ns pids signal
    for signal in TERM KILL; do
        for _ in $(seq 30); do
            pids=""
            while read -r ns; do
                pids+=" $(ip netns pids "$ns" 2>/dev/null || true)"
            done <"$1"
            [ -n "${pids//[[:space:]]/}" ] || return 0
            # shellcheck disable=SC2086 # a list of numbers
            kill -s "$signal" $pids 2>/dev/null || true
            sleep 0.1
        done
    done
}

down() {
    local prefix=$1 dir=$STATE/$1 ns
    [[ $prefix == ct-* && -d $dir ]] || die "there is no network '$prefix'"
    end_guard "$dir"
    if [ -f "$dir/namespaces" ]; then
        end_processes "$dir/namespaces"
        while read -r ns; do
            ip netns del "$ns" 2>/dev/null || true
        done <"$dir/namespaces"
    fi
    rm -rf "$dir"
}

reap() {
    local dir owner started boot
    for dir in "$STATE"/ct-*/; do
        [ -f "$dir/owner" ] || continue
        read -r owner started boot <"$dir/owner"
        if [ "$boot" != "$(cat /proc/sys/kernel/random/boot_id)" ] ||
            [ "$(start_time "$owner" || true)" != "$started" ]; then
            echo "net.sh: removing the network that process $owner left behind" >&2
            down "$(basename "$dir")"
        fi
    done
}

case ${1:-} in
up)
    [ $# = 3 ] || die "usage: net.sh up OWNER_PID TOOLS_DIR"
    up "$2" "$3"
    ;;
behind)
    [ $# = 3 ] || die "usage: net.sh behind PREFIX HOST"
    [ -d "$STATE/$2" ] || die "there is no network '$2'"
    PREFIX=$2
    behind "$3"
    ;;
farther)
    [ -d "$STATE/${2:?}" ] || die "there is no network '$2'"
    farther "$STATE/$2"
    ;;
down)
    [ $# = 2 ] || die "usage: net.sh down PREFIX"
    down "$2"
    ;;
reap) reap ;;
guard) guard "$2" ;;
work) echo "$STATE/${2:?}/work" ;;
*) die "usage: net.sh up OWNER_PID TOOLS_DIR | behind PREFIX HOST | farther PREFIX | down PREFIX | reap | work PREFIX" ;;
esac
