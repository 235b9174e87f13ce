/* A file of tokens, line by line; none of it stays in memory. */
#include "token_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

ct_err admin_token_file(const char *path, size_t max, admin_token_line *each, void *arg,
                        struct ct_why *why)
{
    size_t len = 0;
    char *text = malloc(max);
    if (text == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    ct_err err = ct_file_read(text, max, &len, path, true, why);
    if (err == CT_ERR_NOT_FOUND) {
        err = ct_why(why, CT_ERR_CONFIG, "there is no file %s", path);
    }
    for (const char *line = text; err == CT_OK && *line != '\0';) {
        size_t n = strcspn(line, "\n");
        if (n > 0) {
            err = each(arg, line, n, why);
        }
        line += n + (line[n] == '\n');
    }
    ct_wipe(text, len);
    free(text);
    return err;
}

ct_err admin_token_parse(struct ct_token *out, const char *line, size_t len, struct ct_why *why)
{
    ct_err err = ct_factory_is(line, len) ? ct_factory_parse(out, line, len)
                                          : ct_token_parse(out, line, len);
    return err == CT_OK ? CT_OK
                        : ct_why(why, err, "a line is no token (ctk1. or ctf1. and two parts)");
}
