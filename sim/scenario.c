/*
 * A scenario from its file: text and lines (scenario_text.c), then names, then
 * values, then the orders, which may name what the others define.
 */
#include "sim/scenario.h"

#include "sim/scenario_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define BAUD 9600
#define BAUD_MIN 300
#define BAUD_MAX 1000000

struct reading {
	struct scenario *scenario;
	const struct text *text;
	struct outline outline;
};

int scenario_find_node(const struct scenario *s, const char *name, size_t len)
{
	for (unsigned i = 0; i < s->node_count; i++)
		if (strlen(s->nodes[i].name) == len && memcmp(s->nodes[i].name, name, len) == 0)
			return (int)i;
	return -1;
}

int scenario_find_link(const struct scenario *s, const char *name, size_t len)
{
	for (unsigned i = 0; i < s->link_count; i++)
		if (strlen(s->links[i].name) == len && memcmp(s->links[i].name, name, len) == 0)
			return (int)i;
	return -1;
}

int scenario_find_interface(const struct scenario_node *n, const char *name)
{
	for (unsigned i = 0; i < n->interface_count; i++)
		if (strcmp(n->interfaces[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Names become namespaces, files and interfaces. */
static bool name_is_good(const char *name, size_t size)
{
	return name && name[0] && name[0] != '.' && name[0] != '-' && strlen(name) < size &&
	       name[strspn(name, NAME_LETTERS)] == '\0';
}

static int address_read(struct scenario_address *a, const char *text)
{
	char host[ADDRESS_TEXT];
	size_t len = strcspn(text, "/");
	char *end;

	if (text[len] != '/' || len >= sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)len, text);
	if (address_parse(&a->address, host))
		return -EINVAL;
	unsigned long plen = strtoul(text + len + 1, &end, 10);
	if (text[len + 1] < '0' || text[len + 1] > '9' || *end || plen > family_bits(a->address.family))
		return -EINVAL;
	a->plen = (unsigned)plen;
	return 0;
}

static int interface_read(struct reading *r, int n, const struct text_interface *text)
{
	struct scenario_node *node = &r->scenario->nodes[n];

	if (!name_is_good(text->name, SCENARIO_INTERFACE_NAME_MAX) || strcmp(text->name, "lo") == 0)
		return outline_complain(&r->outline, "nodes", n, "interfaces",
			"node \"%s\": an interface needs a name of 1 to 15 letters, digits, . _ or -", node->name);
	if (scenario_find_interface(node, text->name) >= 0)
		return outline_complain(&r->outline, "nodes", n, "interfaces",
			"node \"%s\": interface \"%s\" is given twice; remove one", node->name, text->name);
	struct scenario_interface *i = &node->interfaces[node->interface_count++];
	snprintf(i->name, sizeof(i->name), "%s", text->name);
	for (unsigned a = 0; a < text->addresses_count; a++)
		if (address_read(&i->addresses[i->address_count++], text->addresses[a]))
			return outline_complain(&r->outline, "nodes", n, "interfaces",
				"node \"%s\": \"%.60s\" is not an address; write 192.0.2.1/24 or 2001:db8::1/64",
				node->name, text->addresses[a]);
	if (text->gateway && address_parse(&i->gateway, text->gateway))
		return outline_complain(&r->outline, "nodes", n, "interfaces",
			"node \"%s\": gateway \"%.60s\" is not an address; write 192.0.2.1", node->name, text->gateway);
	return 0;
}

static int node_read(struct reading *r, int n)
{
	const struct text_node *text = &r->text->nodes[n];
	struct scenario_node *node = &r->scenario->nodes[n];

	if (!name_is_good(text->name, SCENARIO_NAME_MAX))
		return outline_complain(
			&r->outline, "nodes", n, "name", "a node needs a name of 1 to 31 letters, digits, . _ or -");
	if (scenario_find_node(r->scenario, text->name, strlen(text->name)) >= 0)
		return outline_complain(
			&r->outline, "nodes", n, "name", "there are two nodes \"%s\"; rename one", text->name);
	snprintf(node->name, sizeof(node->name), "%s", text->name);
	r->scenario->node_count++;
	if (text->power && strcmp(text->power, "on") != 0 && strcmp(text->power, "off") != 0)
		return outline_complain(&r->outline, "nodes", n, "power",
			"node \"%s\": power is on or off, not \"%.40s\"", node->name, text->power);
	node->power = !text->power || strcmp(text->power, "on") == 0;
	for (unsigned i = 0; i < text->interfaces_count; i++) {
		int error = interface_read(r, n, &text->interfaces[i]);

		if (error)
			return error;
	}
	if (text->nat)
		snprintf(node->nat, sizeof(node->nat), "%s", text->nat);
	for (unsigned i = 0; i < text->run_count; i++) {
		node->run[i] = strdup(text->run[i]);
		if (!node->run[i])
			return outline_complain(&r->outline, NULL, -1, NULL, "out of memory");
		node->run_count++;
	}
	return 0;
}

/* NODE:INTERFACE; an interface that the node did not declare comes to be here. */
static int end_read(struct reading *r, int l, const char *text)
{
	struct scenario_link *link = &r->scenario->links[l];
	const char *colon = strchr(text, ':');
	int node = colon ? scenario_find_node(r->scenario, text, (size_t)(colon - text)) : -1;

	if (node < 0)
		return outline_complain(&r->outline, "links", l, "ends",
			"link \"%s\": end \"%.60s\" names no node; write NODE:INTERFACE", link->name, text);
	struct scenario_node *n = &r->scenario->nodes[node];
	if (!name_is_good(colon + 1, SCENARIO_INTERFACE_NAME_MAX) || strcmp(colon + 1, "lo") == 0)
		return outline_complain(&r->outline, "links", l, "ends",
			"link \"%s\": end \"%.60s\" names no interface; write NODE:INTERFACE, 15 letters at most",
			link->name, text);
	int i = scenario_find_interface(n, colon + 1);
	if (i < 0) {
		if (n->interface_count == SCENARIO_INTERFACES_MAX)
			return outline_complain(&r->outline, "links", l, "ends",
				"node \"%s\" has more than %d interfaces", n->name, SCENARIO_INTERFACES_MAX);
		i = (int)n->interface_count++;
		snprintf(n->interfaces[i].name, sizeof(n->interfaces[i].name), "%s", colon + 1);
	}
	if (n->interfaces[i].attached)
		return outline_complain(&r->outline, "links", l, "ends",
			"two links end in \"%.60s\"; give each an interface of its own", text);
	n->interfaces[i].attached = true;
	link->ends[link->end_count++] = (struct scenario_end){ .node = (unsigned)node, .interface = (unsigned)i };
	return 0;
}

/* Ends that are serial ports, as a radio's or a TNC's. */
static int line_read(struct reading *r, int l)
{
	const struct text_link *text = &r->text->links[l];
	struct scenario_link *link = &r->scenario->links[l];
	char *end = NULL;

	link->baud = BAUD;
	link->is_line = text->framing != NULL;
	link->framing = text->framing && strcmp(text->framing, "kiss") == 0 ? FRAMING_KISS : FRAMING_COBS;
	if (text->framing && link->framing == FRAMING_COBS && strcmp(text->framing, "cobs") != 0)
		return outline_complain(&r->outline, "links", l, "framing",
			"link \"%s\": framing is cobs or kiss, not \"%.40s\"", link->name, text->framing);
	if (!text->baud)
		return 0;
	unsigned long baud = strtoul(text->baud, &end, 10);
	link->baud = (unsigned)baud;
	if (!link->is_line || text->baud[0] < '0' || text->baud[0] > '9' || *end || baud < BAUD_MIN || baud > BAUD_MAX)
		return outline_complain(&r->outline, "links", l, "baud",
			"link \"%s\": baud is a number from %d to %d, and only for links with framing:", link->name,
			BAUD_MIN, BAUD_MAX);
	return 0;
}

static int link_read(struct reading *r, int l)
{
	const struct text_link *text = &r->text->links[l];
	struct scenario_link *link = &r->scenario->links[l];

	if (!name_is_good(text->name, SCENARIO_NAME_MAX))
		return outline_complain(
			&r->outline, "links", l, "name", "a link needs a name of 1 to 31 letters, digits, . _ or -");
	if (scenario_find_link(r->scenario, text->name, strlen(text->name)) >= 0)
		return outline_complain(
			&r->outline, "links", l, "name", "there are two links \"%s\"; rename one", text->name);
	snprintf(link->name, sizeof(link->name), "%s", text->name);
	r->scenario->link_count++;
	int error = text_link_params(&r->outline, l, text, &link->preset, link->params);
	if (!error)
		error = text_link_state(&r->outline, l, text, &link->state);
	for (unsigned i = 0; i < text->ends_count && !error; i++)
		error = end_read(r, l, text->ends[i]);
	if (!error)
		error = text_link_deaf(&r->outline, l, text, link->deaf);
	link->deaf_count = text->deaf_count;
	if (!error)
		error = line_read(r, l);
	if (!error && link->end_count < 2)
		error = outline_complain(&r->outline, "links", l, "ends",
			"link \"%s\" has fewer than two ends; write ends: [a:eth0, b:eth0]", link->name);
	return error;
}

/* What only the whole can tell. */
static int nodes_check(struct reading *r)
{
	for (unsigned n = 0; n < r->scenario->node_count; n++) {
		const struct scenario_node *node = &r->scenario->nodes[n];

		for (unsigned i = 0; i < node->interface_count; i++)
			if (!node->interfaces[i].attached)
				return outline_complain(&r->outline, "nodes", (int)n, "interfaces",
					"node \"%s\": no link ends in interface \"%s\"; add one to links, or remove it",
					node->name, node->interfaces[i].name);
		if (node->nat[0] && scenario_find_interface(node, node->nat) < 0)
			return outline_complain(&r->outline, "nodes", (int)n, "nat",
				"node \"%s\": nat names no interface of it; name the one that faces out", node->name);
	}
	return 0;
}

static int event_read(struct reading *r, int e)
{
	const struct text_event *text = &r->text->events[e];
	struct scenario *s = r->scenario;
	char complaint[LINK_COMPLAINT_MAX];
	struct scenario_event event;
	struct order order;

	if (!text->at || link_duration_parse(&event.at_us, text->at))
		return outline_complain(&r->outline, "events", e, "at",
			"an event needs its time after the start; write at: 12.5 (seconds)");
	if (!text->order)
		return outline_complain(
			&r->outline, "events", e, "at", "an event needs what to do; write do: cut LINK");
	if (order_parse(&order, s, text->order, complaint))
		return outline_complain(&r->outline, "events", e, "do", "%s", complaint);
	event.text = strdup(text->order);
	if (!event.text)
		return outline_complain(&r->outline, NULL, -1, NULL, "out of memory");
	unsigned at = s->event_count++;
	for (; at > 0 && s->events[at - 1].at_us > event.at_us; at--)
		s->events[at] = s->events[at - 1];
	s->events[at] = event;
	return 0;
}

static int scenario_read(struct reading *r)
{
	const struct text *t = r->text;
	char *end = NULL;
	int error = 0;

	if (t->seed) {
		r->scenario->seed = strtoull(t->seed, &end, 10);
		if (t->seed[0] < '0' || t->seed[0] > '9' || *end)
			return outline_complain(
				&r->outline, "seed", -1, NULL, "seed \"%.40s\" is not a number", t->seed);
	}
	if (t->nodes_count == 0)
		return outline_complain(
			&r->outline, "nodes", -1, NULL, "there are no nodes; write nodes: and below it - {name: a}");
	for (unsigned i = 0; i < t->nodes_count && !error; i++)
		error = node_read(r, (int)i);
	for (unsigned i = 0; i < t->links_count && !error; i++)
		error = link_read(r, (int)i);
	if (!error)
		error = nodes_check(r);
	for (unsigned i = 0; i < t->events_count && !error; i++)
		error = event_read(r, (int)i);
	return error;
}

struct scenario *scenario_parse(const char *name, struct bytes text, char error[SCENARIO_ERROR_MAX])
{
	struct reading r = { .outline = { .file = name, .error = error } };
	struct text *values = NULL;

	error[0] = '\0';
	r.scenario = calloc(1, sizeof(*r.scenario));
	if (!r.scenario) {
		snprintf(error, SCENARIO_ERROR_MAX, "%.128s: out of memory", name);
		return NULL;
	}
	int result = text_load(&values, text, &r.outline);
	r.text = values;
	if (!result)
		result = scenario_read(&r);
	text_free(values);
	outline_done(&r.outline);
	if (result) {
		scenario_free(r.scenario);
		return NULL;
	}
	return r.scenario;
}

struct scenario *scenario_load(const char *path, char error[SCENARIO_ERROR_MAX])
{
	static const struct file_kind kind = { "scenario", "a megabyte", SCENARIO_FILE_MAX };
	size_t len;
	char *text = text_file_read(path, &kind, &len, error);
	struct scenario *s = text ? scenario_parse(path, bytes_of(text, len), error) : NULL;

	free(text);
	return s;
}

void scenario_free(struct scenario *s)
{
	if (!s)
		return;
	for (unsigned n = 0; n < s->node_count; n++)
		for (unsigned i = 0; i < s->nodes[n].run_count; i++)
			free(s->nodes[n].run[i]);
	for (unsigned e = 0; e < s->event_count; e++)
		free(s->events[e].text);
	free(s);
}
