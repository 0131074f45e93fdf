/*
 * Links of a plan, and the ports that they end in. What the daemon makes of a
 * link comes from its own reader: each port is one line of a meshd.yaml.
 */
#include "sim/world/plan_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a node's configuration calls the link, whether a frame reaches all who are on it, and whether the radio hangs
 * on a serial port, so that its frames have no IP beneath them. */
static const struct {
	const char *preset, *mesh;
	bool is_lan, is_serial;
} kinds[] = {
	{ "switch", "fibre", true, false },
	{ "fibre", "fibre", true, false },
	{ "mesh-radio", "mesh-radio", true, false },
	{ "mesh-radio-edge", "mesh-radio", true, false },
	{ "drone-relay", "mesh-radio", true, false },
	{ "narrowband", "narrowband", true, true },
	{ "hf", "narrowband", true, true },
	{ "geo-satellite", "geo-satellite", false, false },
	{ "leo-satellite", "leo-satellite", false, false },
	{ "cellular", "cellular", false, false },
	{ "satphone", "narrowband", false, false },
	{ PLAN_MESSAGES, PLAN_MESSAGES, false, false },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* A modem's program takes a message when it can send it; nobody stands between cards. */
static bool is_message(const char *mesh)
{
	return strcmp(mesh, PLAN_MESSAGES) == 0;
}

#define MTU_OF_ANY 1500 /* no node needs to be told of more */

/* One of link_param_names[]: does the plan say it, or only the preset? */
static bool param_is_given(const struct plan_text_link *text, const char *name)
{
	unsigned i = 0;

	while (link_param_names[i] && strcmp(link_param_names[i], name) != 0)
		i++;
	return link_param_names[i] && text->link.params[i];
}

/* The largest packet that the medium below is given. */
static unsigned port_carried(const struct plan_port *port)
{
	return port->config.mtu + (port->config.type == CONFIG_UDP ? CONFIG_UDP_OVERHEAD : 0);
}

/* ", essential: [...]", or nothing. */
static void essential_write(char *out, size_t size, const struct plan_text_link *text)
{
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < text->essential_count && len < size; i++)
		len += (size_t)snprintf(
			out + len, size - len, "%s\"%.40s\"", i ? ", " : ", essential: [", text->essential[i]);
	if (len && len < size)
		snprintf(out + len, size - len, "]");
}

/* Reads the link as a line of a node's file; `mtu` 0: not said. */
static int port_read(struct plan_reading *r, int l, struct plan_port *port, uint64_t rate_bps, unsigned mtu)
{
	const struct plan_text_link *text = &r->text->links[l];
	char yaml[1024], essential[512], error[CONFIG_ERROR_MAX], rate[40] = "", cost[48] = "", size[20] = "",
								  introductions[48] = "";
	struct config config;

	if (rate_bps)
		snprintf(rate, sizeof(rate), ", rate: %llu", (unsigned long long)rate_bps);
	if (text->cost)
		snprintf(cost, sizeof(cost), ", cost: %.32s", text->cost);
	if (mtu)
		snprintf(size, sizeof(size), ", mtu: %u", mtu);
	if (text->introductions)
		snprintf(introductions, sizeof(introductions), ", introductions: %.16s", text->introductions);
	essential_write(essential, sizeof(essential), text);
	snprintf(yaml, sizeof(yaml), "node: {key: key}\nlinks:\n  - {name: %s, preset: %s, %s%s%s%s%s%s%s}\n",
		port->name, port->mesh,
		is_message(port->mesh) ? "command: [/modem], peers: [card]"
		: port->is_serial      ? "device: /dev/radio, baud: 115200"
		: port->is_lan         ? "interface: "
		: port->is_caller      ? "listen: 0, peers: [\"192.0.2.1:6697\"]"
				       : "listen: 6697",
		port->is_lan && !port->is_serial ? port->name : "", rate, cost, size, introductions, essential);
	if (config_parse(&config, "link", bytes_of(yaml, strlen(yaml)), error))
		return outline_complain(&r->outline, "links", l, NULL, "a node refuses the link: %.300s", error);
	port->config = config.links[0];
	/* The port gives the radio the next frame when the last has left, as the daemon's does. */
	port->config.is_shaped |= port->is_serial;
	return 0;
}

static int port_configure(struct plan_reading *r, int l, struct plan_port *port, uint64_t rate_bps)
{
	unsigned carries = plan_link_at(r, l)->params[0].mtu;
	bool is_stated = param_is_given(&r->text->links[l], "mtu");
	int error = port_read(r, l, port, rate_bps, 0);

	/* Thin links cut packets smaller than what is carried, unless it is less or the plan says so. */
	if (error || !carries || carries > MTU_OF_ANY ||
		(port->config.is_thin && !is_stated && port_carried(port) <= carries))
		return error;
	/* What is larger than the link carries would be lost without a word. */
	return port_read(r, l, port, rate_bps, carries);
}

static int port_find(const struct plan_node *node, const char *name)
{
	for (unsigned i = 0; i < node->port_count; i++)
		if (strcmp(node->ports[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Several links may end in one port, if it is the same kind of port to all of them. */
static int port_get(struct plan_reading *r, int l, unsigned n, const struct plan_port *like, uint64_t rate_bps)
{
	struct plan_node *node = &r->plan->nodes[n];
	int found = port_find(node, like->name);

	if (found >= 0) {
		const struct plan_port *port = &node->ports[found];

		if (strcmp(port->mesh, like->mesh) == 0 && port->is_lan == like->is_lan &&
			port->is_serial == like->is_serial && port->is_caller == like->is_caller &&
			((port->nat == like->nat && port->box == like->box) || plan_link_at(r, l)->is_silent))
			return found;
		return outline_complain(&r->outline, "links", l, "ends",
			"\"%s:%s\" ends a link of another kind; give it an interface of its own", node->name,
			like->name);
	}
	if (node->port_count == PLAN_PORTS_MAX)
		return outline_complain(&r->outline, "links", l, "ends",
			"node \"%s\" has more than %d interfaces; let several links end in one", node->name,
			PLAN_PORTS_MAX);
	if (!node->ports)
		node->ports = calloc(PLAN_PORTS_MAX, sizeof(*node->ports));
	if (!node->ports)
		return outline_complain(&r->outline, NULL, -1, NULL, "out of memory");
	struct plan_port *port = &node->ports[node->port_count];
	*port = *like;
	int error = port_configure(r, l, port, rate_bps);
	return error ? error : (int)node->port_count++;
}

/* That of the first link whose box has this name, from 1 on; 0: it is nobody else's. */
static unsigned box_number(const struct plan *p, int l)
{
	unsigned first = 0;

	while (strcmp(p->links[first].box, p->links[l].box) != 0)
		first++;
	return p->links[l].box[0] ? first + 1 : 0;
}

static int end_read(struct plan_reading *r, int l, const char *text, const char *mesh, uint64_t rate_bps)
{
	struct plan_link *link = plan_link_at(r, l);
	const char *colon = strchr(text, ':');
	int node = colon ? plan_find_node(r->plan, text, (size_t)(colon - text)) : -1;
	struct plan_port port = { .mesh = mesh,
		.is_lan = link->is_lan,
		.is_serial = link->is_serial,
		.is_caller = !link->is_lan && (link->is_silent || link->end_count == 0),
		.nat = link->end_count == 0 ? link->nat : NAT_NONE,
		.hairpins = link->end_count == 0 && link->hairpins,
		.box = link->end_count == 0 ? box_number(r->plan, l) : 0 };

	if (node < 0)
		return outline_complain(&r->outline, "links", l, "ends",
			"link \"%s\": end \"%.60s\" names no node; write NODE:INTERFACE", link->name, text);
	if (!plan_name_is_good(colon + 1, sizeof(port.name)))
		return outline_complain(&r->outline, "links", l, "ends",
			"link \"%s\": end \"%.60s\" names no interface; write NODE:INTERFACE, 15 letters at most",
			link->name, text);
	snprintf(port.name, sizeof(port.name), "%s", colon + 1);
	int number = port_get(r, l, (unsigned)node, &port, rate_bps);
	if (number < 0)
		return number;
	for (unsigned i = 0; i < link->end_count; i++)
		if (link->ends[i].node == (unsigned)node)
			return outline_complain(&r->outline, "links", l, "ends",
				"link \"%s\" ends twice in node \"%s\"; remove one", link->name,
				r->plan->nodes[node].name);
	link->ends[link->end_count++] = (struct plan_end){ (unsigned)node, (unsigned)number };
	return 0;
}

/* Plain yes: a box as most are. */
static int nat_read(enum nat_kind *kind, const char *text)
{
	static const char *const words[] = {
		[NAT_NONE] = "no", [NAT_INDEPENDENT] = "yes", [NAT_SYMMETRIC] = "symmetric"
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0) {
			*kind = (enum nat_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int box_read(struct plan_reading *r, int l)
{
	const struct plan_text_link *text = &r->text->links[l];
	struct plan_link *link = plan_link_at(r, l);
	bool is_yes = text->hairpin && strcmp(text->hairpin, "yes") == 0;

	if ((text->box || text->hairpin) && link->nat == NAT_NONE)
		return outline_complain(&r->outline, "links", l, text->box ? "box" : "hairpin",
			"link \"%s\": its first end is behind no NAT box", link->name);
	if (text->box && !plan_name_is_good(text->box, sizeof(link->box)))
		return outline_complain(&r->outline, "links", l, "box",
			"link \"%s\": the name of a box is 1 to 31 letters, digits, . _ or -", link->name);
	if (text->hairpin && (!text->box || (!is_yes && strcmp(text->hairpin, "no") != 0)))
		return outline_complain(&r->outline, "links", l, "hairpin",
			"link \"%s\": hairpin is yes or no, and only where several are behind one box; write box: NAME",
			link->name);
	snprintf(link->box, sizeof(link->box), "%s", text->box ? text->box : "");
	link->hairpins = is_yes;
	const struct plan_link *first = text->box ? &r->plan->links[box_number(r->plan, l) - 1] : link;
	if (first->nat != link->nat || first->hairpins != link->hairpins)
		return outline_complain(&r->outline, "links", l, "box",
			"link \"%s\": box \"%s\" is of another kind in link \"%s\"; write the same nat and hairpin",
			link->name, link->box, first->name);
	return 0;
}

static int link_kind_read(struct plan_reading *r, int l, const char **mesh)
{
	const struct plan_text_link *text = &r->text->links[l];
	struct plan_link *link = plan_link_at(r, l);
	size_t kind = 0;

	while (kind < KINDS && strcmp(kinds[kind].preset, link->preset->name) != 0)
		kind++;
	if (kind == KINDS)
		return outline_complain(&r->outline, "links", l, "preset", "link \"%s\": no node has links like \"%s\"",
			link->name, link->preset->name);
	link->is_lan = kinds[kind].is_lan;
	*mesh = text->mesh ? text->mesh : kinds[kind].mesh;
	link->is_serial = kinds[kind].is_serial && strcmp(*mesh, kinds[kind].mesh) == 0;
	bool has_terminals = !link->is_lan && !is_message(*mesh);
	link->nat = has_terminals ? NAT_INDEPENDENT : NAT_NONE;
	if (text->nat && (!has_terminals || nat_read(&link->nat, text->nat)))
		return outline_complain(&r->outline, "links", l, "nat",
			"link \"%s\": nat is yes, no or symmetric, and only for satellites and cellular", link->name);
	if (text->calls && (!has_terminals || text->nat || strcmp(text->calls, "no") != 0))
		return outline_complain(&r->outline, "links", l, "calls",
			"link \"%s\": calls is no, and only for satellites and cellular; the boxes that its ends are "
			"behind are said where they call",
			link->name);
	link->is_silent = text->calls;
	link->nat = link->is_silent ? NAT_NONE : link->nat;
	return box_read(r, l);
}

static int range_read(struct plan_reading *r, int l)
{
	const char *text = r->text->links[l].range;
	struct plan_link *link = plan_link_at(r, l);

	if (!text)
		return 0;
	if (!link->is_lan || !link->preset->shared)
		return outline_complain(&r->outline, "links", l, "range",
			"link \"%s\": only radios have a range; remove it, or write preset: mesh-radio", link->name);
	if (place_length_parse(&link->range_m, text) || link->range_m <= 0)
		return outline_complain(&r->outline, "links", l, "range",
			"link \"%s\": \"%.40s\" is not a range; write range: 8km", link->name, text);
	for (unsigned i = 0; i < link->end_count; i++) {
		const struct plan_node *node = &r->plan->nodes[link->ends[i].node];

		if (!node->has_place)
			return outline_complain(&r->outline, "links", l, "range",
				"link \"%s\": where is node \"%s\"? write position: [4km, 1.5km] in its line",
				link->name, node->name);
	}
	return 0;
}

/* What an operator would state: where the plan overrides the rate, the lower of both directions; and that of a
 * radio, because its port's is another one. */
static uint64_t stated_rate(const struct plan_text_link *text, const struct plan_link *link)
{
	uint64_t up = link->params[0].rate_bps, down = link->params[1].rate_bps;

	if (!link->is_serial && !param_is_given(text, "rate") && !param_is_given(text, "rate_up") &&
		!param_is_given(text, "rate_down"))
		return 0;
	return up && (!down || up < down) ? up : down;
}

int plan_link_read(struct plan_reading *r, int l)
{
	const struct plan_text_link *text = &r->text->links[l];
	struct plan_link *link = plan_link_at(r, l);
	const char *mesh = NULL;

	if (!plan_name_is_good(text->link.name, PLAN_NAME_MAX))
		return outline_complain(
			&r->outline, "links", l, "name", "a link needs a name of 1 to 31 letters, digits, . _ or -");
	if (plan_find_link(r->plan, text->link.name, strlen(text->link.name)) >= 0)
		return outline_complain(
			&r->outline, "links", l, "name", "there are two links \"%s\"; rename one", text->link.name);
	snprintf(link->name, sizeof(link->name), "%s", text->link.name);
	r->plan->link_count++;
	int error = text_link_params(&r->outline, l, &text->link, &link->preset, link->params);
	if (!error)
		error = text_link_state(&r->outline, l, &text->link, &link->state);
	if (!error)
		error = link_kind_read(r, l, &mesh);
	for (unsigned i = 0; i < text->link.ends_count && !error; i++)
		error = end_read(r, l, text->link.ends[i], mesh, stated_rate(text, link));
	if (!error)
		error = text_link_deaf(&r->outline, l, &text->link, link->deaf);
	link->deaf_count = text->link.deaf_count;
	if (!error)
		error = range_read(r, l);
	if (!error && link->end_count < 2)
		error = outline_complain(&r->outline, "links", l, "ends",
			"link \"%s\" has fewer than two ends; write ends: [a:eth0, b:eth0]", link->name);
	return error;
}
