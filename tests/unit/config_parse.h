/* Parses a configuration and holds the outcome to its exact words. */
#ifndef TESTS_UNIT_CONFIG_PARSE_H
#define TESTS_UNIT_CONFIG_PARSE_H

#include "meshd/config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

struct refusal {
	const char *yaml, *line;
};

static struct config config;
static char error[CONFIG_ERROR_MAX];

static inline int parse(const char *yaml)
{
	return config_parse(&config, "m.yaml", bytes_of(yaml, strlen(yaml)), error);
}

static inline const struct config *good(const char *yaml)
{
	if (parse(yaml) != 0)
		fail_msg("%s\nof\n%s", error, yaml);
	assert_string_equal(error, "");
	return &config;
}

static inline void config_is_blank(void)
{
	static const struct config blank;

	assert_memory_equal(&config, &blank, sizeof(config));
}

static inline void refused_as(const char *yaml, const char *line)
{
	assert_int_equal(parse(yaml), -EINVAL);
	assert_string_equal(error, line);
	config_is_blank();
}

static inline void all_refused(const struct refusal *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		refused_as(cases[i].yaml, cases[i].line);
}

static inline char *repeated(const char *head, const char *body, size_t count, const char *tail)
{
	size_t step = strlen(body);
	char *text = malloc(strlen(head) + count * step + strlen(tail) + 1), *at = text;

	assert_non_null(text);
	at = stpcpy(at, head);
	for (size_t i = 0; i < count; i++)
		at = stpcpy(at, body);
	strcpy(at, tail);
	return text;
}

#endif
