/* What hosts send in a plan: flows, files and the voice of groups. */
#include "sim/world/plan_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 72 /* IPv6, UDP, and what a probe says */
#define SIZE_MAX_BYTES 1280
#define EVERY_US 100000
#define VOICE_RATE_MIN_BPS 300
#define VOICE_RATE_MAX_BPS 512000
#define FRAME_MIN_US 10000
#define FRAME_MAX_US 480000

static const char *const class_names[PLAN_CLASSES] = { "text", "command", "voice", "bulk" };

const char *plan_class_name(enum plan_class class)
{
	return class_names[class];
}

bool plan_link_is_thin(const struct plan_link *l)
{
	uint64_t up = l->params[0].rate_bps, down = l->params[1].rate_bps;

	return (up && up < PLAN_THIN_BPS) || (down && down < PLAN_THIN_BPS);
}

int plan_time_read(struct plan_reading *r, const char *section, int i, const char *text, uint64_t *us)
{
	if (!text || link_duration_parse(us, text) == 0)
		return 0;
	return outline_complain(
		&r->outline, section, i, NULL, "\"%.40s\" is not a time; write 12.5 (seconds) or 100ms", text);
}

int plan_class_read(struct plan_reading *r, const char *section, int i, const char *text, enum plan_class *class)
{
	unsigned found = 0;

	if (!text)
		return 0;
	while (found < PLAN_CLASSES && strcmp(text, class_names[found]) != 0)
		found++;
	*class = found;
	if (found < PLAN_CLASSES)
		return 0;
	return outline_complain(&r->outline, section, i, "class",
		"there is no class \"%.40s\"; write text, command, voice or bulk", text);
}

int plan_node_name_read(struct plan_reading *r, const char *section, int i, const char *text, unsigned *node)
{
	int found = text ? plan_find_node(r->plan, text, strlen(text)) : -1;

	*node = (unsigned)found;
	if (found >= 0)
		return 0;
	return outline_complain(
		&r->outline, section, i, NULL, "there is no node \"%.40s\"; name one of nodes:", text ? text : "");
}

/* --- flows --------------------------------------------------------------------------------- */

static int flow_target_read(struct plan_reading *r, int i, const struct plan_text_flow *text, struct plan_flow *f)
{
	f->to = text->to ? plan_find_node(r->plan, text->to, strlen(text->to)) : -1;
	if (f->to >= 0)
		return 0;
	if (text->to && address_parse(&f->address, text->to) == 0 && f->address.family == FAMILY_IPV6)
		return 0;
	return outline_complain(&r->outline, "flows", i, "to",
		"flow \"%s\": \"%.40s\" is neither a node nor an IPv6 address; name one of nodes:, or write fd09::1",
		f->name, text->to ? text->to : "");
}

int plan_flow_read(struct plan_reading *r, int i)
{
	const struct plan_text_flow *text = &r->text->flows[i];
	struct plan_flow *f = &r->plan->flows[i];

	if (!plan_name_is_good(text->name, PLAN_NAME_MAX))
		return outline_complain(
			&r->outline, "flows", i, "name", "a flow needs a name of 1 to 31 letters, digits, . _ or -");
	snprintf(f->name, sizeof(f->name), "%s", text->name);
	r->plan->flow_count++;
	f->every_us = EVERY_US;
	f->end_us = r->plan->duration_us > 1000000 ? r->plan->duration_us - 1000000 : r->plan->duration_us;
	f->size = SIZE_MIN;
	int error = plan_node_name_read(r, "flows", i, text->from, &f->from);
	if (!error)
		error = flow_target_read(r, i, text, f);
	if (!error)
		error = plan_class_read(r, "flows", i, text->class, &f->class);
	if (!error)
		error = plan_time_read(r, "flows", i, text->start, &f->start_us);
	if (!error)
		error = plan_time_read(r, "flows", i, text->end, &f->end_us);
	if (!error)
		error = plan_time_read(r, "flows", i, text->every, &f->every_us);
	if (!error && text->size)
		f->size = (unsigned)strtoul(text->size, NULL, 10);
	if (!error && (f->size < SIZE_MIN || f->size > SIZE_MAX_BYTES))
		return outline_complain(&r->outline, "flows", i, "size",
			"flow \"%s\": packets have %d to %d bytes; write size: 200", f->name, SIZE_MIN, SIZE_MAX_BYTES);
	if (!error && (!f->every_us || f->start_us >= f->end_us || f->end_us > r->plan->duration_us))
		return outline_complain(&r->outline, "flows", i, NULL,
			"flow \"%s\": it must start before it ends, and end with the plan at the latest", f->name);
	return error;
}

/* --- files ------------------------------------------------------------------------------------- */

/* "800", "200k", "2M", "2 MB". */
static bool size_parse(uint32_t *size, const char *text)
{
	char *end = NULL;
	double value = text && text[0] >= '0' && text[0] <= '9' ? strtod(text, &end) : 0;

	if (!end)
		return false;
	end += strspn(end, " ");
	value *= *end == 'k' ? 1e3 : *end == 'M' ? 1e6 : 1;
	end += *end == 'k' || *end == 'M';
	if ((strcmp(end, "") != 0 && strcmp(end, "B") != 0) || !(value >= 1 && value <= PLAN_FILE_BYTES_MAX))
		return false;
	*size = (uint32_t)value;
	return true;
}

int plan_file_read(struct plan_reading *r, int i)
{
	const struct plan_text_file *text = &r->text->files[i];
	struct plan_file *f = &r->plan->files[i];

	if (!plan_name_is_good(text->name, PLAN_NAME_MAX))
		return outline_complain(
			&r->outline, "files", i, "name", "a file needs a name of 1 to 31 letters, digits, . _ or -");
	snprintf(f->name, sizeof(f->name), "%s", text->name);
	r->plan->file_count++;
	f->class = PLAN_BULK;
	int error = plan_node_name_read(r, "files", i, text->from, &f->from);
	if (!error)
		error = plan_node_name_read(r, "files", i, text->to, &f->to);
	if (!error)
		error = plan_class_read(r, "files", i, text->class, &f->class);
	if (!error)
		error = plan_time_read(r, "files", i, text->start, &f->start_us);
	if (error)
		return error;
	if (f->from == f->to)
		return outline_complain(&r->outline, "files", i, "to",
			"file \"%s\": it is at %s already; send it to another node", f->name, text->to);
	if (!size_parse(&f->size, text->size))
		return outline_complain(&r->outline, "files", i, text->size ? "size" : NULL,
			"file \"%s\": \"%.40s\" is not a size from 1 byte to 100 MB; write size: 2M", f->name,
			text->size ? text->size : "");
	if (f->start_us >= r->plan->duration_us)
		return outline_complain(&r->outline, "files", i, "start",
			"file \"%s\": at its start everything is over; start it earlier", f->name);
	return 0;
}

/* --- groups -------------------------------------------------------------------------------------- */

static int members_read(struct plan_reading *r, int i, const struct plan_text_group *text, struct plan_group *g)
{
	for (unsigned k = 0; k < text->members_count; k++) {
		int error = plan_node_name_read(r, "groups", i, text->members[k], &g->members[k]);

		if (error)
			return error;
		for (unsigned n = 0; n < k; n++)
			if (g->members[n] == g->members[k])
				return outline_complain(&r->outline, "groups", i, "members",
					"group \"%s\": %s is in it twice; name each member once", g->name,
					text->members[k]);
		g->member_count++;
	}
	if (g->member_count >= 2)
		return 0;
	return outline_complain(&r->outline, "groups", i, NULL,
		"group \"%s\": who talks to whom? write members: [city, scene]", g->name);
}

static int group_times_read(struct plan_reading *r, int i, const struct plan_text_group *text, struct plan_group *g)
{
	const struct {
		const char *text;
		uint64_t *us;
	} times[] = { { text->frame, &g->frame_us }, { text->budget, &g->budget_us }, { text->talk, &g->talk_us },
		{ text->pause, &g->pause_us }, { text->start, &g->start_us }, { text->end, &g->end_us } };

	for (unsigned k = 0; k < sizeof(times) / sizeof(times[0]); k++) {
		int error = plan_time_read(r, "groups", i, times[k].text, times[k].us);

		if (error)
			return error;
	}
	return 0;
}

static int group_check(struct plan_reading *r, int i, const struct plan_group *g)
{
	if (g->frame_us < FRAME_MIN_US || g->frame_us > FRAME_MAX_US || g->budget_us <= g->frame_us)
		return outline_complain(&r->outline, "groups", i, NULL,
			"group \"%s\": a frame takes 10ms to 480ms, and the budget must be longer; write frame: 60ms, "
			"budget: 400ms",
			g->name);
	if (g->start_us >= g->end_us || g->end_us > r->plan->duration_us)
		return outline_complain(&r->outline, "groups", i, NULL,
			"group \"%s\": it must start before it ends, and end with the plan at the latest", g->name);
	if (!g->talk_us || !g->pause_us || (g->end_us - g->start_us) / g->frame_us > PLAN_FRAMES_MAX)
		return outline_complain(&r->outline, "groups", i, NULL,
			"group \"%s\": talk and pause are longer than 0, and all has at most a million frames; write "
			"talk: 4, pause: 2",
			g->name);
	if (g->rate_bps < VOICE_RATE_MIN_BPS || g->rate_bps > VOICE_RATE_MAX_BPS ||
		g->rate_bps * g->frame_us / 8000000 > SIZE_MAX_BYTES - SIZE_MIN)
		return outline_complain(&r->outline, "groups", i, NULL,
			"group \"%s\": a codec's rate is 300 to 512k, and a frame fits a packet; write rate: 2.4k",
			g->name);
	return 0;
}

int plan_group_read(struct plan_reading *r, int i)
{
	const struct plan_text_group *text = &r->text->groups[i];
	struct plan_group *g = &r->plan->groups[i];

	if (!plan_name_is_good(text->name, PLAN_NAME_MAX))
		return outline_complain(
			&r->outline, "groups", i, "name", "a group needs a name of 1 to 31 letters, digits, . _ or -");
	*g = (struct plan_group){ .class = PLAN_VOICE,
		.rate_bps = PLAN_CALL_BPS,
		.frame_us = PLAN_CALL_FRAME_US,
		.budget_us = PLAN_VOICE_BUDGET_US,
		.talk_us = 4000000,
		.pause_us = 2000000,
		.end_us = r->plan->duration_us };
	snprintf(g->name, sizeof(g->name), "%s", text->name);
	r->plan->group_count++;
	int error = members_read(r, i, text, g);
	if (!error)
		error = plan_class_read(r, "groups", i, text->class, &g->class);
	if (!error)
		error = group_times_read(r, i, text, g);
	if (!error && text->rate && config_parse_rate(&g->rate_bps, text->rate))
		g->rate_bps = 0;
	return error ? error : group_check(r, i, g);
}
