/*
 * The scenario's file as written: values as text by libcyaml, and lines. Private
 * to the readers (scenario.c, and the simulator's).
 */
#ifndef SIM_SCENARIO_TEXT_H
#define SIM_SCENARIO_TEXT_H

#include "meshd/base/bytes.h"
#include "sim/preset.h"

#include <cyaml/cyaml.h>
#include <yaml.h>

#define TEXT_PARAMS 16 /* as link_param_names[] */

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
	char *framing, *baud; /* the lab's serial lines */
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
	const char *within; /* the section whose line all complaints name, whatever they are of; NULL: none */
};

/* What lab and simulator write alike of a link, as fields of libcyaml; `link` is the text_link in `structure`. */
#define TEXT_LINK_FIELD(structure, key, member)                                                                        \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 0, CYAML_UNLIMITED)
#define TEXT_LINK_FIELDS(structure, link)                                                                              \
	TEXT_LINK_FIELD(structure, "name", link name), TEXT_LINK_FIELD(structure, "preset", link preset),              \
		TEXT_LINK_FIELD(structure, "state", link state), TEXT_LINK_FIELD(structure, "rate", link params[0]),   \
		TEXT_LINK_FIELD(structure, "rate_up", link params[1]),                                                 \
		TEXT_LINK_FIELD(structure, "rate_down", link params[2]),                                               \
		TEXT_LINK_FIELD(structure, "queue", link params[3]),                                                   \
		TEXT_LINK_FIELD(structure, "delay", link params[4]),                                                   \
		TEXT_LINK_FIELD(structure, "jitter", link params[5]),                                                  \
		TEXT_LINK_FIELD(structure, "reorder", link params[6]),                                                 \
		TEXT_LINK_FIELD(structure, "loss", link params[7]),                                                    \
		TEXT_LINK_FIELD(structure, "fade", link params[8]),                                                    \
		TEXT_LINK_FIELD(structure, "step", link params[9]),                                                    \
		TEXT_LINK_FIELD(structure, "gap", link params[10]),                                                    \
		TEXT_LINK_FIELD(structure, "shift", link params[11]),                                                  \
		TEXT_LINK_FIELD(structure, "stall", link params[12]),                                                  \
		TEXT_LINK_FIELD(structure, "turnaround", link params[13]),                                             \
		TEXT_LINK_FIELD(structure, "pace", link params[14]),                                                   \
		TEXT_LINK_FIELD(structure, "mtu", link params[15])

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

/* The parts of link number `l` that mean the same to all (link_text.c). 0, or -EINVAL with the line. */
/* Its preset, and on top of it what it says itself. */
int text_link_params(struct outline *o, int l, const struct text_link *text, const struct link_preset **preset,
	struct link_params params[2]);
int text_link_state(struct outline *o, int l, const struct text_link *text, enum link_state *state);
/* Numbers of ends that do not hear each other, as many pairs as the text has. */
int text_link_deaf(struct outline *o, int l, const struct text_link *text, struct link_pair *deaf);

/* Writes file:line: sentence; `section`, `index` and `field` say where (field
 * may be NULL, index -1). Returns -EINVAL. */
int outline_complain(struct outline *o, const char *section, int index, const char *field, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
