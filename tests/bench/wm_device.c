/* Both roads as a device takes them: by libcurl and OpenSSL, through the client's own code. */
#include "wm_device.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "chain/registry_client.h"
#include "chain/rpc.h"
#include "chain/send.h"

enum { LOOK_MS = 700 /* between two questions how it goes */ };

bool bench_device_new(struct bench_device *d, size_t number, bool is_funded)
{
    char name[40];
    memset(d, 0, sizeof *d);
    d->is_funded = is_funded;
    (void)snprintf(name, sizeof name, "onboarded-%06zu", number);
    return device_new(&d->device, name);
}

static void fail(struct bench_device *d, const char *what, const struct ct_why *why)
{
    static unsigned said; /* a few say enough */
    if (__atomic_fetch_add(&said, 1, __ATOMIC_RELAXED) < 5) {
        (void)fprintf(stderr, "bench: %s: %s: %s\n", d->device.identity, what, why->text);
    }
    d->step = BENCH_FAILED;
}

static void begin(struct bench_device *d)
{
    struct ct_why why = {{0}};
    ct_err err;
    d->began_ms = d->tries == 0 ? ct_mono_ms() : d->began_ms;
    if (!d->is_funded) {
        err = device_try_registration(&d->device, &d->op);
    } else {
        const struct ct_wm_terms terms = device_terms();
        err = ct_wm_voucher(d->device.wm, &d->voucher, d->device.token, &terms, &why);
        d->op = d->voucher.payment;
    }
    if (err == CT_OK) {
        d->step = d->is_funded ? BENCH_PAYING : BENCH_REGISTERING;
    } else if (CT_ERR_CLASS(err) != CT_ERR_CLASS_WORLD || ++d->tries > 5) {
        fail(d, ct_err_text(err), &why);
    }
}

/* True once the operation is done. */
static bool is_done(struct bench_device *d)
{
    struct ct_why why = {{0}};
    if (ct_wm_operation_get(d->device.wm, &d->op, d->op.id, &why) != CT_OK ||
        d->op.state == CT_WM_FAILED) {
        fail(d, "its operation", &why);
    }
    return d->op.state == CT_WM_DONE;
}

static void write_record(struct bench_device *d, struct ct_chain *chain)
{
    struct ct_why why = {{0}};
    struct ct_device record = {.expiry_day = device_terms().expiry_day};
    uint8_t data[256];
    memcpy(record.key32, d->device.key.public32, 32);
    struct ct_wr w = ct_wr_init(data, sizeof data);
    ct_call_add_client(&w, &d->voucher.signed_, &record);
    const struct ct_send tx = {.to20 = platform.bundle.contract20,
                               .data = data,
                               .data_len = w.len,
                               .gas_limit = d->voucher.gas,
                               .has_nonce = true};
    d->step = BENCH_WRITING;
    if (ct_wr_end(&w) != CT_OK ||
        ct_send(chain, &d->device.wallet, &tx, d->hash32, NULL, &why) != CT_OK) {
        fail(d, "addClient", &why);
    }
}

static void ask_approval(struct bench_device *d, struct ct_chain *chain)
{
    struct ct_why why = {{0}};
    struct ct_receipt receipt = {0};
    bool is_mined = ct_rpc_receipt(chain, d->hash32, &receipt, &why) == CT_OK && receipt.found;
    ct_receipt_free(&receipt);
    if (is_mined) {
        d->step = BENCH_APPROVING;
        if (ct_wm_approve_device(d->device.wm, &d->op, d->device.token, &why) != CT_OK) {
            fail(d, "its approval", &why);
        }
    }
}

static void end(struct bench_device *d)
{
    d->step = BENCH_DONE;
    d->ended_ms = ct_mono_ms();
}

void bench_device_step(struct bench_device *d, struct ct_chain *chain)
{
    switch (d->step) {
    case BENCH_START:
        begin(d);
        break;
    case BENCH_REGISTERING:
    case BENCH_APPROVING:
        if (is_done(d)) {
            end(d);
        }
        break;
    case BENCH_PAYING:
        if (d->voucher.is_paid || is_done(d)) {
            write_record(d, chain);
        }
        break;
    case BENCH_WRITING:
        ask_approval(d, chain);
        break;
    case BENCH_DONE:
    case BENCH_FAILED:
        break;
    }
    d->due_ms = ct_mono_ms() + LOOK_MS;
}
