/*
 * Claims about TLS-PSK and HTTP to the wallet manager, against OpenSSL's own server: who is
 * believed, who is refused. (Against the wallet manager itself: test_wm_live.c.)
 */
/* links: ct_wm ct_kex ct_chain ct_base */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct_test.h"

#include "base/hex.h"
#include "wm/link.h"
#include "wm/problem.h"

static const uint8_t PSK[32] = {1, 2, 3};
static const uint8_t OTHER[32] = {3, 2, 1};
static const char ID[] = "00112233445566778899aabbccddeeff";

struct server {
    pid_t pid;
    int output;
    char url[64];
};

/* openssl with these arguments; its greeting "ACCEPT host:port" tells the port. */
static bool server_start(struct server *s, const char *const args[])
{
    int ends[2];
    char text[4096];
    size_t len = 0;
    memset(s, 0, sizeof(*s));
    if (pipe(ends) != 0) {
        return false;
    }
    s->pid = fork();
    if (s->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        char *copies[16] = {NULL};
        for (size_t i = 0; i < 15 && args[i] != NULL; i++) {
            copies[i] = strdup(args[i]);
        }
        (void)execvp("openssl", copies);
        _exit(127);
    }
    (void)close(ends[1]);
    s->output = ends[0];
    while (len + 1 < sizeof(text)) {
        struct pollfd fd = {.fd = s->output, .events = POLLIN};
        ssize_t got =
            poll(&fd, 1, 20000) == 1 ? read(s->output, text + len, sizeof(text) - 1 - len) : 0;
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        text[len] = '\0';
        const char *at = strstr(text, "ACCEPT ");
        if (at != NULL && strchr(at, '\n') != NULL) {
            const char *colon = strchr(at, ':');
            (void)snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%d/",
                           colon != NULL ? atoi(colon + 1) : 0);
            return true;
        }
    }
    text[len] = '\0';
    printf("    openssl did not start: %s\n", text);
    return false;
}

static void server_stop(struct server *s)
{
    if (s->pid > 0) {
        (void)kill(s->pid, SIGTERM);
        (void)waitpid(s->pid, NULL, 0);
        (void)close(s->output);
    }
}

static bool psk_server(struct server *s, const char *version)
{
    static char key[65];
    ct_hex(key, PSK, sizeof(PSK));
    const char *const args[] = {"openssl", "s_server",      "-accept", "127.0.0.1:0",
                                "-nocert", "-psk_identity", ID,        "-psk",
                                key,       "-www",          version,   NULL};
    return server_start(s, args);
}

static ct_err get(const char *url, const uint8_t *psk, struct ct_wm_reply *reply,
                  struct ct_why *why)
{
    static char out[16384];
    struct ct_wm_link *link = NULL;
    ct_err err = ct_wm_link_new(&link, ID, psk, why);
    if (err == CT_OK) {
        const struct ct_wm_question question = {.method = "GET", .url = url, .timeout_ms = 30000};
        err = ct_wm_link_call(link, reply, out, sizeof(out), &question, why);
    }
    ct_wm_link_free(link);
    return err;
}

static void the_psk_is_taken_and_a_wrong_one_refused_in(const char *version)
{
    struct server s;
    struct ct_wm_reply reply = {.status = 0};
    struct ct_why why = {""};
    REQUIRE(psk_server(&s, version));
    CHECK_EQ(get(s.url, PSK, &reply, &why), CT_OK);
    CHECK_EQ(reply.status, 200);
    CHECK_EQ(get(s.url, OTHER, &reply, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "TLS-PSK") != NULL);
    server_stop(&s);
}

static void tls_1_3_with_the_psk(void)
{
    the_psk_is_taken_and_a_wrong_one_refused_in("-tls1_3");
}

static void tls_1_2_ecdhe_psk(void)
{
    the_psk_is_taken_and_a_wrong_one_refused_in("-tls1_2");
}

/* A man in the middle with any certificate: he does not know the PSK and so offers what he has. */
static void a_server_that_shows_a_certificate_is_refused(void)
{
    char dir[] = "/tmp/ct_wm_link_XXXXXX";
    char cert[64], key[64];
    char command[512];
    REQUIRE(mkdtemp(dir) != NULL);
    (void)snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
    (void)snprintf(key, sizeof(key), "%s/key.pem", dir);
    (void)snprintf(command, sizeof(command),
                   "openssl req -x509 -newkey ed25519 -nodes -subj /CN=127.0.0.1 "
                   "-addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null",
                   key, cert);
    REQUIRE(system(command) == 0);
    static const char *const VERSIONS[] = {"-tls1_3", "-tls1_2"};
    for (size_t i = 0; i < 2; i++) {
        struct server s;
        struct ct_wm_reply reply = {.status = 0};
        struct ct_why why = {""};
        const char *const args[] = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", cert,
                                    "-key",    key,        "-www",    VERSIONS[i],   NULL};
        REQUIRE(server_start(&s, args));
        CHECK_EQ(get(s.url, PSK, &reply, &why), CT_ERR_AUTH);
        CHECK_EQ(reply.status, 0);
        server_stop(&s);
    }
    CHECK_EQ(unlink(cert), 0);
    CHECK_EQ(unlink(key), 0);
    CHECK_EQ(rmdir(dir), 0);
}

/* A loopback socket that takes connections and says nothing. */
static int silent_socket(uint16_t *port, bool listening)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    CHECK(!listening || listen(fd, 4) == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void nobody_there_is_one_clear_sentence(void)
{
    uint16_t port = 0;
    char url[64];
    struct ct_wm_reply reply = {.was_sent = true};
    struct ct_why why = {""};
    int fd = silent_socket(&port, false);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1/handshake", (unsigned)port);
    CHECK_EQ(get(url, NULL, &reply, &why), CT_ERR_IO);
    CHECK(!reply.was_sent);
    CHECK(strstr(why.text, "cannot reach the wallet manager") != NULL);
    (void)close(fd);
}

static void silence_is_a_timeout(void)
{
    uint16_t port = 0;
    char url[64], out[64];
    struct ct_wm_reply reply;
    struct ct_why why = {""};
    struct ct_wm_link *link = NULL;
    int fd = silent_socket(&port, true);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", (unsigned)port);
    REQUIRE(ct_wm_link_new(&link, "", NULL, &why) == CT_OK);
    const struct ct_wm_question question = {
        .method = "POST", .url = url, .body = "{}", .key = "k-1", .timeout_ms = 200};
    reply.was_sent = false;
    for (int i = 0; i < 20 && !reply.was_sent; i++) { /* the time was over before it was sent */
        CHECK_EQ(ct_wm_link_call(link, &reply, out, sizeof(out), &question, &why), CT_ERR_TIMEOUT);
    }
    CHECK(reply.was_sent);
    CHECK(strstr(why.text, "200 ms") != NULL);
    ct_wm_link_free(link);
    (void)close(fd);
}

static void an_answer_that_is_too_long_is_refused(void)
{
    struct server s;
    char out[32];
    struct ct_wm_reply reply;
    struct ct_why why = {""};
    struct ct_wm_link *link = NULL;
    REQUIRE(psk_server(&s, "-tls1_3"));
    REQUIRE(ct_wm_link_new(&link, ID, PSK, &why) == CT_OK);
    const struct ct_wm_question question = {.method = "GET", .url = s.url, .timeout_ms = 30000};
    CHECK_EQ(ct_wm_link_call(link, &reply, out, sizeof(out), &question, &why), CT_ERR_ROOM);
    ct_wm_link_free(link);
    server_stop(&s);
}

static void a_secret_never_leaves_in_plain(void)
{
    struct ct_wm_reply reply;
    struct ct_why why = {""};
    CHECK_EQ(get("http://127.0.0.1:9/", PSK, &reply, &why), CT_ERR_CONFIG);
    CHECK_EQ(get("https://127.0.0.1:9/", NULL, &reply, &why), CT_ERR_CONFIG);
    CHECK_EQ(get("file:///etc/hostname", NULL, &reply, &why), CT_ERR_CONFIG);
}

/* ---- problem+json ---- */

static ct_err problem(struct ct_wm_answer *answer, unsigned status, const char *body,
                      struct ct_why *why)
{
    memset(answer, 0, sizeof(*answer));
    answer->status = status;
    answer->body_len = strlen(body);
    memcpy(answer->body, body, answer->body_len + 1);
    return ct_wm_problem(answer, "it was refused", why);
}

static void a_used_token_says_by_whom_and_what_to_do(void)
{
    struct ct_why why = {""};
    static struct ct_wm_answer answer;
    CHECK_EQ(problem(&answer, 409,
                     "{\"type\":\"urn:chainturn:error:token-used\",\"title\":\"t\",\"status\":409,"
                     "\"detail\":\"by sensor-42\"}",
                     &why),
             CT_ERR_AUTH);
    CHECK_STR(answer.problem, "token-used");
    CHECK_STR(why.text, "the token was used before (by sensor-42); ask the platform for a new one");
}

static void each_word_has_its_status(void)
{
    static const struct {
        const char *word;
        ct_err err;
    } WORDS[] = {
        {"format", CT_ERR_FORMAT},
        {"token-invalid", CT_ERR_AUTH},
        {"token-expired", CT_ERR_EXPIRED},
        {"token-gas", CT_ERR_REFUSED},
        {"token-used", CT_ERR_AUTH},
        {"identity", CT_ERR_AUTH},
        {"signature", CT_ERR_AUTH},
        {"relay-mismatch", CT_ERR_REFUSED},
        {"not-registered", CT_ERR_NOT_APPROVED},
        {"probe-failed", CT_ERR_REFUSED},
        {"chain-unavailable", CT_ERR_CHAIN},
        {"not-found", CT_ERR_NOT_FOUND},
        {"too-large", CT_ERR_REFUSED},
        {"too-many", CT_ERR_REFUSED},
        {"internal", CT_ERR_IO},
    };
    static struct ct_wm_answer answer;
    char body[128];
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        struct ct_why why = {""};
        (void)snprintf(body, sizeof(body), "{\"type\":\"urn:chainturn:error:%s\"}", WORDS[i].word);
        CHECK_EQ(problem(&answer, 400, body, &why), WORDS[i].err);
        CHECK(strchr(why.text, ';') != NULL); /* what happened; what to do */
    }
}

static void an_answer_that_is_no_problem_json_is_judged_by_its_status(void)
{
    static struct ct_wm_answer answer;
    struct ct_why why = {""};
    CHECK_EQ(problem(&answer, 404, "<html>", &why), CT_ERR_NOT_FOUND);
    CHECK_EQ(problem(&answer, 502, "", &why), CT_ERR_IO);
    CHECK_EQ(problem(&answer, 418, "{\"type\":\"about:blank\"}", &why), CT_ERR_REFUSED);
    CHECK_STR(answer.problem, "");
    CHECK_EQ(problem(&answer, 403, "{\"type\":\"urn:chainturn:error:\\u0000\"}", &why),
             CT_ERR_REFUSED);
}

static const struct ct_test TESTS[] = {
    CT_TEST(tls_1_3_with_the_psk),
    CT_TEST(tls_1_2_ecdhe_psk),
    CT_TEST(a_server_that_shows_a_certificate_is_refused),
    CT_TEST(nobody_there_is_one_clear_sentence),
    CT_TEST(silence_is_a_timeout),
    CT_TEST(an_answer_that_is_too_long_is_refused),
    CT_TEST(a_secret_never_leaves_in_plain),
    CT_TEST(a_used_token_says_by_whom_and_what_to_do),
    CT_TEST(each_word_has_its_status),
    CT_TEST(an_answer_that_is_no_problem_json_is_judged_by_its_status),
};
CT_TEST_MAIN(TESTS)
