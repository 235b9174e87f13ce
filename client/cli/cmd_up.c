/* chainturn up: enrol this device, unless it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "cli.h"

#define STEPS_MAX 16

struct up {
    struct ct_cli *cli;
    bool is_done, was_registered;
    ct_err err;
    uint64_t gas; /* of all steps */
    uint64_t blocks[STEPS_MAX];
    size_t count;
};

/* What the record cost, and the blocks that it took. */
static void take_step(struct up *up, const struct ct_client_event *event)
{
    up->gas += event->gas;
    if (event->gas != 0 && up->count < STEPS_MAX) {
        up->blocks[up->count++] = event->block;
    }
    ct_cli_event(up->cli, event);
}

static void tell_json(const struct up *up, const struct ct_client_event *event)
{
    char blocks[STEPS_MAX * 22] = "";
    size_t len = 0;
    for (size_t i = 0; i < up->count; i++) {
        len += (size_t)snprintf(blocks + len, sizeof blocks - len, "%s%llu", i > 0 ? "," : "",
                                (unsigned long long)up->blocks[i]);
    }
    ct_cli_json("up",
                "\"peer\":\"%s\",\"relay\":%u,\"relayed\":\"%s\",\"block\":%llu,"
                "\"road\":\"%s\",\"gas\":%llu,\"blocks\":[%s]",
                event->peer, event->relay, event->relayed, (unsigned long long)event->block,
                event->road, (unsigned long long)up->gas, blocks);
}

static void on_event(void *arg, const struct ct_client_event *event)
{
    struct up *up = arg;
    if (event->kind == CT_CLIENT_STEP) {
        take_step(up, event);
    } else if (event->kind == CT_CLIENT_REGISTERED) {
        up->was_registered = true;
        ct_cli_event(up->cli, event);
    } else if (event->kind == CT_CLIENT_LISTENING) {
        up->is_done = true;
        ct_cli_say(up->cli, "%s is up: relayed address %s on relay %u, %s block %llu", event->peer,
                   event->relayed, event->relay,
                   up->was_registered ? "approved in" : "approved and seen at",
                   (unsigned long long)event->block);
        if (up->cli->is_json) {
            tell_json(up, event);
        }
    } else if (event->kind == CT_CLIENT_FAILED) {
        up->is_done = true;
        up->err = event->err;
    }
}

/* The token is one line of a private file. */
static ct_err read_token(char *out, size_t cap, const char *path, struct ct_why *why)
{
    size_t len = 0;
    ct_err err = ct_file_read(out, cap, &len, path, true, why);
    if (err != CT_OK) {
        return err == CT_ERR_NOT_FOUND ? CT_ERR_CONFIG : err;
    }
    while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == '\r' || out[len - 1] == ' ')) {
        out[--len] = '\0';
    }
    if (len == 0 || strpbrk(out, " \r\n") != NULL) {
        return ct_why(why, CT_ERR_CONFIG, "%s holds %s; it must hold one token", path,
                      len == 0 ? "no token" : "more than one line");
    }
    return CT_OK;
}

static int bring_up(struct ct_cli *cli, const struct ct_client_enrol *enrol)
{
    struct up up = {.cli = cli};
    int code = CT_EXIT_OK;
    struct ct_client *client = ct_cli_open(cli, &code, on_event, &up);
    if (client == NULL) {
        return code;
    }
    ct_err err = ct_client_up(client, enrol);
    while (err == CT_OK && !up.is_done && !ct_cli_is_ended()) {
        ct_cli_wait(client, NULL, 0, 1000);
    }
    err = err != CT_OK ? err : up.err;
    if (err != CT_OK) {
        code = ct_cli_error(cli, err, "%s", ct_client_error(client));
    } else if (!up.is_done) {
        code = ct_cli_error(cli, CT_ERR_STATE, "interrupted before the device was up");
    }
    ct_cli_close(client, code);
    return code;
}

static bool take_road(struct ct_cli *cli, struct ct_client_enrol *enrol)
{
    const char *road = NULL;
    if (!ct_cli_value(cli, "--road", &road)) {
        return false;
    }
    if (road == NULL) {
        enrol->road = CT_CLIENT_ROAD_KEPT;
    } else if (strcmp(road, "sponsored") == 0) {
        enrol->road = CT_CLIENT_ROAD_SPONSORED;
    } else if (strcmp(road, "funded") == 0) {
        enrol->road = CT_CLIENT_ROAD_FUNDED;
    } else {
        (void)ct_cli_error(cli, CT_ERR_CONFIG, "--road is sponsored or funded, not \"%s\"", road);
        return false;
    }
    return true;
}

int ct_cmd_up(struct ct_cli *cli)
{
    struct ct_client_enrol enrol = {.identity = NULL};
    const char *token_file = NULL;
    const char *policy = NULL;
    char token[2048];
    struct ct_why why = {.text = ""};

    if (!ct_cli_value(cli, "--id", &enrol.identity) ||
        !ct_cli_value(cli, "--token-file", &token_file) ||
        !ct_cli_value(cli, "--relay-policy", &policy) || !take_road(cli, &enrol) ||
        !ct_cli_end(cli, 0)) {
        return CT_EXIT_USAGE;
    }
    if (policy != NULL && strcmp(policy, "nearest") != 0) {
        return ct_cli_error(cli, CT_ERR_CONFIG, "--relay-policy knows nearest only, not \"%s\"",
                            policy);
    }
    if (token_file != NULL) {
        ct_err err = read_token(token, sizeof token, token_file, &why);
        if (err != CT_OK) {
            return ct_cli_error(cli, err, "%s", why.text);
        }
        enrol.token = token;
    }
    int code = bring_up(cli, &enrol);
    ct_wipe(token, sizeof token);
    return code;
}
