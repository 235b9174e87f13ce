/* Says hello to a device by its name, and prints what comes back. */
#include <stdio.h>
#include <string.h>

#include <chainturn/chainturn.h>

struct hello {
    struct ct_client *client;
    int is_done;
};

static void on_event(void *arg, const struct ct_client_event *event)
{
    struct hello *hello = arg;
    switch (event->kind) {
    case CT_CLIENT_CONNECTED:
        if (ct_client_send(hello->client, event->call, "hello", 5) != CT_OK) {
            hello->is_done = 1;
        }
        break;
    case CT_CLIENT_DATA:
        (void)printf("%s says: %.*s\n", event->peer, (int)event->len, (const char *)event->data);
        ct_client_hang_up(hello->client, event->call);
        break;
    case CT_CLIENT_CLOSED:
        if (event->err != CT_OK) {
            (void)fprintf(stderr, "%s\n", event->text);
        }
        hello->is_done = 1;
        break;
    default:
        break;
    }
}

int main(int argc, char **argv)
{
    struct hello hello = {.client = NULL};
    struct ct_client_why why;
    unsigned call = 0;

    if (argc != 3) {
        (void)fprintf(stderr, "usage: hello HOME NAME\n");
        return 2;
    }
    struct ct_client_config config = {.home = argv[1], .event = on_event, .arg = &hello};
    if (ct_client_open(&hello.client, &config, &why) != CT_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    if (ct_client_dial(hello.client, argv[2], &call) != CT_OK) {
        (void)fprintf(stderr, "%s\n", ct_client_error(hello.client));
        hello.is_done = 1;
    }
    while (!hello.is_done) {
        ct_client_wait(hello.client, 1000);
    }
    return ct_client_close(hello.client) ? 0 : 1;
}
