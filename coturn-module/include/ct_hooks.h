/* The seam between coturn and the module: plain structs and verdicts, no coturn type on this side.
 */
#ifndef CT_HOOKS_H
#define CT_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raised whenever a struct below changes; the adapter refuses a module of another number. */
enum { CT_HOOKS_ABI = 12 };

/* A transport address. IPv4 is written as ::ffff:a.b.c.d, so that there is one form to compare. */
struct ct_endpoint {
    uint8_t addr16[16];
    uint16_t port; /* 0 when only the address is meant */
};

struct ct_range {
    uint8_t min16[16];
    uint8_t max16[16]; /* included */
};

/* A database of the server's: "key=value key=value .." or a URL, as its driver takes it. */
struct ct_database {
    const char *text;
    uint16_t usual_port; /* when the text has none */
};

/* A port that the server itself listens on. */
struct ct_service {
    const char *option; /* that sets it */
    uint16_t port;
};

enum ct_hook_level { CT_HOOK_INFO, CT_HOOK_WARNING, CT_HOOK_ERROR };

/* What the server tells the module once its own configuration is read. Valid as long as the
 * process. */
struct ct_host {
    const struct ct_endpoint *listeners; /* address and plain TURN port; never :: or 0.0.0.0 */
    size_t listener_count;
    const struct ct_endpoint *relays;        /* addresses that allocations are bound to; port 0 */
    const struct ct_endpoint *relays_public; /* the same, as external-ip shows them */
    size_t relay_count;
    uint16_t port_min; /* of relayed ports, both included */
    uint16_t port_max;
    const struct ct_range *denied; /* denied-peer-ip */
    size_t denied_count;
    const struct ct_range *allowed; /* allowed-peer-ip: exceptions from denied */
    size_t allowed_count;
    const struct ct_database *databases;
    size_t database_count;
    const struct ct_service *services;
    size_t service_count;
    bool allow_loopback; /* allow-loopback-peers */
    bool server_relay;   /* server-relay, which would switch every check off */
    bool check_only;     /* --check-config: open no socket, make no file */
    /* One line, no newline. May be called from any thread. */
    void (*log)(enum ct_hook_level level, const char *line);
    /* Ends a session and its allocation, soon; from any thread. */
    void (*cancel)(uint64_t session);
    /* Ends the process, from any thread, once the log has the reason. Does not return. */
    void (*end)(int code);
};

enum ct_configured {
    CT_CONFIGURED_OFF,  /* no option of the module is set: no further hook is called */
    CT_CONFIGURED_ON,   /* the hooks below are called from now on */
    CT_CONFIGURED_FAIL, /* the reason is in the log; the process ends with CT_EXIT_CONFIG */
};

enum { CT_EXIT_CONFIG = 78 }; /* sysexits.h EX_CONFIG */

enum ct_admission {
    CT_ADMIT,       /* without a permission, unless the server's own list is against it */
    CT_ADMIT_AGAIN, /* the same, and that list was asked this second */
    CT_REFUSE,      /* unless a permission or channel is there */
};

/* How something goes between client and peer. */
enum ct_way {
    CT_WAY_SEND,        /* a Send indication */
    CT_WAY_DATA,        /* from a peer, to become a Data indication */
    CT_WAY_CHANNEL_OUT, /* channel data to the peer */
    CT_WAY_CHANNEL_IN,  /* from the peer, to become channel data */
    CT_WAY_CONNECTION,  /* a peer's TCP connection, RFC 6062 */
    CT_WAY_COUNT
};

enum ct_user {
    CT_USER_OTHER,   /* not one of the module's user names: the server's own users are asked */
    CT_USER_KNOWN,   /* password is set */
    CT_USER_REFUSED, /* meant for the module, and refused */
};

enum { CT_USER_PASSWORD_MAX = 128, CT_HOOK_OWNER_MAX = 160 };

enum ct_allocation_event { CT_ALLOCATION_NEW, CT_ALLOCATION_REFRESHED, CT_ALLOCATION_DELETED };

struct ct_allocation_info {
    const char *user;
    /* As the client was told: one, or one of each family; those that it gave back are left out. Of
     * no use when it is deleted. */
    const struct ct_endpoint *relayed;
    size_t relayed_count;
    bool is_udp;      /* else a TCP relay, RFC 6062 */
    uint64_t session; /* names it to ct_host.cancel */
};

/*
 * The module. Handlers of peers, users and allocations are called from several of the server's
 * threads at once, must not block, and log nothing that a packet can provoke.
 */
struct ct_hooks {
    int abi;
    const char *name;

    /* An option of CT_OPTIONS (ct_options.h). false: the value is refused, the reason was given. */
    bool (*option)(int id, const char *value);
    /* A configuration key nobody knows. false: it is a misspelt one of ours, the reason was given.
     */
    bool (*unknown_key)(const char *key);
    enum ct_configured (*configure)(const struct ct_host *host);
    /* All listeners are up and privileges dropped. false: the process ends. */
    bool (*start)(void);
    /* SIGTERM or SIGINT; bounded in time. */
    void (*stop)(void);
    /* SIGUSR1: the module ends the process itself, once what is relayed has ended. */
    void (*drain)(void);
    /* false: no allocation is made for that user name, since the module drains, or since nobody
     * knows any more whether it is revoked. */
    bool (*may_allocate)(const char *user);

    /* The address filter: may this peer be reached or heard at all? */
    bool (*peer_ok)(const struct ct_endpoint *peer);
    /* The gate, asked when no permission is there; includes the filter. use: see allocation. */
    enum ct_admission (*gate)(void *use, const struct ct_endpoint *peer, enum ct_way way);
    /* After CT_ADMIT, on the same thread: the server's own list has nothing against that peer. */
    void (*admitted)(void *use);
    /* A packet is about to be relayed, by permission, channel or gate. false: it is not. */
    bool (*relay)(void *use, enum ct_way way, size_t bytes);
    /* A piece of a TCP relay's connection (RFC 6062) was read, to be relayed: for how many ms no
     * more is to be read from there; -1: it is not relayed, and the connection ends. */
    int64_t (*stream)(void *use, size_t bytes);
    /* The client made a permission by CreatePermission. */
    void (*permitted)(void *use);
    /* May a question of in bytes be answered by out bytes, at an address that nothing proves? */
    bool (*answer)(const struct ct_endpoint *to, size_t in, size_t out);

    /* May this user name be looked up for a client at that address? Asked once a session, and
     * again when it is to take over another's allocation. */
    bool (*sign_on)(const char *user, const struct ct_endpoint *from);
    /* Does user say that it is a pass that renews the other? The server checks the rest. */
    bool (*renews)(const char *user, const char *renewed);
    /* The password of a long-term user name, NUL-terminated. */
    enum ct_user (*password)(char password[CT_USER_PASSWORD_MAX], const char *user);
    /* Another one that is good for now, when the first was wrong; false: there is none. */
    bool (*old_password)(char password[CT_USER_PASSWORD_MAX], const char *user);
    /*
     * At each authenticated request. false: the credential has ended. Else *left_s is set to the
     * seconds it has left, or not touched when the user name is not the module's.
     */
    bool (*session)(uint32_t *left_s, const char *user);
    /* Tells row how the module is doing, a fact a call, in printable ASCII; as_html: escaped. From
     * the server's command line and web page. */
    void (*status)(void (*row)(void *arg, const char *name, const char *value), void *arg,
                   bool as_html);
    /* What the relay says of whose it is, to who asks with a credential. 0: nothing now. */
    size_t (*owner)(uint8_t out[CT_HOOK_OWNER_MAX]);
    /* use: what this returned for the same allocation before, NULL at first and after DELETED. */
    void *(*allocation)(void *use, enum ct_allocation_event event,
                        const struct ct_allocation_info *info);
    /* A UDP allocation is made: the port that the user had before at that address, as the client
     * was told it; 0: none. Port 0 in at. */
    uint16_t (*port_had)(const char *user, const struct ct_endpoint *at);
    /* Is this one, for now, to be left for somebody else, as long as there are others? */
    bool (*port_kept)(const char *user, const struct ct_endpoint *relayed);
};

extern const struct ct_hooks ct_module_hooks;

#endif
