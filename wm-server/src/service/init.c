/* Options, keys and files of wm-server init. */
#include "service/init.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/adopt.h"
#include "base/clock.h"
#include "service/command.h"
#include "service/conf_text.h"
#include "service/deploy.h"
#include "service/init_keys.h"

#define PROGRAM "wm-server"
#define PATH_ROOM 1024

struct init {
    struct ct_bundle bundle;
    const char *dir, *address;
    struct ct_init_sources from;
    uint64_t port, tls_port, approver_ether, funder_ether, chain_id, key_days, quorum;
    const char *operator_at;
    bool allow_private;
    bool is_adopting; /* contract20 is there already */
    uint8_t contract20[20];
    uint32_t key_id; /* of the platform's keys in the contract */
};

enum {
    OPT_RPC = 256,
    OPT_QUORUM,
    OPT_DIR,
    OPT_ADDRESS,
    OPT_PORT,
    OPT_TLS_PORT,
    OPT_OWNER,
    OPT_APPROVER,
    OPT_FUNDER,
    OPT_FUND,
    OPT_OWNER_PASSPHRASE,
    OPT_APPROVER_PASSPHRASE,
    OPT_FUNDER_PASSPHRASE,
    OPT_FUND_PASSPHRASE,
    OPT_ETHER,
    OPT_FUNDER_ETHER,
    OPT_CHAIN,
    OPT_DAYS,
    OPT_PRIVATE,
    OPT_ADOPT,
    OPT_SINGLE,
    OPT_OPERATOR,
};

static const struct option options[] = {
    {"rpc", required_argument, NULL, OPT_RPC},
    {"quorum", required_argument, NULL, OPT_QUORUM},
    {"dir", required_argument, NULL, OPT_DIR},
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"port", required_argument, NULL, OPT_PORT},
    {"tls-port", required_argument, NULL, OPT_TLS_PORT},
    {"owner-key", required_argument, NULL, OPT_OWNER},
    {"approver-key", required_argument, NULL, OPT_APPROVER},
    {"funder-key", required_argument, NULL, OPT_FUNDER},
    {"funder-ether", required_argument, NULL, OPT_FUNDER_ETHER},
    {"owner-passphrase", required_argument, NULL, OPT_OWNER_PASSPHRASE},
    {"approver-passphrase", required_argument, NULL, OPT_APPROVER_PASSPHRASE},
    {"funder-passphrase", required_argument, NULL, OPT_FUNDER_PASSPHRASE},
    {"fund-passphrase", required_argument, NULL, OPT_FUND_PASSPHRASE},
    {"fund-from", required_argument, NULL, OPT_FUND},
    {"approver-ether", required_argument, NULL, OPT_ETHER},
    {"chain-id", required_argument, NULL, OPT_CHAIN},
    {"expect-chain-id", required_argument, NULL, OPT_CHAIN},
    {"key-days", required_argument, NULL, OPT_DAYS},
    {"adopt", required_argument, NULL, OPT_ADOPT},
    {"allow-private", no_argument, NULL, OPT_PRIVATE},
    {"insecure-single-rpc", no_argument, NULL, OPT_SINGLE},
    {"operator", required_argument, NULL, OPT_OPERATOR},
    {0},
};

static bool number(uint64_t *out, uint64_t max)
{
    char *end = NULL;
    errno = 0;
    unsigned long long v = strtoull(optarg, &end, 10);
    if (optarg[0] < '0' || optarg[0] > '9' || *end != '\0' || errno != 0 || v > max) {
        return false;
    }
    *out = v;
    return true;
}

static bool add_rpc(struct ct_bundle *b)
{
    if (b->rpc_count == CT_BUNDLE_RPC_MAX || strlen(optarg) >= CT_BUNDLE_URL_MAX) {
        return false;
    }
    (void)snprintf(b->rpc[b->rpc_count++], CT_BUNDLE_URL_MAX, "%s", optarg);
    return true;
}

/* Where keys and their passphrases are; false for another option. */
static bool take_source(struct ct_init_sources *from, int c)
{
    const char **places[] = {
        [OPT_OWNER - OPT_RPC] = &from->owner.key,
        [OPT_APPROVER - OPT_RPC] = &from->approver.key,
        [OPT_FUNDER - OPT_RPC] = &from->funder.key,
        [OPT_FUND - OPT_RPC] = &from->fund.key,
        [OPT_OWNER_PASSPHRASE - OPT_RPC] = &from->owner.passphrase,
        [OPT_APPROVER_PASSPHRASE - OPT_RPC] = &from->approver.passphrase,
        [OPT_FUNDER_PASSPHRASE - OPT_RPC] = &from->funder.passphrase,
        [OPT_FUND_PASSPHRASE - OPT_RPC] = &from->fund.passphrase,
    };
    size_t at = (size_t)(c - OPT_RPC);
    if (at >= sizeof places / sizeof places[0] || places[at] == NULL) {
        return false;
    }
    *places[at] = optarg;
    return true;
}

static bool take(struct init *in, int c)
{
    if (take_source(&in->from, c)) {
        return true;
    }
    switch (c) {
    case OPT_RPC:
        return add_rpc(&in->bundle);
    case OPT_QUORUM:
        return number(&in->quorum, CT_BUNDLE_RPC_MAX);
    case OPT_DIR:
        in->dir = optarg;
        return strlen(optarg) < PATH_ROOM - 64;
    case OPT_ADDRESS:
        in->address = optarg;
        return strlen(optarg) < 128;
    case OPT_PORT:
        return number(&in->port, UINT16_MAX);
    case OPT_TLS_PORT:
        return number(&in->tls_port, UINT16_MAX);
    case OPT_FUNDER_ETHER:
        return number(&in->funder_ether, 1000000);
    case OPT_ETHER:
        return number(&in->approver_ether, 1000000);
    case OPT_CHAIN:
        return number(&in->chain_id, INT64_MAX);
    case OPT_DAYS:
        return number(&in->key_days, 36500) && in->key_days > 0;
    case OPT_PRIVATE:
        in->allow_private = true;
        return true;
    case OPT_ADOPT:
        in->is_adopting = true;
        return ct_addr_parse(in->contract20, optarg) == CT_OK;
    case OPT_OPERATOR:
        in->operator_at = optarg;
        return strlen(optarg) < 128;
    case OPT_SINGLE:
        in->bundle.insecure_single_rpc = true;
        return true;
    default:
        return false;
    }
}

/* False when the options are not good, which is said. */
static bool parse(struct init *in, int argc, char **argv)
{
    int c;
    int at = 0;
    while ((c = getopt_long(argc, argv, "", options, &at)) != -1) {
        if (c == '?') {
            return false; /* getopt has said why */
        }
        if (!take(in, c)) {
            (void)ct_command_usage(PROGRAM,
                                   "the value \"%s\" of --%s cannot be used; see wm-server(8)",
                                   optarg, options[at].name);
            return false;
        }
    }
    if (optind != argc || in->bundle.rpc_count == 0 || in->dir == NULL || in->address == NULL) {
        (void)ct_command_usage(PROGRAM, "init needs --rpc URL, --dir DIR and --address HOST");
        return false;
    }
    struct ct_bundle *b = &in->bundle;
    b->quorum = in->quorum != 0 ? (unsigned)in->quorum : (unsigned)(b->rpc_count / 2 + 1);
    struct ct_why why = {{0}};
    if (ct_bundle_check(b, &why) != CT_OK) {
        (void)ct_command_usage(PROGRAM, "%s", why.text);
        return false;
    }
    return true;
}

static void in_dir(char out[PATH_ROOM], const struct init *in, const char *name)
{
    (void)snprintf(out, PATH_ROOM, "%s/%s", in->dir, name);
}

static ct_err make_folder(const struct init *in, struct ct_why *why)
{
    char conf[PATH_ROOM];
    in_dir(conf, in, "wm-server.conf");
    if (access(conf, F_OK) == 0) {
        return ct_why(why, CT_ERR_CONFIG,
                      "%s exists: this folder has a deployment already; choose another --dir",
                      conf);
    }
    if (mkdir(in->dir, 0700) != 0 && errno != EEXIST) {
        return ct_why(why, CT_ERR_CONFIG, "cannot make the folder %s: %s", in->dir,
                      strerror(errno));
    }
    return CT_OK;
}

/* The configuration's paths are relative to its folder, the options' are to the caller's. */
static ct_err conf_path(char out[PATH_MAX], const char *source, const char *in_folder,
                        struct ct_why *why)
{
    if (source == NULL || !ct_source_is_path(source)) {
        (void)snprintf(out, PATH_MAX, "%s", source == NULL ? in_folder : source);
        return CT_OK;
    }
    return realpath(source, out) != NULL
               ? CT_OK
               : ct_why(why, CT_ERR_SYSTEM, "cannot find %s again: %s", source, strerror(errno));
}

/* A key of the configuration, with its passphrase behind it when there is one. */
static ct_err conf_key(char *out, size_t cap, const char *name, const struct ct_init_source *from,
                       const char *in_folder, struct ct_why *why)
{
    char key[PATH_MAX];
    char passphrase[PATH_MAX];
    ct_err err = conf_path(key, from->key, in_folder, why);
    if (err == CT_OK) {
        err = conf_path(passphrase, from->passphrase, "", why);
    }
    if (err == CT_OK && passphrase[0] != '\0') {
        (void)snprintf(out, cap, "%s\n%s-passphrase = %s", key, name, passphrase);
    } else if (err == CT_OK) {
        (void)snprintf(out, cap, "%s", key);
    }
    return err;
}

static ct_err write_files(const struct init *in, struct ct_why *why)
{
    char path[PATH_ROOM];
    char approver[2 * PATH_MAX + 64];
    char funder[2 * PATH_MAX + 64];
    char text[CT_BUNDLE_TEXT_MAX];
    ct_err err =
        conf_key(approver, sizeof approver, "approver", &in->from.approver, "approver.key", why);
    if (err == CT_OK) {
        err = conf_key(funder, sizeof funder, "funder", &in->from.funder, "funder.key", why);
    }
    if (err == CT_OK) {
        err = ct_bundle_format(text, sizeof text, &in->bundle);
    }
    in_dir(path, in, "bundle.json");
    if (err == CT_OK) {
        err = ct_file_write(path, text, strlen(text), 0644, why);
    }
    const struct ct_conf_text conf = {.bundle = &in->bundle,
                                      .address = in->address,
                                      .port = (uint16_t)in->port,
                                      .tls_port = (uint16_t)in->tls_port,
                                      .operator_at = in->operator_at,
                                      .approver = approver,
                                      .funder = funder,
                                      .pass_key_id = in->key_id,
                                      .allow_private = in->allow_private};
    char *written = NULL;
    if (err == CT_OK) {
        err = ct_conf_text(&written, &conf);
    }
    in_dir(path, in, "wm-server.conf");
    if (err == CT_OK && written != NULL) {
        err = ct_file_write(path, written, strlen(written), 0640, why);
    }
    free(written);
    return err;
}

static void put_urls(struct init *in)
{
    struct ct_bundle *b = &in->bundle;
    const char *open = strchr(in->address, ':') != NULL && in->address[0] != '[' ? "[" : "";
    (void)snprintf(b->wm_handshake_url, sizeof b->wm_handshake_url, "http://%s%s%s:%u", open,
                   in->address, open[0] == '\0' ? "" : "]", (unsigned)in->port);
    (void)snprintf(b->wm_tls_url, sizeof b->wm_tls_url, "https://%s%s%s:%u", open, in->address,
                   open[0] == '\0' ? "" : "]", (unsigned)in->tls_port);
}

static struct ct_wm_key wm_key(const struct init *in, const struct ct_init_keys *k)
{
    struct ct_wm_key key = {.not_after_s = ct_wall_s() + in->key_days * 86400};
    memcpy(key.ed25519, k->pass.public32, 32);
    memcpy(key.x25519, k->handshake.public32, 32);
    return key;
}

static ct_err deploy(struct init *in, const struct ct_init_keys *k, struct ct_why *why)
{
    const struct ct_deploy d = {.owner = &k->owner.wallet,
                                .fund = in->from.fund.key == NULL ? NULL : &k->fund.wallet,
                                .approver = &k->approver.wallet,
                                .funder = &k->funder.wallet,
                                .approver_ether = in->approver_ether,
                                .funder_ether = in->funder_ether,
                                .expect_chain_id = in->chain_id,
                                .wm_key = wm_key(in, k),
                                .log = ct_command_log(CT_LOG_WARN)};
    in->key_id = 1;
    return ct_deploy(&in->bundle, &d, why);
}

static ct_err adopt(struct init *in, struct ct_init_keys *k, struct ct_why *why)
{
    struct ct_adopt a = {.owner = in->from.owner.key == NULL ? NULL : &k->owner.wallet,
                         .wm_key = wm_key(in, k),
                         .expect_chain_id = in->chain_id,
                         .log = ct_command_log(CT_LOG_WARN)};
    struct ct_adopted found;
    memcpy(a.contract20, in->contract20, sizeof a.contract20);
    memcpy(a.approver20, k->approver.wallet.addr20, sizeof a.approver20);
    ct_err err = ct_adopt(&in->bundle, &found, &a, why);
    if (err == CT_OK) {
        in->key_id = found.key_id;
        memcpy(k->owner.wallet.addr20, found.owner20, sizeof found.owner20); /* to be told */
        ct_adopt_tell(&a, &found);
    }
    return err;
}

static ct_err init_all(struct init *in, struct ct_init_keys *k, struct ct_why *why)
{
    ct_err err = make_folder(in, why);
    if (err == CT_OK) {
        in->from.dir = in->dir;
        in->from.no_owner = in->is_adopting;
        err = ct_init_keys_make(k, &in->from, why);
    }
    if (err == CT_OK) {
        put_urls(in);
        err = in->is_adopting ? adopt(in, k, why) : deploy(in, k, why);
    }
    return err == CT_OK ? write_files(in, why) : err;
}

static void tell(const struct init *in, const struct ct_init_keys *k)
{
    char contract[CT_ADDR_TEXT_LEN], owner[CT_ADDR_TEXT_LEN], approver[CT_ADDR_TEXT_LEN];
    char funder[CT_ADDR_TEXT_LEN];
    ct_addr_text(contract, in->bundle.contract20);
    ct_addr_text(owner, k->owner.wallet.addr20);
    ct_addr_text(approver, k->approver.wallet.addr20);
    ct_addr_text(funder, k->funder.wallet.addr20);
    (void)printf("contract %s on chain %llu, block %llu\nowner %s (its key is not needed by the "
                 "server: keep it offline)\napprover %s\nfunder %s\nwritten: %s/wm-server.conf, "
                 "%s/bundle.json (give the bundle to relays and devices)\nnext: wm-server %s "
                 "--config %s/wm-server.conf\n",
                 contract, (unsigned long long)in->bundle.chain_id,
                 (unsigned long long)in->bundle.checkpoint_number, owner, approver, funder, in->dir,
                 in->dir, in->is_adopting ? "check" : "run", in->dir);
}

int ct_init_main(int argc, char **argv)
{
    struct init in = {
        .port = 8080, .tls_port = 8443, .approver_ether = 1, .funder_ether = 1, .key_days = 730};
    struct ct_init_keys keys = {0};
    struct ct_why why = {{0}};
    in.bundle.max_head_age_s = 120;
    in.operator_at = "127.0.0.1:9180";
    if (!parse(&in, argc, argv)) {
        return CT_EXIT_USAGE;
    }
    ct_err err = init_all(&in, &keys, &why);
    if (err == CT_OK) {
        tell(&in, &keys);
    }
    ct_init_keys_wipe(&keys);
    return err == CT_OK ? CT_EXIT_OK : ct_command_failed(PROGRAM, err, &why);
}
