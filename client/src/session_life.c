/* Is the peer still there? Two values that only the two ends know, as datagrams: a question, an
 * answer. */
#include "base/secret.h"
#include "session_private.h"

#define ASK_AFTER_MS 10000u /* of silence; docs/protocol.md, section 8 */
#define ASK_AGAIN_MS 5000u
#define GIVE_UP_MS 30000u
#define ANSWER_EACH_MS 1000u
#define LATE_MS 5000u /* a timer that is so late: this host was asleep, not the peer silent */

ct_err ct_session_life_begin(struct ct_session *s, uint64_t now_ms)
{
    s->life.heard_ms = now_ms;
    ct_err err = ct_dtls_export(s->dtls, s->life.question32, "EXPORTER-chainturn question");
    return err != CT_OK ? err
                        : ct_dtls_export(s->dtls, s->life.answer32, "EXPORTER-chainturn answer");
}

bool ct_session_life_takes(struct ct_session *s, const uint8_t *data, size_t len, uint64_t now_ms)
{
    struct ct_session_life *life = &s->life;
    if (ct_equal(data, len, life->question32, sizeof life->question32)) {
        if (life->answered_ms == 0 || now_ms - life->answered_ms >= ANSWER_EACH_MS) {
            life->answered_ms = now_ms;
            (void)!ct_dtls_write(s->dtls, life->answer32, sizeof life->answer32);
        }
        return true;
    }
    return ct_equal(data, len, life->answer32, sizeof life->answer32);
}

static uint64_t ask_ms(const struct ct_session *s)
{
    uint64_t at = s->life.heard_ms + ASK_AFTER_MS;
    uint64_t again = s->life.asked_ms + ASK_AGAIN_MS;
    return s->life.asked_ms != 0 && again > at ? again : at;
}

void ct_session_life_tick(struct ct_session *s, uint64_t now_ms)
{
    if (s->is_gone) {
        return; /* nobody is there to be heard */
    }
    if (now_ms >= ct_session_life_deadline(s) + LATE_MS) {
        s->life.heard_ms = now_ms - ASK_AFTER_MS;
    }
    if (now_ms - s->life.heard_ms >= GIVE_UP_MS) {
        ct_session_fail(s, CT_ERR_TIMEOUT,
                        "has not been heard for 30 seconds; its call is given up");
    } else if (s->sctp == NULL && now_ms >= ask_ms(s)) { /* streams have HEARTBEAT */
        s->life.asked_ms = now_ms;
        (void)!ct_dtls_write(s->dtls, s->life.question32, sizeof s->life.question32);
    }
}

uint64_t ct_session_life_deadline(const struct ct_session *s)
{
    uint64_t give_up = s->life.heard_ms + GIVE_UP_MS;
    if (s->is_gone) {
        return UINT64_MAX;
    }
    return s->sctp == NULL && ask_ms(s) < give_up ? ask_ms(s) : give_up;
}
