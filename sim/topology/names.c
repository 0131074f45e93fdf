/* Keys to numbers, for names in a topology and for ids in the files. */
#include "sim/topology/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct name {
	struct map_entry entry; /* first: what the map gives is the name */
	unsigned number;
	char key[];
};

void names_init(struct names *n, size_t limit)
{
	/* Files are strangers, but a fixed secret makes every run the same, and the
	 * limit bounds what chosen collisions could cost. */
	static const uint64_t secret[2] = { 0x6d65736864746f70, 0x6f6c6f67796e616d };

	map_init(&n->map, limit, secret);
}

void names_done(struct names *n)
{
	struct map_entry *next;

	for (struct map_entry *e = map_next(&n->map, NULL); e; e = next) {
		next = map_next(&n->map, e);
		free((struct name *)e);
	}
	map_done(&n->map);
}

const char *names_add(struct names *n, const char *key, unsigned number, int *error)
{
	size_t len = strlen(key);
	struct name *name = malloc(sizeof(*name) + len + 1);

	*error = -ENOMEM;
	if (!name)
		return NULL;
	memcpy(name->key, key, len + 1);
	name->number = number;
	*error = map_insert(&n->map, &name->entry, bytes_of(name->key, len));
	if (*error) {
		free(name);
		return NULL;
	}
	return name->key;
}

int names_find(const struct names *n, const char *key)
{
	const struct map_entry *e = map_find(&n->map, bytes_of(key, strlen(key)));

	return e ? (int)((const struct name *)e)->number : -1;
}
