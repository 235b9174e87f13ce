#!/bin/bash
# Deploys the contract with one of the test chain's accounts and hands out what each part is to have.
set -euo pipefail
umask 077

[ ! -e /wm/wm-server.conf ] || exit 0 # done at an earlier start

# account N FILE: the private key of the chain's Nth account, as our programs keep keys
account() {
    sed -n '/"private_keys"/,/]/p' /keys/accounts.json | grep -oE '[0-9a-f]{64}' | sed -n "$1p" >"$2"
    [ -s "$2" ] || {
        echo "deployer: /keys/accounts.json has no account $1" >&2
        exit 1
    }
}

account 1 /keys/owner.key
account 2 /relay1/wallet.key
account 3 /relay2/wallet.key

wm-server init --rpc http://198.51.100.30:8545 --rpc http://198.51.100.31:8545 --rpc http://198.51.100.32:8545 \
    --chain-id 31337 --address 198.51.100.20 --owner-key /keys/owner.key --dir /wm
sed -i '/^\[store\]/,/^\[/ s|^path = .*|redis = unix:/redis/redis.sock|' /wm/wm-server.conf

token() {
    wm-admin token issue --config /wm/wm-server.conf --batch compose --count 1 --expires 1d --id "$1" --out "$2"
}
token phone-1 /device-a/token
token door-7 /device-b/token
install -m 0644 /wm/bundle.json /bundle/bundle.json
