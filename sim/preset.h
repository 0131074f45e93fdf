/*
 * Presets: the field's links in figures, in one table, so that a measured value
 * can replace an assumed one. And the parameters as people write them.
 */
#ifndef SIM_PRESET_H
#define SIM_PRESET_H

#include "sim/link_model.h"

#include <stddef.h>
#include <stdio.h>

#define LINK_COMPLAINT_MAX 200

struct link_preset {
	const char *name;
	bool shared; /* one medium for all ends */
	bool wired; /* an end without power takes the carrier from the others */
	bool adapts; /* a radio that sends slower to those further away */
	struct link_params params[2]; /* as struct link_model */
};

struct link_pair {
	unsigned a, b; /* numbers of ends */
};

/* NULL: there is none of that name. */
const struct link_preset *link_preset_find(const char *name);
void link_preset_print(FILE *out);
const char *link_preset_names(void); /* "fibre, cellular, ..." for errors */

/* How radios of this kind hear each other at a distance, as a share of their range; NULL: beyond it. */
const struct link_reach *link_preset_reach(const struct link_preset *p, double distance);

/* One FIELD=VALUE on top of what params[] hold. 0; -EINVAL with the remedy in
 * `complaint` and params[] as they were; -ENOENT: no such field. */
int link_params_set(
	struct link_params params[2], const char *field, const char *value, char complaint[LINK_COMPLAINT_MAX]);
extern const char *const link_param_names[]; /* ends with NULL */

/* "270ms", "0.5s", "20us", "5min", "6h", "3" (seconds) in microseconds; -EINVAL. */
int link_duration_parse(uint64_t *us, const char *text);

#endif
