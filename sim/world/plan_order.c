/*
 * Orders of a plan as written: a verb, what it is done to, and what the verb
 * needs besides: "cut fibre0", "move vehicle 4km 1.5km at 40km/h". Each verb is one
 * row of the table, with the reader of what follows its object.
 */
#include "sim/world/plan_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 40

struct words {
	struct plan_reading *r;
	int index; /* of the event */
	struct plan_event *event;
	const char *rest; /* not read yet */
};

/* The next word, "" at the end; false: it is too long to be any. */
static bool word_next(struct words *o, char word[WORD_MAX])
{
	o->rest += strspn(o->rest, " ");
	size_t len = strcspn(o->rest, " ");

	snprintf(word, WORD_MAX, "%.*s", (int)(len < WORD_MAX ? len : 0), o->rest);
	o->rest += len;
	return len < WORD_MAX;
}

/* The rest begins with this word: then it is read. */
static bool word_take(struct words *o, const char *word)
{
	struct words ahead = *o;
	char next[WORD_MAX];

	if (!word_next(&ahead, next) || strcmp(next, word) != 0)
		return false;
	*o = ahead;
	return true;
}

static bool time_take(struct words *o, uint64_t *us)
{
	char word[WORD_MAX];

	return word_next(o, word) && link_duration_parse(us, word) == 0;
}

static bool length_take(struct words *o, double *metres)
{
	char word[WORD_MAX];

	return word_next(o, word) && place_length_parse(metres, word) == 0;
}

static bool place_take(struct words *o, struct position *p)
{
	return length_take(o, &p->x_m) && length_take(o, &p->y_m);
}

static bool is_at_end(const struct words *o)
{
	return o->rest[strspn(o->rest, " ")] == '\0';
}

static int __attribute__((format(printf, 2, 3))) complain(struct words *o, const char *format, ...)
{
	char text[LINK_COMPLAINT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return outline_complain(&o->r->outline, "events", o->index, "do", "%s", text);
}

/* --- what follows the object ---------------------------------------------------------- */

static int nothing_read(struct words *o)
{
	return is_at_end(o) ? 0
			    : complain(o, "\"%.40s\" is too much; an order is a verb and a name",
				      o->rest + strspn(o->rest, " "));
}

static int set_read(struct words *o)
{
	struct link_params params[2];
	char complaint[LINK_COMPLAINT_MAX];

	o->event->settings = o->rest + strspn(o->rest, " ");
	memcpy(params, o->event->kind ? o->event->kind->params : o->r->plan->links[o->event->object].params,
		sizeof(params));
	return order_settings(params, o->event->settings, complaint) ? complain(o, "%s", complaint) : 0;
}

static int stall_read(struct words *o)
{
	const char *text = o->rest + strspn(o->rest, " ");

	if (time_take(o, &o->event->stall_us) && o->event->stall_us && is_at_end(o))
		return 0;
	return complain(o, "\"%.40s\" is not how long; write stall NODE 3s", text);
}

static int arrive_read(struct words *o)
{
	struct plan_node *node = &o->r->plan->nodes[o->event->object];
	const char *text = o->rest + strspn(o->rest, " ");

	if (is_at_end(o))
		return 0;
	if (!place_take(o, &o->event->move.to) || !is_at_end(o))
		return complain(o, "\"%.40s\" is not a place; write arrive NODE 4km 1.5km", text);
	o->event->has_place = true;
	if (node->has_place)
		return 0;
	return complain(o, "node \"%s\" is nowhere before; give it a position: [0, 0]", node->name);
}

static int move_read(struct words *o)
{
	const struct plan_node *node = &o->r->plan->nodes[o->event->object];
	const char *text = o->rest + strspn(o->rest, " ");
	struct plan_move *move = &o->event->move;
	char word[WORD_MAX];

	bool is_good = place_take(o, &move->to);
	if (is_good && word_take(o, "by"))
		is_good = time_take(o, &move->by_us) && move->by_us > 0;
	else if (is_good && word_take(o, "at"))
		is_good = word_next(o, word) && place_speed_parse(&move->speed_mps, word) == 0;
	if (!is_good || !is_at_end(o))
		return complain(o,
			"\"%.60s\" is not where to; write move NODE 4km 1.5km, and behind it, if not at once, by 300 "
			"or at 40km/h",
			text);
	if (move->by_us && move->by_us < o->event->at_us)
		return complain(o, "it cannot be there before it leaves; write by with a later time than at:");
	if (node->has_place)
		return 0;
	return complain(o, "node \"%s\" is nowhere before; give it a position: [0, 0]", node->name);
}

/* Somebody on the link is somewhere. */
static bool jam_has_places(const struct plan *p, const struct plan_event *e)
{
	for (unsigned l = 0; l < p->link_count; l++) {
		const struct plan_link *link = &p->links[l];

		if (!plan_event_means_link(p, e, l))
			continue;
		for (unsigned i = 0; i < link->end_count; i++)
			if (p->nodes[link->ends[i].node].has_place)
				return true;
	}
	return false;
}

static bool loss_parse(double *loss, const char *text)
{
	struct link_params params[2] = { 0 };
	char complaint[LINK_COMPLAINT_MAX];

	if (link_params_set(params, "loss", text, complaint))
		return false;
	*loss = params[0].loss;
	return *loss > 0;
}

static int jam_read(struct words *o)
{
	const char *text = o->rest + strspn(o->rest, " ");
	struct plan_jam *jam = &o->event->jam;
	char word[WORD_MAX];
	bool is_good = true;

	jam->loss = 1;
	if (!word_take(o, "for"))
		is_good = word_next(o, word) && loss_parse(&jam->loss, word) && word_take(o, "for");
	is_good = is_good && time_take(o, &jam->for_us) && jam->for_us > 0;
	if (is_good && word_take(o, "at")) {
		jam->is_local = true;
		is_good = place_take(o, &jam->centre) && word_take(o, "within") && length_take(o, &jam->radius_m) &&
			  jam->radius_m > 0;
	}
	if (!is_good || !is_at_end(o))
		return complain(o,
			"\"%.60s\" is not how to jam; write jam LINK 90%% for 30s, and behind it, if not everywhere, "
			"at 4km 1.5km within 2km",
			text);
	if (jam->is_local && !jam_has_places(o->r->plan, o->event))
		return complain(o, "no node on it has a position; give them position: [X, Y], or jam everywhere");
	return 0;
}

static int clock_read(struct words *o)
{
	const char *text = o->rest + strspn(o->rest, " ");
	char word[WORD_MAX];

	if (!word_next(o, word) || plan_date_parse(&o->event->clock_min, word))
		return complain(o,
			"\"%.40s\" is not a day; write clock NODE 2040-01-31, and trusted behind it, if its "
			"clock is to be believed",
			text);
	o->event->clock_is_trusted = word_take(o, "trusted");
	return nothing_read(o);
}

static int revoke_read(struct words *o)
{
	const struct plan *p = o->r->plan;
	const char *text = o->rest + strspn(o->rest, " ");
	char word[WORD_MAX];

	o->event->revoke_at = -1;
	if (is_at_end(o))
		return 0;
	if (word_take(o, "at") && word_next(o, word))
		o->event->revoke_at = plan_find_node(p, word, strlen(word));
	if (o->event->revoke_at >= 0 && o->event->revoke_at != (int)o->event->object && is_at_end(o))
		return 0;
	return complain(o, "\"%.40s\" is not where; write revoke NODE, or revoke NODE at ANOTHER", text);
}

static int write_read(struct words *o)
{
	const struct plan *p = o->r->plan;
	const char *text = o->rest + strspn(o->rest, " ");
	char word[WORD_MAX];
	int to = word_take(o, "to") && word_next(o, word) ? plan_find_node(p, word, strlen(word)) : -1;

	o->event->is_urgent = word_take(o, "urgent");
	if (to < 0 || to == (int)o->event->object || !is_at_end(o))
		return complain(o, "\"%.40s\" is not to whom; write write NODE to ANOTHER, and urgent behind it", text);
	o->event->write_to = (unsigned)to;
	return 0;
}

/* --- verbs ------------------------------------------------------------------------------- */

enum object { OBJECT_NODE, OBJECT_LINKS };

static const struct {
	const char *name;
	enum plan_verb verb;
	enum object object;
	int (*read)(struct words *o);
} verbs[] = {
	{ "cut", PLAN_CUT, OBJECT_LINKS, nothing_read },
	{ "silence", PLAN_SILENCE, OBJECT_LINKS, nothing_read },
	{ "restore", PLAN_RESTORE, OBJECT_LINKS, nothing_read },
	{ "set", PLAN_SET, OBJECT_LINKS, set_read },
	{ "jam", PLAN_JAM, OBJECT_LINKS, jam_read },
	{ "power-off", PLAN_POWER_OFF, OBJECT_NODE, nothing_read },
	{ "power-on", PLAN_POWER_ON, OBJECT_NODE, nothing_read },
	{ "mains-off", PLAN_MAINS_OFF, OBJECT_NODE, nothing_read },
	{ "mains-on", PLAN_MAINS_ON, OBJECT_NODE, nothing_read },
	{ "arrive", PLAN_ARRIVE, OBJECT_NODE, arrive_read },
	{ "leave", PLAN_LEAVE, OBJECT_NODE, nothing_read },
	{ "move", PLAN_MOVE, OBJECT_NODE, move_read },
	{ "replace", PLAN_REPLACE, OBJECT_NODE, nothing_read },
	{ "wipe", PLAN_WIPE, OBJECT_NODE, nothing_read },
	{ "rebind", PLAN_REBIND, OBJECT_NODE, nothing_read },
	{ "damage", PLAN_DAMAGE, OBJECT_NODE, nothing_read },
	{ "stall", PLAN_STALL, OBJECT_NODE, stall_read },
	{ "clock", PLAN_CLOCK, OBJECT_NODE, clock_read },
	{ "revoke", PLAN_REVOKE, OBJECT_NODE, revoke_read },
	{ "write", PLAN_WRITE, OBJECT_NODE, write_read },
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int verb_complain(struct words *o, const char *word)
{
	char known[LINK_COMPLAINT_MAX] = "";

	for (size_t v = 0, len = 0; v < VERBS; v++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", v ? ", " : "", verbs[v].name);
	return outline_complain(&o->r->outline, "events", o->index, "do", "\"%.*s\" is not an order; known are %s",
		(int)strcspn(word, " "), word, known);
}

static int object_read(struct words *o, enum object kind)
{
	const struct plan *p = o->r->plan;
	char word[WORD_MAX];
	int found = -1;

	if (word_next(o, word))
		found = kind == OBJECT_NODE ? plan_find_node(p, word, strlen(word))
					    : plan_find_link(p, word, strlen(word));
	o->event->object = found < 0 ? 0 : (unsigned)found;
	if (found < 0 && kind == OBJECT_LINKS)
		o->event->kind = link_preset_find(word);
	if (found >= 0 || o->event->kind)
		return 0;
	return complain(o, "there is no %s \"%s\"; name one of %s", kind == OBJECT_NODE ? "node" : "link", word,
		kind == OBJECT_NODE ? "nodes:" : "links:, or a preset for all of its kind");
}

int plan_order_read(struct plan_reading *r, int e)
{
	struct plan_event *event = &r->plan->events[e];
	struct words o = { .r = r, .index = e, .event = event, .rest = event->text };
	char word[WORD_MAX];
	size_t v = 0;

	if (!word_next(&o, word))
		return verb_complain(&o, word);
	while (v < VERBS && strcmp(verbs[v].name, word) != 0)
		v++;
	if (v == VERBS)
		return verb_complain(&o, word);
	event->verb = verbs[v].verb;
	int error = object_read(&o, verbs[v].object);
	return error ? error : verbs[v].read(&o);
}
