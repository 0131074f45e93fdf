/* What a person calls a destination: a member's name, an address or a prefix. */
#include "meshd/io/control.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

struct search {
	const struct view *v;
	const char *text;
	const struct address *address; /* by address instead of by name */
	const struct certificate *exact, *folded, *part; /* as written; but for case; begins so */
	unsigned parts;
};

/* The machine that replaces a lost one has its name. */
static const struct certificate *later_of(const struct certificate *a, const struct certificate *b)
{
	return a && a->serial > b->serial ? a : b;
}

static void search_by_name(void *arg, const struct certificate *c)
{
	struct search *s = arg;

	if (strcmp(c->name, s->text) == 0)
		s->exact = later_of(s->exact, c);
	else if (strcasecmp(c->name, s->text) == 0)
		s->folded = later_of(s->folded, c);
	else if (strncasecmp(c->name, s->text, strlen(s->text)) == 0) {
		s->part = c;
		s->parts++;
	}
}

static void search_by_address(void *arg, const struct certificate *c)
{
	struct search *s = arg;
	struct address address = view_address_of(s->v, c);

	if (address_equal(&address, s->address))
		s->exact = c;
}

static int name_parse(const struct view *v, const char *text, struct destination *out, char error[IO_ERROR_MAX])
{
	struct search s = { .v = v, .text = text };

	node_dump_certificates(v->node, search_by_name, &s);
	out->certificate = s.exact ? s.exact : s.folded;
	if (out->certificate) {
		out->prefix = prefix_of_host(view_address_of(v, out->certificate));
		out->is_host = true;
		return 0;
	}
	if (s.parts == 1)
		return io_fail(error, -ENOENT,
			"\"%s\" is no node, address or prefix that is known here; do you mean "
			"\"%s\"?",
			text, s.part->name);
	return io_fail(error, -ENOENT,
		"\"%s\" is no node, address or prefix that is known here; meshctl nodes lists the nodes", text);
}

int destination_parse(const struct view *v, const char *text, struct destination *out, char error[IO_ERROR_MAX])
{
	*out = (struct destination){ 0 };
	int code = prefix_parse(&out->prefix, text);
	if (code == -EDOM)
		return io_fail(
			error, -ENOENT, "\"%s\" has bits beyond its length; write the network's first address", text);
	if (code < 0)
		return name_parse(v, text, out, error);
	out->is_host = out->prefix.plen == family_bits(out->prefix.address.family);
	if (out->is_host) {
		struct search s = { .v = v, .text = text, .address = &out->prefix.address };

		node_dump_certificates(v->node, search_by_address, &s);
		out->certificate = s.exact;
	}
	return 0;
}

json_t *class_of(const json_t *request, unsigned otherwise, unsigned *class)
{
	const json_t *name = json_object_get(request, "class");

	*class = otherwise;
	if (!name || json_is_null(name))
		return NULL;
	if (!json_is_string(name) || traffic_class_parse(class, json_string_value(name)) < 0)
		return answer_error("\"class\" is text, command or bulk");
	return NULL;
}

json_t *destination_of(const struct view *v, const json_t *request, struct destination *out)
{
	const char *text = json_string_value(json_object_get(request, "dest"));
	char error[IO_ERROR_MAX];

	if (!text || !*text)
		return answer_error("\"dest\" is missing; write a node's name, an address or a prefix");
	if (destination_parse(v, text, out, error) < 0)
		return answer_error("%s", error);
	return NULL;
}
