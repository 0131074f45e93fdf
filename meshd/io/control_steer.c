/*
 * "steer": somebody bends the ways for a while, and it ends by itself.
 *
 *   avoid LINK    it costs so much that it is used where nothing else is left
 *   prefer LINK   all other links are avoided
 *   cost LINK N   it costs N more
 *   drain         all are told to pass this node by, so that it can be switched off
 *
 * Each holds in every class and both ways (routing/babel.h, babel_link_steer()). What
 * several say of one link is the dearest of it. A restart ends them all.
 */
#include "meshd/io/control.h"

#include <string.h>

#define AVOID_COST 16384 /* of 65534: beyond any way that is in use as a rule, and short of none */
#define COST_MAX 16384
#define SPAN_MAX_S (24 * 3600)

static const char *const names[] = {
	[STEER_AVOID] = "avoid", [STEER_PREFER] = "prefer", [STEER_COST] = "cost", [STEER_DRAIN] = "drain"
};

/* "avoid sat0", "cost sat0 +500", "drain". */
static const char *steering_text(const struct steering *s, char text[IO_ERROR_MAX])
{
	char cost[16] = "";

	if (s->how == STEER_COST)
		snprintf(cost, sizeof(cost), " +%u", s->cost);
	snprintf(text, IO_ERROR_MAX, "%s%s%s%s", names[s->how], *s->link ? " " : "", s->link, cost);
	return text;
}

/* --- what it comes to ------------------------------------------------------------------------- */

static uint16_t link_cost(const struct steering_table *t, const char *link)
{
	uint16_t most = 0;

	for (unsigned i = 0; i < STEERING_MAX; i++) {
		const struct steering *s = &t->all[i];
		bool is_named = strcmp(s->link, link) == 0;
		uint16_t cost = s->how == STEER_COST ? s->cost : AVOID_COST;

		if (s->until_us && s->how != STEER_DRAIN && is_named == (s->how != STEER_PREFER) && cost > most)
			most = cost;
	}
	return most;
}

static void steering_apply(struct daemon *d, uint64_t now_us)
{
	bool is_drained = false;

	for (unsigned i = 0; i < STEERING_MAX; i++)
		is_drained |= d->steering.all[i].until_us && d->steering.all[i].how == STEER_DRAIN;
	node_drain(d->node, now_us, is_drained ? AVOID_COST : 0);
	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p))
		node_link_steer(d->node, now_us, p->id, link_cost(&d->steering, p->config->name));
}

void steering_tick(struct daemon *d, uint64_t now_us)
{
	char text[IO_ERROR_MAX];

	for (unsigned i = 0; i < STEERING_MAX; i++) {
		struct steering *s = &d->steering.all[i];

		if (!s->until_us || now_us < s->until_us)
			continue;
		daemon_say(d, "steering-over", "%s", steering_text(s, text));
		*s = (struct steering){ 0 };
	}
	steering_apply(d, now_us); /* links may be others than a moment ago */
}

/* --- status ---------------------------------------------------------------------------------------- */

static json_t *steering_make(const struct view *v, const struct steering *s)
{
	char text[IO_ERROR_MAX], what[IO_ERROR_MAX + 64], kind[32];
	unsigned left_s = (unsigned)((s->until_us - v->now_us) / SECOND_US);

	steering_text(s, text);
	snprintf(kind, sizeof(kind), "steer-%s", names[s->how]);
	snprintf(what, sizeof(what), "%s: for %u %s more", text, left_s < 120 ? left_s : left_s / 60,
		left_s < 120 ? "s" : "min");
	return json_pack("{s:s, s:s, s:s, s:s, s:i}", "kind", kind, "what", what, "action",
		"the same with --off ends it", "link", s->link, "left_s", (int)left_s);
}

void steering_warn(const struct view *v, json_t *warnings)
{
	for (unsigned i = 0; i < STEERING_MAX; i++)
		if (v->d->steering.all[i].until_us > v->now_us)
			json_array_insert_new(warnings, 0, steering_make(v, &v->d->steering.all[i]));
}

/* --- the request ------------------------------------------------------------------------------------ */

static struct steering *steering_find(struct steering_table *t, const struct steering *like)
{
	for (unsigned i = 0; i < STEERING_MAX; i++)
		if (t->all[i].until_us && t->all[i].how == like->how && strcmp(t->all[i].link, like->link) == 0)
			return &t->all[i];
	return NULL;
}

static struct steering *place_find(struct steering_table *t)
{
	for (unsigned i = 0; i < STEERING_MAX; i++)
		if (!t->all[i].until_us)
			return &t->all[i];
	return NULL;
}

/* NULL, or the error to answer. */
static json_t *steering_read(struct daemon *d, const json_t *request, struct steering *s)
{
	const char *how = json_string_value(json_object_get(request, "how"));
	const char *link = json_string_value(json_object_get(request, "link"));
	json_int_t cost = json_integer_value(json_object_get(request, "cost"));

	s->how = STEER_AVOID;
	while (how && s->how <= STEER_DRAIN && strcmp(names[s->how], how) != 0)
		s->how++;
	if (!how || s->how > STEER_DRAIN)
		return answer_error("\"how\" is one of avoid, prefer, cost, drain");
	if (s->how != STEER_DRAIN && (!link || !port_named(d, link)))
		return answer_error("there is no link \"%.40s\"; meshctl links names them", link ? link : "");
	if (s->how == STEER_COST && (cost < 1 || cost > COST_MAX))
		return answer_error("a cost is from 1 to %d; write cost sat0 +500", COST_MAX);
	s->cost = s->how == STEER_COST ? (uint16_t)cost : 0;
	if (s->how != STEER_DRAIN)
		snprintf(s->link, sizeof(s->link), "%s", link);
	return NULL;
}

json_t *answer_steer(struct view *v, const json_t *request)
{
	json_int_t for_s = json_integer_value(json_object_get(request, "for_s"));
	struct steering wanted = { 0 };
	char text[IO_ERROR_MAX];
	json_t *error = steering_read(v->d, request, &wanted);

	if (error)
		return error;
	if (for_s < 0 || for_s > SPAN_MAX_S)
		return answer_error("that holds for 24 hours at most; write for 30m, or for 8h");
	struct steering *place = steering_find(&v->d->steering, &wanted);
	if (!place && !for_s)
		return answer_error("nothing of that kind holds now; meshctl status tells what does");
	place = place ? place : place_find(&v->d->steering);
	if (!place)
		return answer_error("more than %d hold at a time; end one with --off", STEERING_MAX);
	wanted.until_us = for_s ? v->now_us + (uint64_t)for_s * SECOND_US : 0;
	*place = for_s ? wanted : (struct steering){ 0 };
	steering_text(&wanted, text);
	if (for_s)
		operator_note(v, "%s for %lld s", text, (long long)for_s);
	else
		operator_note(v, "%s: ended", text);
	steering_apply(v->d, v->now_us);
	return json_pack("{s:b, s:s, s:I}", "ok", 1, "what", text, "for_s", for_s);
}
