/* The module's options, listed once: name in turnserver.conf and whether a value must follow. */
#ifndef CT_OPTIONS_H
#define CT_OPTIONS_H

/* X(identifier, name, 1 when a value is required else 2 for an optional one, as getopt_long's) */
#define CT_OPTIONS(X)                                          \
    X(MODE, "chainturn-mode", 1)                               \
    X(BUNDLE, "chainturn-bundle", 1)                           \
    X(WALLET, "chainturn-wallet", 1)                           \
    X(WALLET_PASSPHRASE, "chainturn-wallet-passphrase", 1)     \
    X(REGISTRAR, "chainturn-registrar", 1)                     \
    X(REGISTRAR_USER, "chainturn-registrar-user", 1)           \
    X(MAX_FEE_GWEI, "chainturn-max-fee-gwei", 1)               \
    X(MAX_GAS, "chainturn-max-gas", 1)                         \
    X(RENEW_DAYS, "chainturn-renew-days", 1)                   \
    X(KEY_DAYS, "chainturn-key-days", 1)                       \
    X(BALANCE_WARNING, "chainturn-balance-warning-gwei", 1)    \
    X(ON_STOP, "chainturn-on-stop", 1)                         \
    X(DRAIN_LIMIT, "chainturn-drain-limit", 1)                 \
    X(KEY, "chainturn-key", 1)                                 \
    X(STATE, "chainturn-state", 1)                             \
    X(MAX_AGE, "chainturn-max-age", 1)                         \
    X(POLL_MS, "chainturn-poll-ms", 1)                         \
    X(SOURCE_PPS, "chainturn-source-pps", 1)                   \
    X(UNINVITED_PPS, "chainturn-uninvited-pps", 1)             \
    X(ALLOCATION_PPS, "chainturn-allocation-pps", 1)           \
    X(ALLOCATION_KBPS, "chainturn-allocation-kbps", 1)         \
    X(PASS_PPS, "chainturn-pass-pps", 1)                       \
    X(PASS_KBPS, "chainturn-pass-kbps", 1)                     \
    X(ANSWER_BPS, "chainturn-answer-bps", 1)                   \
    X(METRICS, "chainturn-metrics", 1)                         \
    X(ALLOW_PRIVATE, "chainturn-allow-private", 2)             \
    X(INSECURE_SINGLE_RPC, "chainturn-insecure-single-rpc", 2) \
    X(CHECK_CONFIG, "check-config", 2)

/* coturn's own ids end below 1000. */
#define CT_OPTION_ID(identifier, name, has_value) CT_OPT_##identifier,
enum ct_option_id { CT_OPT_FIRST = 20000, CT_OPTIONS(CT_OPTION_ID) CT_OPT_END };
#undef CT_OPTION_ID

#endif
