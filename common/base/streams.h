/* The standard streams of a program. */
#ifndef CT_BASE_STREAMS_H
#define CT_BASE_STREAMS_H

/*
 * Opens /dev/null in place of each of the descriptors 0, 1 and 2 that the program was started
 * without, or the next socket would be taken for standard input or output. First thing in main().
 */
void ct_streams_open(void);

#endif
