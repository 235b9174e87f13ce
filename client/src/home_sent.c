/* HOME/sent.json: the wallet's own transaction that is not known to be in a block. */
#include "home.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/secret.h"
#include "chain/json.h"
#include "home_private.h"

#define NAME "sent.json"
#define HASH_TEXT 67u /* with NUL */
#define TEXT_MAX (2 * CT_HOME_SENT_MAX + CT_HOME_SENT_EARLIER * (HASH_TEXT + 3) + 300)

/* Neither this nor "signed" is in files of versions that raised no fee. */
static bool read_earlier(struct ct_home_sent *out, const struct ct_json *list)
{
    size_t count = list != NULL ? ct_json_count(list) : 0;
    if (list != NULL && (!ct_json_is_array(list) || count > CT_HOME_SENT_EARLIER)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        if (ct_json_data(out->earlier[i], 32, &len, ct_json_at(list, i)) != CT_OK || len != 32) {
            return false;
        }
    }
    out->earlier_count = count;
    return true;
}

ct_err ct_home_load_sent(const struct ct_home *home, struct ct_home_sent *out)
{
    struct ct_json *json = NULL;
    struct ct_home_sent sent;
    char path[CT_HOME_PATH];
    char text[TEXT_MAX];
    size_t len = 0;
    int64_t kind = 0;
    int64_t deadline = 0;
    int64_t signed_s = 0;

    memset(&sent, 0, sizeof sent);
    ct_home_path(home, path, NAME);
    if (ct_file_read(text, sizeof text, &len, path, true, NULL) != CT_OK ||
        ct_json_parse(&json, text, len) != CT_OK) {
        return CT_ERR_NOT_FOUND;
    }
    bool good =
        ct_json_int(&kind, ct_json_get(json, "kind")) == CT_OK && kind > 0 && kind < 256 &&
        ct_json_int(&deadline, ct_json_get(json, "deadline")) == CT_OK && deadline >= 0 &&
        (!ct_json_has(json, "signed") ||
         (ct_json_int(&signed_s, ct_json_get(json, "signed")) == CT_OK && signed_s >= 0)) &&
        read_earlier(&sent, ct_json_get(json, "earlier")) &&
        ct_json_data(sent.raw, sizeof sent.raw, &sent.len, ct_json_get(json, "raw")) == CT_OK &&
        sent.len > 0;
    ct_json_free(json);
    if (!good) {
        return CT_ERR_NOT_FOUND;
    }
    sent.kind = (unsigned)kind;
    sent.deadline_s = (uint64_t)deadline;
    sent.signed_s = (uint64_t)signed_s;
    *out = sent;
    return CT_OK;
}

ct_err ct_home_save_sent(const struct ct_home *home, const struct ct_home_sent *sent,
                         struct ct_why *why)
{
    char path[CT_HOME_PATH];
    char raw[2 * CT_HOME_SENT_MAX + 3];
    char text[TEXT_MAX];
    char earlier[CT_HOME_SENT_EARLIER * (HASH_TEXT + 3) + 1] = "";
    size_t at = 0;
    for (size_t i = 0; i < sent->earlier_count; i++) {
        char hash[HASH_TEXT];
        ct_hex0x(hash, sent->earlier[i], 32);
        at +=
            (size_t)snprintf(earlier + at, sizeof earlier - at, "%s\"%s\"", i > 0 ? "," : "", hash);
    }
    ct_hex0x(raw, sent->raw, sent->len);
    int len = snprintf(text, sizeof text,
                       "{\"kind\":%u,\"deadline\":%llu,\"signed\":%llu,\"earlier\":[%s],"
                       "\"raw\":\"%s\"}\n",
                       sent->kind, (unsigned long long)sent->deadline_s,
                       (unsigned long long)sent->signed_s, earlier, raw);
    ct_home_path(home, path, NAME);
    return ct_file_write(path, text, (size_t)len, 0600, why);
}

void ct_home_drop_sent(const struct ct_home *home)
{
    char path[CT_HOME_PATH];
    ct_home_path(home, path, NAME);
    (void)unlink(path);
}
