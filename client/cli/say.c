/* How the command talks: sentences, exit codes, and JSON events of one line. */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int ct_cli_exit_code(ct_err err)
{
    switch (err) {
    case CT_OK:
        return CT_EXIT_OK;
    case CT_ERR_ARG:
    case CT_ERR_STATE:
    case CT_ERR_ROOM:
    case CT_ERR_CONFIG:
        return CT_EXIT_USAGE;
    case CT_ERR_NOT_FOUND:
        return CT_EXIT_NOT_FOUND;
    case CT_ERR_NOT_APPROVED:
        return CT_EXIT_NOT_APPROVED;
    case CT_ERR_IO:
    case CT_ERR_TIMEOUT:
    case CT_ERR_AGAIN:
    case CT_ERR_MOVED:
    case CT_ERR_REFUSED:
        return CT_EXIT_UNREACHABLE;
    case CT_ERR_FORMAT:
    case CT_ERR_AUTH:
    case CT_ERR_REPLAY:
    case CT_ERR_EXPIRED:
        return CT_EXIT_AUTH;
    case CT_ERR_QUORUM:
    case CT_ERR_CHAIN:
        return CT_EXIT_CHAIN;
    case CT_ERR_NOMEM:
    case CT_ERR_SYSTEM:
    case CT_ERR_FULL:
        break;
    }
    return CT_EXIT_INTERNAL;
}

const char *ct_cli_quote(char *out, size_t cap, const char *text)
{
    size_t n = 0;
    if (cap < 3) {
        return "\"\"";
    }
    out[n++] = '"';
    for (; *text != '\0' && n + 8 < cap; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c < 0x20 || c > 0x7e) {
            n += (size_t)snprintf(out + n, cap - n, "\\u%04x", c);
        } else {
            out[n++] = (char)c;
        }
    }
    out[n++] = '"';
    out[n] = '\0';
    return out;
}

void ct_cli_json(const char *name, const char *format, ...)
{
    va_list args;
    (void)printf("{\"event\":\"%s\"", name);
    if (format != NULL) {
        (void)putchar(',');
        va_start(args, format);
        (void)vprintf(format, args);
        va_end(args);
    }
    (void)puts("}");
    (void)fflush(stdout);
}

static bool has_moved;

bool ct_cli_has_moved(void)
{
    return has_moved;
}

int ct_cli_error(const struct ct_cli *cli, ct_err err, const char *format, ...)
{
    char text[512];
    char quoted[2000];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)fprintf(stderr, "chainturn: %s\n", text);
    has_moved = has_moved || err == CT_ERR_MOVED;
    if (cli->is_json && err != CT_ERR_MOVED) {
        ct_cli_json("error", "\"code\":%d,\"text\":%s", ct_cli_exit_code(err),
                    ct_cli_quote(quoted, sizeof quoted, text));
    }
    return ct_cli_exit_code(err);
}

void ct_cli_say(const struct ct_cli *cli, const char *format, ...)
{
    va_list args;
    FILE *out = cli->is_json ? stderr : stdout;
    va_start(args, format);
    (void)vfprintf(out, format, args);
    va_end(args);
    (void)fputc('\n', out);
    (void)fflush(out);
}

void ct_cli_say_connected(const struct ct_client_event *event)
{
    char away[32] = "";
    if (event->rtt_ms != 0) { /* a message that was repeated tells no round trip */
        (void)snprintf(away, sizeof away, ", %u ms away", event->rtt_ms);
    }
    (void)fprintf(stderr, "%s%s%s%s\n", event->incoming ? "" : "connected to ", event->peer,
                  event->incoming ? " calls" : "", away);
}

uint64_t ct_cli_now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void say_closed(const struct ct_client_event *event, const char *peer)
{
    const struct ct_client_stats *s = event->stats;
    ct_cli_json("closed",
                "\"peer\":%s,\"incoming\":%s,\"send_indications\":%llu,"
                "\"data_indications\":%llu,\"channel_data\":%llu,\"channel_data_out\":%llu,"
                "\"channel_data_in\":%llu,\"plain_out\":%llu,\"plain_in\":%llu",
                peer, event->incoming ? "true" : "false", (unsigned long long)s->send_indications,
                (unsigned long long)s->data_indications,
                (unsigned long long)s->channel_data_out + s->channel_data_in,
                (unsigned long long)s->channel_data_out, (unsigned long long)s->channel_data_in,
                (unsigned long long)s->plain_out, (unsigned long long)s->plain_in);
}

void ct_cli_event(const struct ct_cli *cli, const struct ct_client_event *event)
{
    char peer[400];
    if (!cli->is_json) {
        return;
    }
    (void)ct_cli_quote(peer, sizeof peer, event->peer != NULL ? event->peer : "");
    switch (event->kind) {
    case CT_CLIENT_DIALLING:
        ct_cli_json("dial_start", "\"mono_ns\":%llu,\"peer\":%s,\"cached\":%s",
                    (unsigned long long)ct_cli_now_ns(), peer, event->cached ? "true" : "false");
        break;
    case CT_CLIENT_STAGE:
        ct_cli_json("stage", "\"name\":\"%s\",\"ms\":%.3f", event->stage, event->ms);
        break;
    case CT_CLIENT_PROOF:
        ct_cli_json("proof", "\"verified\":true,\"k\":%u,\"n\":%u,\"block\":%llu", event->k,
                    event->n, (unsigned long long)event->block);
        break;
    case CT_CLIENT_CONNECTED:
        ct_cli_json("connected", "\"mono_ns\":%llu,\"peer\":%s,\"incoming\":%s,\"peer_rtt_ms\":%u",
                    (unsigned long long)ct_cli_now_ns(), peer, event->incoming ? "true" : "false",
                    event->rtt_ms);
        break;
    case CT_CLIENT_STREAM_DATA:
    case CT_CLIENT_DATA: /* told by the commands, for the first byte only */
        ct_cli_json("first_byte", "\"mono_ns\":%llu,\"peer\":%s,\"role\":\"%s\"",
                    (unsigned long long)ct_cli_now_ns(), peer,
                    event->incoming ? "callee" : "caller");
        break;
    case CT_CLIENT_CLOSED:
        say_closed(event, peer);
        break;
    case CT_CLIENT_STEP:
        ct_cli_json("step",
                    "\"road\":\"%s\",\"name\":\"%s\",\"block\":%llu,\"gas\":%llu,"
                    "\"by_wallet\":%s,\"transaction\":\"%s\"",
                    event->road, event->stage, (unsigned long long)event->block,
                    (unsigned long long)event->gas, event->by_wallet ? "true" : "false",
                    event->transaction);
        break;
    case CT_CLIENT_LISTENING:
    case CT_CLIENT_REGISTERED:
        ct_cli_json(event->kind == CT_CLIENT_LISTENING ? "listening" : "registered",
                    "\"peer\":%s,\"relay\":%u,\"relayed\":\"%s\",\"road\":\"%s\","
                    "\"block\":%llu",
                    peer, event->relay, event->relayed, event->road,
                    (unsigned long long)event->block);
        break;
    case CT_CLIENT_DOWN:
        ct_cli_json("down", "\"text\":%s", ct_cli_quote(peer, sizeof peer, event->text));
        break;
    case CT_CLIENT_STREAM_END:
    case CT_CLIENT_WRITABLE:
    case CT_CLIENT_FAILED: /* becomes the command's error */
        break;
    }
}
