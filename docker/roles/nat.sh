#!/bin/bash
# A NAT with the public address $OUTSIDE. It lets in only answers, address and port being right.
set -euo pipefail

case $KIND in
symmetric) how=random ;;           # a new port for each destination
port-restricted) how=persistent ;; # the inside's own port, as long as it is free
*)
    echo "nat: there is no kind '$KIND'" >&2
    exit 2
    ;;
esac
read -r _ public _ < <(ip -o -4 address show to "$OUTSIDE")
[ -n "$public" ] || exit 1

# a table of its own: docker keeps the rules for its resolver in others
nft -f - <<RULES
table ip chainturn {
    chain post {
        type nat hook postrouting priority 100;
        oifname "$public" masquerade $how
    }
    chain input {
        type filter hook input priority 0; policy accept;
        iifname "$public" ct state established,related accept
        iifname "$public" drop
    }
    chain forward {
        type filter hook forward priority 0; policy accept;
        iifname "$public" ct state established,related accept
        iifname "$public" drop
    }
}
RULES
exec sleep infinity
