/* Seeds of what people and programs write as text: configuration, bundle, API bodies, files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_world.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/bundle.h"
#include "chain/keccak.h"
#include "chain/registry.h"
#include "kex/pass.h"
#include "seeds.h"

static void bundles(void)
{
    struct ct_bundle b = {.chain_id = 31337, .contract20 = {0xc0}, .code_hash32 = {1}};
    char text[CT_BUNDLE_TEXT_MAX + 1];
    text[0] = 3; /* fuzz_home's bundle.json */
    b.rpc_count = 3;
    b.quorum = 2;
    b.max_head_age_s = 120;
    b.checkpoint_number = 5;
    b.checkpoint_hash32[0] = 9;
    (void)snprintf(b.rpc[0], CT_BUNDLE_URL_MAX, "http://198.51.100.30:8545");
    (void)snprintf(b.rpc[1], CT_BUNDLE_URL_MAX, "https://rpc.example.org/v3/key?x=1");
    (void)snprintf(b.rpc[2], CT_BUNDLE_URL_MAX, "http://[2001:db8::1]:8545/");
    for (unsigned kind = 0; kind < 3; kind++) {
        static const char *const names[] = {"three", "single", "with-wm"};
        if (kind == 1) {
            ct_bundle_allow_single(&b);
        } else if (kind == 2) {
            (void)snprintf(b.wm_handshake_url, CT_BUNDLE_URL_MAX, "http://198.51.100.20:8080");
            (void)snprintf(b.wm_tls_url, CT_BUNDLE_URL_MAX, "https://198.51.100.20:8443");
        }
        if (ct_bundle_format(text + 1, CT_BUNDLE_TEXT_MAX, &b) != CT_OK) {
            abort();
        }
        seed_text("bundle", names[kind], text + 1);
    }
    seed_text("home", "bundle", text);
}

static void configuration(void)
{
    seed_text("conf", "all",
              "# a comment\nstrict = yes\n\n[chain]\n contract=0xab \nrpc = http://a\n"
              "rpc = http://b\r\nquorum = 18446744073709551615");
    seed_text("conf", "misspelt", "[chain]\ncontract = x\nquorom = 2\n");
    seed_text("conf", "twice", "[chain]\ncontract = x\ncontract = y\n");
    seed_text("conf", "no-section", "chain.contract = x\nstrict=no\n[]\n[chain\n");
    static const char zero[] = "[chain]\ncontract = a\0b\n";
    seed("conf", "zero", zero, sizeof(zero) - 1);
    seed_text("options", "all",
              "chainturn-mode=relays\nchainturn-bundle=/etc/b.json\nchainturn-state /var/lib/x\n"
              "chainturn-max-age=3600\nchainturn-poll-ms=100\nchainturn-allow-private\n"
              "chainturn-insecure-single-rpc=no\nchainturn-wallet=/w\nchainturn-key=/k\n"
              "chainturn-metrics=[2001:db8::1]:9642\nchainturn-metrics 9642\n");
    seed_text("scrape", "get", "0GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9642\r\n\r\n");
    seed_text("scrape", "head", "1HEAD /metrics HTTP/1.0\nhost: [::1]:9642\nAccept: */*\n\n");
    seed_text("scrape", "elsewhere", "0GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    seed_text("scrape", "post", "0POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\nbody");
    seed_text("scrape", "two-hosts", "0GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    seed_text("options", "wrong",
              "chainturn-mode=all\nchainturn-max-age=-1\nchainturn-max_age=1\n"
              "chainturn-poll-ms=99999999999999999999\ncheck-confg\nrealm=x\n");
}

static void forms(void)
{
    seed_text("text", "hex", "0xdeadBEEF00");
    seed_text("text", "base64url", "3q2-7w_A");
    seed_text("text", "decimal",
              "115792089237316195423570985008687907853269984665640564039457584007913129639935");
    seed_text("text", "quantity", "0x1f4");
    seed_text("text", "eip55", "0x5FbDB2315678afecb367f032d93F642f64180aa3");
    seed_text("text", "ip4", "198.51.100.11:3478");
    seed_text("text", "ip6", "[2001:db8::1]:3478");
    seed_text("text", "url", "HTTPS://rpc.Example.org:443/v3/key?x=1");
    seed_text("text", "identity", "acme-sensor_42:a@b.c");
}

static void found(void)
{
    uint8_t out[512];
    uint8_t device[2][32];
    uint8_t relay[4][32];
    uint8_t deployment[32] = {1, 2, 3};
    struct ct_device d = {.state = CT_RECORD_APPROVED, .expiry_day = 20900, .relay = 1};
    struct ct_relay r = {.state = CT_RECORD_APPROVED, .port_min = 50000, .port_max = 50999};
    struct ct_wr w = ct_wr_init(out, sizeof(out));
    ct_device_encode(device, &d);
    ct_relay_encode(relay, &r);
    ct_wr_u8(&w, 4);
    ct_wr_be32(&w, 0x63746331);
    ct_wr_bytes(&w, deployment, sizeof(deployment));
    ct_wr_be64(&w, 1700000000);
    ct_wr_be64(&w, 77);
    ct_wr_be64(&w, 1700000000);
    ct_wr_u8(&w, 2);
    ct_wr_u8(&w, 3);
    ct_wr_be16(&w, 1);
    ct_wr_bytes(&w, device, sizeof(device));
    ct_wr_bytes(&w, relay, sizeof(relay));
    ct_wr_bytes(&w, "sensor-42", 9);
    ct_wr_zeros(&w, 64 - 9);
    seed("home", "found", out, w.len);
}

static void home(void)
{
    static const struct ct_secret32 secret = {{5}};
    struct ct_x25519 key;
    struct ct_ed25519 signs;
    struct ct_pass pass = {.key_id = 1, .expiry_s = 1800000000, .scope = CT_PASS_SCOPE_ALLOCATE};
    uint8_t bytes[CT_PASS_LEN];
    char name[CT_PASS_TEXT_LEN + 1];
    char hex[65];
    char text[512];
    if (ct_x25519_from_secret(&key, &secret) != CT_OK ||
        ct_ed25519_from_seed(&signs, &secret) != CT_OK) {
        abort();
    }
    memcpy(pass.key32, key.public32, 32);
    if (ct_pass_sign(bytes, &pass, &signs, pass.expiry_s - 100) != CT_OK) {
        abort();
    }
    ct_pass_username(name, bytes);
    ct_hex(hex, secret.bytes, 32);
    int len = snprintf(text, sizeof(text), "\x01{\"pass\":\"%s\",\"key\":\"%s\"}\n", name, hex);
    seed("home", "pass", text, (size_t)len);
    static const char device[] = "\0{\"identity\":\"sensor-42\",\"relay\":1}\n";
    seed("home", "device", device, sizeof(device) - 1);
    seed_text(
        "home", "asked",
        "\x05{\"path\":\"/v1/devices\",\"key\":\"00112233445566778899aabbccddeeff\",\"about\":"
        "\"0x0700000000000000000000000000000000000000000000000000000000000000\",\"at\":"
        "1800000000,\"body\":\"0x7b22746f6b656e223a2263746b312e78227d\"}\n");
    seed_text("home", "sent",
              "\x06{\"kind\":1,\"deadline\":1800000000,\"signed\":1799999400,\"earlier\":["
              "\"0x1111111111111111111111111111111111111111111111111111111111111111\"],"
              "\"raw\":\"0x02c0\"}\n");
    seed_text("home", "lane",
              "\x02{\"relay\":1,\"relayed\":\"198.51.100.11:50000\",\"local_port\":40000,"
              "\"until\":99999999999,\"realm\":\"Y2hhaW50dXJu\",\"nonce\":\"bm9uY2Ux\"}\n");
    found();
}

static void peersets(void)
{
    uint8_t out[256];
    for (unsigned count = 0; count <= 3; count++) {
        char name[16];
        uint8_t addr[16] = {[10] = 0xff, 0xff, 198, 51, 100, 11};
        struct ct_wr w = ct_wr_init(out, sizeof(out));
        ct_wr_bytes(&w, "ctrelay2\x01\x02\x03", 11);
        ct_wr_zeros(&w, 29);
        ct_wr_be64(&w, 77);
        ct_wr_be64(&w, 5);
        ct_wr_be64(&w, 1000);
        ct_wr_be32(&w, count);
        for (unsigned i = 0; i < count; i++) {
            addr[15] = (uint8_t)(12 - i / 2);
            ct_wr_bytes(&w, addr, sizeof(addr));
            ct_wr_be16(&w, (uint16_t)(50000 + 100 * i));
            ct_wr_be16(&w, (uint16_t)(50099 + 100 * i));
            ct_wr_be16(&w, (uint16_t)(1 + i));
        }
        (void)snprintf(name, sizeof(name), "ranges-%u", count);
        seed("peerset", name, out, w.len);
    }
}

/* `count` devices in the book, `recent` changes on top of it. */
static void devbooks(void)
{
    for (unsigned count = 0; count <= 3; count++) {
        uint8_t out[512];
        char name[24];
        unsigned recent = count % 2;
        struct ct_wr w = ct_wr_init(out, sizeof(out));
        ct_wr_bytes(&w, "ctdevic1\x01\x02\x03", 11);
        ct_wr_zeros(&w, 29);
        ct_wr_be64(&w, 77);
        ct_wr_zeros(&w, 32);
        ct_wr_be64(&w, 1000);
        ct_wr_be32(&w, count);
        ct_wr_be32(&w, recent);
        for (unsigned i = 0; i < count + recent; i++) {
            ct_wr_be32(&w, i < count ? 100 + i : 101);
            ct_wr_zeros(&w, 8);
            ct_wr_be16(&w, (uint16_t)(1 + i)); /* relay and port, no backup */
            ct_wr_be16(&w, (uint16_t)(50000 + i));
            ct_wr_zeros(&w, 4);
            ct_wr_be16(&w, 20000);
            ct_wr_u8(&w, i >= count && count > 1); /* gone */
            ct_wr_zeros(&w, 1);
        }
        (void)snprintf(name, sizeof(name), "devices-%u-and-%u", count, recent);
        seed("devbook", name, out, w.len);
    }
}

/* Where the log stands, with `count` revoked passes. */
static void logfiles(void)
{
    for (unsigned count = 0; count <= 2; count++) {
        uint8_t out[512];
        char name[24];
        struct ct_wr w = ct_wr_init(out, sizeof(out));
        ct_wr_bytes(&w, "ctlogmk1\x01\x02\x03", 11);
        ct_wr_zeros(&w, 29);
        ct_wr_be64(&w, 77);
        ct_wr_zeros(&w, 32 + 24);
        ct_wr_be64(&w, 5);
        ct_wr_be32(&w, count);
        for (unsigned i = 0; i < count; i++) {
            ct_wr_be32(&w, 100 + i);
            ct_wr_zeros(&w, 12);
            ct_wr_be64(&w, 70);
            ct_wr_be64(&w, 1000);
        }
        (void)snprintf(name, sizeof(name), "passes-%u", count);
        seed("logfile", name, out, w.len);
    }
}

/* Remembered ports, the first of which stands. */
static void portfiles(void)
{
    for (unsigned count = 0; count <= 3; count++) {
        uint8_t out[512];
        char name[24];
        struct ct_wr w = ct_wr_init(out, sizeof(out));
        ct_wr_bytes(&w, "ctports1\x01\x02\x03", 11);
        ct_wr_zeros(&w, 29);
        ct_wr_be32(&w, count);
        for (unsigned i = 0; i < count; i++) {
            ct_wr_be32(&w, 100 + i / 2);
            ct_wr_zeros(&w, 12 + 10);
            ct_wr_be16(&w, 0xffff);
            ct_wr_be32(&w, 0xcb007107);
            ct_wr_be16(&w, (uint16_t)(50000 + i));
            ct_wr_be64(&w, i == 0 ? 0 : 1000 + i);
        }
        (void)snprintf(name, sizeof(name), "ports-%u", count);
        seed("portfile", name, out, w.len);
    }
}

void seeds_text(void)
{
    bundles();
    configuration();
    forms();
    home();
    peersets();
    devbooks();
    logfiles();
    portfiles();
}
