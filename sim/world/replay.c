/* From what nodes have recorded to what a scenario orders (replay.h). */
#include "sim/world/replay.h"
#include "sim/preset.h"
#include "sim/world/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLINK_MS 1000 /* a neighbour that is back within was restarted, and no link failed */
#define NOTICED_MS 2000 /* a neighbour and a site behind it are missed at about the same time */
#define LATE_MS 5000 /* a link that is up so long after its node's start was not there before */

static void *grown(void *list, size_t count, size_t size)
{
	void **all = list;
	void *more = realloc(*all, (count + 1) * size);

	if (!more)
		abort(); /* as elsewhere in the simulator: world_alloc() */
	*all = more;
	return memset((char *)more + count * size, 0, size);
}

static const char *text_of(const struct chronicle_entry *e, const char *key)
{
	const char *text = json_string_value(json_object_get(e->data, key));

	return text ? text : "";
}

static int64_t number_of(const struct chronicle_entry *e, const char *key)
{
	return json_integer_value(json_object_get(e->data, key));
}

static bool is(const struct chronicle_entry *e, const char *code)
{
	return strcmp(e->code, code) == 0;
}

/* --- nodes and links --------------------------------------------------------------------------- */

static unsigned node_get(struct replay *r, const char *name)
{
	for (unsigned i = 0; i < r->node_count; i++)
		if (strcmp(r->nodes[i].name, name) == 0)
			return i;
	struct replay_node *n = grown(&r->nodes, r->node_count, sizeof(*n));
	*n = (struct replay_node){ .name = name, .level = "scene", .log = -1 };
	return r->node_count++;
}

/* Logs are the first nodes. */
static void logs_take(struct replay *r)
{
	for (unsigned i = 0; i < r->chronicle->log_count; i++) {
		const struct chronicle_log *l = &r->chronicle->logs[i];
		unsigned node = node_get(r, l->node); /* which may move them all */
		struct replay_node *n = &r->nodes[node];

		n->log = (int)i;
		if (l->trust == CHRONICLE_SIGNED)
			n->level = level_name(l->certificate.level);
	}
}

static struct replay_link *link_find(struct replay *r, unsigned from, unsigned to, const char *name)
{
	for (unsigned i = 0; i < r->link_count; i++) {
		struct replay_link *l = &r->links[i];
		bool is_same = !name == !l->name && (!name || strcmp(name, l->name) == 0);

		if (l->from == from && l->to == to && is_same)
			return l;
	}
	return NULL;
}

/* By the daemon's kinds of links, if its preset is none of the simulator's. */
static const char *preset_like(const char *type)
{
	static const char *const likes[][2] = { { "ethernet", "fibre" }, { "udp", "fibre" }, { "serial", "narrowband" },
		{ "pipe", "narrowband" } };

	for (unsigned i = 0; i < sizeof(likes) / sizeof(likes[0]); i++)
		if (type && strcmp(likes[i][0], type) == 0)
			return likes[i][1];
	return "fibre";
}

/* What the node said of this link when it was started: its preset, as the simulator has it. */
static void link_describe(const struct replay *r, struct replay_link *l)
{
	const struct chronicle *all = r->chronicle;
	const json_t *each;
	size_t k;

	for (size_t i = 0; i < all->entry_count; i++) {
		const struct chronicle_entry *e = &all->entries[i];

		if (!is(e, "started") || (int)e->log != r->nodes[l->from].log)
			continue;
		json_array_foreach (json_object_get(e->data, "links"), k, each) {
			const char *name = json_string_value(json_object_get(each, "name"));
			const char *preset = json_string_value(json_object_get(each, "preset"));

			if (!name || strcmp(name, l->name) != 0)
				continue;
			l->preset = preset && link_preset_find(preset)
					    ? preset
					    : preset_like(json_string_value(json_object_get(each, "type")));
			l->rate_bps = json_integer_value(json_object_get(each, "rate_bps"));
		}
	}
}

static struct replay_link *link_get(struct replay *r, unsigned from, unsigned to, const char *name)
{
	struct replay_link *l = link_find(r, from, to, name);

	if (l)
		return l;
	l = grown(&r->links, r->link_count++, sizeof(*l));
	*l = (struct replay_link){ .from = from, .to = to, .name = name, .preset = "fibre" };
	r->nodes[from].was_met = r->nodes[to].was_met = true;
	if (name)
		link_describe(r, l);
	return l;
}

/* --- orders ---------------------------------------------------------------------------------------- */

static size_t order_add(struct replay *r, int64_t at_ms, enum replay_order order, unsigned what)
{
	struct replay_event *event = grown(&r->events, r->event_count, sizeof(*event));

	*event = (struct replay_event){ at_ms, order, what };
	return r->event_count++;
}

static unsigned number_of_link(const struct replay *r, const struct replay_link *l)
{
	return (unsigned)(l - r->links);
}

static void link_is_up(struct replay *r, struct replay_link *l, int64_t at_ms)
{
	bool is_before = at_ms < r->from_ms, is_late = l->is_new && at_ms - l->new_ms > LATE_MS;

	if (is_before)
		l->begins_up = true;
	else if (!l->is_up && l->down_ms && at_ms - l->down_ms < BLINK_MS)
		r->events[l->down_event].order = REPLAY_NOTHING;
	else if (l->is_up && is_late) {
		order_add(r, l->new_ms, REPLAY_SILENCE, number_of_link(r, l));
		order_add(r, at_ms, REPLAY_RESTORE, number_of_link(r, l));
	} else if (!l->is_up)
		order_add(r, at_ms, REPLAY_RESTORE, number_of_link(r, l));
	l->is_up = true;
	l->is_new = false;
	l->down_ms = 0;
}

static void link_is_down(struct replay *r, struct replay_link *l, int64_t at_ms, enum replay_order how)
{
	if (at_ms < r->from_ms) {
		l->begins_up = false;
	} else if (l->is_up) {
		l->down_event = order_add(r, at_ms, how, number_of_link(r, l));
		l->down_ms = at_ms;
	}
	l->is_up = false;
}

/* Of a pair that both have recorded the first log is believed. */
static bool is_told_by_other(const struct replay *r, unsigned from, const char *neighbour)
{
	for (int i = 0; i < r->nodes[from].log; i++)
		if (strcmp(r->chronicle->logs[i].node, neighbour) == 0)
			return true;
	return false;
}

/* "...: nothing heard for 8 s", "does not answer for 300 ms": it was lost so long before. */
static int64_t silent_for_ms(const char *text)
{
	const char *at = strstr(text, " for ");
	unsigned span;
	char unit[3] = "";

	if (!at || sscanf(at, " for %7u %2s", &span, unit) != 2)
		return 0;
	return strcmp(unit, "s") == 0 ? span * 1000ll : strcmp(unit, "ms") == 0 ? span : 0;
}

static void neighbour_take(struct replay *r, unsigned from, const struct chronicle_entry *e)
{
	const char *name = text_of(e, "neighbour");

	if (!*name || is_told_by_other(r, from, name))
		return;
	unsigned to = node_get(r, name);
	struct replay_link *l = link_get(r, from, to, text_of(e, "link"));
	if (is(e, "neighbour-up"))
		link_is_up(r, l, e->date_ms);
	else
		link_is_down(r, l, e->date_ms - silent_for_ms(e->text),
			strstr(e->text, "the link is down") ? REPLAY_CUT : REPLAY_SILENCE);
}

/* --- sites behind a neighbour ------------------------------------------------------------------------ */

/* Somebody has it for a neighbour: its links tell. */
static bool is_neighbour(const struct replay *r, unsigned node)
{
	for (unsigned i = 0; i < r->link_count; i++)
		if (r->links[i].name && (r->links[i].from == node || r->links[i].to == node))
			return true;
	return false;
}

static void watch_take(struct replay *r, const struct chronicle_entry *e)
{
	const char *via = json_string_value(json_object_get(json_object_get(e->data, "via"), "neighbour"));
	unsigned site = *text_of(e, "site") ? node_get(r, text_of(e, "site")) : 0;

	if (!via || !*text_of(e, "site") || strcmp(via, text_of(e, "site")) == 0 || is_neighbour(r, site))
		return;
	/* Who has a log of its own tells where it goes on. */
	unsigned by = node_get(r, via);
	if (r->nodes[by].log >= 0)
		return;
	struct replay_link *l = link_get(r, by, site, NULL);
	l->begins_up = l->is_up = true;
}

static void outage_take(struct replay *r, unsigned from, const struct chronicle_entry *e)
{
	const char *site = text_of(e, "site");
	struct replay_outage *o = NULL;

	if (!e->data || !*site)
		return;
	unsigned to = node_get(r, site);
	for (size_t i = 0; i < r->outage_count && !o; i++)
		if (r->outages[i].from == from && r->outages[i].to == to &&
			json_integer_value(json_object_get(r->outages[i].data, "began_unix_s")) ==
				number_of(e, "began_unix_s"))
			o = &r->outages[i];
	if (!o) {
		o = grown(&r->outages, r->outage_count++, sizeof(*o));
		*o = (struct replay_outage){ from, to, NULL, e->date_ms - number_of(e, "age_ms") };
	}
	o->data = e->data;
}

/* As far as neighbours tell. */
static bool link_was_up(const struct replay *r, unsigned link, int64_t at_ms)
{
	int64_t last_ms = INT64_MIN;
	bool is_up = r->links[link].begins_up;

	for (size_t i = 0; i < r->event_count; i++) {
		const struct replay_event *e = &r->events[i];

		if (e->order > REPLAY_RESTORE || e->what != link || e->at_ms > at_ms || e->at_ms < last_ms)
			continue;
		last_ms = e->at_ms;
		is_up = e->order == REPLAY_RESTORE;
	}
	return is_up;
}

/* A site is out, and neither its neighbours nor its links say why: a way behind a neighbour, or a link whose silence
 * the node did not live to see. They are lost with the outage, and back with the first contact. */
static void outages_cut(struct replay *r)
{
	for (size_t i = 0; i < r->outage_count; i++) {
		const struct replay_outage *o = &r->outages[i];
		const json_t *contact = json_object_get(o->data, "contact_s");

		if (o->began_ms < r->from_ms || json_is_true(json_object_get(o->data, "start")))
			continue;
		for (unsigned k = 0; k < r->link_count; k++) {
			const struct replay_link *l = &r->links[k];
			bool is_beside = l->name && ((l->from == o->from && l->to == o->to) ||
							    (l->from == o->to && l->to == o->from));

			if (!(is_beside || (!l->name && l->to == o->to)) ||
				!link_was_up(r, k, o->began_ms + NOTICED_MS))
				continue;
			order_add(r, o->began_ms, REPLAY_SILENCE, k);
			if (json_is_number(contact))
				order_add(r, o->began_ms + (int64_t)(1000 * json_number_value(contact)), REPLAY_RESTORE,
					k);
		}
	}
}

/* --- starts and ends ------------------------------------------------------------------------------------ */

static void node_is_off(struct replay *r, unsigned node, int64_t at_ms, enum replay_order how)
{
	if (at_ms < r->from_ms)
		r->nodes[node].is_off = true;
	else
		order_add(r, at_ms, how, node);
}

static void node_is_on(struct replay *r, unsigned node, int64_t at_ms)
{
	if (at_ms < r->from_ms)
		r->nodes[node].is_off = false;
	else
		order_add(r, at_ms, REPLAY_ON, node);
	for (unsigned i = 0; i < r->link_count; i++)
		if (r->links[i].from == node) {
			r->links[i].is_new = true;
			r->links[i].new_ms = at_ms;
		}
}

/* The last word of the process before, if it did not say that it stops. */
static void process_take(
	struct replay *r, unsigned node, const struct chronicle_entry *e, const struct chronicle_entry *last)
{
	bool is_first = !last;

	if (is_first && e->date_ms - r->from_ms < 1000 * REPLAY_LEAD_S)
		return; /* it is on from the beginning */
	if (is_first)
		r->nodes[node].is_off = true;
	else if (!is(last, "stopped"))
		node_is_off(r, node, last->date_ms, REPLAY_OFF);
	node_is_on(r, node, e->date_ms);
}

static void entries_take(struct replay *r)
{
	const struct chronicle *all = r->chronicle;
	const struct chronicle_entry **last = calloc(all->log_count + 1, sizeof(*last));

	for (size_t i = 0; last && i < all->entry_count; i++) {
		const struct chronicle_entry *e = &all->entries[i];
		unsigned node = node_get(r, all->logs[e->log].node);

		if (e->date_ms > r->to_ms)
			break;
		if (!last[e->log] || last[e->log]->process != e->process)
			process_take(r, node, e, last[e->log]);
		last[e->log] = e;
		if (is(e, "neighbour-up") || is(e, "neighbour-down"))
			neighbour_take(r, node, e);
		else if (is(e, "watch"))
			watch_take(r, e);
		else if (is(e, "outage") || is(e, "outage-mark") || is(e, "outage-over"))
			outage_take(r, node, e);
		else if (is(e, "stopped"))
			node_is_off(r, node, e->date_ms, REPLAY_LEAVE);
	}
	free(last);
}

static int event_compare(const void *a, const void *b)
{
	const struct replay_event *x = a, *y = b;

	return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

static int refuse(char error[REPLAY_ERROR_MAX], int code, const char *why)
{
	snprintf(error, REPLAY_ERROR_MAX, "%s", why);
	return code;
}

int replay_read(struct replay *r, const struct chronicle *chronicle, int64_t from_ms, int64_t to_ms,
	char error[REPLAY_ERROR_MAX])
{
	*r = (struct replay){ .chronicle = chronicle, .from_ms = from_ms, .to_ms = to_ms };
	logs_take(r);
	entries_take(r);
	outages_cut(r);
	if (r->event_count)
		qsort(r->events, r->event_count, sizeof(r->events[0]), event_compare);
	if (!r->link_count)
		return refuse(error, -ENODATA, "nobody met anybody in that time; choose another with --from and --to");
	if (r->event_count > PLAN_EVENTS_MAX || r->node_count > PLAN_NODES_MAX || r->link_count > PLAN_LINKS_MAX)
		return refuse(error, -E2BIG,
			"too much happened for one scenario; choose a shorter time with --from and --to");
	return 0;
}

void replay_done(struct replay *r)
{
	free(r->nodes);
	free(r->links);
	free(r->events);
	free(r->outages);
	*r = (struct replay){ 0 };
}
