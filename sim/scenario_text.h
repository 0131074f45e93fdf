/*
 * The scenario's file as written: values as text by libcyaml, and lines. Private
 * to the readers (scenario.c, and the simulator's).
 */
#ifndef SIM_SCENARIO_TEXT_H
#define SIM_SCENARIO_TEXT_H

#include "meshd/base/bytes.h"

#include <cyaml/cyaml.h>
#include <yaml.h>

#define TEXT_PARAMS 13 /* as link_param_names[] */

struct text_interface {
	char *name, *gateway;
	char **addresses;
	unsigned addresses_count;
};

struct text_node {
	char *name, *power, *nat;
	struct text_interface *interfaces;
	unsigned interfaces_count;
	char **run;
	unsigned run_count;
};

struct text_link {
	char *name, *preset, *state;
	char *params[TEXT_PARAMS];
	char **ends;
	unsigned ends_count;
	char **deaf;
	unsigned deaf_count;
};

struct text_event {
	char *at, *order;
};

struct text {
	char *seed;
	struct text_node *nodes;
	unsigned nodes_count;
	struct text_link *links;
	unsigned links_count;
	struct text_event *events;
	unsigned events_count;
};

/* Lines of what was read: libcyaml does not keep them. */
struct outline {
	const char *file;
	char *error; /* SCENARIO_ERROR_MAX bytes of the caller */
	yaml_document_t document;
	bool loaded;
};

/* What a file is to be: in words for errors, and how much of it is too much. */
struct file_kind {
	const char *what, *limit; /* "scenario", "a megabyte" */
	size_t max;
};
/* The whole file, for free(); NULL with one line in `error` (SCENARIO_ERROR_MAX bytes): unreadable, or too much. */
char *text_file_read(const char *path, const struct file_kind *kind, size_t *len, char *error);

/* Each 0, or -EINVAL with the line in outline->error. */
/* Every key must be one of `fields`. */
int outline_load(struct outline *o, struct bytes text, const cyaml_schema_field_t *fields);
/* Values by libcyaml; `manual` is where to look when they do not fit. The caller frees them by outline_free(). */
int outline_values(struct outline *o, struct bytes text, const cyaml_schema_value_t *schema, const char *manual,
	cyaml_data_t **values);
void outline_free(cyaml_data_t *values, const cyaml_schema_value_t *schema);
/* Lines and values of a scenario. */
int text_load(struct text **t, struct bytes text, struct outline *o);
void outline_done(struct outline *o);
void text_free(struct text *t);

/* Writes file:line: sentence; `section`, `index` and `field` say where (field
 * may be NULL, index -1). Returns -EINVAL. */
int outline_complain(struct outline *o, const char *section, int index, const char *field, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
