/* What hosts send in a plan: flows and files. */
#include "sim/world/plan_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 72 /* IPv6, UDP, and what a probe says */
#define SIZE_MAX_BYTES 1280
#define EVERY_US 100000

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
