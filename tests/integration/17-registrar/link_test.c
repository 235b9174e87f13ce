/* Claims about the registrar as a process and the module's end of its channel; under the
 * sanitizers, too. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "chain/tx.h"
#include "ct_test.h"
#include "kex/owner.h"
#include "life/registrar_link.h"
#include "life/registrar_spawn.h"
#include "temp_dir.h"

static const char *program;
static struct temp_dir temp;
static char lines[4096]; /* of the log */

static void note(enum ct_log_level level, const char *line, void *arg)
{
    (void)level;
    (void)arg;
    (void)snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s\n", line);
}

static const struct ct_log log_here = {.sink = note, .max = CT_LOG_INFO};

static struct ct_rg_open an_opening(const char *file)
{
    struct ct_rg_open o = {.chain_id = 31337,
                           .contract20 = {0xc0},
                           .fee_max_wei = 1000,
                           .gas_max = 200000,
                           .may_make = true,
                           .user = "nobody"};
    o.record = (struct ct_relay){.listen_port = 3478,
                                 .port_min = 49152,
                                 .port_max = 65535,
                                 .listen_ip4 = {198, 51, 100, 7},
                                 .relay_ip4 = {198, 51, 100, 8}};
    o.record.key32[0] = 7;
    (void)snprintf(o.wallet, sizeof(o.wallet), "%s/%s", temp.path, file);
    return o;
}

static struct ct_rg_link *open_link(const struct ct_rg_open *open, bool *made)
{
    struct ct_rg_link *link = NULL;
    struct ct_why why = {""};
    if (ct_rg_link_new(&link, made, program, open, &log_here, &why) != CT_OK) {
        printf("    %s\n", why.text);
    }
    return link;
}

static const struct ct_rg_call a_call = {
    .what = CT_RG_REGISTER, .nonce = 5, .fee_wei = 1000, .tip_wei = 1, .gas = 100000, .key32 = {7}};

static void wallet_is_made_once_and_signs_over_there(void)
{
    struct ct_rg_open open = an_opening("wallet.key");
    struct ct_wallet wallet;
    struct ct_wallet other;
    struct ct_why why = {""};
    struct ct_tx tx;
    uint8_t raw[CT_RG_RAW_MAX];
    uint8_t sig[CT_SIG_LEN];
    uint8_t from[20];
    const uint8_t digest[32] = {1};
    size_t len = 0;
    bool made = false;
    struct ct_rg_link *link = open_link(&open, &made);
    REQUIRE(link != NULL);
    CHECK(made);
    ct_rg_link_wallet(&wallet, link);
    CHECK_EQ(ct_rg_link_call(link, raw, &len, &a_call, &why), CT_OK);
    CHECK_EQ(ct_tx_read_signed(&tx, sig, from, raw, len), CT_OK);
    CHECK_MEM(from, wallet.addr20, 20);
    CHECK_EQ(tx.nonce, 5);
    CHECK_EQ(ct_wallet_sign(sig, &wallet, digest), CT_ERR_REFUSED);
    ct_rg_link_free(link);
    link = open_link(&open, &made);
    REQUIRE(link != NULL);
    CHECK(!made);
    ct_rg_link_wallet(&other, link);
    CHECK_MEM(other.addr20, wallet.addr20, 20);
    ct_rg_link_free(link);
}

static void owner_of_this_relay_is_stated_and_of_no_other(void)
{
    struct ct_rg_open open = an_opening("wallet.key");
    struct ct_wallet wallet;
    bool made = false;
    struct ct_rg_link *link = open_link(&open, &made);
    REQUIRE(link != NULL);
    ct_rg_link_wallet(&wallet, link);
    struct ct_relay own = open.record;
    memcpy(own.owner20, wallet.addr20, 20);
    struct ct_owner statement = {.mode = 1, .until_s = ct_wall_s() + CT_OWNER_LIFE_S};
    ct_owner_relay(statement.relay32, &own);
    CHECK_EQ(ct_owner_sign(&statement, open.chain_id, open.contract20, &wallet), CT_OK);
    own.relay_ip4[3]++;
    ct_owner_relay(statement.relay32, &own);
    CHECK(ct_owner_sign(&statement, open.chain_id, open.contract20, &wallet) != CT_OK);
    const uint8_t words[1][32] = {{1}};
    const struct ct_typed strange = {"Mail(bytes32 x)", words, 1};
    uint8_t sig[CT_SIG_LEN];
    CHECK_EQ(ct_wallet_sign_typed(sig, &wallet, own.key32, &strange), CT_ERR_REFUSED);
    ct_rg_link_free(link);
}

static void what_is_above_a_limit_is_refused_in_words(void)
{
    struct ct_rg_open open = an_opening("wallet.key");
    struct ct_rg_call call = a_call;
    struct ct_why why = {""};
    uint8_t raw[CT_RG_RAW_MAX];
    size_t len = 0;
    bool made = false;
    struct ct_rg_link *link = open_link(&open, &made);
    REQUIRE(link != NULL);
    call.gas = 200001;
    CHECK_EQ(ct_rg_link_call(link, raw, &len, &call, &why), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "chainturn-max-gas") != NULL);
    ct_rg_link_free(link);
}

static void wallet_that_may_not_be_made_or_cannot_be_read_is_told(void)
{
    struct ct_rg_open open = an_opening("absent.key");
    struct ct_rg_link *link = NULL;
    struct ct_why why = {""};
    bool made = false;
    open.may_make = false;
    CHECK_EQ(ct_rg_link_new(&link, &made, program, &open, &log_here, &why), CT_ERR_NOT_FOUND);
    CHECK_EQ(ct_file_write(open.wallet, "no key", 6, 0600, &why), CT_OK);
    CHECK_EQ(ct_rg_link_new(&link, &made, program, &open, &log_here, &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "absent.key") != NULL);
    CHECK_EQ(ct_rg_link_new(&link, &made, "/nowhere", &open, &log_here, &why), CT_ERR_SYSTEM);
    CHECK(link == NULL);
}

/* The key itself by a descriptor: it is read over there, and closed here. */
static void descriptor_is_handed_over_and_closed_here(void)
{
    static const char key[] = "00000000000000000000000000000000000000000000000000000000000000a5\n";
    struct ct_rg_open open = an_opening("");
    int ends[2];
    bool made = false;
    REQUIRE(pipe(ends) == 0);
    CHECK_EQ(write(ends[1], key, sizeof(key) - 1), (ssize_t)sizeof(key) - 1);
    (void)close(ends[1]);
    (void)snprintf(open.wallet, sizeof(open.wallet), "fd:%d", ends[0]);
    struct ct_rg_link *link = open_link(&open, &made);
    REQUIRE(link != NULL);
    CHECK(fcntl(ends[0], F_GETFD) < 0);
    /* once: its number may be anything's by now, which a later registrar must not get to read */
    lines[0] = '\0';
    CHECK_EQ(kill(ct_rg_link_pid(link), SIGKILL), 0);
    uint64_t until = ct_mono_ms() + 60000;
    while (strstr(lines, "registrar_not_started") == NULL && ct_mono_ms() < until) {
        ct_rg_link_tend(link);
        (void)poll(NULL, 0, 50);
    }
    CHECK(strstr(lines, "came by a descriptor, which is read once\": start the server anew"));
    lines[0] = '\0'; /* said once, since nothing can come of trying again */
    for (int i = 0; i < 30; i++) {
        ct_rg_link_tend(link);
        (void)poll(NULL, 0, 50);
    }
    CHECK(lines[0] == '\0' && ct_rg_link_pid(link) == 0);
    ct_rg_link_free(link);
}

static void registrar_that_is_killed_is_started_again_with_a_pause(void)
{
    struct ct_rg_open open = an_opening("wallet.key");
    struct ct_why why = {""};
    uint8_t raw[CT_RG_RAW_MAX];
    size_t len = 0;
    bool made = false;
    struct ct_rg_link *link = open_link(&open, &made);
    REQUIRE(link != NULL);
    pid_t before = ct_rg_link_pid(link);
    lines[0] = '\0';
    CHECK_EQ(kill(before, SIGKILL), 0);
    CHECK_EQ(ct_rg_link_call(link, raw, &len, &a_call, &why), CT_ERR_IO);
    ct_rg_link_tend(link);
    CHECK(strstr(lines, "registrar_ended again_in_ms=500") != NULL);
    CHECK_EQ(ct_rg_link_pid(link), 0);
    uint64_t until = ct_mono_ms() + 60000;
    while (ct_rg_link_pid(link) == 0 && ct_mono_ms() < until) {
        (void)poll(NULL, 0, 50); /* the pause itself is the claim */
        ct_rg_link_tend(link);
    }
    CHECK(ct_rg_link_pid(link) > 0 && ct_rg_link_pid(link) != before);
    CHECK_EQ(ct_rg_link_call(link, raw, &len, &a_call, &why), CT_OK);
    ct_rg_link_free(link);
}

/* After proc-user the files are those of a user that the server is not any more. */
static void server_that_gave_up_its_user_is_told_to_be_started_anew(void)
{
    struct ct_rg_open open = an_opening("roots.key");
    bool made = false;
    struct ct_rg_link *link = open_link(&open, &made);
    REQUIRE(link != NULL && geteuid() == 0);
    lines[0] = '\0';
    CHECK_EQ(kill(ct_rg_link_pid(link), SIGKILL), 0);
    REQUIRE(seteuid(65534) == 0);
    uint64_t until = ct_mono_ms() + 60000;
    while (strstr(lines, "registrar_not_started") == NULL && ct_mono_ms() < until) {
        ct_rg_link_tend(link);
        (void)poll(NULL, 0, 50);
    }
    REQUIRE(seteuid(0) == 0);
    CHECK(strstr(lines, "(proc-user), who may not be allowed that; start it anew") != NULL);
    until = ct_mono_ms() + 60000; /* it is tried all the same: here the user is back */
    while (strstr(lines, "registrar_started") == NULL && ct_mono_ms() < until) {
        ct_rg_link_tend(link);
        (void)poll(NULL, 0, 50);
    }
    CHECK(ct_rg_link_pid(link) > 0);
    ct_rg_link_free(link);
}

/* A frame that is none ends it: nobody else than its module speaks to it. */
static void frame_that_does_not_parse_ends_the_registrar(void)
{
    static const int keep[CT_RG_KEEP_MAX] = {-1, -1};
    uint8_t big[CT_RG_FRAME_MAX + 1] = {1, 1};
    static const size_t sizes[] = {1, 6, 100, CT_RG_FRAME_MAX, CT_RG_FRAME_MAX + 1};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        pid_t pid = 0;
        int fd = -1;
        int status = -1;
        struct ct_why why;
        REQUIRE(ct_rg_spawn(&pid, &fd, program, keep, &why) == CT_OK);
        CHECK_EQ(send(fd, big, sizes[i], MSG_NOSIGNAL), (ssize_t)sizes[i]);
        struct pollfd end = {.fd = fd, .events = POLLIN};
        CHECK_EQ(poll(&end, 1, 60000), 1);
        CHECK_EQ(recv(fd, big, sizeof(big), 0), 0);
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        (void)close(fd);
    }
}

static const struct ct_test tests[] = {
    CT_TEST(wallet_is_made_once_and_signs_over_there),
    CT_TEST(owner_of_this_relay_is_stated_and_of_no_other),
    CT_TEST(what_is_above_a_limit_is_refused_in_words),
    CT_TEST(wallet_that_may_not_be_made_or_cannot_be_read_is_told),
    CT_TEST(descriptor_is_handed_over_and_closed_here),
    CT_TEST(registrar_that_is_killed_is_started_again_with_a_pause),
    CT_TEST(server_that_gave_up_its_user_is_told_to_be_started_anew),
    CT_TEST(frame_that_does_not_parse_ends_the_registrar),
};

int main(int argc, char **argv)
{
    if (argc != 2 || !temp_dir_make(&temp)) {
        (void)fprintf(stderr, "usage: link_test CHAINTURN-REGISTRAR\n");
        return 2;
    }
    (void)alarm(580); /* nothing here may hang */
    program = argv[1];
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    temp_dir_remove(&temp);
    return code;
}
