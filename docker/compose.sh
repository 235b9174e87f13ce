#!/usr/bin/env bash
# Brings the compose testbed up, lets the devices call each other, and takes it down.
#
#   compose.sh [--keep]    --keep leaves it for looking at
#   compose.sh --down      takes down what --keep left
#   compose.sh --clean     and removes build/docker; the images of another daemon stay
#
# Uses the docker daemon that answers; when none does, it starts one (as root) that has its socket and
# data in build/docker, changes no firewall rule of the host, and ends with the run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

project=chainturn
own=$PWD/build/docker # of a docker daemon of our own
logs=$PWD/build/log
began=$SECONDS
passed=0 failed=0
keep=no child='' owned=no up=no detail=''

say() { printf '%s\n' "$*"; }
fail() {
    printf 'compose: %s\n' "$*" >&2
    exit 1
}

# claim TEXT COMMAND..: counts whether COMMAND succeeds, and prints that with the detail that it leaves
claim() {
    local text=$1 not=''
    detail=''
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        not='FAIL '
    fi
    printf '%5d s  %s%s%s\n' $((SECONDS - began)) "$not" "$text" "$detail"
}

# Runs a long command so that a signal to this script is answered at once; its words go to a log.
logged() {
    local log=$logs/compose-$1.log
    shift
    "$@" >"$log" 2>&1 </dev/null &
    child=$!
    if ! wait $child; then
        child=''
        tail -n 30 "$log" >&2
        fail "failed: $*  (whole log: $log)"
    fi
    child=''
}

# Ctrl-C is for this script alone.
compose() { setsid --wait "${compose_command[@]}" -p $project -f docker/compose.yaml "$@"; }
inside() { compose exec -T "$@" </dev/null; }
device() {
    local where=$1
    shift
    inside -u chainturn "$where" chainturn --home /data --json "$@"
}

# The number of our own daemon's process, if it runs.
own_pid() {
    local pid
    pid=$(cat "$own/docker.pid" 2>/dev/null) && grep -qaF "$own/docker.pid" "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
}

start_daemon() {
    [ "$(id -u)" = 0 ] || fail "no docker daemon answers; start one, or run this as root"
    command -v dockerd >/dev/null || fail "there is no dockerd: install docker.io and docker-compose"
    [ ${#own} -lt 64 ] || fail "the path $own is too long for a docker daemon's sockets"
    mkdir -p "$own"
    rm -f "$own/docker.pid"
    owned=yes
    # a session of its own: Ctrl-C reaches only this script, which ends everything in order
    setsid dockerd --host "$DOCKER_HOST" --data-root "$own/data" --exec-root "$own/exec" \
        --pidfile "$own/docker.pid" --bridge none --iptables=false --ip6tables=false --ip-forward=false \
        --ip-masq=false --userland-proxy=false >"$logs/compose-dockerd.log" 2>&1 </dev/null &
    local pid=$!
    for _ in $(seq 300); do
        ! docker info >/dev/null 2>&1 || return 0
        kill -0 $pid 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$logs/compose-dockerd.log" >&2
    fail "the docker daemon did not start (whole log: $logs/compose-dockerd.log)"
}

stop_daemon() {
    local pid
    if pid=$(own_pid); then
        kill "$pid"
        timeout 30 tail --pid="$pid" -s 0.1 -f /dev/null || kill -KILL "$pid"
    fi
    umount "$own/exec/netns/default" 2>/dev/null || true # dockerd leaves it mounted
}

find_docker() {
    command -v docker >/dev/null || fail "there is no docker: install docker.io and docker-compose"
    if docker compose version >/dev/null 2>&1; then
        compose_command=(docker compose)
    elif command -v docker-compose >/dev/null; then
        compose_command=(docker-compose)
    else
        fail "there is neither Compose v2 nor docker-compose: install docker-compose"
    fi
    local left
    left=$(own_pid || true)
    if [ -z "$left" ] && docker info >/dev/null 2>&1; then
        return
    fi
    export DOCKER_HOST=unix://$own/docker.sock CHAINTURN_BUILD_NETWORK=host # it has no bridge to build on
    if [ -n "$left" ]; then
        owned=yes # left by --keep
    else
        start_daemon
    fi
}

need_base_image() {
    ! docker image inspect debian:bookworm-slim >/dev/null 2>&1 || return 0
    ! timeout 300 docker pull -q debian:bookworm-slim >/dev/null 2>&1 || return 0
    say "the base image cannot be pulled: making it with debootstrap"
    command -v debootstrap >/dev/null || fail "there is no debootstrap: install it, or load debian:bookworm-slim"
    logged base docker/base-image.sh
}

label=label=com.docker.compose.project=$project
containers() { docker ps -aq --filter "$label"; }
nothing_left() {
    [ -z "$(containers)$(docker network ls -q --filter "$label")$(docker volume ls -q --filter "$label")" ]
}

take_down() { compose down --volumes --remove-orphans --timeout 5 >"$logs/compose-down.log" 2>&1; }

# Whatever happens: what was started ends.
leave() {
    local code=$?
    trap '' HUP INT TERM
    trap - EXIT
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
    [ -z "$child" ] || wait "$child" 2>/dev/null || true
    if [ $up = yes ]; then
        compose logs --no-color >"$logs/compose-parts.log" 2>&1 || true
        [ $((failed + code)) -eq 0 ] || say "what the parts said: $logs/compose-parts.log"
        if [ $keep = no ]; then
            take_down || true
            claim "taken down: no container, network or volume is left" nothing_left
        fi
    fi
    if [ $keep = no ] && [ $owned = yes ]; then
        stop_daemon
    fi
    [ "$down" != clean ] || rm -rf --one-file-system "$own"
    [ "$failed" -eq 0 ] || [ $code -ne 0 ] || code=1
    [ "$failed" -gt 0 ] || failed=$((code > 0))
    [ $up = no ] || [ "$down" != no ] || printf '%d passed, %d failed\n' "$passed" "$failed"
    exit $code
}

# Until the devices listen; the other services are waited for by compose itself.
wait_devices() {
    local name id state
    for name in device-a device-b; do
        id=$(compose ps -q $name)
        for _ in $(seq 600); do
            state=$(docker inspect --format '{{.State.Status}} {{.State.Health.Status}}' "$id")
            case $state in
            'running healthy') continue 2 ;;
            running*) sleep 0.2 ;;
            *) break ;;
            esac
        done
        return 1
    done
}

# nat_is SIDE KIND: what the echo of three servers says about the NAT of a device
nat_is() {
    local said
    said=$(inside -u chainturn "device-$1" ct-netprobe nat 198.51.100.11:7001 198.51.100.12:7002 198.51.100.20:7003)
    grep -q "\"nat\":\"$2\"" <<<"$said" || {
        say "        $said"
        return 1
    }
}

start_echoes() {
    local at
    for at in relay1/198.51.100.11:7001 relay2/198.51.100.12:7002 wm/198.51.100.20:7003; do
        compose exec -T -d "${at%/*}" ct-netprobe serve "${at#*/}" </dev/null
    done
}

# Each part of ours runs as its own user, no container is privileged, and NET_ADMIN is all that any adds.
little_privilege() {
    local id line name
    for id in $(containers); do
        line=$(docker inspect --format '{{.HostConfig.Privileged}} {{.HostConfig.CapAdd}}' "$id")
        case ${line//CAP_/} in
        'false []' | 'false [NET_ADMIN]' | 'false [NET_ADMIN SETUID SETGID]') ;;
        *) return 1 ;;
        esac
    done
    for name in chain redis wm relay1 relay2 device-a device-b; do
        docker top "$(compose ps -q $name)" -eo pid,uid,comm |
            awk '$3 ~ /^(anvil|redis-server|wm-server|turnserver|chainturn)$/ { ours++; root += $2 == 0 } END { exit !ours || root }' ||
            return 1
    done
}

# The number that an event's field has, in the last such event of JSON lines on standard input.
field() { sed -nE "s/.*\"event\": *\"$1\".*\"$2\": *([0-9]+).*/\1/p" | tail -n 1; }

# dial FROM TO NAME: a call by name, with datagrams that the other device echoes; each comes back as it was
dial() {
    local said count=200 start first
    said=$(device "$1" dial "$3" --datagrams $count --size 1000 2>/dev/null) || true
    [ "$(field datagrams intact <<<"$said")" = $count ] || {
        say "$said"
        return 1
    }
    # all containers have the host's monotonic clock
    start=$(field dial_start mono_ns <<<"$said")
    first=$(inside -u chainturn "$2" cat /run/chainturn/events | field first_byte mono_ns)
    [ -n "$start" ] && [ -n "$first" ] || return 1
    detail=", first byte after $(((first - start) / 1000000)) ms"
}

# by_road DEVICE ROAD: as the device itself says it
by_road() {
    inside -u chainturn "$1" grep -qE "\"listening\".*\"road\": *\"$2\"" /run/chainturn/events
}

proved() { grep -q '"verified": *true' <<<"$(device device-a resolve door-7)"; }

story() {
    say "chainturn on docker: two devices behind NATs of two kinds, two relays, one contract"
    claim "deployed: contract, wallet manager with its Redis, two relays approved on chain, both devices enrolled and listening" wait_devices
    claim "phone-1's record came by the sponsored road" by_road device-a sponsored
    claim "door-7 wrote its record itself, with the ether it was given" by_road device-b funded
    claim "no container is privileged, none of our parts runs as root" little_privilege
    start_echoes
    claim "measured by echo: NAT a is symmetric" nat_is a symmetric
    claim "measured by echo: NAT b keeps one port for all, and drops what was not asked for" nat_is b cone
    claim "device-a calls door-7 by name: 200 datagrams went to and fro intact" dial device-a device-b door-7
    claim "device-b calls phone-1 by name: 200 datagrams went to and fro intact" dial device-b device-a phone-1
    compose stop -t 1 rpc3 >/dev/null 2>&1
    claim "with one of three RPC endpoints gone, door-7's record is still proved" proved
}

down=no
while [ $# -gt 0 ]; do
    case $1 in
    --keep) keep=yes ;;
    --down | --clean) down=${1#--} ;;
    *) fail "usage: compose.sh [--keep | --down | --clean]" ;;
    esac
    shift
done
mkdir -p "$logs"
trap leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
find_docker
up=yes
if [ "$down" = no ]; then
    need_base_image
    say "building the images (the first time takes some minutes)"
    logged build "${compose_command[@]}" -p $project -f docker/compose.yaml build
    logged up "${compose_command[@]}" -p $project -f docker/compose.yaml up -d
    story
fi
if [ $keep = yes ]; then
    say "left up; look at it with"
    say "  ${DOCKER_HOST:+DOCKER_HOST=$DOCKER_HOST }${compose_command[*]} -p $project -f docker/compose.yaml ps"
    say "and take it down with './run compose --down'"
fi
