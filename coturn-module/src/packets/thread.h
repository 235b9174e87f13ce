/* A small number for each thread that is alive: its place in arrays that no other thread writes. */
#ifndef CT_RELAY_THREAD_H
#define CT_RELAY_THREAD_H

/* coturn has at most 128 relay threads, and a few more. */
enum { CT_THREADS_MAX = 192 };

/* 0 to CT_THREADS_MAX - 1, or CT_THREADS_MAX when that many threads have one already. */
unsigned ct_thread_number(void);

#endif
