/* Starting, asking and ending anvil. */
#include "anvil.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"

enum { CHAIN_ID = 31337, START_MS = 60000 };

static const char program[] =
    CT_SOURCE_DIR "/contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";

static void run_child(int output)
{
    char *const args[] = {(char *)(uintptr_t) "anvil",     (char *)(uintptr_t) "--host",
                          (char *)(uintptr_t) "127.0.0.1", (char *)(uintptr_t) "--port",
                          (char *)(uintptr_t) "0",         (char *)(uintptr_t) "--accounts",
                          (char *)(uintptr_t) "1",         NULL};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive a test that crashed */
    (void)dup2(output, STDOUT_FILENO);
    (void)dup2(output, STDERR_FILENO);
    (void)execv(program, args);
    _exit(127);
}

/* Reads its greeting until it says where it listens. */
static bool await_port(struct ct_anvil *anvil)
{
    static const char sign[] = "Listening on 127.0.0.1:";
    char text[16384];
    size_t len = 0;
    uint64_t end_ms = ct_mono_ms() + START_MS;
    while (len + 1 < sizeof(text) && ct_mono_ms() < end_ms) {
        struct pollfd fd = {.fd = anvil->output, .events = POLLIN};
        if (poll(&fd, 1, 1000) <= 0) {
            continue;
        }
        ssize_t got = read(anvil->output, text + len, sizeof(text) - 1 - len);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        text[len] = '\0';
        const char *at = strstr(text, sign);
        if (at != NULL && strchr(at, '\n') != NULL) {
            anvil->port = (unsigned)strtoul(at + strlen(sign), NULL, 10);
            return anvil->port != 0;
        }
    }
    printf("    anvil did not start: %.*s\n", (int)len, len > 0 ? text : "no output");
    return false;
}

/* It logs every call and stops when nobody reads that: a child of ours does, to the end. */
static pid_t start_reader(int output)
{
    pid_t pid = fork();
    if (pid == 0) {
        char text[4096];
        while (read(output, text, sizeof(text)) > 0) {
        }
        _exit(0);
    }
    return pid;
}

bool ct_anvil_start(struct ct_anvil *out)
{
    int ends[2];
    if (access(program, X_OK) != 0 || pipe(ends) != 0) {
        printf("    there is no anvil; run ./run setup\n");
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        run_child(ends[1]);
    }
    (void)close(ends[1]);
    *out = (struct ct_anvil){.pid = pid, .output = ends[0]};
    if (pid < 0 || !await_port(out)) {
        ct_anvil_stop(out);
        return false;
    }
    out->reader = start_reader(out->output);
    return true;
}

void ct_anvil_stop(struct ct_anvil *anvil)
{
    if (anvil->pid > 0) {
        (void)kill(anvil->pid, SIGKILL);
        (void)waitpid(anvil->pid, NULL, 0);
        (void)close(anvil->output);
        anvil->pid = 0;
        if (anvil->reader > 0) {
            (void)waitpid(anvil->reader, NULL, 0);
        }
    }
}

void ct_anvil_bundle(struct ct_bundle *out, const struct ct_anvil *anvil)
{
    static const char *const tails[] = {"", "/?2", "/?3"}; /* three names, one node */
    memset(out, 0, sizeof(*out));
    out->chain_id = CHAIN_ID;
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(out->rpc[i], sizeof(out->rpc[i]), "http://127.0.0.1:%u%s", anvil->port,
                       tails[i]);
    }
    out->rpc_count = 3;
    out->quorum = 2;
    out->max_head_age_s = 3600;
}

char *ct_anvil_call(const struct ct_anvil *anvil, const char *method, const char *params)
{
    char url[64];
    char body[4096];
    struct ct_jsonrpc_call call = {method, params};
    struct ct_wr w = ct_wr_init(body, sizeof(body));
    struct ct_http *http = NULL;
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", anvil->port);
    ct_jsonrpc_write(&w, &call, 1);
    struct ct_http_request request = {.url = url, .body = body, .body_len = w.len};
    if (ct_wr_end(&w) != CT_OK || ct_http_new(&http) != CT_OK) {
        return NULL;
    }
    ct_err err = ct_http_post(http, &request, 1, START_MS, NULL, NULL);
    ct_http_free(http);
    return err == CT_OK && request.err == CT_OK ? request.response : NULL;
}

bool ct_anvil_fund(const struct ct_anvil *anvil, const uint8_t addr20[20])
{
    char addr[2 * 20 + 3];
    char params[96];
    ct_hex0x(addr, addr20, 20);
    (void)snprintf(params, sizeof(params), "[\"%s\",\"0x56bc75e2d63100000\"]", addr);
    char *answer = ct_anvil_call(anvil, "anvil_setBalance", params);
    bool good = answer != NULL && strstr(answer, "error") == NULL;
    free(answer);
    return good;
}
