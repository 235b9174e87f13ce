/* HOME/asked.json: what the wallet manager was asked for and has not been known to end. */
#include "home.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/secret.h"
#include "chain/json.h"
#include "home_private.h"

#define NAME "asked.json"
#define TEXT_MAX (2 * CT_WM_BODY_MAX + 400)

/* The key goes into a header of HTTP. */
static bool is_key(const char *text)
{
    return text != NULL && strlen(text) == CT_WM_KEY_LEN &&
           strspn(text, "0123456789abcdef") == CT_WM_KEY_LEN;
}

static bool read_asked(struct ct_wm_asked *out, const struct ct_json *json)
{
    const char *path = ct_json_text(ct_json_get(json, "path"));
    const char *key = ct_json_text(ct_json_get(json, "key"));
    int64_t at = 0;
    size_t len = 0;
    if (path == NULL || path[0] != '/' || strlen(path) >= sizeof out->path || !is_key(key) ||
        ct_json_fixed(out->about32, 32, ct_json_get(json, "about")) != CT_OK ||
        ct_json_int(&at, ct_json_get(json, "at")) != CT_OK || at < 0 ||
        ct_json_data((uint8_t *)out->body, sizeof out->body - 1, &len, ct_json_get(json, "body")) !=
            CT_OK ||
        memchr(out->body, '\0', len) != NULL) {
        return false;
    }
    memcpy(out->path, path, strlen(path) + 1);
    memcpy(out->key, key, CT_WM_KEY_LEN + 1);
    out->at_s = (uint64_t)at;
    out->body[len] = '\0';
    return true;
}

bool ct_home_load_asked(const struct ct_home *home, struct ct_wm_asked *out)
{
    struct ct_json *json = NULL;
    char path[CT_HOME_PATH];
    char text[TEXT_MAX];
    size_t len = 0;
    memset(out, 0, sizeof *out);
    ct_home_path(home, path, NAME);
    bool good = ct_file_read(text, sizeof text, &len, path, true, NULL) == CT_OK &&
                ct_json_parse(&json, text, len) == CT_OK && read_asked(out, json);
    ct_json_free(json);
    ct_wipe(text, sizeof text);
    if (!good) {
        ct_wipe(out, sizeof *out);
    }
    return good;
}

void ct_home_save_asked(const struct ct_home *home, const struct ct_wm_asked *asked)
{
    char path[CT_HOME_PATH];
    char about[67];
    char body[2 * CT_WM_BODY_MAX + 3];
    char text[TEXT_MAX];
    ct_hex0x(about, asked->about32, sizeof asked->about32);
    ct_hex0x(body, asked->body, strlen(asked->body));
    int len =
        snprintf(text, sizeof text,
                 "{\"path\":\"%s\",\"key\":\"%s\",\"about\":\"%s\",\"at\":%llu,\"body\":\"%s\"}\n",
                 asked->path, asked->key, about, (unsigned long long)asked->at_s, body);
    ct_home_path(home, path, NAME);
    if (ct_file_write(path, text, (size_t)len, 0600, NULL) != CT_OK) {
        (void)unlink(path); /* then it is done once within this run only */
    }
    ct_wipe(body, sizeof body);
    ct_wipe(text, sizeof text);
}

void ct_home_drop_asked(const struct ct_home *home)
{
    char path[CT_HOME_PATH];
    ct_home_path(home, path, NAME);
    (void)unlink(path);
}

static bool load(void *arg, struct ct_wm_asked *out)
{
    return ct_home_load_asked(arg, out);
}

static void save(void *arg, const struct ct_wm_asked *asked)
{
    ct_home_save_asked(arg, asked);
}

static void drop(void *arg)
{
    ct_home_drop_asked(arg);
}

struct ct_wm_memory ct_home_memory(struct ct_home *home)
{
    return (struct ct_wm_memory){.load = load, .save = save, .drop = drop, .arg = home};
}
