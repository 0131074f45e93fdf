/*
 * A scenario as a tree of what is written in it, to be cut and written again: a
 * map, lists and words, whatever they mean.
 */
#ifndef SIM_WORLD_SHEET_H
#define SIM_WORLD_SHEET_H

#include "meshd/base/bytes.h"

#include <stdbool.h>

enum sheet_kind { SHEET_WORD, SHEET_LIST, SHEET_MAP };

struct sheet {
	enum sheet_kind kind;
	char *key; /* in a map; NULL otherwise */
	char *word;
	unsigned count;
	struct sheet **parts; /* of a list or map */
	unsigned line; /* where it was written last */
};

/* NULL: no YAML, deeper than scenarios are, or out of memory. */
struct sheet *sheet_parse(struct bytes text);
void sheet_free(struct sheet *s);
struct sheet *sheet_copy(const struct sheet *s);
/* The part of a map; NULL: there is none, or `s` is NULL or no map. */
struct sheet *sheet_get(const struct sheet *s, const char *key);
/* The word of a part; NULL: there is none. */
const char *sheet_word(const struct sheet *s, const char *key);
void sheet_reword(struct sheet *s, const char *word);
/* As the first part, if the map did not have it. */
void sheet_set(struct sheet *s, const char *key, const char *word);
/* Parts first..first+count-1 are freed. */
void sheet_cut(struct sheet *s, unsigned first, unsigned count);
/* As a file, an entry of a top-level list in each line; the caller frees it. */
char *sheet_write(struct sheet *s, size_t *len);

#endif
