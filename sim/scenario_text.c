/*
 * The scenario's file as text. libcyaml loads values; the document tree of
 * libyaml tells lines, and which fields are unknown or given twice, which
 * libcyaml would not say in words for who wrote the file.
 */
#include "sim/scenario_text.h"

#include "sim/scenario.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FIELD(structure, key, member)                                                                             \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 0, CYAML_UNLIMITED)
#define LIST_FIELD(structure, member, schema, max)                                                                     \
	CYAML_FIELD_SEQUENCE(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, schema, 0, max)

static const cyaml_schema_value_t line_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t interface_fields[] = {
	TEXT_FIELD(struct text_interface, "name", name),
	TEXT_FIELD(struct text_interface, "gateway", gateway),
	LIST_FIELD(struct text_interface, addresses, &line_schema, SCENARIO_ADDRESSES_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t interface_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct text_interface, interface_fields),
};

static const cyaml_schema_field_t node_fields[] = {
	TEXT_FIELD(struct text_node, "name", name),
	TEXT_FIELD(struct text_node, "power", power),
	TEXT_FIELD(struct text_node, "nat", nat),
	LIST_FIELD(struct text_node, interfaces, &interface_schema, SCENARIO_INTERFACES_MAX),
	LIST_FIELD(struct text_node, run, &line_schema, SCENARIO_RUN_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t node_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct text_node, node_fields),
};

static const cyaml_schema_field_t link_fields[] = {
	TEXT_LINK_FIELDS(struct text_link, ),
	TEXT_FIELD(struct text_link, "framing", framing),
	TEXT_FIELD(struct text_link, "baud", baud),
	LIST_FIELD(struct text_link, ends, &line_schema, LINK_ENDS_MAX),
	LIST_FIELD(struct text_link, deaf, &line_schema, SCENARIO_DEAF_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t link_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct text_link, link_fields),
};

static const cyaml_schema_field_t event_fields[] = {
	TEXT_FIELD(struct text_event, "at", at),
	TEXT_FIELD(struct text_event, "do", order),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t event_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct text_event, event_fields),
};

static const cyaml_schema_field_t text_fields[] = {
	TEXT_FIELD(struct text, "seed", seed),
	LIST_FIELD(struct text, nodes, &node_schema, SCENARIO_NODES_MAX),
	LIST_FIELD(struct text, links, &link_schema, SCENARIO_LINKS_MAX),
	LIST_FIELD(struct text, events, &event_schema, SCENARIO_EVENTS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t text_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct text, text_fields),
};

static int __attribute__((format(printf, 3, 0)))
complain_at(struct outline *o, unsigned line, const char *format, va_list arguments)
{
	int len = line ? snprintf(o->error, SCENARIO_ERROR_MAX, "%.128s:%u: ", o->file, line)
		       : snprintf(o->error, SCENARIO_ERROR_MAX, "%.128s: ", o->file);

	vsnprintf(o->error + len, SCENARIO_ERROR_MAX - (size_t)len, format, arguments);
	return -EINVAL;
}

static int __attribute__((format(printf, 3, 4))) complain(struct outline *o, unsigned line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int error = complain_at(o, line, format, arguments);
	va_end(arguments);
	return error;
}

static unsigned node_line(const yaml_node_t *node)
{
	return node ? (unsigned)node->start_mark.line + 1 : 0;
}

static const yaml_node_t *mapping_get(struct outline *o, const yaml_node_t *mapping, const char *key)
{
	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < mapping->data.mapping.pairs.top; p++) {
		const yaml_node_t *name = yaml_document_get_node(&o->document, p->key);

		if (name->type == YAML_SCALAR_NODE && strcmp((const char *)name->data.scalar.value, key) == 0)
			return yaml_document_get_node(&o->document, p->value);
	}
	return NULL;
}

static const yaml_node_t *sequence_get(struct outline *o, const yaml_node_t *sequence, int index)
{
	if (!sequence || sequence->type != YAML_SEQUENCE_NODE)
		return NULL;
	const yaml_node_item_t *item = sequence->data.sequence.items.start + index;
	return item < sequence->data.sequence.items.top ? yaml_document_get_node(&o->document, *item) : NULL;
}

int outline_complain(struct outline *o, const char *section, int index, const char *field, const char *format, ...)
{
	if (o->within) {
		section = o->within;
		index = -1;
		field = NULL;
	}
	const yaml_node_t *root = yaml_document_get_root_node(&o->document);
	const yaml_node_t *at = section ? mapping_get(o, root, section) : root;
	const yaml_node_t *entry = index >= 0 ? sequence_get(o, at, index) : NULL;
	const yaml_node_t *value = field ? mapping_get(o, entry, field) : NULL;
	va_list arguments;

	va_start(arguments, format);
	int error = complain_at(o, node_line(value ? value : entry ? entry : at), format, arguments);
	va_end(arguments);
	return error;
}

/* Every key known to `fields`, none twice. */
static int keys_check(struct outline *o, const yaml_node_t *mapping, const cyaml_schema_field_t *fields)
{
	const yaml_node_pair_t *start = mapping->data.mapping.pairs.start, *end = mapping->data.mapping.pairs.top;

	for (const yaml_node_pair_t *p = start; p < end; p++) {
		const yaml_node_t *name = yaml_document_get_node(&o->document, p->key);
		const cyaml_schema_field_t *f = fields;
		char known[200] = "";
		size_t len = 0;

		if (name->type != YAML_SCALAR_NODE)
			return complain(o, node_line(name), "the name of a field is one word");
		const char *key = (const char *)name->data.scalar.value;
		while (f->key && strcmp(f->key, key) != 0) {
			len += (size_t)snprintf(known + len, sizeof(known) - len, " %s", f->key);
			f++;
		}
		if (!f->key)
			return complain(o, node_line(name), "\"%.40s\" is not a field; known are%s", key, known);
		if (mapping_get(o, mapping, key) != yaml_document_get_node(&o->document, p->value))
			return complain(o, node_line(name), "\"%s\" is given twice; remove one", key);
	}
	return 0;
}

/* Keys of a mapping, and of the mappings in it and in its lists. */
static int tree_check(struct outline *o, const yaml_node_t *node, const cyaml_schema_field_t *fields)
{
	if (!node || node->type != YAML_MAPPING_NODE)
		return 0; /* libcyaml says that it is none */
	int error = keys_check(o, node, fields);

	for (const cyaml_schema_field_t *f = fields; f->key && !error; f++) {
		const yaml_node_t *list = mapping_get(o, node, f->key), *entry;

		if (list && f->value.type == CYAML_MAPPING)
			error = tree_check(o, list, f->value.mapping.fields);
		if (!list || f->value.type != CYAML_SEQUENCE || f->value.sequence.entry->type != CYAML_MAPPING)
			continue;
		for (int i = 0; (entry = sequence_get(o, list, i)) && !error; i++)
			error = tree_check(o, entry, f->value.sequence.entry->mapping.fields);
	}
	return error;
}

int outline_load(struct outline *o, struct bytes text, const cyaml_schema_field_t *fields)
{
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser))
		return complain(o, 0, "out of memory; free some and try again");
	yaml_parser_set_input_string(&parser, text.data, text.len);
	o->loaded = yaml_parser_load(&parser, &o->document);
	int error = 0;
	if (!o->loaded)
		error = complain(o, (unsigned)parser.problem_mark.line + 1,
			"this is not YAML: %s; check indentation, brackets and quotes here and in the line above",
			parser.problem ? parser.problem : "the parser gave up");
	else if (!yaml_document_get_root_node(&o->document))
		error = complain(o, 0, "the file is empty; it takes nodes: and links:");
	else
		error = tree_check(o, yaml_document_get_root_node(&o->document), fields);
	yaml_parser_delete(&parser);
	return error;
}

void outline_done(struct outline *o)
{
	if (o->loaded)
		yaml_document_delete(&o->document);
	o->loaded = false;
}

/* libcyaml's backtrace, of which only the innermost place is kept. */
static void __attribute__((format(printf, 3, 0)))
text_log(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
	char *place = context;

	(void)level;
	if (!place[0] && strncmp(format, "  in ", 5) == 0)
		vsnprintf(place, SCENARIO_ERROR_MAX, format, arguments);
}

static const cyaml_config_t plain = { .mem_fn = cyaml_mem, .flags = CYAML_CFG_NO_ALIAS };

int outline_values(struct outline *o, struct bytes text, const cyaml_schema_value_t *schema, const char *manual,
	cyaml_data_t **values)
{
	char place[SCENARIO_ERROR_MAX] = "";
	cyaml_config_t config = plain;
	unsigned line = 0;
	char what[64] = "the file";

	*values = NULL;
	config.log_fn = text_log;
	config.log_ctx = place;
	config.log_level = CYAML_LOG_ERROR;
	cyaml_err_t error = cyaml_load_data(text.data, text.len, &config, schema, values, NULL);
	if (error == CYAML_OK)
		return 0;
	const char *at = strstr(place, "line: ");
	if (at) {
		sscanf(at, "line: %u", &line);
		snprintf(what, sizeof(what), "%.*s", (int)(strcspn(place + 5, "(") - 1), place + 5);
	}
	return complain(o, line, "%s: %s; compare it with %s", what, cyaml_strerror(error), manual);
}

void outline_free(cyaml_data_t *values, const cyaml_schema_value_t *schema)
{
	cyaml_free(&plain, schema, values, 0);
}

int text_load(struct text **t, struct bytes text, struct outline *o)
{
	int error = outline_load(o, text, text_fields);

	*t = NULL;
	return error ? error : outline_values(o, text, &text_schema, "docs/lab.md", (cyaml_data_t **)t);
}

void text_free(struct text *t)
{
	outline_free(t, &text_schema);
}

/* --- files ------------------------------------------------------------------------- */

char *text_file_read(const char *path, const struct file_kind *kind, size_t *len, char *error)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(kind->max) : NULL;
	bool is_read;

	*len = text ? fread(text, 1, kind->max, file) : 0;
	is_read = text && !ferror(file);
	if (!is_read)
		snprintf(error, SCENARIO_ERROR_MAX, "%.256s: cannot be read: %s; name a %s that is there", path,
			strerror(errno), kind->what);
	else if (*len == kind->max)
		snprintf(error, SCENARIO_ERROR_MAX, "%.256s: more than %s; this is not a %s", path, kind->limit,
			kind->what);
	if (file)
		fclose(file);
	if (is_read && *len < kind->max)
		return text;
	free(text);
	return NULL;
}
