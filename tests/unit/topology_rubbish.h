/* Files of rubbish, and how much memory it takes to refuse them. */
#ifndef TESTS_UNIT_TOPOLOGY_RUBBISH_H
#define TESTS_UNIT_TOPOLOGY_RUBBISH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_OURS 0 /* the sanitizer keeps what is freed */
#else
#define MEMORY_IS_OURS 1
#endif

static inline long peak_kb(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* `head`, then `unit` again and again until there are `size` bytes. The path is
 * the caller's, who removes the file. */
static inline void rubbish_write(char path[32], const char *head, const char *unit, size_t size)
{
	strcpy(path, "/tmp/topology-XXXXXX");
	int fd = mkstemp(path);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (!out)
		abort();
	fputs(head, out);
	for (size_t len = strlen(head); len < size; len += strlen(unit))
		fputs(unit, out);
	if (fclose(out))
		abort();
}

#endif
