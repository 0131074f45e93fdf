/*
 * What is different between two configurations, a sentence for each: what runs against
 * what the file says now. Keys are never shown.
 */
#include "meshd/config/config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define VALUE_MAX CONFIG_PATH_MAX /* the longest text that a field has */

enum kind { TEXT, NUMBER, SMALL, SWITCH, RATE };
struct field {
	const char *name; /* as in the file */
	enum kind kind;
	size_t at;
};

static const struct field link_fields[] = {
	{ "preset", TEXT, offsetof(struct config_link, preset) },
	{ "interface", TEXT, offsetof(struct config_link, interface) },
	{ "listen", SMALL, offsetof(struct config_link, port) },
	{ "discover", SWITCH, offsetof(struct config_link, discover) },
	{ "device", TEXT, offsetof(struct config_link, serial.device) },
	{ "baud", NUMBER, offsetof(struct config_link, serial.baud) },
	{ "rate", RATE, offsetof(struct config_link, rate_bps) },
	{ "mtu", NUMBER, offsetof(struct config_link, mtu) },
	{ "cost", SMALL, offsetof(struct config_link, rxcost) },
	{ "hello", NUMBER, offsetof(struct config_link, hello_ms) },
	{ "update", NUMBER, offsetof(struct config_link, update_s) },
	{ "keepalive", NUMBER, offsetof(struct config_link, keepalive_s) },
	{ "metered", SWITCH, offsetof(struct config_link, metered) },
	{ "introductions", SWITCH, offsetof(struct config_link, introduces) },
	{ "split-horizon", SWITCH, offsetof(struct config_link, split_horizon) },
	{ "mac-required", SWITCH, offsetof(struct config_link, mac_required) },
};
static const struct field node_fields[] = {
	{ "key", TEXT, offsetof(struct config, key_path) },
	{ "state", TEXT, offsetof(struct config, state_dir) },
	{ "control", TEXT, offsetof(struct config, control_path) },
	{ "tun", TEXT, offsetof(struct config, tun) },
	{ "mtu", NUMBER, offsetof(struct config, tun_mtu) },
	{ "table", NUMBER, offsetof(struct config, table) },
	{ "metric", NUMBER, offsetof(struct config, route_metric) },
	{ "lan", TEXT, offsetof(struct config, lan) },
};

struct diff {
	void (*tell)(void *arg, const char *text, bool needs_restart);
	void *arg;
};

__attribute__((format(printf, 3, 4))) static void say(const struct diff *d, bool needs_restart, const char *format, ...)
{
	char text[2 * VALUE_MAX + 100];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	d->tell(d->arg, text, needs_restart);
}

static void value_write(char text[VALUE_MAX], const struct field *f, const void *of)
{
	const char *at = (const char *)of + f->at;
	uint64_t rate;

	switch (f->kind) {
	case TEXT:
		snprintf(text, VALUE_MAX, "%s", *at ? at : "none");
		break;
	case NUMBER:
		snprintf(text, VALUE_MAX, "%u", *(const unsigned *)(const void *)at);
		break;
	case SMALL:
		snprintf(text, VALUE_MAX, "%u", (unsigned)*(const uint16_t *)(const void *)at);
		break;
	case SWITCH:
		snprintf(text, VALUE_MAX, "%s", *(const bool *)(const void *)at ? "yes" : "no");
		break;
	case RATE:
		memcpy(&rate, at, sizeof(rate));
		if (rate)
			config_format_rate(text, VALUE_MAX, rate);
		else
			snprintf(text, VALUE_MAX, "none");
		break;
	}
}

static bool field_differs(
	const struct field *f, const void *old, const void *new, char before[VALUE_MAX], char after[VALUE_MAX])
{
	value_write(before, f, old);
	value_write(after, f, new);
	return strcmp(before, after) != 0;
}

static unsigned fields_compare(const struct diff *d, const char *whose, bool needs_restart, const struct field *fields,
	size_t count, const void *old, const void *new)
{
	char before[VALUE_MAX], after[VALUE_MAX];
	unsigned found = 0;

	for (size_t i = 0; i < count; i++) {
		if (!field_differs(&fields[i], old, new, before, after))
			continue;
		say(d, needs_restart, "%s: %s: %s -> %s", whose, fields[i].name, before, after);
		found++;
	}
	return found;
}

void config_node_diff(
	const struct config *old, const struct config *new, void (*differs)(void *arg, const char *field), void *arg)
{
	char before[VALUE_MAX], after[VALUE_MAX];

	for (size_t i = 0; i < sizeof(node_fields) / sizeof(node_fields[0]); i++)
		if (field_differs(&node_fields[i], old, new, before, after))
			differs(arg, node_fields[i].name);
}

/* --- lists ------------------------------------------------------------------------------------- */

static void link_compare(const struct diff *d, const struct config_link *old, const struct config_link *new)
{
	char whose[CONFIG_INTERFACE_MAX + 8];
	unsigned found = 0;

	snprintf(whose, sizeof(whose), "link %s", new->name);
	found += fields_compare(d, whose, false, link_fields, sizeof(link_fields) / sizeof(link_fields[0]), old, new);
	if (!rules_equal(old->accept, old->accept_count, new->accept, new->accept_count) && ++found)
		say(d, false, "%s: accept: %u rules -> %u", whose, old->accept_count, new->accept_count);
	if (!rules_equal(old->announce, old->announce_count, new->announce, new->announce_count) && ++found)
		say(d, false, "%s: announce: %u rules -> %u", whose, old->announce_count, new->announce_count);
	if ((old->mac_count != new->mac_count || memcmp(old->mac, new->mac, sizeof(old->mac)) != 0) && ++found)
		say(d, false, "%s: mac: the keys are others", whose);
	if ((old->peer_count != new->peer_count || memcmp(old->peers, new->peers, sizeof(old->peers)) != 0) && ++found)
		say(d, false, "%s: peers: %u -> %u, or others", whose, old->peer_count, new->peer_count);
	if (!found && memcmp(old, new, sizeof(*old)) != 0)
		say(d, false, "%s: something else of it", whose);
}

const struct config_link *config_link_named(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->link_count; i++)
		if (strcmp(c->links[i].name, name) == 0)
			return &c->links[i];
	return NULL;
}

static void links_compare(const struct diff *d, const struct config *old, const struct config *new)
{
	for (unsigned i = 0; i < old->link_count; i++)
		if (*old->links[i].name && !config_link_named(new, old->links[i].name))
			say(d, false, "link %s: it is gone", old->links[i].name);
	for (unsigned i = 0; i < new->link_count; i++) {
		const struct config_link *before = config_link_named(old, new->links[i].name);

		if (before)
			link_compare(d, before, &new->links[i]);
		else
			say(d, false, "link %s: it is new", new->links[i].name);
	}
}

static bool limits_equal(const struct traffic_limit *a, const struct traffic_limit *b)
{
	return a->kind == b->kind && a->rate_bps == b->rate_bps && a->burst_ms == b->burst_ms;
}

bool config_classes_equal(const struct config_classes *a, const struct config_classes *b)
{
	bool is_same =
		a->policy.rule_count == b->policy.rule_count && memcmp(a->rules, b->rules, sizeof(a->rules)) == 0;

	for (unsigned i = 0; i < TRAFFIC_CLASSES && is_same; i++)
		is_same = limits_equal(&a->policy.limits[i], &b->policy.limits[i]);
	return is_same;
}

void config_diff(const struct config *old, const struct config *new,
	void (*tell)(void *arg, const char *text, bool needs_restart), void *arg)
{
	const struct diff d = { tell, arg };

	fields_compare(&d, "node", true, node_fields, sizeof(node_fields) / sizeof(node_fields[0]), old, new);
	if (old->is_unbatched != new->is_unbatched)
		say(&d, true, "io: offload: %s -> %s", old->is_unbatched ? "no" : "yes",
			new->is_unbatched ? "no" : "yes");
	if (old->watch_count != new->watch_count || memcmp(old->watch, new->watch, sizeof(old->watch)) != 0)
		say(&d, false, "node: watch: %u sites -> %u, or others", old->watch_count, new->watch_count);
	if (old->shares_log != new->shares_log)
		say(&d, false, "node: share-log: %s -> %s", old->shares_log ? "yes" : "no",
			new->shares_log ? "yes" : "no");
	if (old->redistribute_count != new->redistribute_count ||
		memcmp(old->redistribute, new->redistribute, sizeof(old->redistribute)) != 0)
		say(&d, false, "node: redistribute: %u rules -> %u, or others", old->redistribute_count,
			new->redistribute_count);
	if (!config_classes_equal(&old->classes, &new->classes))
		say(&d, false, "classes: %u rules -> %u, or other rules or limits", old->classes.policy.rule_count,
			new->classes.policy.rule_count);
	if (!config_page_equal(&old->page, &new->page))
		say(&d, false, "page: %u places -> %u, or other places or pairing", old->page.place_count,
			new->page.place_count);
	links_compare(&d, old, new);
}

/* --- all of it ------------------------------------------------------------------------------------ */

static void fields_tell(
	const struct diff *d, const char *whose, const struct field *fields, size_t count, const void *of)
{
	char value[VALUE_MAX];

	for (size_t i = 0; i < count; i++) {
		value_write(value, &fields[i], of);
		if (strcmp(value, "none") != 0 && strcmp(value, "no") != 0 && strcmp(value, "0") != 0)
			say(d, false, "%s: %s: %s", whose, fields[i].name, value);
	}
}

static void link_tell(const struct diff *d, const struct config_link *l)
{
	char whose[CONFIG_INTERFACE_MAX + 8];

	snprintf(whose, sizeof(whose), "link %s", l->name);
	fields_tell(d, whose, link_fields, sizeof(link_fields) / sizeof(link_fields[0]), l);
	for (unsigned i = 0; i < l->peer_count; i++)
		say(d, false, "%s: peer: %s port %u", whose, l->peers[i].host, l->peers[i].port);
	if (l->accept_count || l->announce_count)
		say(d, false, "%s: rules: accept %u, announce %u", whose, l->accept_count, l->announce_count);
	if (l->mac_count)
		say(d, false, "%s: mac: %u keys, not shown", whose, l->mac_count);
	/* What is behind its name may hold the password of a modem. */
	if (l->pipe.word_count)
		say(d, false, "%s: command: %s, and %u words that are not shown", whose, config_pipe_word(&l->pipe, 0),
			l->pipe.word_count - 1);
}

void config_tell(const struct config *c, void (*tell)(void *arg, const char *text, bool needs_restart), void *arg)
{
	const struct diff d = { tell, arg };

	fields_tell(&d, "node", node_fields, sizeof(node_fields) / sizeof(node_fields[0]), c);
	say(&d, false, "io: offload: %s", c->is_unbatched ? "no" : "yes");
	for (unsigned i = 0; i < c->watch_count; i++)
		say(&d, false, "node: watch: %s", c->watch[i]);
	if (!c->shares_log)
		say(&d, false, "node: share-log: no");
	if (c->redistribute_count)
		say(&d, false, "node: redistribute: %u rules", c->redistribute_count);
	for (unsigned i = 0; i < c->classes.policy.rule_count; i++)
		say(&d, false, "classes: %s", c->classes.rules[i]);
	for (unsigned i = 0; i < c->link_count; i++)
		link_tell(&d, &c->links[i]);
}
