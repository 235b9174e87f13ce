/*
 * The handshake of docs/protocol.md 4 and two of its ancestors against an intruder who is the network.
 *
 * Which protocol (one of):
 *   NS       Needham and Schroeder's of 1978: m1 {N1, A}B  m2 {N1, N2}A  m3 {N2}B. The responder accepts at m3.
 *   UNBOUND  Lowe's repair, {N1, N2, B}A, and m4 {N2, K_S, {K_S} signed by A}B, whose signature covers the key alone.
 *   OURS     m2 names B and holds H(m1); m3 holds H(m1,m2); the signature covers both names, both nonces, K_S and
 *            H(m1,m2,m3); ephemeral keys in m1 and m2; PSK from K_S and their agreement.
 * What is left out of OURS, to see what holds without it: NO_HASH (the three hashes), NO_NAMES (the names in m2 and in
 * the signature).
 * Which runs, four at once (one of):
 *   BOTH     A and B each call once and answer once: two calls that cross, reflections, roles exchanged
 *   TWICE    A calls twice, B answers twice: two calls in the same direction
 * LEAKED     the intruder has B's key from the start (that of the seal; wallets are not stolen); LEAKED=2: and A's
 * What is claimed (any of these):
 *   CLAIM_SECRET  nonces between honest parties; not where a key has leaked
 *   CLAIM_AUTH    agreement: of who accepts always, of who calls only where neither key has leaked; with
 *                 CLAIM_TOO_MUCH also where one has, which must fail: a thief of B's key can answer for B
 *   CLAIM_MEANT   the key that a responder accepted was made for it
 *   CLAIM_PSK     the PSK of who accepted, also where keys have leaked; of who called while the peer's has not
 *   CLAIM_NEVER   must fail: not both responders accept. A model in which nothing happens would prove anything.
 *
 * The intruder (Dolev and Yao's) gets every message that is sent, and every message that is received comes from it: one
 * that it saw, or one that it makes of what it knows. It opens what is sealed to itself or to a leaked key, and is
 * also a party, I, with a record of its own, whom honest parties call and answer. It needs no process: knowledge
 * only grows, private keys never arrive later, so what it learns is settled when a message is sent, and what it can
 * deliver is a condition where a message is received.
 *
 * Abstracted: the seal hides everything and is opened by one key alone; a signature cannot be forged; H never
 * collides; nonces, keys and ephemeral keys are never guessed or drawn twice. X25519 of two ephemeral keys is known to
 * who made one of them and to nobody else. Computational cryptography, lengths, time and wiping are not seen here.
 * Left out because each only refuses messages, so the intruder is the stronger for it: sid, purpose, deployment,
 * cookie, repetition and the memory of sids. A record is its party's name: both ends read the same chain. The
 * step is in the associated data and each plaintext has its own length, so a message is never taken for another step's.
 * Bounds: four runs, one value of each kind that the intruder draws itself. This is a search, complete within them.
 */

#if defined(NS)
#define NAMES 0
#define HASH 0
#define EPH 0
#define SIGNED 0
#elif defined(UNBOUND)
#define NAMES 1
#define HASH 0
#define EPH 0
#define SIGNED 1
#elif defined(OURS)
#ifdef NO_NAMES
#define NAMES 0
#else
#define NAMES 1
#endif
#ifdef NO_HASH
#define HASH 0
#else
#define HASH 1
#endif
#define EPH 1
#define SIGNED 1
#define BOUND 1
#else
#error "name a protocol: NS, UNBOUND or OURS"
#endif
#ifndef BOUND
#define BOUND 0
#endif

#define A 0
#define B 1
#define I 2

/* Runs 0 and 1 call, runs 2 and 3 answer. A run's number also names the nonce, the K_S, the ephemeral key and
 * the messages that it makes; MADE_UP stands for those that the intruder draws or makes. That all of its
 * messages have one number, thus one hash, favours it. */
#define RUNS 4
#define MADE_UP 4

#if defined(BOTH)
#define WHO(run) ((run) & 1)
#elif defined(TWICE)
#define WHO(run) ((run) >> 1)
#else
#error "name the runs: BOTH or TWICE"
#endif

#ifndef LEAKED
#define LEAKED 0
#endif
#define OPEN_TO_I(party) ((party) == I || ((party) == B && LEAKED > 0) || ((party) == A && LEAKED > 1))

/* state: a caller has sent nothing, m1, the flight; a responder has sent nothing, m2, has accepted. */
#define SENT_FIRST 1
#define FINISHED 2

byte state[RUNS];
byte peer[RUNS];   /* whom the run believes to talk to */
byte theirs[RUNS]; /* the other side's nonce, as received */
byte eph[RUNS];    /* the other side's ephemeral key, as received */
byte maker[RUNS];  /* who made the m1 (m2) that this responder (caller) took: what its hash tells apart */
byte key[RUNS];    /* a responder: the K_S that it accepted */

bit knows_nonce[RUNS]; /* and the ephemeral key that travels beside it */
bit knows_key[RUNS]; /* and its signature: they travel together */

/* The claims. pan names the one that fails. */
bool n2_is_secret = true, b_authenticates_a = true, a_authenticates_b = true;
bool key_was_meant_for_b = true, psk_is_secret = true, not_both_accept = true;

/* For the trace alone. */
#define LETTER(party) ((party) == I -> 73 : 65 + (party))
#if EPH
#define SAY_EPH(run) printf("trace:     with ephemeral key E%d in it\n", eph[run])
#else
#define SAY_EPH(run) skip
#endif

/* ---- claims ---- */

/* Nonces of a run between two honest parties, neither key leaked. */
#define N2_LOST(r) (state[r] >= SENT_FIRST && !OPEN_TO_I(peer[r]) && !OPEN_TO_I(WHO(r)) && knows_nonce[r])
/* The PSK of who believes to talk to an honest party: at a caller whose peer's key is safe, at a responder always. */
#define CALLER_PSK_LOST(s) (state[s] == FINISHED && !OPEN_TO_I(peer[s]) && knows_key[s] && eph[s] == MADE_UP)
#define RESPONDER_PSK_LOST(r) \
    (state[r] == FINISHED && eph[r] == MADE_UP && (key[r] == MADE_UP || knows_key[key[r]]))

inline check_secrets()
{
#ifdef CLAIM_SECRET
    n2_is_secret = !N2_LOST(2) && !N2_LOST(3);
    assert(n2_is_secret);
#endif
#ifdef CLAIM_PSK
    psk_is_secret = !CALLER_PSK_LOST(0) && !CALLER_PSK_LOST(1) && !RESPONDER_PSK_LOST(2) && !RESPONDER_PSK_LOST(3);
    assert(psk_is_secret);
#endif
    skip
}

/* Caller s and responder r mean each other, with the same nonces (so each has no other partner), messages and
 * ephemeral keys. An ephemeral key that is the honest partner's is forward secrecy: all that leaks later is K_S. */
#define AGREE(s, r)                                                                                 \
    (state[s] != 0 && state[r] != 0 && peer[s] == WHO(r) && peer[r] == WHO(s) && theirs[s] == r &&    \
     theirs[r] == s && (!HASH || (maker[s] == r && maker[r] == s)) && (!EPH || (eph[s] == r && eph[r] == s)))

#ifdef CLAIM_TOO_MUCH
#define NO_CLAIM(s) (peer[s] == I)
#else
#define NO_CLAIM(s) (OPEN_TO_I(peer[s]) || OPEN_TO_I(WHO(s)))
#endif

inline check_caller(s)
{
#ifdef CLAIM_AUTH
    a_authenticates_b = NO_CLAIM(s) || AGREE(s, 2) || AGREE(s, 3);
    assert(a_authenticates_b);
#endif
    skip
}

inline check_responder(r)
{
#ifdef CLAIM_MEANT
    key_was_meant_for_b = key[r] != MADE_UP && peer[key[r]] == WHO(r);
    assert(key_was_meant_for_b);
#endif
#ifdef CLAIM_AUTH
    b_authenticates_a = (AGREE(0, r) && state[0] == FINISHED && (!SIGNED || key[r] == 0)) ||
                        (AGREE(1, r) && state[1] == FINISHED && (!SIGNED || key[r] == 1));
    assert(b_authenticates_a);
#endif
#ifdef CLAIM_NEVER
    not_both_accept = state[2] != FINISHED || state[3] != FINISHED;
    assert(not_both_accept);
#endif
    skip
}

/* ---- the intruder ---- */

inline learn_nonce(n)
{
    if
    :: n != MADE_UP -> knows_nonce[n] = 1; printf("trace:     I opens it and knows N%d\n", n)
    :: else
    fi
}

/* One of the nonces (ephemeral keys) that the intruder knows. */
inline choose_known(out)
{
    if
    :: knows_nonce[0] -> out = 0
    :: knows_nonce[1] -> out = 1
    :: knows_nonce[2] -> out = 2
    :: knows_nonce[3] -> out = 3
    :: out = MADE_UP
    fi
}

inline choose_ephemeral(out)
{
#if EPH
    choose_known(out)
#else
    skip
#endif
}

/* ---- a caller ---- */

/* The m2 of responder r is one that caller s accepts. */
#define M2_FITS(s, r)                                                                               \
    (state[r] >= SENT_FIRST && peer[r] == WHO(s) && theirs[r] == s && (!NAMES || WHO(r) == peer[s]) && \
     (!HASH || maker[r] == s))

proctype Caller(byte s)
{
    byte n2, e;

    atomic {
        if
        :: peer[s] = 1 - WHO(s)
        :: peer[s] = I
        fi;
        state[s] = SENT_FIRST;
        printf("trace: %c (run %d) calls %c: m1 {N%d, %c} sealed to %c\n", LETTER(WHO(s)), s, LETTER(peer[s]), s,
               LETTER(WHO(s)), LETTER(peer[s]));
        if
        :: OPEN_TO_I(peer[s]) -> learn_nonce(s)
        :: else
        fi;
        check_secrets()
    }

end_waits_for_m2:
    atomic {
        if
        :: M2_FITS(s, 2) -> maker[s] = 2; theirs[s] = 2; eph[s] = (EPH -> 2 : 0)
        :: M2_FITS(s, 3) -> maker[s] = 3; theirs[s] = 3; eph[s] = (EPH -> 3 : 0)
        :: knows_nonce[s] ->
            choose_known(n2);
            choose_ephemeral(e);
            maker[s] = MADE_UP; theirs[s] = n2; eph[s] = e
        fi;
        n2 = 0; e = 0;
        state[s] = FINISHED;
        if
        :: maker[s] != MADE_UP ->
            printf("trace: I hands %c's m2 to %c (run %d)\n", LETTER(WHO(maker[s])), LETTER(WHO(s)), s)
        :: else ->
            printf("trace: I makes an m2 {N%d, N%d} for %c (run %d)\n", s, theirs[s], LETTER(WHO(s)), s);
            SAY_EPH(s)
        fi;
        check_caller(s);
        printf("trace: %c (run %d) takes N%d for %c's and answers: m3 {N%d} sealed to %c\n", LETTER(WHO(s)), s, theirs[s],
               LETTER(peer[s]), theirs[s], LETTER(peer[s]));
#if SIGNED
        printf("trace: %c (run %d) sends m4: key K%d, signed, sealed to %c\n", LETTER(WHO(s)), s, s, LETTER(peer[s]));
#endif
        if
        :: OPEN_TO_I(peer[s]) ->
            learn_nonce(theirs[s]);
#if SIGNED
            knows_key[s] = 1;
            printf("trace:     I opens it and knows K%d and its signature\n", s)
#endif
        :: else
        fi;
        check_secrets()
    }
}

/* ---- a responder ---- */

#define M1_FITS(r, s) (state[s] >= SENT_FIRST && peer[s] == WHO(r) && WHO(s) != WHO(r))

/* m3 and m4 of caller s, as they are, go into responder r: sealed to it, with its N2. */
#define FLIGHT_FITS(r, s) (state[s] == FINISHED && peer[s] == WHO(r) && theirs[s] == r)
#define M3_FITS(r, s) (FLIGHT_FITS(r, s) && (!HASH || (maker[r] == s && maker[s] == r)))

/* The signature of caller s over K_S number s is one that responder r accepts, m3 being s's own or not. */
#define SIGNATURE_FITS(r, s, m3_is_of_s)                                                   \
    (state[s] == FINISHED && WHO(s) == peer[r] &&                                          \
     (!BOUND || ((!NAMES || peer[s] == WHO(r)) && theirs[r] == s && theirs[s] == r)) &&     \
     (!BOUND || !HASH || (maker[r] == s && maker[s] == r && m3_is_of_s)))

/* Some m3 and m4 with which responder r accepts K_S number s: m3 of the caller or made, m4 of the caller or made. */
#define FLIGHT_OF_CALLER(r, s) (M3_FITS(r, s) && SIGNATURE_FITS(r, s, 1))
#define M4_MADE(r, s) (knows_nonce[r] && knows_key[s])
#define FLIGHT_WITH_M4_MADE(r, s) \
    (M4_MADE(r, s) && (SIGNATURE_FITS(r, s, 0) || (M3_FITS(r, s) && SIGNATURE_FITS(r, s, 1))))
#define FLIGHT_WITH_M3_MADE(r, s) (knows_nonce[r] && FLIGHT_FITS(r, s) && SIGNATURE_FITS(r, s, 0))

/* The flight of an honest caller, as responder r believes: with I itself nothing more is sent or claimed. */
proctype Responder(byte r)
{
    byte n1, e, from;

end_waits_for_m1:
    atomic {
        if
        :: M1_FITS(r, 0) -> maker[r] = 0; theirs[r] = 0; eph[r] = 0; from = WHO(0)
        :: M1_FITS(r, 1) -> maker[r] = 1; theirs[r] = 1; eph[r] = (EPH -> 1 : 0); from = WHO(1)
        :: true -> /* its own name is refused as a reflection */
            if
            :: from = 1 - WHO(r)
            :: from = I
            fi;
            choose_known(n1);
            choose_ephemeral(e);
            maker[r] = MADE_UP; theirs[r] = n1; eph[r] = e
        fi;
        peer[r] = from;
        state[r] = SENT_FIRST;
        if
        :: maker[r] != MADE_UP ->
            printf("trace: I hands %c's m1 to %c (run %d)\n", LETTER(from), LETTER(WHO(r)), r)
        :: else ->
            printf("trace: I makes an m1 {N%d, %c} for %c (run %d)\n",
                   theirs[r], LETTER(from), LETTER(WHO(r)), r);
            SAY_EPH(r)
        fi;
        n1 = 0; e = 0; from = 0;
        printf("trace: %c (run %d) answers %c: m2 {N%d, N%d} sealed to %c\n", LETTER(WHO(r)), r, LETTER(peer[r]), theirs[r], r,
               LETTER(peer[r]));
        if
        :: OPEN_TO_I(peer[r]) -> learn_nonce(theirs[r]); learn_nonce(r)
        :: else
        fi;
        check_secrets()
    }

end_waits_for_flight:
    atomic {
#if SIGNED
        if
        :: FLIGHT_OF_CALLER(r, 0) ->
            key[r] = 0;
            printf("trace: I hands the m3 and m4 of run 0 to %c (run %d)\n", LETTER(WHO(r)), r)
        :: FLIGHT_OF_CALLER(r, 1) ->
            key[r] = 1;
            printf("trace: I hands the m3 and m4 of run 1 to %c (run %d)\n", LETTER(WHO(r)), r)
        :: FLIGHT_WITH_M4_MADE(r, 0) || FLIGHT_WITH_M3_MADE(r, 0) ->
            key[r] = 0;
            printf("trace: I makes m3 or m4 for %c (run %d), with N%d and the signed K0\n",
                   LETTER(WHO(r)), r, r)
        :: FLIGHT_WITH_M4_MADE(r, 1) || FLIGHT_WITH_M3_MADE(r, 1) ->
            key[r] = 1;
            printf("trace: I makes m3 or m4 for %c (run %d), with N%d and the signed K1\n",
                   LETTER(WHO(r)), r, r)
        fi;
#else
        if
        :: peer[r] != I && FLIGHT_FITS(r, 0) ->
            printf("trace: I hands the m3 of run 0 to %c (run %d)\n", LETTER(WHO(r)), r)
        :: peer[r] != I && FLIGHT_FITS(r, 1) ->
            printf("trace: I hands the m3 of run 1 to %c (run %d)\n", LETTER(WHO(r)), r)
        :: peer[r] != I && knows_nonce[r] ->
            printf("trace: I makes an m3 {N%d} for %c (run %d)\n", r, LETTER(WHO(r)), r)
        fi;
#endif
        state[r] = FINISHED;
#if SIGNED
        printf("trace: %c (run %d) believes to talk to %c, with key K%d, which %c made for %c\n", LETTER(WHO(r)), r,
               LETTER(peer[r]), key[r], LETTER(WHO(key[r])), LETTER(peer[key[r]]));
#else
        printf("trace: %c (run %d) believes to talk to %c\n", LETTER(WHO(r)), r, LETTER(peer[r]));
#endif
        check_responder(r);
        check_secrets()
    }
}

init
{
    atomic {
        run Caller(0);
        run Caller(1);
        run Responder(2);
        run Responder(3)
    }
}
