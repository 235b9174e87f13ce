/*
 * Configuration files. Property: what is accepted, written out again key by key, is read as the
 * same values; what is refused has a sentence of one line and frees what it read.
 */
/* links: ct_base */
#include <inttypes.h>
#include <string.h>

#include "base/conf.h"
#include "fuzz.h"

struct target {
    char *contract;
    uint64_t quorum;
    bool strict;
    struct ct_conf_list rpc;
};

static const struct ct_conf_key keys[] = {
    {"chain.contract", CT_CONF_STRING, true, offsetof(struct target, contract), "its address"},
    {"chain.quorum", CT_CONF_U64, false, offsetof(struct target, quorum), "endpoints that agree"},
    {"chain.rpc", CT_CONF_LIST, false, offsetof(struct target, rpc), "endpoints"},
    {"strict", CT_CONF_BOOL, false, offsetof(struct target, strict), "refuse more"},
};
enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]), TEXT_MAX = 128 * 1024 };

static void write_again(const struct target *t)
{
    char path[FUZZ_PATH];
    char *text = malloc(TEXT_MAX);
    HOLDS(text != NULL);
    int len =
        snprintf(text, TEXT_MAX, "strict = %s\n[chain]\nquorum = %" PRIu64 "\ncontract = %s\n",
                 t->strict ? "yes" : "no", t->quorum, t->contract);
    for (size_t i = 0; i < t->rpc.count; i++) {
        len += snprintf(text + len, TEXT_MAX - (size_t)len, "rpc = %s\n", t->rpc.items[i]);
    }
    HOLDS(len < TEXT_MAX);
    fuzz_file(path, "conf", text, (size_t)len);
    free(text);
}

static void check_again(const struct target *t)
{
    struct target again = {.contract = NULL};
    struct ct_why why = {""};
    char path[FUZZ_PATH];
    (void)snprintf(path, sizeof(path), "%s/conf", fuzz_folder());
    HOLDS(ct_conf_read(&again, path, keys, KEY_COUNT, &why) == CT_OK);
    HOLDS(strcmp(again.contract, t->contract) == 0 && again.quorum == t->quorum &&
          again.strict == t->strict && again.rpc.count == t->rpc.count && t->rpc.count <= 64);
    for (size_t i = 0; i < t->rpc.count; i++) {
        HOLDS(strcmp(again.rpc.items[i], t->rpc.items[i]) == 0);
    }
    ct_conf_free(&again, keys, KEY_COUNT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target t = {.contract = NULL};
    struct ct_why why = {""};
    char path[FUZZ_PATH];
    fuzz_file(path, "conf", data, size);
    if (ct_conf_read(&t, path, keys, KEY_COUNT, &why) == CT_OK) {
        if (size < 32768) {
            write_again(&t);
            check_again(&t);
        }
    } else {
        HOLDS(why.text[0] != '\0' && fuzz_is_line(why.text, sizeof(why.text)));
    }
    ct_conf_free(&t, keys, KEY_COUNT);
    return 0;
}
