#!/bin/bash
# A device behind $GATEWAY: sets its route as root, then is $IDENTITY as an ordinary user for good. Its
# record comes by $ROAD.
set -euo pipefail
umask 077

if [ "$(id -u)" = 0 ]; then
    ip route replace default via "$GATEWAY"
    exec setpriv --reuid chainturn --regid chainturn --clear-groups --inh-caps=-all "$0"
fi

chainturn --home /data up --bundle /bundle/bundle.json --id "$IDENTITY" --road "$ROAD" \
    --token-file /data/token
(umask 022 && : >/run/chainturn/events) # for the health check
exec chainturn --home /data --json listen --echo >/run/chainturn/events
