/* wm-server.conf and the bundle and keys that it names. */
#ifndef CT_WM_SETTINGS_H
#define CT_WM_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/conf.h"
#include "base/log.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/key.h"
#include "keys/hsm.h"
#include "kex/x25519.h"
#include "turn/addr.h"

struct ct_settings {
    char *bundle_path;
    char *store_path, *store_redis; /* both NULL: the sentinels know; else one of them is */
    char *redis_password_path;      /* NULL: none */
    struct ct_conf_list sentinels;
    char *sentinel_master, *sentinel_password_path;
    uint64_t replicas;       /* of a Redis, that must have a change before it counts */
    uint64_t lease_ms;       /* without a renewal */
    char *contract;          /* NULL: the bundle's */
    struct ct_conf_list rpc; /* empty: the bundle's */
    uint64_t quorum;         /* 0: the bundle's, or a majority of rpc */
    char *approver_path, *pass_path, *handshake_path;
    char *next_pass_path, *next_handshake_path;    /* NULL: none */
    char *funder_path;                             /* NULL: no device is paid for */
    char *approver_passphrase, *funder_passphrase; /* sources; NULL: the key is raw */
    uint64_t pass_key_id;
    char *listen_handshake, *listen_tls;
    char *listen_operator;                      /* NULL: the default; "none": no such listener */
    char *op_certificate, *op_key, *op_clients; /* files in PEM; NULL: plain HTTP */
    uint64_t relay_days, probe_timeout_s;
    uint64_t reprobe_s, strikes, grace_s; /* see struct ct_reprobe_bounds */
    bool allow_private;
    char *probe_address; /* NULL: any */
    struct ct_addr probe_at;
    uint64_t device_days, pass_life_s;
    uint64_t alert_days, alert_most_gwei; /* 0: never */
    uint64_t confirmations, window_ms, batch;
    uint64_t repeat_s, bump_s, lost_s, chain_fee_gwei;     /* of transactions under way */
    uint64_t gas_most, fee_most_gwei, hour_gwei, day_gwei; /* bounds of what is paid for devices */
    uint64_t connections, per_ip, timeout_s;
    uint64_t party_minute, token_minute, prefix_minute; /* requests; 0: no limit */
    char *audit_path;                                   /* NULL: none is written */
    uint64_t rotate_mb;                                 /* of the audit log */
    char *log_level, *log_format;
    bool log_json;           /* of log_format */
    enum ct_log_level level; /* of log_level */
};

/*
 * Reads and checks the file; paths in it become relative to its folder. Free with
 * ct_settings_free() after CT_OK. CT_ERR_CONFIG with one sentence otherwise.
 */
CT_MUST_USE ct_err ct_settings_load(struct ct_settings *out, const char *path, struct ct_why *why);
void ct_settings_free(struct ct_settings *s);

/* The table of all keys. */
const struct ct_conf_key *ct_settings_keys(size_t *count);

/* The bundle, with this server's own contract, endpoints and quorum in place of its. */
CT_MUST_USE ct_err ct_settings_bundle(struct ct_bundle *out, const struct ct_settings *s,
                                      struct ct_why *why);

/* ADDRESS:PORT of the operators' listener; NULL: none. */
const char *ct_settings_operator(const struct ct_settings *s);

struct ct_store;
struct ct_redis_place;

/* Where the Redis is that the settings name; its pointers are theirs. */
void ct_settings_redis(struct ct_redis_place *out, const struct ct_settings *s);
/* The store that the settings name, SQLite's or Redis's, observed (store_observed.h). */
CT_MUST_USE ct_err ct_settings_store(struct ct_store **out, const struct ct_settings *s,
                                     struct ct_why *why);

struct ct_keys {
    struct ct_wallet approver;
    struct ct_wallet funder;                  /* zeros when there is none */
    struct ct_hsm *approver_hsm, *funder_hsm; /* NULL: the key is in memory */
    struct ct_ed25519 pass;
    struct ct_x25519 handshake;
    /* those of the next generation, served as soon as the contract lists them */
    bool has_next_pass, has_next_handshake;
    struct ct_ed25519 next_pass;
    struct ct_x25519 next_handshake;
};

/* A source that is a descriptor (base/source.h) is read up: once in a process. */
CT_MUST_USE ct_err ct_keys_load(struct ct_keys *out, const struct ct_settings *s,
                                struct ct_why *why);
/* Those of the next generation, as far as the settings name any. */
CT_MUST_USE ct_err ct_next_keys_load(struct ct_keys *out, const struct ct_settings *s,
                                     struct ct_why *why);
/* Only the key of passes and tokens. */
CT_MUST_USE ct_err ct_pass_key_load(struct ct_ed25519 *out, const struct ct_settings *s,
                                    struct ct_why *why);
void ct_keys_wipe(struct ct_keys *keys);

#endif
