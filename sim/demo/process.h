/* The hands of the demonstration: programs started inside nodes, and what they answered. Private to sim/demo/. */
#ifndef SIM_DEMO_PROCESS_H
#define SIM_DEMO_PROCESS_H

#include "meshd/base/bytes.h"

#include <sys/types.h>

#define PROCESS_PATH_MAX 300
#define PROCESS_ARGUMENTS_MAX 24

struct process {
	pid_t pid; /* 0: not running */
	int status; /* exit status, or 128 + signal, once it is not running */
	char name[32];
	char out_path[PROCESS_PATH_MAX]; /* its standard output and, with ".err", its standard error */
};

/* Starts `argv` (NULL-terminated, found in PATH); output goes to tools/NAME.out and tools/NAME.err below the current
 * folder. 0 or a negative errno. */
int process_start(struct process *p, const char *name, const char *const *argv);
/* True once it has ended. */
bool process_is_over(struct process *p);
/* SIGTERM, SIGKILL after three seconds; waits until it is gone. */
void process_stop(struct process *p);
/* Up to `size` - 1 bytes of what it printed; what it said on standard error if it printed nothing. */
void process_output(const struct process *p, char *text, size_t size);

#endif
