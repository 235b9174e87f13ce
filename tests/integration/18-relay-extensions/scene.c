/* Where extensions of TURN are tested: a relay of both families, peers, clients that move. */
#include "scene.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

const char *const scene_mode_texts[SCENE_STOCK] = {"off", "relays", "devices", "open"};

static struct place place;
static pid_t server;
static enum scene_mode mode_now;

struct place *scene_place(void)
{
    return &place;
}

struct ct_addr scene_ip6(uint8_t last, uint16_t port)
{
    const uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = last};
    return ct_addr_ip6(ip, port);
}

struct ct_addr scene_server(unsigned family)
{
    return family == 6 ? scene_ip6(0x11, place.port) : loopback(1, place.port);
}

static bool remember(void)
{
    struct ct_peer_range ranges[4] = {
        {{[10] = 0xff, 0xff, 127, 0, 0, 1}, RELAYED_MIN, RELAYED_MAX, 1},
        {{0x20, 0x01, 0x0d, 0xb8, [15] = 0x11}, RELAYED_MIN, RELAYED_MAX, 1},
        {{[10] = 0xff, 0xff, 127, 0, 0, 2}, APPROVED_MIN, APPROVED_MAX, 2},
        {{0x20, 0x01, 0x0d, 0xb8, [15] = 0x12}, APPROVED_MIN, APPROVED_MAX, 2},
    };
    struct ct_devbook_change device = {
        .id = {1}, .places = {.relay = 2, .port = APPROVED_MIN, .expiry_day = UINT16_MAX}};
    return place_remember(&place, 0) && place_remember_sets(&place, ranges, 4, &device, 1, 0);
}

static bool furnish(void)
{
    static const char *const lines[] = {
        "ip address add 2001:db8::11/128 dev lo nodad",
        /* peers are on this host, but none of its addresses */
        "ip route replace local 2001:db8::12 dev lo",
        "ip route replace local 2001:db8::13 dev lo",
        "ip route replace local 2001:db8::15 dev lo",
    };
    char said[512];
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *shell[] = {"/bin/sh", "-c", lines[i], NULL};
        if (place_run(said, sizeof(said), shell) != 0) {
            printf("    %s: %s\n", lines[i], said);
            return false;
        }
    }
    return remember();
}

int scene_open(int argc, char **argv)
{
    if (!place_begin(&place, argc, argv)) {
        return 2;
    }
    if (!furnish()) {
        (void)fprintf(stderr, "no network to test in\n");
        return place_end(&place, 1);
    }
    return 0;
}

int scene_close(int code)
{
    return place_end(&place, code);
}

bool scene_start(enum scene_mode mode, const char *more)
{
    char text[2048];
    int n = snprintf(text, sizeof(text),
                     "listening-ip=127.0.0.1\nlistening-ip=2001:db8::11\nrelay-ip=127.0.0.1\n"
                     "relay-ip=2001:db8::11\nlistening-port=%u\nmin-port=%d\nmax-port=%d\n"
                     "relay-threads=3\nallow-loopback-peers\nmobility\nno-cli\nno-tls\nno-dtls\n"
                     "lt-cred-mech\nrealm=test.example\nuser=alice:wonderland\n"
                     "userdb=@/turndb\npidfile=@/pid\nlog-file=@/log\nsimple-log\n",
                     place.port, RELAYED_MIN, RELAYED_MAX);
    if (mode != SCENE_STOCK) {
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%schainturn-mode=%s\n", place_module_on,
                      scene_mode_texts[mode]);
    }
    (void)snprintf(text + n, sizeof(text) - (size_t)n, "%s", more); /* the last one counts */
    mode_now = mode;
    place_mark(&place);
    server = remember() && place_configure_all(&place, text) ? place_start(&place) : -1;
    return server > 0 && place_await(&place, mode == SCENE_STOCK ? "IO method (admin thread)"
                                                                 : "chainturn: started");
}

bool scene_stop(void)
{
    int code = place_stop(server);
    return code == (mode_now == SCENE_STOCK ? 1000 + 15 : 0); /* stock: by the signal itself */
}

bool scene_login(struct credential *out, uint32_t life_s)
{
    if (mode_now == SCENE_STOCK) {
        (void)snprintf(out->user, sizeof(out->user), "alice");
        (void)snprintf(out->password, sizeof(out->password), "wonderland");
        return true;
    }
    return place_pass(&place, out, ct_wall_s(), life_s);
}

int scene_allocate(struct probe *p, uint8_t host, const struct credential *who,
                   const struct probe_wish *wish)
{
    struct ct_addr from = loopback(host, 0);
    struct ct_addr to = scene_server(4);
    bool is_stream = wish->transport == PROBE_TCP;
    return probe_open_from(p, &from, &to, is_stream ? PROBE_TCP : PROBE_UDP)
               ? probe_allocate_as(p, who->user, who->password, wish)
               : PROBE_NO_ANSWER;
}
