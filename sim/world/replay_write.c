/* A replay as a scenario that people read and change. */
#include "sim/world/plan.h"
#include "sim/world/plan_read.h"
#include "sim/world/replay.h"

#define SLACK_S 30 /* of what came back, and of routes; beyond what it took then */

/* As it was recorded, if a scenario takes it. */
static const char *node_name(const struct replay *r, unsigned node, char text[PLAN_NAME_MAX])
{
	if (plan_name_is_good(r->nodes[node].name, PLAN_NAME_MAX))
		return r->nodes[node].name;
	snprintf(text, PLAN_NAME_MAX, "node-%u", node + 1);
	return text;
}

static const char *link_name(const struct replay *r, unsigned link, char text[PLAN_NAME_MAX])
{
	const struct replay_link *l = &r->links[link];
	bool is_good = l->name && plan_name_is_good(l->name, CONFIG_INTERFACE_MAX);

	snprintf(text, PLAN_NAME_MAX, "%s-%u", is_good ? l->name : "beyond", link + 1);
	return text;
}

static double seconds(const struct replay *r, int64_t ms)
{
	double s = (double)(ms - r->from_ms) / 1000 + REPLAY_LEAD_S;

	return s < 0 ? 0 : s;
}

static double duration_s(const struct replay *r)
{
	return seconds(r, r->to_ms) + SLACK_S;
}

static void comment_write(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
}

static void head_write(const struct replay *r, FILE *out)
{
	char from[DATE_TIME_TEXT], to[DATE_TIME_TEXT];

	fprintf(out, "# Played from the incident logs of ");
	for (unsigned i = 0; i < r->chronicle->log_count; i++) {
		fprintf(out, "%s", i ? ", " : "");
		comment_write(out, r->chronicle->logs[i].node);
	}
	fprintf(out, ",\n# from %s to %s. What nobody recorded is not here: who has no log is always on.\n",
		date_time_format(r->from_ms, from), date_time_format(r->to_ms, to));
	fprintf(out, "seed: 1\nfor: %.0f\nacquainted: yes\nnodes:\n", duration_s(r) + 1);
}

static void nodes_write(const struct replay *r, FILE *out)
{
	char name[PLAN_NAME_MAX];

	for (unsigned i = 0; i < r->node_count; i++) {
		const struct replay_node *n = &r->nodes[i];

		if (!n->was_met && n->log < 0)
			continue;
		const char *shown = node_name(r, i, name);
		fprintf(out, "  - {name: %s, level: %s%s}", shown, n->level, n->is_off ? ", power: off" : "");
		if (shown != n->name) {
			fprintf(out, " # ");
			comment_write(out, n->name);
		}
		fputc('\n', out);
	}
}

static void links_write(const struct replay *r, FILE *out)
{
	char link[PLAN_NAME_MAX], from[PLAN_NAME_MAX], to[PLAN_NAME_MAX], rate[40];

	fprintf(out, "links:\n");
	for (unsigned i = 0; i < r->link_count; i++) {
		const struct replay_link *l = &r->links[i];

		rate[0] = '\0';
		if (l->rate_bps > 0)
			snprintf(rate, sizeof(rate), ", rate: %lld", (long long)l->rate_bps);
		fprintf(out, "  - {name: %s, preset: %s, ends: [%s:p%u, %s:p%u]%s%s}\n", link_name(r, i, link),
			l->preset, node_name(r, l->from, from), i + 1, node_name(r, l->to, to), i + 1, rate,
			l->begins_up ? "" : ", state: silent");
	}
}

static void events_write(const struct replay *r, FILE *out)
{
	static const char *const orders[] = { [REPLAY_CUT] = "cut",
		[REPLAY_SILENCE] = "silence",
		[REPLAY_RESTORE] = "restore",
		[REPLAY_ON] = "power-on",
		[REPLAY_OFF] = "power-off",
		[REPLAY_LEAVE] = "leave" };
	char name[PLAN_NAME_MAX];
	bool is_begun = false;

	for (size_t i = 0; i < r->event_count; i++) {
		const struct replay_event *e = &r->events[i];
		bool is_link = e->order <= REPLAY_RESTORE;

		if (e->order == REPLAY_NOTHING)
			continue;
		fprintf(out, "%s  - {at: %.3f, do: %s %s}\n", is_begun ? "" : "events:\n", seconds(r, e->at_ms),
			orders[e->order], is_link ? link_name(r, e->what, name) : node_name(r, e->what, name));
		is_begun = true;
	}
}

/* What came back then comes back, in about the time that it took. False: it did not come back. */
static bool mark_write(const struct replay *r, FILE *out, const struct replay_outage *o, const char *key,
	const char *class, const char *head)
{
	const json_t *contact = json_object_get(o->data, "contact_s"), *mark = json_object_get(o->data, key);
	double began_s = seconds(r, o->began_ms), contact_s = json_number_value(contact);
	char from[PLAN_NAME_MAX], to[PLAN_NAME_MAX];

	if (!json_is_number(contact) || !json_is_number(mark))
		return false;
	double after_s = began_s + contact_s, within_s = json_number_value(mark) - contact_s + SLACK_S;
	if (after_s + within_s > duration_s(r))
		return false;
	fprintf(out, "%s  - reach: {from: %s, to: %s, class: %s, after: %.1f, within: %.1f}\n", head,
		node_name(r, o->from, from), node_name(r, o->to, to), class, after_s, within_s);
	return true;
}

static void expectations_write(const struct replay *r, FILE *out)
{
	static const struct {
		const char *key, *class;
	} marks[] = { { "text_s", "text" }, { "voice_s", "command" }, { "picture_s", "bulk" } };
	unsigned count = 0;

	for (size_t i = 0; i < r->outage_count; i++) {
		const struct replay_outage *o = &r->outages[i];

		if (o->began_ms < r->from_ms || o->began_ms > r->to_ms || !r->nodes[o->to].was_met)
			continue;
		for (unsigned m = 0; m < sizeof(marks) / sizeof(marks[0]) && count < PLAN_EXPECT_MAX; m++)
			count += mark_write(r, out, o, marks[m].key, marks[m].class, count ? "" : "expect:\n");
	}
}

void replay_write(const struct replay *r, FILE *out)
{
	head_write(r, out);
	nodes_write(r, out);
	links_write(r, out);
	events_write(r, out);
	expectations_write(r, out);
}
