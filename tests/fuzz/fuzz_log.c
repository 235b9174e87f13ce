/*
 * Log lines as JSON. Property: whatever a peer wrote, the line becomes one object on one line of
 * ASCII, whose members are strings; and as a line's quoted text it is one member, as it was.
 */
/* links: ct_chain ct_base */
#include "base/log.h"

#include <string.h>

#include "chain/json.h"
#include "fuzz.h"

#define SAFE "abcdefghijklmnopqrstuvwxyz0123456789 =\"\\{}:,.<>"

/* The members of the line's object. */
static struct ct_json *members(const char *line, size_t *count)
{
    char text[CT_LOG_JSON_MAX];
    struct ct_json *json = NULL;
    ct_log_to_json(text, sizeof text, CT_LOG_INFO, line);
    for (const char *p = text; *p != '\0'; p++) {
        HOLDS((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f);
    }
    HOLDS(ct_json_parse(&json, text, strlen(text)) == CT_OK && ct_json_is_object(json));
    for (*count = 0; ct_json_key_at(json, *count) != NULL; ++*count) {
        HOLDS(ct_json_text(ct_json_get(json, ct_json_key_at(json, *count))) != NULL);
    }
    HOLDS(*count >= 3 && strcmp(ct_json_key_at(json, 1), "level") == 0);
    return json;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[1024];
    char text[1000];
    size_t count = 0;
    size_t len = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, data, len);
    text[len] = '\0';
    ct_json_free(members(text, &count));
    (void)snprintf(line, sizeof line, "peer says=\"%s\"", text);
    struct ct_json *json = members(line, &count);
    HOLDS(count == 4 && strcmp(ct_json_text(ct_json_get(json, "event")), "peer") == 0);
    const char *says = ct_json_text(ct_json_get(json, "says"));
    HOLDS(strspn(text, SAFE) != strlen(text) || strcmp(says, text) == 0);
    ct_json_free(json);
    return 0;
}
