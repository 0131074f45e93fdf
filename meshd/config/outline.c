/*
 * Walks the YAML events of a configuration and notes the line of every field.
 *
 *   file  := { node: { field: text, redistribute: [ text, ... ], ... }, links: [ link, ... ],
 *             classes: { rules: [ text, ... ], limits: [ text, ... ] }, io: { field: text },
 *             page: { field: text, listen: [ text, ... ] } }
 *   link  := { field: text, peers: [ text, ... ], accept: [ text, ... ], announce: [ text, ... ],
 *             command: [ text, ... ], ... }
 *
 * Anything else is refused where it stands, so that depth and size of what is
 * kept are bounded by the grammar and not by the file.
 */
#include "meshd/config/outline.h"

#include "meshd/config/nearest.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define WHERE_MAX 32

const char *const node_field_names[NODE_FIELDS] = { "key", "state", "control", "tun", "mtu", "lan", "table", "metric",
	"redistribute", "watch", "share-log" };
const char *const link_field_names[LINK_FIELDS] = { "name", "type", "interface", "preset", "peers", "rate", "metered",
	"listen", "discover", "mtu", "cost", "idle-hello", "probe", "kind", "hello", "update", "rtt", "split-horizon",
	"accept", "announce", "mac", "mac-required", "device", "baud", "framing", "flow", "half-duplex", "turnaround",
	"kiss-port", "tx-delay", "command", "essential", "introductions" };
static const char *const io_field_names[IO_FIELDS] = { "offload" };
static const char *const classes_field_names[CLASSES_FIELDS] = { "rules", "limits" };

static const char *const page_field_names[PAGE_FIELDS] = { "serve", "listen", "port", "pairing" };

static const char *const section_names[SECTIONS] = { "node", "links", "classes", "io", "page" };

struct walk {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	bool has_event;
	struct bytes text;
	const struct complaint *complaint;
};

static unsigned walk_line(const struct walk *w)
{
	return (unsigned)w->event.start_mark.line + 1;
}

/* The parser knows the line of what it has read, but only the offset of what it could not read. */
static unsigned line_at(struct bytes text, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset && i < text.len; i++)
		line += text.data[i] == '\n';
	return line;
}

static bool line_is_tabbed(struct bytes text, unsigned line)
{
	size_t at = 0;

	while (at < text.len && line > 1)
		line -= text.data[at++] == '\n';
	while (at < text.len && text.data[at] == ' ')
		at++;
	return at < text.len && text.data[at] == '\t';
}

static int walk_broken(const struct walk *w)
{
	const yaml_parser_t *p = &w->parser;
	const yaml_mark_t *mark = p->problem_mark.line ? &p->problem_mark : &p->context_mark;
	unsigned line = (unsigned)mark->line + 1;

	if (p->error == YAML_READER_ERROR)
		return complain(w->complaint, line_at(w->text, p->problem_offset),
			"this is not text: %s; save the file as UTF-8 text", p->problem);
	if (line_is_tabbed(w->text, line))
		return complain(w->complaint, line, "indented with a tab; YAML takes only spaces");
	return complain(w->complaint, line,
		"this is not YAML: %s; check indentation, brackets and quotes here and in the line above",
		p->problem ? p->problem : "the parser gave up");
}

static int walk_next(struct walk *w)
{
	if (w->has_event)
		yaml_event_delete(&w->event);
	w->has_event = false;
	if (!yaml_parser_parse(&w->parser, &w->event))
		return walk_broken(w);
	w->has_event = true;
	if (w->event.type == YAML_ALIAS_EVENT)
		return complain(
			w->complaint, walk_line(w), "YAML aliases (*name) are not used here; write the value out");
	return 0;
}

static const char *walk_text(const struct walk *w)
{
	return (const char *)w->event.data.scalar.value;
}

/* The current event is text that can be printed and compared: one line, no control bytes, not empty. */
static int walk_check_text(const struct walk *w, const char *where, const char *what)
{
	if (w->event.type != YAML_SCALAR_EVENT)
		return complain(w->complaint, walk_line(w),
			"%s%s is one value, not a list or a set of fields; write it in one line", where, what);
	if (w->event.data.scalar.length == 0)
		return complain(w->complaint, walk_line(w), "%s%s is empty; give it, or remove the line", where, what);
	for (size_t i = 0; i < w->event.data.scalar.length; i++) {
		uint8_t byte = w->event.data.scalar.value[i];

		if (byte < 0x20 || byte == 0x7f)
			return complain(w->complaint, walk_line(w),
				"%s%s has a control character or line break in it; write it in one line", where, what);
	}
	return 0;
}

/* The current event must be the name of a field; *field is its number. */
static int walk_field(struct walk *w, const char *where, const char *const *names, size_t count, size_t *field)
{
	int error = walk_check_text(w, where, "the name of a field");

	*field = 0;
	if (error)
		return error;
	for (; *field < count; (*field)++)
		if (strcmp(walk_text(w), names[*field]) == 0)
			return 0;
	const char *near = nearest_word(walk_text(w), names, count);
	char known[480] = "";
	for (size_t i = 0, len = 0; i < count && len < sizeof(known); i++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", i ? ", " : "", names[i]);
	if (near)
		complain(w->complaint, walk_line(w), "%s\"%.40s\" is not a field; did you mean \"%s\"?", where,
			walk_text(w), near);
	else
		complain(w->complaint, walk_line(w), "%s\"%.40s\" is not a field; known are %s", where, walk_text(w),
			known);
	return -EINVAL;
}

static int walk_once(const struct walk *w, const char *where, const char *field, unsigned *line)
{
	if (*line)
		return complain(w->complaint, walk_line(w), "%s\"%s\" is given twice, first in line %u; remove one",
			where, field, *line);
	*line = walk_line(w);
	return 0;
}

/* A set of fields. */
struct field_set {
	const char *const *names;
	size_t count;
	unsigned *lines; /* where each was given */
	void *outline;
	int (*take)(void *outline, struct walk *w, const char *where, size_t field); /* the current event: its value */
};

/* The current event begins the set; it is walked to its end. */
static int walk_fields(struct walk *w, const char *where, const struct field_set *f)
{
	int error;

	while ((error = walk_next(w)) == 0 && w->event.type != YAML_MAPPING_END_EVENT) {
		size_t field;

		error = walk_field(w, where, f->names, f->count, &field);
		if (!error)
			error = walk_once(w, where, f->names[field], &f->lines[field]);
		if (!error)
			error = walk_next(w);
		if (!error)
			error = f->take(f->outline, w, where, field);
		if (error)
			return error;
	}
	return error;
}

/* A field that takes a list of texts. */
struct list_field {
	const char *form; /* what to write */
	const char *entry;
	unsigned max;
	const char *remedy; /* for more of them */
};

static const struct list_field peers_field = { "peers: [HOST, HOST:PORT]", "a peer", CONFIG_PEER_MAX,
	"peers; put the others on a second link" };
static const struct list_field accept_field = { "accept: [PREFIX, deny PREFIX]", "a rule", CONFIG_RULE_MAX,
	"rules; write wider prefixes" };
static const struct list_field announce_field = { "announce: [PREFIX, deny any]", "a rule", CONFIG_RULE_MAX,
	"rules; write wider prefixes" };
static const struct list_field command_field = { "command: [/path/of/program, ARGUMENT]", "a word of the command",
	CONFIG_WORD_MAX, "words in command; put them into a file of the program's" };
static const struct list_field essential_field = { "essential: [NODE, PREFIX]", "a name or prefix",
	CONFIG_ESSENTIAL_MAX, "essential ones; name those without whom nothing works" };

static const struct list_field mac_field = { "mac: [KEY, KEY]", "a key", CONFIG_MAC_MAX,
	"keys; remove those that no neighbour has any more" };
static const struct list_field redistribute_field = { "redistribute: [PREFIX proto static]", "a rule", CONFIG_RULE_MAX,
	"rules; write wider prefixes" };

static const struct list_field watch_field = { "watch: [city-post, district-post]", "a name", CONFIG_WATCH_MAX,
	"sites to watch; name those without whom nothing works" };

static const struct list_field listen_field = { "listen: [loopback, lan, ADDRESS]", "a place", CONFIG_PAGE_PLACE_MAX,
	"places; write lan for all of that side" };

static const struct list_field classes_fields[CLASSES_FIELDS] = {
	{ "rules: [command udp port 5060-5080, bulk from PREFIX]", "a rule", TRAFFIC_RULES_MAX,
		"rules; write wider prefixes or ranges of ports" },
	{ "limits: [command 128k, bulk 2M burst 2s]", "a limit", TRAFFIC_CLASSES, "limits; write one for each class" },
};

static const struct list_field *list_field_of(size_t field)
{
	return field == LINK_PEERS       ? &peers_field
	       : field == LINK_ACCEPT    ? &accept_field
	       : field == LINK_ANNOUNCE  ? &announce_field
	       : field == LINK_MAC       ? &mac_field
	       : field == LINK_COMMAND   ? &command_field
	       : field == LINK_ESSENTIAL ? &essential_field
					 : NULL;
}

static struct outline_list *list_of(struct outline_link *l, size_t field)
{
	return field == LINK_PEERS       ? &l->peers
	       : field == LINK_ACCEPT    ? &l->accept
	       : field == LINK_MAC       ? &l->mac
	       : field == LINK_COMMAND   ? &l->command
	       : field == LINK_ESSENTIAL ? &l->essential
					 : &l->announce;
}

static int outline_list(
	struct outline_list *l, struct walk *w, const char *where, const char *name, const struct list_field *f)
{
	int error = 0;

	if (w->event.type != YAML_SEQUENCE_START_EVENT)
		return complain(w->complaint, walk_line(w), "%s\"%s\" takes a list; write %s", where, name, f->form);
	while ((error = walk_next(w)) == 0 && w->event.type != YAML_SEQUENCE_END_EVENT) {
		error = walk_check_text(w, where, f->entry);
		if (error)
			return error;
		if (l->count == f->max)
			return complain(w->complaint, walk_line(w), "%smore than %u %s", where, f->max, f->remedy);
		l->line[l->count++] = walk_line(w);
	}
	return error;
}

static int node_field_take(void *outline, struct walk *w, const char *where, size_t field)
{
	struct outline *o = outline;

	if (field == NODE_REDISTRIBUTE)
		return outline_list(&o->redistribute, w, where, "redistribute", &redistribute_field);
	if (field == NODE_WATCH)
		return outline_list(&o->watch, w, where, "watch", &watch_field);
	return walk_check_text(w, where, node_field_names[field]);
}

static int outline_node(struct outline *o, struct walk *w)
{
	const struct field_set fields = { node_field_names, NODE_FIELDS, o->node, o, node_field_take };

	if (w->event.type != YAML_MAPPING_START_EVENT)
		return complain(w->complaint, walk_line(w), "\"node\" takes fields; write them below it, indented");
	return walk_fields(w, "node: ", &fields);
}

static int link_field_take(void *outline, struct walk *w, const char *where, size_t field)
{
	const struct list_field *list = list_field_of(field);

	return list ? outline_list(list_of(outline, field), w, where, link_field_names[field], list)
		    : walk_check_text(w, where, link_field_names[field]);
}

static int outline_link(struct outline_link *l, struct walk *w, const char *where)
{
	const struct field_set fields = { link_field_names, LINK_FIELDS, l->field, l, link_field_take };

	if (w->event.type != YAML_MAPPING_START_EVENT)
		return complain(w->complaint, walk_line(w),
			"%snot a set of fields; write - {name: radio0, interface: eth1, preset: mesh-radio}", where);
	l->line = walk_line(w);
	return walk_fields(w, where, &fields);
}

static int outline_links(struct outline *o, struct walk *w)
{
	int error;

	if (w->event.type != YAML_SEQUENCE_START_EVENT)
		return complain(w->complaint, walk_line(w),
			"\"links\" takes a list; below it write - {name: radio0, interface: eth1, preset: mesh-radio}");
	while ((error = walk_next(w)) == 0 && w->event.type != YAML_SEQUENCE_END_EVENT) {
		char where[WHERE_MAX];

		if (o->link_count == CONFIG_LINK_MAX)
			return complain(w->complaint, walk_line(w), "more than %d links; remove some", CONFIG_LINK_MAX);
		snprintf(where, sizeof(where), "link %u: ", o->link_count + 1);
		error = outline_link(&o->link[o->link_count], w, where);
		if (error)
			return error;
		o->link_count++;
	}
	return error;
}

static int classes_field_take(void *outline, struct walk *w, const char *where, size_t field)
{
	struct outline *o = outline;

	return outline_list(&o->classes_list[field], w, where, classes_field_names[field], &classes_fields[field]);
}

static int outline_classes(struct outline *o, struct walk *w)
{
	const struct field_set fields = { classes_field_names, CLASSES_FIELDS, o->classes, o, classes_field_take };

	if (w->event.type != YAML_MAPPING_START_EVENT)
		return complain(w->complaint, walk_line(w),
			"\"classes\" takes rules: and limits:; write them below it, indented");
	return walk_fields(w, "classes: ", &fields);
}

static int io_field_take(void *outline, struct walk *w, const char *where, size_t field)
{
	(void)outline;
	return walk_check_text(w, where, io_field_names[field]);
}

static int outline_io(struct outline *o, struct walk *w)
{
	const struct field_set fields = { io_field_names, IO_FIELDS, o->io, o, io_field_take };

	if (w->event.type != YAML_MAPPING_START_EVENT)
		return complain(w->complaint, walk_line(w), "\"io\" takes fields; write io: {offload: no}");
	return walk_fields(w, "io: ", &fields);
}

static int page_field_take(void *outline, struct walk *w, const char *where, size_t field)
{
	struct outline *o = outline;

	return field == PAGE_LISTEN ? outline_list(&o->page_listen, w, where, "listen", &listen_field)
				    : walk_check_text(w, where, page_field_names[field]);
}

static int outline_page(struct outline *o, struct walk *w)
{
	const struct field_set fields = { page_field_names, PAGE_FIELDS, o->page, o, page_field_take };

	if (w->event.type != YAML_MAPPING_START_EVENT)
		return complain(
			w->complaint, walk_line(w), "\"page\" takes fields; write page: {listen: [loopback, lan]}");
	return walk_fields(w, "page: ", &fields);
}

static int section_take(void *outline, struct walk *w, const char *where, size_t section)
{
	(void)where;
	switch (section) {
	case SECTION_NODE:
		return outline_node(outline, w);
	case SECTION_CLASSES:
		return outline_classes(outline, w);
	case SECTION_IO:
		return outline_io(outline, w);
	case SECTION_PAGE:
		return outline_page(outline, w);
	default:
		return outline_links(outline, w);
	}
}

static int outline_file(struct outline *o, struct walk *w)
{
	const struct field_set sections = { section_names, SECTIONS, o->section, o, section_take };
	int error = walk_next(w); /* start of stream */

	if (!error)
		error = walk_next(w);
	if (error)
		return error;
	if (w->event.type == YAML_STREAM_END_EVENT)
		return complain(w->complaint, 0,
			"the file is empty; a link is the least: links: and below it "
			"- {name: radio0, interface: eth1, preset: mesh-radio}");
	error = walk_next(w); /* the document's content */
	if (error)
		return error;
	if (w->event.type != YAML_MAPPING_START_EVENT)
		return complain(w->complaint, walk_line(w), "the file must begin with node: or links:");
	error = walk_fields(w, "", &sections);
	if (!error)
		error = walk_next(w); /* end of document */
	if (!error)
		error = walk_next(w);
	if (!error && w->event.type != YAML_STREAM_END_EVENT)
		error = complain(w->complaint, walk_line(w), "a second document begins here; one file, one document");
	return error;
}

int outline_read(struct outline *o, struct bytes text, const struct complaint *c)
{
	struct walk w = { .text = text, .complaint = c };

	memset(o, 0, sizeof(*o));
	if (!yaml_parser_initialize(&w.parser))
		return complain(c, 0, "out of memory; free some and try again");
	yaml_parser_set_encoding(&w.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&w.parser, text.data, text.len);
	int error = outline_file(o, &w);
	if (w.has_event)
		yaml_event_delete(&w.event);
	yaml_parser_delete(&w.parser);
	return error;
}
