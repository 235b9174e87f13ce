/* A listener that also moves its home and rotates its key, by the public header alone: ct-keeper
 * HOME NAME. Listens, calls NAME with a move, then takes another key; echoes until SIGTERM. */
#include <signal.h>
#include <stdio.h>

#include <chainturn/chainturn.h>

static volatile sig_atomic_t is_ended;

struct keeper {
    struct ct_client *client;
    const char *peer;
    int wants_call, has_called, wants_key, has_failed;
};

static void end(int signal_number)
{
    (void)signal_number;
    is_ended = 1;
}

static void move(struct keeper *k)
{
    const struct ct_client_dial_options options = {.move = true};
    unsigned call = 0;
    k->wants_call = 0;
    k->has_called = 1;
    if (ct_client_dial_with(k->client, k->peer, &options, &call) != CT_OK) {
        (void)fprintf(stderr, "%s\n", ct_client_error(k->client));
        k->has_failed = 1;
    }
}

static void on_event(void *arg, const struct ct_client_event *event)
{
    struct keeper *k = arg;
    switch (event->kind) {
    case CT_CLIENT_LISTENING:
        (void)printf("{\"event\":\"listening\",\"relay\":%u,\"relayed\":\"%s\"}\n", event->relay,
                     event->relayed);
        k->wants_call = !k->has_called;
        break;
    case CT_CLIENT_FAILED:
        (void)fprintf(stderr, "%s\n", event->text);
        k->has_failed = 1;
        break;
    case CT_CLIENT_CONNECTED:
        if (!event->incoming) {
            k->has_failed |= ct_client_send(k->client, event->call, "hello", 5) != CT_OK;
        }
        break;
    case CT_CLIENT_DATA:
        if (event->incoming) {
            (void)!ct_client_send(k->client, event->call, event->data, event->len);
            break;
        }
        (void)printf("{\"event\":\"answered\",\"bytes\":%zu}\n", event->len);
        ct_client_hang_up(k->client, event->call);
        k->wants_key = 1; /* not from within an event: it waits */
        break;
    default:
        break;
    }
    (void)fflush(stdout);
}

static void rotate(struct keeper *k)
{
    struct ct_client_changed changed;
    k->wants_key = 0;
    if (ct_client_rotate(k->client, &changed) != CT_OK) {
        (void)fprintf(stderr, "%s\n", ct_client_error(k->client));
        k->has_failed = 1;
        return;
    }
    (void)printf("{\"event\":\"rotated\",\"key\":\"0x");
    for (size_t i = 0; i < sizeof changed.key32; i++) {
        (void)printf("%02x", changed.key32[i]);
    }
    (void)printf("\"}\n");
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    struct keeper k = {.peer = argc == 3 ? argv[2] : NULL};
    struct ct_client_why why;
    if (k.peer == NULL) {
        (void)fprintf(stderr, "usage: ct-keeper HOME NAME\n");
        return 2;
    }
    (void)signal(SIGTERM, end);
    const struct ct_client_config config = {.home = argv[1], .event = on_event, .arg = &k};
    if (ct_client_open(&k.client, &config, &why) != CT_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    k.has_failed = ct_client_listen(k.client, NULL) != CT_OK;
    while (!is_ended && !k.has_failed) {
        ct_client_wait(k.client, 200);
        if (k.wants_call) {
            move(&k);
        }
        if (k.wants_key) {
            rotate(&k);
        }
    }
    return ct_client_close(k.client) && !k.has_failed ? 0 : 1;
}
