/*
 * One link: its preset, then what its line says on top of it. Every check has
 * the line of the field that it judges.
 */
#include "meshd/config/check_link.h"

#include "meshd/config/nearest.h"
#include "meshd/config/preset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define THIN_RATE_MIN_BPS 1200 /* the least frame takes nine seconds on it */
#define RATE_MIN_BPS 4800 /* below, whole Hellos leave no room for routes within the budget */
#define SERIAL_RATE_MIN_BPS 300
#define MESSAGE_RATE_MIN_BPS 10 /* a Hello as often as Babel must is a tenth of it */
#define SERIAL_MTU 240 /* what is urgent waits for one frame at most: a quarter of a second at 9,600 baud */
#define SHAPED_BELOW_BPS 1000000
#define IDLE_MIN_MS 100
#define PROBE_MIN_MS 5
#define PROBE_MAX_MS 60000
#define IDLE_MAX_MS 60000
#define COST_MAX 32767 /* half of infinity: two such hops are still a route */

/* As the link is called if the file does not say: by its port. NULL: nothing says it. */
static const char *name_of(const struct file_link *text)
{
	const char *device = text->device ? strrchr(text->device, '/') : NULL;

	if (text->name || text->interface)
		return text->name ? text->name : text->interface;
	return device ? device + 1 : NULL;
}

static void who_format(struct link_check *l, unsigned i)
{
	const char *name = name_of(l->text);

	if (name)
		snprintf(l->who, sizeof(l->who), "link \"%.32s\"", name);
	else
		snprintf(l->who, sizeof(l->who), "link %u", i + 1);
}

static bool name_is_plain(const char *name)
{
	if (!*name || strlen(name) >= CONFIG_INTERFACE_MAX)
		return false;
	for (; *name; name++)
		if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
			    (*name >= '0' && *name <= '9') || strchr("-._", *name)))
			return false;
	return true;
}

static int take_name(struct config_link *link, const struct link_check *l)
{
	const struct file_link *text = l->text;
	const char *name = name_of(text);

	if (text->interface && !interface_is_valid(text->interface))
		return LINK_COMPLAIN(l, LINK_INTERFACE,
			"interface \"%.40s\" is not an interface name; see \"ip link\" for those of this box",
			text->interface);
	if (!name)
		return LINK_COMPLAIN(l, LINK_NAME, "no name; add name: (up to 15 letters, digits, - . _)");
	if (!name_is_plain(name))
		return LINK_COMPLAIN(
			l, LINK_NAME, "not a name for a link; write name: with 1 to 15 letters, digits, - . _");
	text_copy(link->name, sizeof(link->name), name);
	text_copy(link->interface, sizeof(link->interface), text->interface ? text->interface : "");
	return 0;
}

static int find_preset(const struct preset **preset, const struct link_check *l)
{
	const char *name = l->text->preset, *near;

	*preset = NULL;
	if (!name)
		return 0;
	*preset = preset_find(name);
	if (*preset)
		return 0;
	near = preset_nearest(name);
	if (near)
		return LINK_COMPLAIN(l, LINK_PRESET, "preset \"%.40s\" is not known; did you mean \"%s\"?", name, near);
	return LINK_COMPLAIN(l, LINK_PRESET, "preset \"%.40s\" is not known; known are %s", name, PRESET_NAMES);
}

/* A port and nothing that only udp has: a radio or a cable, and who is there will be found. */
static bool is_bare_interface(const struct link_check *l)
{
	return l->text->interface && !l->at->field[LINK_PEERS] && !l->text->listen && !l->text->discover;
}

/* Some fields say by themselves what kind of link it is. */
static bool type_of_fields(enum config_link_type *type, const struct link_check *l)
{
	if (l->at->field[LINK_DEVICE])
		*type = CONFIG_SERIAL;
	else if (l->at->field[LINK_COMMAND])
		*type = CONFIG_PIPE;
	else
		return false;
	return true;
}

static int find_type(enum config_link_type *type, const struct preset *preset, const struct link_check *l)
{
	static const char *const types[] = { [CONFIG_ETHERNET] = "ethernet",
		[CONFIG_UDP] = "udp",
		[CONFIG_BABEL] = "babel",
		[CONFIG_SERIAL] = "serial",
		[CONFIG_PIPE] = "pipe" };
	unsigned number = CONFIG_ETHERNET;

	if (!l->text->type && type_of_fields(type, l))
		return 0;
	if (!l->text->type && !preset && !is_bare_interface(l))
		return LINK_COMPLAIN(l, LINK_PRESET, "no preset; add preset: with one of %s", PRESET_NAMES);
	if (!l->text->type && preset)
		number = preset->type;
	int error = link_word(&number, l->text->type, types, sizeof(types) / sizeof(types[0]), LINK_TYPE, l);
	*type = (enum config_link_type)number;
	return error;
}

static void take_preset(struct config_link *link, const struct preset *p)
{
	text_copy(link->preset, sizeof(link->preset), p->name);
	link->rate_bps = p->rate_bps;
	link->cost = p->kind;
	link->hello_ms = p->hello_ms;
	link->idle_ms = p->idle_ms;
	link->probe_ms = p->probe_ms;
	link->update_s = p->update_s;
	link->dead_misses = p->dead_misses;
	link->keepalive_s = p->keepalive_s;
	link->metered = p->metered;
	link->rtt = p->rtt;
	/* Every byte counts there, whatever the preset. */
	link->is_thin = p->is_thin || link->type == CONFIG_SERIAL || link->type == CONFIG_PIPE;
}

bool switch_read(bool *out, const char *text)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };

	for (size_t i = 0; text && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i % 2;
			return true;
		}
	}
	return !text;
}

int link_take_switch(bool *out, const char *text, enum link_field field, const struct link_check *l)
{
	if (switch_read(out, text))
		return 0;
	return LINK_COMPLAIN(
		l, field, "%s \"%.40s\" is neither yes nor no; write one of them", link_field_names[field], text);
}

int link_word(unsigned *out, const char *text, const char *const *words, unsigned count, enum link_field field,
	const struct link_check *l)
{
	char known[80] = "";

	for (unsigned i = 0; text && i < count; i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	if (!text)
		return 0;
	for (size_t i = 0, len = 0; i < count && len < sizeof(known); i++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
			!i              ? ""
			: i + 1 < count ? ", "
					: " or ",
			words[i]);
	return LINK_COMPLAIN(l, field, "%s \"%.40s\" is not known; write %s", link_field_names[field], text, known);
}

static int take_mtu(struct config_link *link, const struct preset *preset, const struct link_check *l)
{
	unsigned below = link->type == CONFIG_UDP ? CONFIG_UDP_OVERHEAD : 0;
	unsigned least = link->is_thin ? CONFIG_THIN_FRAME_MIN : CONFIG_FRAME_MIN;
	unsigned most = CONFIG_FRAME_MAX + below, usual = link->type == CONFIG_SERIAL ? SERIAL_MTU : preset->mtu;
	unsigned mtu = usual;

	least += link->type == CONFIG_ETHERNET ? CONFIG_ETHERNET_OVERHEAD : below;
	if (l->text->mtu && number_read(&mtu, l->text->mtu, least, most) < 0)
		return LINK_COMPLAIN(l, LINK_MTU, "mtu \"%.40s\" is out of range; write %u to %u, %u is usual",
			l->text->mtu, least, most, usual);
	link->mtu = mtu - below;
	return 0;
}

static int take_rate(struct config_link *link, const struct link_check *l)
{
	const char *text = l->text->rate;
	unsigned least = link->type == CONFIG_PIPE     ? MESSAGE_RATE_MIN_BPS
			 : link->type == CONFIG_SERIAL ? SERIAL_RATE_MIN_BPS
			 : link->is_thin               ? THIN_RATE_MIN_BPS
						       : RATE_MIN_BPS;

	/* What a preset has is only of the right order. A port and a modem say themselves what they take. */
	link->is_shaped =
		link->type != CONFIG_SERIAL && link->type != CONFIG_PIPE && (text || link->rate_bps < SHAPED_BELOW_BPS);
	if (text && config_parse_rate(&link->rate_bps, text) < 0)
		return LINK_COMPLAIN(l, LINK_RATE, "rate \"%.40s\" is not a rate; write 2M or 2Mbit", text);
	if (text && least == RATE_MIN_BPS && link->rate_bps >= THIN_RATE_MIN_BPS && link->rate_bps < least)
		return LINK_COMPLAIN(l, LINK_RATE,
			"rate \"%.40s\" is too slow for the frames of this preset; write preset: narrowband, or %u or "
			"more "
			"(bit/s)",
			text, least);
	if (text && link->rate_bps < least)
		return LINK_COMPLAIN(l, LINK_RATE,
			"rate \"%.40s\" is too slow for whole packets; write %u or more (bit/s), or remove the link",
			text, least);
	if (text && link->type == CONFIG_SERIAL && link->rate_bps > baud_rate_bps(link->serial.baud))
		return LINK_COMPLAIN(l, LINK_RATE,
			"rate \"%.40s\" is more than a port of %u baud carries; write %llu or less", text,
			link->serial.baud, (unsigned long long)baud_rate_bps(link->serial.baud));
	/* Detection slows down with the link: what it has is for people, not for Hellos. */
	unsigned floor_ms = preset_hello_floor_ms(link);
	if (link->hello_ms < floor_ms)
		link->hello_ms = floor_ms;
	/* In peace half of that, so that a thin link has the rest for people: 24 s at 2.4 kbit/s. */
	unsigned idle_ms = floor_ms * 2 < IDLE_MAX_MS ? floor_ms * 2 : IDLE_MAX_MS;
	if (link->is_thin && link->idle_ms < idle_ms)
		link->idle_ms = idle_ms;
	return 0;
}

/* After the rate, which says how often the busy ones come. */
static int take_idle_hello(struct config_link *link, const struct link_check *l)
{
	const char *text = l->text->idle_hello;

	if (text && number_read(&link->idle_ms, text, IDLE_MIN_MS, IDLE_MAX_MS) < 0)
		return LINK_COMPLAIN(l, LINK_IDLE_HELLO,
			"idle-hello \"%.40s\" is out of range; write %d to %d (milliseconds), 4000 is usual", text,
			IDLE_MIN_MS, IDLE_MAX_MS);
	link->idle_ms -= link->idle_ms % 10; /* Babel counts centiseconds */
	if (link->idle_ms < link->hello_ms)
		link->idle_ms = link->hello_ms;
	return 0;
}

static int take_probe(struct config_link *link, const struct link_check *l)
{
	const char *text = l->text->probe;

	if (text && strcmp(text, "no") != 0 && number_read(&link->probe_ms, text, PROBE_MIN_MS, PROBE_MAX_MS) < 0)
		return LINK_COMPLAIN(l, LINK_PROBE,
			"probe \"%.40s\" is out of range; write %d to %d (milliseconds), or no", text, PROBE_MIN_MS,
			PROBE_MAX_MS);
	/* Thin links ask by Hellos alone (routing/hello.c). */
	if (link->is_thin || (text && strcmp(text, "no") == 0))
		link->probe_ms = 0;
	return 0;
}

/*
 * ETX multiplies what both ends see and divides by 256 (RFC 8966, A.2.2). For a
 * hop without loss to cost what is written, each end states the geometric mean
 * of that and 256; up to 256 the other end's share is 256 already.
 */
static uint16_t nominal_rxcost(enum config_cost kind, unsigned cost)
{
	unsigned root = 256;

	if (kind != CONFIG_COST_RADIO || cost <= root)
		return (uint16_t)cost;
	while ((root + 1) * (root + 1) <= cost * 256)
		root++;
	return (uint16_t)root;
}

static int take_cost(struct config_link *link, const struct preset *preset, const struct link_check *l)
{
	unsigned cost = preset->cost;

	if (l->text->cost && number_read(&cost, l->text->cost, 1, COST_MAX) < 0)
		return LINK_COMPLAIN(l, LINK_COST, "cost \"%.40s\" is out of range; write 1 to %d, a radio hop is 256",
			l->text->cost, COST_MAX);
	link->rxcost = nominal_rxcost(link->cost, cost);
	int error = link_take_switch(&link->metered, l->text->metered, LINK_METERED, l);
	link->extra_cost = link->metered ? METERED_COST : 0;
	return error;
}

static int check_ethernet(const struct link_check *l)
{
	if (!l->text->interface)
		return LINK_COMPLAIN(
			l, LINK_INTERFACE, "no interface; add interface: with the port that the radio is on");
	if (l->at->field[LINK_PEERS])
		return LINK_COMPLAIN(
			l, LINK_PEERS, "an ethernet link finds its peers by itself; remove peers, or write type: udp");
	if (l->text->listen)
		return LINK_COMPLAIN(l, LINK_LISTEN, "an ethernet link has no port; remove listen, or write type: udp");
	if (l->text->discover)
		return LINK_COMPLAIN(l, LINK_DISCOVER, "an ethernet link always discovers; remove discover");
	return 0;
}

static int take_peers(struct config_link *link, const struct link_check *l)
{
	for (unsigned i = 0; i < l->text->peers_count; i++) {
		const char *wrong = peer_read(&link->peers[i], l->text->peers[i], CONFIG_UDP_PORT);

		if (wrong)
			return complain(l->complaint, l->at->peers.line[i],
				"%s: peer \"%.80s\" %s; write gw.example.org, 203.0.113.7:6697 or "
				"\"[2001:db8::1]:6697\"",
				l->who, l->text->peers[i], wrong);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(link->peers[i].host, link->peers[j].host) == 0 &&
				link->peers[i].port == link->peers[j].port)
				return complain(l->complaint, l->at->peers.line[i],
					"%s: peer \"%.80s\" is given twice; remove one", l->who, l->text->peers[i]);
		link->peer_count = i + 1;
	}
	return 0;
}

static int take_udp(struct config_link *link, const struct link_check *l)
{
	const struct file_link *text = l->text;
	unsigned port = CONFIG_UDP_PORT;

	if (text->listen && number_read(&port, text->listen, 0, UINT16_MAX) < 0)
		return LINK_COMPLAIN(l, LINK_LISTEN,
			"listen \"%.40s\" is not a port; write 1 to 65535, or 0 for any that is free", text->listen);
	link->port = (uint16_t)port;
	int error = take_peers(link, l);
	if (error)
		return error;
	link->discover = link->interface[0] && !link->peer_count;
	error = link_take_switch(&link->discover, text->discover, LINK_DISCOVER, l);
	link->probes_mtu = !link->is_thin && (!link->discover || link->peer_count);
	if (!error && link->discover && !link->interface[0])
		error = LINK_COMPLAIN(
			l, LINK_DISCOVER, "discover needs to know where; add interface:, or write discover: no");
	/* Whom nobody can call and who calls nobody is not a link. */
	if (!error && !link->peer_count && !link->discover && !link->port)
		error = LINK_COMPLAIN(
			l, LINK_LISTEN, "no peers, no discovery and no port: nobody can be met; add peers:");
	return error;
}

/* Who calls through a NAT box is called by nobody whom it has not called: it must be introduced. */
static int take_introductions(struct config_link *link, const struct link_check *l)
{
	const char *text = l->text->introductions;
	bool is_wanted = true;

	if (text && (link->type != CONFIG_UDP || link->is_thin))
		return LINK_COMPLAIN(
			l, LINK_INTRODUCTIONS, "introductions are for links over the internet; remove introductions");
	if (link->type != CONFIG_UDP || link->is_thin)
		return 0;
	int error = link_take_switch(&is_wanted, text, LINK_INTRODUCTIONS, l);
	link->introduces = is_wanted;
	link->is_introduced = is_wanted && (text || (link->keepalive_s && link->peer_count));
	return error;
}

static int take_essential(struct config_link *link, const struct link_check *l)
{
	for (unsigned i = 0; i < l->text->essential_count; i++) {
		struct config_essential *e = &link->essential[i];
		const char *text = l->text->essential[i];

		if (prefix_parse(&e->prefix, text) == 0) {
			link->essential_count = i + 1;
			continue;
		}
		if (strlen(text) > NAME_MAX_LEN || strchr(text, '/'))
			return complain(l->complaint, l->at->essential.line[i],
				"%s: essential \"%.60s\" is neither the name of a node nor a prefix; write city-post "
				"or "
				"10.7.1.0/24",
				l->who, text);
		text_copy(e->name, sizeof(e->name), text);
		link->essential_count = i + 1;
	}
	return 0;
}

int check_link(struct config_link *link, const struct file_link *text, unsigned i, const struct check *c)
{
	struct link_check l = { .text = text, .at = &c->outline->link[i], .complaint = c->complaint };
	const struct preset *preset;

	who_format(&l, i);
	int error = find_preset(&preset, &l);
	if (!error)
		error = find_type(&link->type, preset, &l);
	if (!error)
		error = take_name(link, &l);
	if (!error)
		error = check_no_line(link, &l);
	if (!error)
		error = check_policy(link, &l);
	if (error)
		return error;
	if (link->type == CONFIG_BABEL)
		return check_babel(link, &l);
	error = link_refuse_babel_fields(&l);
	if (error)
		return error;
	if (!preset)
		preset = preset_of_type(link->type);
	take_preset(link, preset);
	if (link->type == CONFIG_SERIAL)
		error = check_serial(link, &l);
	else if (link->type == CONFIG_PIPE)
		error = check_pipe(link, &l);
	if (!error)
		error = take_rate(link, &l);
	if (!error)
		error = take_essential(link, &l);
	if (!error)
		error = take_idle_hello(link, &l);
	if (!error)
		error = take_probe(link, &l);
	if (!error)
		error = take_cost(link, preset, &l);
	if (!error)
		error = take_mtu(link, preset, &l);
	if (!error && link->type == CONFIG_ETHERNET)
		error = check_ethernet(&l);
	else if (!error && link->type == CONFIG_UDP)
		error = take_udp(link, &l);
	if (!error)
		error = take_introductions(link, &l);
	return error;
}
