#!/bin/bash
# A relay at $ADDRESS. With the argument "healthy": is it approved on chain, by proof?
set -euo pipefail
umask 077

if [ "${1:-}" = healthy ]; then
    chainturn --home /tmp/look --bundle /bundle/bundle.json --json relays |
        grep -F "\"$ADDRESS:" | grep -q '"approved": *true'
    exit
fi

cat >/tmp/turnserver.conf <<CONF
listening-ip=$ADDRESS
relay-ip=$ADDRESS
listening-port=3478
min-port=50000
max-port=50999
realm=chainturn
lt-cred-mech
fingerprint
no-tls
no-dtls
no-cli
no-multicast-peers
log-file=stdout
simple-log
pidfile=/tmp/turnserver.pid
userdb=/tmp/userdb
chainturn-mode=relays
chainturn-bundle=/bundle/bundle.json
chainturn-wallet=/data/wallet.key
chainturn-key=/data/relay.key
chainturn-state=/data/state
chainturn-poll-ms=500
CONF
mkdir -p /data/state
cd /data
exec turnserver -c /tmp/turnserver.conf
