/* What an allocation, and all of a pass together, may relay; and who may come uninvited. */
#include <stdlib.h>

#include "packets/usage_private.h"

/* Whatever the rate, some of the largest datagrams may come at once. */
static struct ct_rates rates_of(uint32_t pps, uint32_t kbps)
{
    enum { AT_ONCE = 65536 };
    struct ct_rates rates = {ct_rate_of(pps, 1), ct_rate_of((uint64_t)kbps * 125, 1)};
    if (rates.bytes.burst < AT_ONCE * rates.bytes.cost) {
        rates.bytes.burst = AT_ONCE * rates.bytes.cost;
    }
    return rates;
}

ct_err ct_limits_new(struct ct_limits **out, const struct ct_limits_config *config)
{
    /* checking a signature takes about 150 us: a prefix gets less than a hundredth of a core */
    enum { ANSWER_BURST_S = 2, ANSWER_PREFIXES = 16, SIGN_ONS_PER_S = 50, SIGN_ON_BURST_S = 4 };
    struct ct_limits *limits = calloc(1, sizeof(*limits));
    if (!limits) {
        return CT_ERR_NOMEM;
    }
    ct_err err = ct_sources_init(&limits->sources);
    if (err == CT_OK && pthread_mutex_init(&limits->lock, NULL) != 0) {
        err = CT_ERR_SYSTEM;
    }
    if (err != CT_OK) {
        free(limits);
        return err;
    }
    limits->source = ct_rate_of(config->source_pps, 1);
    limits->uninvited = ct_rate_of(config->uninvited_pps, 1);
    limits->answers.prefix = ct_rate_of(config->answer_bps, ANSWER_BURST_S);
    limits->answers.all =
        ct_rate_of((uint64_t)config->answer_bps * ANSWER_PREFIXES, ANSWER_BURST_S);
    limits->sign_ons = ct_rate_of(SIGN_ONS_PER_S, SIGN_ON_BURST_S);
    limits->allocation = rates_of(config->allocation_pps, config->allocation_kbps);
    limits->pass = rates_of(config->pass_pps, config->pass_kbps);
    limits->has_caps = config->allocation_pps != 0 || config->allocation_kbps != 0 ||
                       config->pass_pps != 0 || config->pass_kbps != 0;
    *out = limits;
    return CT_OK;
}

void ct_limits_free(struct ct_limits *limits)
{
    if (limits) {
        ct_limits_forget(limits);
        (void)pthread_mutex_destroy(&limits->lock);
        free(limits);
    }
}

ct_err ct_limits_open(struct ct_limits *limits, struct ct_use **out, uint64_t session)
{
    (void)limits;
    struct ct_use *use = calloc(1, sizeof(*use));
    if (!use) {
        return CT_ERR_NOMEM;
    }
    use->session = session;
    *out = use;
    return CT_OK;
}

void ct_use_stand(struct ct_use *use, const struct ct_endpoint *places, size_t count)
{
    use->place_count = count < CT_USE_PLACES ? count : CT_USE_PLACES;
    for (size_t i = 0; i < use->place_count; i++) {
        use->places[i] = places[i];
    }
}

const struct ct_endpoint *ct_use_places(const struct ct_use *use, size_t *count)
{
    *count = use->place_count;
    return use->places;
}

void ct_limits_close(struct ct_limits *limits, struct ct_use *use, uint64_t now_ns)
{
    if (use) {
        ct_limits_of_pass(limits, use, NULL, now_ns);
        free(use);
    }
}

struct ct_guests *ct_limits_guests(struct ct_use *use)
{
    return &use->guests;
}

void ct_limits_invite_only(struct ct_use *use)
{
    use->is_invite_only = true;
}

enum ct_verdict ct_limits_uninvited(struct ct_limits *limits, struct ct_use *use,
                                    const struct ct_endpoint *peer, uint64_t now_ns)
{
    if (use && use->is_invite_only) {
        return CT_VERDICT_INVITE_ONLY;
    }
    if (!ct_sources_packet(&limits->sources, &limits->source, peer, now_ns)) {
        return CT_VERDICT_SOURCE_RATE;
    }
    if (use && !ct_bucket_take(&use->uninvited, &limits->uninvited, 1, now_ns)) {
        return CT_VERDICT_UNINVITED_RATE;
    }
    return CT_VERDICT_ADMIT;
}

/* Where streams have emptied the bucket a quarter of its rate is left for datagrams. It is owed, so
 * that the streams wait for it and all together get what the cap says. */
static bool take_spare(struct ct_bucket *bucket, struct ct_bucket *spare,
                       const struct ct_rate *rate, size_t units, uint64_t now_ns)
{
    static const uint64_t most_ns = UINT64_C(3600000000000);
    const struct ct_rate quarter = {rate->cost * 4, rate->burst};
    return ct_bucket_take(spare, &quarter, units, now_ns) &&
           ct_bucket_owe(bucket, rate, units, most_ns, now_ns) != UINT64_MAX;
}

static bool fits(struct ct_volume *volume, const struct ct_rates *rates, size_t bytes,
                 uint64_t now_ns)
{
    bool has_streams = atomic_load_explicit(&volume->has_streams, memory_order_relaxed);
    if (!ct_bucket_take(&volume->packets, &rates->packets, 1, now_ns) &&
        !(has_streams &&
          take_spare(&volume->packets, &volume->spare_packets, &rates->packets, 1, now_ns))) {
        return false;
    }
    return ct_bucket_take(&volume->bytes, &rates->bytes, bytes, now_ns) ||
           (has_streams &&
            take_spare(&volume->bytes, &volume->spare_bytes, &rates->bytes, bytes, now_ns));
}

/* More than this packet, while both buckets are more than half full: what is taken is paid for, and
 * with less in them each packet is taken by itself. */
static bool fits_half(struct ct_volume *volume, const struct ct_rates *rates,
                      const struct ct_lot *lot, uint64_t now_ns)
{
    const struct ct_rate packets = {rates->packets.cost, rates->packets.burst / 2};
    const struct ct_rate bytes = {rates->bytes.cost, rates->bytes.burst / 2};
    if (!ct_bucket_take(&volume->packets, &packets, lot->packets, now_ns)) {
        return false;
    }
    if (ct_bucket_take(&volume->bytes, &bytes, lot->bytes, now_ns)) {
        return true;
    }
    (void)ct_bucket_trade(&volume->packets, &rates->packets, lot->packets, 0, now_ns);
    return false;
}

static void give_back(struct ct_volume *volume, const struct ct_rates *rates,
                      const struct ct_lot *lot, uint64_t now_ns)
{
    (void)ct_bucket_trade(&volume->packets, &rates->packets, lot->packets, 0, now_ns);
    (void)ct_bucket_trade(&volume->bytes, &rates->bytes, lot->bytes, 0, now_ns);
}

void ct_limits_return(struct ct_limits *limits, struct ct_use *use, uint64_t now_ns)
{
    if (use->lot.packets == 0 && use->lot.bytes == 0) {
        return;
    }
    give_back(&use->volume, &limits->allocation, &use->lot, now_ns);
    if (use->pass) {
        give_back(&use->pass->volume, &limits->pass, &use->lot, now_ns);
    }
    use->lot = (struct ct_lot){0, 0};
}

/* This packet, and as many of its kind behind it as make the buckets' cost small. */
static bool take_lot(struct ct_limits *limits, struct ct_use *use, size_t bytes, uint64_t now_ns)
{
    enum { PACKETS = 16 };
    const struct ct_lot lot = {PACKETS, (uint32_t)bytes * PACKETS};
    if (bytes > UINT16_MAX || !fits_half(&use->volume, &limits->allocation, &lot, now_ns)) {
        return false;
    }
    if (use->pass && !fits_half(&use->pass->volume, &limits->pass, &lot, now_ns)) {
        give_back(&use->volume, &limits->allocation, &lot, now_ns);
        return false;
    }
    use->lot = (struct ct_lot){PACKETS - 1, (uint32_t)bytes * (PACKETS - 1)};
    return true;
}

bool ct_limits_has_caps(const struct ct_limits *limits)
{
    return limits->has_caps;
}

bool ct_limits_prepaid(struct ct_use *use, size_t bytes)
{
    if (!use || use->lot.packets == 0 || use->lot.bytes < bytes) {
        return false;
    }
    use->lot.packets--;
    use->lot.bytes -= (uint32_t)bytes;
    return true;
}

bool ct_limits_relay(struct ct_limits *limits, struct ct_use *use, size_t bytes, uint64_t now_ns)
{
    if (!use) {
        return true;
    }
    ct_limits_return(limits, use, now_ns);
    return take_lot(limits, use, bytes, now_ns) ||
           (fits(&use->volume, &limits->allocation, bytes, now_ns) &&
            (!use->pass || fits(&use->pass->volume, &limits->pass, bytes, now_ns)));
}

/* The longer of both, until the bucket is half full: the rest is for datagrams, which have no
 * credit. Streams have no packets of the client's: they are counted as the wire has them. */
static uint64_t owe(struct ct_volume *volume, const struct ct_rates *rates, size_t bytes,
                    uint64_t now_ns)
{
    enum { SEGMENT = 1460 };
    static const uint64_t most_ns = UINT64_C(60000000000);
    const struct ct_rate packets = {rates->packets.cost, rates->packets.burst / 2};
    const struct ct_rate octets = {rates->bytes.cost, rates->bytes.burst / 2};
    uint64_t segments = (bytes + SEGMENT - 1) / SEGMENT;
    atomic_store_explicit(&volume->has_streams, true, memory_order_relaxed);
    uint64_t one = ct_bucket_owe(&volume->packets, &packets, segments, most_ns, now_ns);
    uint64_t other = ct_bucket_owe(&volume->bytes, &octets, bytes, most_ns, now_ns);
    return one > other ? one : other;
}

uint64_t ct_limits_stream(struct ct_limits *limits, struct ct_use *use, size_t bytes,
                          uint64_t now_ns)
{
    uint64_t own = use ? owe(&use->volume, &limits->allocation, bytes, now_ns) : 0;
    if (!use || !use->pass || own == UINT64_MAX) {
        return own;
    }
    uint64_t all = owe(&use->pass->volume, &limits->pass, bytes, now_ns);
    return own > all ? own : all;
}

bool ct_limits_answer(struct ct_limits *limits, const struct ct_endpoint *to, size_t in, size_t out,
                      uint64_t now_ns)
{
    return ct_sources_answer(&limits->sources, &limits->answers, to, in, out, now_ns);
}

bool ct_limits_sign_on(struct ct_limits *limits, const struct ct_endpoint *from, uint64_t now_ns)
{
    return ct_sources_sign_on(&limits->sources, &limits->sign_ons, from, now_ns);
}
