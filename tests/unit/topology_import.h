/* What the tests of the readers share. */
#ifndef TESTS_UNIT_TOPOLOGY_IMPORT_H
#define TESTS_UNIT_TOPOLOGY_IMPORT_H

#include "sim/topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline struct topology *parse(const char *text, char error[TOPOLOGY_ERROR_MAX])
{
	return topology_parse("t", bytes_of(text, strlen(text)), error);
}

static inline void assert_refused(const char *text, const char *expected)
{
	char error[TOPOLOGY_ERROR_MAX];
	struct topology *t = parse(text, error);

	if (t || !strstr(error, expected) || strchr(error, '\n') || !strchr(error, ';'))
		fail_msg("of <%.80s> it says \"%s\", not \"%s\"", text, t ? "good" : error, expected);
}

/* Every cut of a good file is read or refused in one line. */
static inline void assert_cuts_are_bearable(const char *text)
{
	char error[TOPOLOGY_ERROR_MAX];

	for (size_t len = 0; len < strlen(text); len++) {
		char *copy = malloc(len + 1); /* exact, so that reading on is seen */

		memcpy(copy, text, len);
		struct topology *t = topology_parse("t", bytes_of(copy, len), error);
		if (!t)
			assert_true(strncmp(error, "t:", 2) == 0 && !strchr(error, '\n'));
		topology_free(t);
		free(copy);
	}
}

static inline void assert_near(double value, double expected, double tolerance)
{
	if (!(value > expected - tolerance && value < expected + tolerance))
		fail_msg("%g is not %g", value, expected);
}

#endif
