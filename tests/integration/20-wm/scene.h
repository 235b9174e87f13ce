/* Programs and files of the wallet manager's test: started, awaited, ended by their ids. */
#ifndef CT_WM_SCENE_H
#define CT_WM_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Runs to the end, 60 s at most: its exit code, and both outputs in said. */
int scene_run(char *said, size_t cap, const char *const argv[]);
/* In the background, both outputs into the file `log`, which is emptied. It dies with the test. */
pid_t scene_spawn(const char *log, const char *const argv[]);
/* Until the file has text, for at most so long. */
bool scene_says(const char *log, const char *text, uint32_t wait_ms);
/* For at most 30 s, and the file is shown when it has not. */
bool scene_await(const char *log, const char *text);
/* Sends the signal, waits; the exit code, or 1000 + the signal that ended it. */
int scene_end(pid_t pid, int sig);

bool scene_write(const char *path, const char *text); /* mode 0600 */
bool scene_read(char *text, size_t cap, const char *path);
/* A copy of the file with the first `from` replaced; false when it is not in there. */
bool scene_change(const char *to_path, const char *path, const char *from, const char *to);
/* A port that nobody has now. type is SOCK_STREAM or SOCK_DGRAM. */
uint16_t scene_port(int type);
/* The folder and everything in it. */
void scene_remove(const char *folder);

#endif
