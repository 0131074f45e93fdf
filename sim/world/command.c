/* What the commands of meshsim share. */
#include "sim/world/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int command_wrong(const char *what)
{
	fprintf(stderr, "meshsim: %s; see meshsim --help\n", what);
	return EXIT_WRONG;
}

bool command_number(uint64_t *value, const char *text)
{
	char *end = NULL;

	errno = 0;
	*value = text ? strtoull(text, &end, 10) : 0;
	return text && *text >= '0' && *text <= '9' && !*end && !errno;
}

unsigned command_processors(unsigned most)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count < 1 ? 1 : count > (long)most ? most : (unsigned)count;
}
