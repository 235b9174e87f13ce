#!/usr/bin/env bash
# IPv6 beside the test network's IPv4 (net.sh): the same hosts, no NAT, the same filter at the NATs.
#
#   ipv6.sh PREFIX
#
#     dev-a 2001:db8:a::2 -- nat-a ::101 ==+                     +-- relay1 ::11
#                                          |== 2001:db8:1::/64 --+-- relay2 ::12
#     dev-b 2001:db8:b::2 -- nat-b ::102 ==+                     +-- wm ::20
set -euo pipefail

prefix=$1

in_ns() {
    local host=$1
    shift
    ip netns exec "$prefix-$host" "$@"
}

# host NAME DEVICE ADDRESS : at once, without duplicate address detection
host() {
    in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 "net.ipv6.conf.$2.disable_ipv6=0" "net.ipv6.conf.$2.accept_dad=0"
    ip -n "$prefix-$1" address add "$3/64" dev "$2" nodad
}

for pair in relay1:11 relay2:12 wm:20; do
    host "${pair%:*}" eth0 "2001:db8:1::${pair#*:}"
    ip -n "$prefix-${pair%:*}" route add 2001:db8:a::/64 via 2001:db8:1::101
    ip -n "$prefix-${pair%:*}" route add 2001:db8:b::/64 via 2001:db8:1::102
done
for pair in a:101 b:102; do
    side=${pair%:*}
    host "nat-$side" wan0 "2001:db8:1::${pair#*:}"
    host "nat-$side" lan0 "2001:db8:$side::1"
    host "dev-$side" eth0 "2001:db8:$side::2"
    ip -n "$prefix-dev-$side" route add default via "2001:db8:$side::1"
    in_ns "nat-$side" sysctl -qw net.ipv6.conf.all.forwarding=1
    in_ns "nat-$side" nft -f - <<EOF
table ip6 filter {
    chain forward {
        type filter hook forward priority 0; policy accept;
        iifname "wan0" ct state established,related accept
        iifname "wan0" drop
    }
}
EOF
done
