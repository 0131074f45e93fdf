/* "alarms": what is wrong, the gravest first, and what to do; "silence": for how long nobody wants to hear of it. */
#include "meshd/io/control.h"

#include <errno.h>
#include <string.h>

#define FRESH_US (60 * SECOND_US) /* a level works if somebody there was heard, or answered, within */
#define SILENCE_MAX_S (24 * 3600)

/* --- which levels work ------------------------------------------------------------------------------ */

/* When this member last gave a sign of life that crossed the way of the class to it; 0: never. */
static uint64_t tested_us(const struct view *v, const struct certificate *c, const struct babel_route_info *r)
{
	struct address address = view_address_of(v, c);
	struct node_reach reach = node_reach(v->node, &address, r->route.class);
	const struct node_peer_info *peer =
		view_is_direct(v, r) ? view_peer(v, r->route.link, &r->route.neighbour) : NULL;

	return peer && peer->last_heard_us > reach.worked_us ? peer->last_heard_us : reach.worked_us;
}

struct level_class {
	unsigned reached;
	uint64_t newest_us; /* sign of life */
};

static bool is_fresh(const struct view *v, uint64_t at_us)
{
	return at_us && v->now_us < at_us + FRESH_US;
}

/* Green is what was tested lately; what was not is unknown, however good its route looks. */
static const char *level_state(const struct view *v, unsigned known, const struct level_class *l)
{
	if (!known)
		return "nobody";
	if (!l->reached)
		return "cut-off";
	return is_fresh(v, l->newest_us) ? "works" : "unknown";
}

static void level_look(const struct view *v, const struct certificate *c, struct level_class classes[BABEL_CLASSES])
{
	struct prefix host = prefix_of_host(view_address_of(v, c));

	for (unsigned i = 0; i < BABEL_CLASSES; i++) {
		const struct babel_route_info *r = view_selected(v, &host, (enum babel_class)i);
		uint64_t at_us = r ? tested_us(v, c, r) : 0;

		classes[i].reached += r != NULL;
		if (at_us > classes[i].newest_us)
			classes[i].newest_us = at_us;
	}
}

static json_t *level_classes_make(const struct view *v, unsigned known, const struct level_class classes[BABEL_CLASSES])
{
	json_t *list = json_array();

	for (unsigned i = 0; i < BABEL_CLASSES; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "class", traffic_class_name(i), "state",
						    level_state(v, known, &classes[i]), "tested_s",
						    json_age_s(v->now_us, classes[i].newest_us)));
	return list;
}

static json_t *level_make(const struct view *v, enum level level)
{
	struct level_class classes[BABEL_CLASSES] = { { 0 } };
	unsigned known = 0;

	for (size_t i = 0; i < v->member_count; i++) {
		const struct certificate *c = v->members[i].certificate;

		if (c->level != level || !view_counts(&v->members[i]) || view_is_own(v, c))
			continue;
		known++;
		level_look(v, c, classes);
	}
	const struct level_class *text = &classes[BABEL_TEXT];
	return json_pack("{s:s, s:s, s:i, s:i, s:o, s:o}", "level", level_name(level), "state",
		level_state(v, known, text), "known", known, "reachable", text->reached, "tested_s",
		json_age_s(v->now_us, text->newest_us), "classes", level_classes_make(v, known, classes));
}

static json_t *levels_make(struct view *v)
{
	json_t *levels = json_array();

	view_members(v);
	view_routes(v, VIEW_ALL_CLASSES);
	for (unsigned i = 0; i < VIEW_LEVELS; i++)
		json_array_append_new(levels, level_make(v, (enum level)i));
	return levels;
}

/* --- alarms -------------------------------------------------------------------------------------------- */

static json_t *name_make(const struct alarm *alarm)
{
	char name[ALARM_SUBJECT_MAX + 24];

	snprintf(
		name, sizeof(name), "%s%s%s", alarm_kind_name(alarm->kind), *alarm->subject ? " " : "", alarm->subject);
	return json_of_text(name);
}

static json_t *alarm_make(const struct view *v, const struct alarm *alarm)
{
	const struct alarms *a = &v->d->watch.alarms;
	uint64_t silent_us = alarm_silent_until(a, v->now_us, alarm);
	bool is_over = alarm->phase == ALARM_OVER;

	return json_pack("{s:o, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", name_make(alarm), "kind",
		alarm_kind_name(alarm->kind), "subject", json_of_text(alarm->subject), "grade",
		alarm_is_red(alarm->kind) ? "red" : "amber", "text", json_of_text(alarm->text), "action",
		json_of_text(alarm->action), "since_s", json_age_s(v->now_us, alarm->since_us), "over_s",
		is_over ? json_age_s(v->now_us, alarm->seen_us) : json_null(), "under",
		!is_over && alarm->under != ALARM_NONE ? name_make(&a->all[alarm->under]) : json_null(), "silent_s",
		silent_us ? json_integer((json_int_t)((silent_us - v->now_us) / SECOND_US)) : json_null());
}

/* Kinds are in the order of their weight. */
static json_t *alarms_make(const struct view *v, enum alarm_phase phase)
{
	const struct alarms *a = &v->d->watch.alarms;
	json_t *list = json_array();

	for (unsigned kind = 0; kind < ALARM_KINDS; kind++)
		for (unsigned i = 0; i < ALARM_MAX; i++)
			if (a->all[i].phase == phase && a->all[i].kind == kind)
				json_array_append_new(list, alarm_make(v, &a->all[i]));
	return list;
}

json_t *answer_alarms(struct view *v, const json_t *request)
{
	(void)request;
	return json_pack("{s:b, s:o, s:o, s:o}", "ok", 1, "alarms", alarms_make(v, ALARM_RAISED), "over",
		alarms_make(v, ALARM_OVER), "levels", levels_make(v));
}

json_t *answer_silence(struct view *v, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "kind"));
	const char *subject = json_string_value(json_object_get(request, "subject"));
	json_int_t span_s = json_integer_value(json_object_get(request, "for_s"));
	enum alarm_kind kind;

	if (!name || !alarm_kind_parse(&kind, name))
		return answer_error("\"%s\" is no alarm; meshctl alarms names them", name ? name : "");
	if (span_s < 0 || span_s > SILENCE_MAX_S)
		return answer_error("a silence lasts 24 hours at most; write for 30m, or for 8h");
	subject = subject ? subject : "";
	int code = alarm_silence(
		&v->d->watch.alarms, v->now_us, kind, subject, span_s ? v->now_us + (uint64_t)span_s * SECOND_US : 0);
	if (code == -ENOENT)
		return answer_error("nothing is silent under that name; meshctl alarms tells what is");
	if (code < 0)
		return answer_error("too many are silent at a time; end one, or name a kind without a subject");
	state_silences_changed(v->d);
	char span[32] = "ended";
	if (span_s)
		snprintf(span, sizeof(span), "for %lld s", (long long)span_s);
	operator_note(v, "silence %s%s%s %s", name, *subject ? " " : "", subject, span);
	daemon_say(v->d, "silence", "%s%s%s: %s", name, *subject ? " " : "", subject, span);
	return json_pack("{s:b, s:I}", "ok", 1, "for_s", span_s);
}
