/* The one file that sees libcurl: POSTs in parallel, on connections that stay open. */
#include "chain/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/clock.h"

struct transfer {
    CURL *easy;
    struct ct_http_request *request; /* NULL: nobody waits any more (see let_go) */
    char *url;
    char *data;
    size_t len;
    size_t cap;
    bool too_long;
    char text[CURL_ERROR_SIZE];
    struct transfer *next;
};

struct ct_http {
    CURLM *multi;
    struct curl_slist *headers;
    struct transfer *transfers; /* those under way */
};

ct_err ct_http_new(struct ct_http **out)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return CT_ERR_SYSTEM;
    }
    struct ct_http *http = calloc(1, sizeof(*http));
    if (http == NULL) {
        curl_global_cleanup();
        return CT_ERR_NOMEM;
    }
    http->multi = curl_multi_init();
    http->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (http->multi == NULL || http->headers == NULL ||
        curl_slist_append(http->headers, "Expect:") == NULL) {
        ct_http_free(http);
        return CT_ERR_NOMEM;
    }
    *out = http;
    return CT_OK;
}

static void transfer_free(struct ct_http *http, struct transfer *transfer)
{
    for (struct transfer **at = &http->transfers; *at != NULL; at = &(*at)->next) {
        if (*at == transfer) {
            *at = transfer->next;
            break;
        }
    }
    if (transfer->easy != NULL) {
        (void)curl_multi_remove_handle(http->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    free(transfer->data);
    free(transfer->url);
    free(transfer);
}

void ct_http_free(struct ct_http *http)
{
    if (http == NULL) {
        return;
    }
    while (http->transfers != NULL) {
        transfer_free(http, http->transfers);
    }
    if (http->multi != NULL) {
        (void)curl_multi_cleanup(http->multi);
    }
    curl_slist_free_all(http->headers);
    free(http);
    curl_global_cleanup();
}

/*
 * libcurl's callback. Room grows by doubling, up to the limit and a NUL. What nobody waits for is
 * counted and dropped.
 */
static size_t take_data(char *data, size_t one, size_t len, void *arg)
{
    struct transfer *t = arg;
    (void)one; /* always 1 */
    if (len > CT_HTTP_RESPONSE_MAX - t->len) {
        t->too_long = true;
        return 0;
    }
    if (t->request == NULL) {
        t->len += len;
        return len;
    }
    if (t->len + len + 1 > t->cap) {
        size_t cap = t->cap > 0 ? t->cap : 4096;
        while (cap < t->len + len + 1) {
            cap *= 2;
        }
        char *grown = realloc(t->data, cap);
        if (grown == NULL) {
            return 0;
        }
        t->data = grown;
        t->cap = cap;
    }
    memcpy(t->data + t->len, data, len);
    t->len += len;
    t->data[t->len] = '\0';
    return len;
}

static bool set_options(const struct ct_http *http, struct transfer *t, uint32_t timeout_ms)
{
    const struct ct_http_request *r = t->request;
    CURL *e = t->easy;
    /* the body is copied: the transfer may outlive the request */
    return curl_easy_setopt(e, CURLOPT_URL, r->url) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, r->body) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTPHEADER, http->headers) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_USERAGENT, "chainturn") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)timeout_ms) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->text) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_data) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEDATA, t) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PRIVATE, t) == CURLE_OK;
}

static ct_err start(struct ct_http *http, struct ct_http_request *request, uint32_t timeout_ms)
{
    struct transfer *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return CT_ERR_NOMEM;
    }
    t->request = request;
    t->url = strdup(request->url);
    t->easy = curl_easy_init();
    t->next = http->transfers;
    http->transfers = t;
    if (t->url == NULL || t->easy == NULL || !set_options(http, t, timeout_ms) ||
        curl_multi_add_handle(http->multi, t->easy) != CURLM_OK) {
        transfer_free(http, t);
        return CT_ERR_NOMEM;
    }
    return CT_OK;
}

static ct_err outcome(const struct transfer *t, CURLcode code, struct ct_http_request *r)
{
    if (t->too_long) {
        (void)snprintf(r->text, sizeof(r->text), "the answer is longer than %d MB",
                       CT_HTTP_RESPONSE_MAX / (1024 * 1024));
        return CT_ERR_FORMAT;
    }
    if (code != CURLE_OK) {
        (void)snprintf(r->text, sizeof(r->text), "%.150s",
                       t->text[0] != '\0' ? t->text : curl_easy_strerror(code));
        return code == CURLE_OPERATION_TIMEDOUT ? CT_ERR_TIMEOUT : CT_ERR_IO;
    }
    if (r->status != 200) {
        (void)snprintf(r->text, sizeof(r->text), "HTTP status %ld", r->status);
        return CT_ERR_IO;
    }
    if (t->data == NULL) {
        (void)snprintf(r->text, sizeof(r->text), "an empty answer");
        return CT_ERR_FORMAT;
    }
    return CT_OK;
}

static void finish(struct ct_http *http, struct transfer *t, CURLcode code)
{
    struct ct_http_request *r = t->request;
    if (r != NULL) {
        curl_off_t took_us = 0;
        (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &r->status);
        (void)curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &took_us);
        r->took_ms = (uint32_t)(took_us / 1000);
        r->err = outcome(t, code, r);
        if (r->err == CT_OK) {
            r->response = t->data;
            r->response_len = t->len;
            t->data = NULL;
        }
    }
    transfer_free(http, t);
}

/* Ends what has ended; true when a request of this batch was among it. */
static bool collect(struct ct_http *http)
{
    bool any = false;
    int left = 0;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        struct transfer *t = NULL;
        if (message->msg == CURLMSG_DONE) {
            CURLcode code = message->data.result;
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
            any = any || t->request != NULL;
            finish(http, t, code);
        }
    }
    return any;
}

static size_t waiting(const struct ct_http_request *requests, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += requests[i].err == CT_ERR_AGAIN;
    }
    return n;
}

/* Breaks off what nobody waits for any more at url. */
static void drop_forgotten(struct ct_http *http, const char *url)
{
    for (struct transfer *t = http->transfers, *next; t != NULL; t = next) {
        next = t->next;
        if (t->request == NULL && strcmp(t->url, url) == 0) {
            transfer_free(http, t);
        }
    }
}

/*
 * Requests that nobody waits for go on by themselves, driven by later batches until libcurl's own
 * timeout: to break them off would close connections that the next look-up wants to find open. One
 * a URL, the newest, and without its data: a slow endpoint must not pile them up. Those that ran
 * out of time are broken off.
 */
static void let_go(struct ct_http *http, struct ct_http_request *requests, size_t count,
                   bool out_of_time)
{
    for (size_t i = 0; i < count; i++) {
        if (requests[i].err == CT_ERR_AGAIN) {
            drop_forgotten(http, requests[i].url);
        }
    }
    for (struct transfer *t = http->transfers, *next; t != NULL; t = next) {
        next = t->next;
        if (t->request != NULL && out_of_time) {
            transfer_free(http, t);
        } else if (t->request != NULL) {
            t->request = NULL;
            free(t->data);
            t->data = NULL;
        }
    }
    for (size_t i = 0; out_of_time && i < count; i++) {
        if (requests[i].err == CT_ERR_AGAIN) {
            requests[i].err = CT_ERR_TIMEOUT;
            (void)snprintf(requests[i].text, sizeof(requests[i].text), "no answer in time");
        }
    }
}

static void prepare(struct ct_http_request *r)
{
    r->err = CT_ERR_AGAIN;
    r->response = NULL;
    r->response_len = 0;
    r->status = 0;
    r->took_ms = 0;
    r->text[0] = '\0';
}

ct_err ct_http_post(void *arg, struct ct_http_request *requests, size_t count, uint32_t timeout_ms,
                    ct_http_enough *enough, void *enough_arg)
{
    struct ct_http *http = arg;
    uint64_t end_ms = ct_mono_ms() + timeout_ms;
    bool out_of_time = false;
    for (size_t i = 0; i < count; i++) {
        prepare(&requests[i]);
    }
    for (size_t i = 0; i < count; i++) {
        ct_err err = start(http, &requests[i], timeout_ms);
        if (err != CT_OK) {
            let_go(http, requests, count, true);
            return err;
        }
    }
    while (waiting(requests, count) > 0 && !out_of_time) {
        int running = 0;
        (void)curl_multi_perform(http->multi, &running);
        if (collect(http)) {
            if (enough != NULL && enough(enough_arg, requests, count)) {
                break;
            }
            continue;
        }
        uint64_t now_ms = ct_mono_ms();
        out_of_time = now_ms >= end_ms;
        if (!out_of_time) {
            uint64_t left_ms = end_ms - now_ms;
            (void)curl_multi_poll(http->multi, NULL, 0, left_ms > 1000 ? 1000 : (int)left_ms, NULL);
        }
    }
    let_go(http, requests, count, out_of_time);
    return CT_OK;
}
