/*
 * A plan from its file: names first, then links and the ports that they end in,
 * then what happens, what is measured and what is expected, which name the rest.
 */
#include "sim/world/plan.h"

#include "sim/world/plan_read.h"

#include <stdlib.h>
#include <string.h>

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

const char *plan_measure_name(enum plan_measure measure)
{
	static const char *const names[] = { "reach", "gap", "lost", "fallen", "share", "moves", "whole", "arrives",
		"usable", "carried", "revoked", "known", "outage", "delivered", "sessions", "entries", "routed",
		"relayed", "floor" };

	return names[measure];
}

int plan_find_node(const struct plan *p, const char *name, size_t len)
{
	for (unsigned i = 0; i < p->node_count; i++)
		if (strlen(p->nodes[i].name) == len && memcmp(p->nodes[i].name, name, len) == 0)
			return (int)i;
	return -1;
}

int plan_find_link(const struct plan *p, const char *name, size_t len)
{
	for (unsigned i = 0; i < p->link_count; i++)
		if (strlen(p->links[i].name) == len && memcmp(p->links[i].name, name, len) == 0)
			return (int)i;
	return -1;
}

bool plan_name_is_good(const char *name, size_t size)
{
	return name && name[0] && strlen(name) < size && name[strspn(name, NAME_LETTERS)] == '\0';
}

unsigned plan_number_of(const char *text, unsigned most)
{
	char *end = NULL;
	unsigned long value = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;

	return end && !*end && value <= most ? (unsigned)value : 0;
}

static struct plan *plan_alloc(const struct plan_text *t, const struct plan_text *grown)
{
	struct plan *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->nodes = calloc(t->nodes_count + (grown ? grown->nodes_count : 0) + 1, sizeof(*p->nodes));
	p->links = calloc(t->links_count + (grown ? grown->links_count : 0) + 1, sizeof(*p->links));
	p->events = calloc(t->events_count + 1, sizeof(*p->events));
	p->flows = calloc(t->flows_count + 1, sizeof(*p->flows));
	p->files = calloc(t->files_count + t->expect_count + 1, sizeof(*p->files));
	p->groups = calloc(t->groups_count + 1, sizeof(*p->groups));
	p->expect = calloc(t->expect_count + 1, sizeof(*p->expect));
	p->attacks = calloc(t->attacks_count + 1, sizeof(*p->attacks));
	if (p->nodes && p->links && p->events && p->flows && p->files && p->groups && p->expect && p->attacks)
		return p;
	plan_free(p);
	return NULL;
}

/* A switch at the top; what is not said stays as it is. */
static int switch_read(struct plan_reading *r, const char *section, const char *text, const char *meaning, bool *is_on)
{
	if (text && strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return outline_complain(&r->outline, section, -1, NULL, "%s is yes (%s) or no", section, meaning);
	*is_on = text ? strcmp(text, "yes") == 0 : *is_on;
	return 0;
}

static int switches_read(struct plan_reading *r)
{
	const struct plan_text *t = r->text;
	bool has_budget = true;
	int error = switch_read(r, "acquainted", t->acquainted, "every node has all certificates from the start",
		&r->plan->is_acquainted);

	if (!error)
		error = switch_read(r, "budget", t->budget, "nodes keep to the budget of a link", &has_budget);
	r->plan->is_unbudgeted = !has_budget;
	return error;
}

/* What has grown has no lines: it is complained of where the plan says that it grows. */
static void text_turn_to(struct plan_reading *r, const struct plan_text *text, const struct plan_text *own)
{
	r->text = text;
	r->outline.within = text == own ? NULL : own->tree ? "tree" : "crowds";
}

/* Those of the plan, and those that it has grown. */
static int nodes_and_links_read(struct plan_reading *r, const struct plan_text *grown)
{
	const struct plan_text *own = r->text, *texts[] = { own, grown };
	int error = 0;

	for (unsigned k = 0; k < 2; k++) {
		text_turn_to(r, texts[k], own);
		r->first_node = r->plan->node_count;
		for (unsigned i = 0; r->text && i < r->text->nodes_count && !error; i++)
			error = plan_node_read(r, (int)i);
	}
	for (unsigned k = 2; k-- > 0;) {
		text_turn_to(r, texts[k], own);
		r->first_link = r->plan->link_count;
		for (unsigned i = 0; r->text && i < r->text->links_count && !error; i++)
			error = plan_link_read(r, (int)i);
	}
	text_turn_to(r, own, own);
	r->first_node = r->first_link = 0;
	for (unsigned i = 0; i < own->nodes_count && !error; i++) {
		error = plan_watch_read(r, (int)i);
		if (!error)
			error = plan_guest_read(r, (int)i);
	}
	return error;
}

static int plan_read(struct plan_reading *r, const struct plan_text *grown)
{
	const struct plan_text *t = r->text;
	char *end = NULL;
	int error = switches_read(r);

	if (error)
		return error;

	if (t->seed) {
		r->plan->seed = strtoull(t->seed, &end, 10);
		if (t->seed[0] < '0' || t->seed[0] > '9' || *end)
			return outline_complain(
				&r->outline, "seed", -1, NULL, "seed \"%.40s\" is not a number", t->seed);
	}
	if (!t->duration || link_duration_parse(&r->plan->duration_us, t->duration) || !r->plan->duration_us)
		return outline_complain(&r->outline, t->duration ? "for" : NULL, -1, NULL,
			"how long does it go on? write for: 60 (seconds of virtual time)");
	if (t->linger && link_duration_parse(&r->plan->linger_us, t->linger))
		return outline_complain(&r->outline, "linger", -1, NULL,
			"\"%.40s\" is not a time; write linger: 20 (seconds), or nothing to go on to the end",
			t->linger);
	if (t->nodes_count == 0 && !grown)
		return outline_complain(
			&r->outline, "nodes", -1, NULL, "there are no nodes; write nodes: and below it - {name: a}");
	error = nodes_and_links_read(r, grown);
	for (unsigned i = 0; i < t->events_count && !error; i++)
		error = plan_event_read(r, (int)i);
	if (!error)
		error = plan_faults_read(r);
	for (unsigned i = 0; i < t->flows_count && !error; i++)
		error = plan_flow_read(r, (int)i);
	for (unsigned i = 0; i < t->files_count && !error; i++)
		error = plan_file_read(r, (int)i);
	for (unsigned i = 0; i < t->groups_count && !error; i++)
		error = plan_group_read(r, (int)i);
	for (unsigned i = 0; i < t->expect_count && !error; i++)
		error = plan_expect_read(r, (int)i);
	for (unsigned i = 0; i < t->attacks_count && !error; i++)
		error = plan_attack_read(r, (int)i);
	return error;
}

struct plan *plan_parse(const char *name, struct bytes text, char error[PLAN_ERROR_MAX])
{
	struct plan_reading r = { .outline = { .file = name, .error = error } };
	struct plan_text *values = NULL, *grown = NULL;

	error[0] = '\0';
	int result = plan_text_load(&values, text, &r.outline);
	r.text = values;
	if (!result)
		result = plan_grow(&r, &grown);
	if (!result) {
		r.plan = plan_alloc(values, grown);
		result = r.plan ? plan_read(&r, grown) : outline_complain(&r.outline, NULL, -1, NULL, "out of memory");
	}
	plan_text_free(grown);
	plan_text_free(values);
	outline_done(&r.outline);
	if (!result)
		return r.plan;
	plan_free(r.plan);
	return NULL;
}

struct plan *plan_load(const char *path, char error[PLAN_ERROR_MAX])
{
	static const struct file_kind kind = { "scenario", "4 megabytes", PLAN_FILE_MAX };
	size_t len;
	char *text = text_file_read(path, &kind, &len, error);
	struct plan *p = text ? plan_parse(path, bytes_of(text, len), error) : NULL;

	free(text);
	return p;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->node_count; i++) {
		free(p->nodes[i].ports);
		free(p->nodes[i].way);
		free(p->nodes[i].classes);
	}
	for (unsigned i = 0; i < p->event_count; i++)
		free(p->events[i].text);
	free(p->nodes);
	free(p->links);
	free(p->events);
	free(p->flows);
	free(p->files);
	free(p->groups);
	free(p->expect);
	free(p->attacks);
	free(p);
}
