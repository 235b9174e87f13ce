/* Claims about openapi.json and openapi-operator.json: they have the routes that are there, and
 * each type of problem. */
/* links: ct_wmserver ct_chain ct_base */
#include <ctype.h>
#include <glob.h>
#include <stdlib.h>

#include "chain/json.h"
#include "ct_test.h"
#include "wm-server/src/api/api.h"
#include "wm-server/src/operator/operator.h"
#include "wm-server/src/http/plain.h"

#define URN "urn:chainturn:error:"

static struct ct_json *doc;

typedef bool route_at(size_t i, const char **method, const char **path);

static bool no_route(size_t i, const char **method, const char **path)
{
    (void)i;
    (void)method;
    (void)path;
    return false;
}

/* Both files, and the routing tables that each describes. */
static const struct file {
    const char *path, *bytes;
    const size_t *len;
    route_at *routes[2];
} files[] = {
    {"/wm-server/openapi.json", ct_openapi, &ct_openapi_len, {ct_api_route_at, ct_plain_route_at}},
    {"/wm-server/openapi-operator.json",
     ct_openapi_operator,
     &ct_openapi_operator_len,
     {ct_operator_route_at, no_route}}};

#define FILES (sizeof files / sizeof files[0])

static bool open_doc(const struct file *f)
{
    return ct_json_parse_many(&doc, f->bytes, *f->len, 65536) == CT_OK;
}

/* A whole file as text; the caller frees it. */
static char *file_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    size_t got = f == NULL || text == NULL ? 0 : fread(text, 1, (1 << 20) - 1, f);
    if (f != NULL) {
        (void)fclose(f);
    }
    if (got == 0) {
        printf("    cannot read %s\n", path);
    }
    return text;
}

static void the_files_that_are_built_in_are_the_ones_in_the_sources(void)
{
    for (size_t i = 0; i < FILES; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, CT_SOURCE_DIR "%s", files[i].path);
        char *text = file_text(path);
        bool is_same = text != NULL && *files[i].len == strlen(text) &&
                       memcmp(files[i].bytes, text, *files[i].len) == 0;
        free(text);
        CHECK(is_same);
    }
}

static void the_plain_listener_serves_it(void)
{
    static struct ct_answer answer;
    const struct ct_request request = {.method = "GET", .path = "/openapi.json", .body = ""};
    ct_plain_handle(NULL, &request, &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(answer.type, "application/vnd.oai.openapi+json;version=3.1");
    CHECK(answer.bytes == ct_openapi && answer.bytes_len == ct_openapi_len);
}

static bool is_described(const char *method, const char *path)
{
    char lower[8] = "";
    for (size_t i = 0; i < sizeof lower - 1 && method[i] != '\0'; i++) {
        lower[i] = (char)tolower((unsigned char)method[i]);
    }
    return ct_json_is_object(ct_json_get(ct_json_get(ct_json_get(doc, "paths"), path), lower));
}

static void each_route_is_described(void)
{
    for (size_t i = 0; i < FILES; i++) {
        const char *method = NULL;
        const char *path = NULL;
        REQUIRE(open_doc(&files[i]));
        for (size_t table = 0; table < 2; table++) {
            for (size_t j = 0; files[i].routes[table](j, &method, &path); j++) {
                if (!is_described(method, path)) {
                    printf("    not described: %s %s\n", method, path);
                    CHECK(false);
                }
            }
        }
        ct_json_free(doc);
    }
    CHECK(true);
}

static bool has_route(const struct file *f, const char *method, const char *path)
{
    const char *m = NULL;
    const char *p = NULL;
    for (size_t table = 0; table < 2; table++) {
        for (size_t i = 0; f->routes[table](i, &m, &p); i++) {
            if (strcasecmp(m, method) == 0 && strcmp(p, path) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void each_described_route_is_there(void)
{
    size_t routes = 0;
    for (size_t f = 0; f < FILES; f++) {
        const char *path;
        REQUIRE(open_doc(&files[f]));
        const struct ct_json *paths = ct_json_get(doc, "paths");
        for (size_t i = 0; (path = ct_json_key_at(paths, i)) != NULL; i++) {
            const struct ct_json *item = ct_json_get(paths, path);
            const char *method;
            for (size_t j = 0; (method = ct_json_key_at(item, j)) != NULL; j++) {
                routes += strcmp(method, "servers") != 0;
                if (strcmp(method, "servers") != 0 && !has_route(&files[f], method, path)) {
                    printf("    described but not there: %s %s\n", method, path);
                    CHECK(false);
                }
            }
        }
        ct_json_free(doc);
    }
    CHECK(routes >= 20);
}

/* ---- problems ---- */

static bool is_word(const char *text, size_t len)
{
    for (size_t i = 0; ct_problem_words[i] != NULL; i++) {
        if (strlen(ct_problem_words[i]) == len && memcmp(ct_problem_words[i], text, len) == 0) {
            return true;
        }
    }
    return false;
}

static void types_of_problems_are_those_of_the_files(void)
{
    size_t words = 0;
    while (ct_problem_words[words] != NULL) {
        words++;
    }
    for (size_t f = 0; f < FILES; f++) {
        REQUIRE(open_doc(&files[f]));
        const struct ct_json *problem =
            ct_json_get(ct_json_get(ct_json_get(doc, "components"), "schemas"), "Problem");
        const struct ct_json *listed =
            ct_json_get(ct_json_get(ct_json_get(problem, "properties"), "type"), "enum");
        CHECK_EQ(ct_json_count(listed), words);
        for (size_t i = 0; i < ct_json_count(listed); i++) {
            const char *text = ct_json_text(ct_json_at(listed, i));
            REQUIRE(text != NULL && strncmp(text, URN, strlen(URN)) == 0);
            CHECK(is_word(text + strlen(URN), strlen(text + strlen(URN))));
        }
        ct_json_free(doc);
    }
}

static void types_of_problems_are_explained_in_the_protocol(void)
{
    char *text = file_text(CT_SOURCE_DIR "/docs/protocol.md");
    char *at = text == NULL ? NULL : strstr(text, "**Problems.**");
    CHECK(at != NULL);
    for (size_t i = 0; at != NULL && ct_problem_words[i] != NULL; i++) {
        char quoted[64];
        (void)snprintf(quoted, sizeof quoted, "`%s`", ct_problem_words[i]);
        if (strstr(at, quoted) == NULL) {
            printf("    not explained: %s\n", quoted);
            CHECK(false);
        }
    }
    CHECK(true);
    free(text);
}

/* The third argument of a call: its end is the third comma outside of brackets and strings. */
static void check_call(const char *file, const char *at, size_t *words)
{
    int depth = 0;
    int argument = 0;
    for (; *at != '\0' && argument < 3; at++) {
        depth += (*at == '(') - (*at == ')');
        argument += *at == ',' && depth == 1;
        if (*at != '"') {
            continue;
        }
        const char *end = strchr(at + 1, '"');
        if (end == NULL) {
            return;
        }
        if (argument == 2) {
            (*words)++;
            if (!is_word(at + 1, (size_t)(end - at - 1))) {
                printf("    %s sends \"%.*s\", which is not listed\n", file, (int)(end - at - 1),
                       at + 1);
                CHECK(false);
            }
        }
        at = end;
    }
}

static void no_source_sends_a_type_that_is_not_listed(void)
{
    static const char call[] = "ct_answer_problem(";
    size_t words = 0;
    glob_t sources;
    REQUIRE(glob(CT_SOURCE_DIR "/wm-server/src/*/*.c", 0, NULL, &sources) == 0);
    for (size_t i = 0; i < sources.gl_pathc; i++) {
        char *text = file_text(sources.gl_pathv[i]);
        const char *at = text == NULL ? NULL : strstr(text, call);
        while (at != NULL) {
            at += strlen(call) - 1;
            check_call(strrchr(sources.gl_pathv[i], '/') + 1, at, &words);
            at = strstr(at, call);
        }
        free(text);
    }
    globfree(&sources);
    CHECK(words > 30); /* or the search has become blind */
}

static const struct ct_test tests[] = {
    CT_TEST(the_files_that_are_built_in_are_the_ones_in_the_sources),
    CT_TEST(the_plain_listener_serves_it),
    CT_TEST(each_route_is_described),
    CT_TEST(each_described_route_is_there),
    CT_TEST(types_of_problems_are_those_of_the_files),
    CT_TEST(types_of_problems_are_explained_in_the_protocol),
    CT_TEST(no_source_sends_a_type_that_is_not_listed),
};
CT_TEST_MAIN(tests)
