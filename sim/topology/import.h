/* What the readers of files share. Private to the ring. */
#ifndef SIM_TOPOLOGY_IMPORT_H
#define SIM_TOPOLOGY_IMPORT_H

#include "sim/topology/topology.h"

#define IMPORT_KEY_MAX 128 /* of a node's id in a file */

/* The file that is being read, and where to say what is wrong with it. */
struct origin {
	const char *name;
	char *error; /* TOPOLOGY_ERROR_MAX bytes of the caller */
};

/* file:line: sentence; line 0: no line. Returns -EINVAL. */
int origin_complain(struct origin *o, unsigned long line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* What topology_add_...() returned, in words. Returns -EINVAL. */
int origin_complain_add(struct origin *o, unsigned long line, const char *what, const char *name, int error);

void names_init(struct names *n, size_t limit);
void names_done(struct names *n);
/* The copy of the key, or NULL with the error of map_insert(). */
const char *names_add(struct names *n, const char *key, unsigned number, int *error);
int names_find(const struct names *n, const char *key); /* the number, or -1 */

/* Degrees of latitude and longitude, until the whole file gives an origin. */
struct places {
	double latitude, longitude; /* sums */
	unsigned count;
};

/* Keeps degrees in the node's x and y; nothing if they are none. */
void places_add(struct places *p, struct topology_node *node, double latitude, double longitude);
/* Turns degrees into metres east and north of their middle, and these into the
 * delays of fibre. */
void places_settle(const struct places *p, struct topology *t);

/* Each 0, or -EINVAL with the reason in o->error. */
int netjson_read(struct topology *t, struct origin *o, FILE *file);
int graphml_read(struct topology *t, struct origin *o, FILE *file);

#endif
