/* The parameters of a link as people write them: "2M", "270ms", "2%", "0.01 0.3 0.6". */
#include "sim/preset.h"

#include "meshd/config/config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UP 1u
#define DOWN 2u
#define MTU_MIN 68
#define MTU_MAX 9000

const char *const link_param_names[] = { "rate", "rate_up", "rate_down", "queue", "delay", "jitter", "reorder", "loss",
	"fade", "step", "gap", "shift", "stall", "turnaround", "pace", "mtu", NULL };

/* A decimal number with no sign at the start of *text, which moves behind it. */
static bool decimal_read(double *value, const char **text)
{
	char *end;

	if (strspn(*text, "0123456789.") == 0 || strcspn(*text, "xX") < strcspn(*text, " "))
		return false;
	*value = strtod(*text, &end);
	if (end == *text || !isfinite(*value))
		return false;
	*text = end;
	return true;
}

/* One duration at the start of *text, up to a space or the end. */
static bool duration_read(uint64_t *us, const char **text)
{
	static const struct {
		const char *name;
		double us;
	} units[] = { { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 }, { "min", 60e6 }, { "h", 3600e6 }, { "", 1e6 } };
	double value;

	if (!decimal_read(&value, text))
		return false;
	size_t len = strcspn(*text, " ");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i].name) != len || strncmp(*text, units[i].name, len) != 0)
			continue;
		value *= units[i].us;
		if (value > 1e15)
			return false;
		*us = (uint64_t)(value + .5);
		*text += len;
		return true;
	}
	return false;
}

static void space_skip(const char **text)
{
	*text += strspn(*text, " ");
}

int link_duration_parse(uint64_t *us, const char *text)
{
	return duration_read(us, &text) && *text == '\0' ? 0 : -EINVAL;
}

static const char *duration_set(uint32_t *us, const char *text)
{
	uint64_t value;

	if (link_duration_parse(&value, text) || value > UINT32_MAX)
		return "is not a duration; write 270ms, 0.5s or 20us";
	*us = (uint32_t)value;
	return NULL;
}

static bool share_read(double *share, const char **text)
{
	if (!decimal_read(share, text))
		return false;
	if (**text == '%') {
		*share /= 100;
		++*text;
	}
	return *share <= 1 && (**text == ' ' || **text == '\0');
}

static const char *loss_set(struct link_params *p, const char *text)
{
	double share;

	if (!share_read(&share, &text) || *text != '\0')
		return "is not a loss; write 2% or 0.02";
	p->loss = share;
	return NULL;
}

static const char *fade_set(struct link_params *p, const char *text)
{
	double share[3];

	if (strcmp(text, "none") == 0) {
		p->fade.to_bad = p->fade.to_good = p->fade.loss = 0;
		return NULL;
	}
	for (unsigned i = 0; i < 3; i++) {
		space_skip(&text);
		if (!share_read(&share[i], &text))
			return "is not a fade; write good-to-bad, bad-to-good and loss in bad: 0.01 0.3 0.6";
	}
	if (*text != '\0')
		return "has more than three numbers; write good-to-bad, bad-to-good and loss in bad: 0.01 0.3 0.6";
	p->fade.to_bad = share[0];
	p->fade.to_good = share[1];
	p->fade.loss = share[2];
	if (!p->fade.step_us)
		p->fade.step_us = 20000;
	return NULL;
}

static const char *step_set(struct link_params *p, const char *text)
{
	uint32_t step_us;
	const char *error = duration_set(&step_us, text);

	if (error || step_us == 0)
		return error ? error : "is no time at all; write 20ms";
	p->fade.step_us = step_us;
	return NULL;
}

static const char *gap_set(struct link_gap *g, const char *text)
{
	uint64_t us[3];

	if (strcmp(text, "none") == 0) {
		g->every_us = 0;
		return NULL;
	}
	for (unsigned i = 0; i < 3; i++) {
		space_skip(&text);
		if (!duration_read(&us[i], &text))
			return "is no such times; write period, shortest and longest: 15s 50ms 300ms";
	}
	if (*text != '\0' || us[1] > us[2] || us[2] >= us[0] || us[2] > UINT32_MAX)
		return "is no such times; write period, shortest and longest, each within the one before: 15s 50ms "
		       "300ms";
	g->every_us = us[0];
	g->min_us = (uint32_t)us[1];
	g->max_us = (uint32_t)us[2];
	return NULL;
}

static const char *queue_set(struct link_params *p, const char *text)
{
	static const char *const remedy = "is not a queue; write 100ms, or 64kB";
	const char *at = text;
	double bytes;
	uint32_t us;

	if (!duration_set(&us, text) && text[strlen(text) - 1] == 's') {
		if (us == 0)
			return "is no queue at all; write 1ms or more";
		p->queue_us = us;
		p->queue_bytes = 0;
		return NULL;
	}
	if (!decimal_read(&bytes, &at))
		return remedy;
	if (strcmp(at, "kB") == 0)
		bytes *= 1000;
	else if (strcmp(at, "MB") == 0)
		bytes *= 1000000;
	else if (strcmp(at, "B") != 0)
		return remedy;
	if (bytes < 1 || bytes > UINT32_MAX)
		return remedy;
	p->queue_bytes = (uint32_t)bytes;
	p->queue_us = 0;
	return NULL;
}

static const char *rate_set(struct link_params *p, const char *text)
{
	if (strcmp(text, "none") == 0) {
		p->rate_bps = 0;
		return NULL;
	}
	return config_parse_rate(&p->rate_bps, text) ? "is not a rate; write 2M, 9.6k or none" : NULL;
}

static const char *reorder_set(struct link_params *p, const char *text)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return "is neither yes nor no";
	p->reorder = strcmp(text, "yes") == 0;
	return NULL;
}

static const char *mtu_set(struct link_params *p, const char *text)
{
	const char *at = text;
	double mtu;

	if (!decimal_read(&mtu, &at) || *at || mtu < MTU_MIN || mtu > MTU_MAX || mtu != floor(mtu))
		return "is not an MTU; write a number from 68 to 9000";
	p->mtu = (uint32_t)mtu;
	return NULL;
}

/* NULL, or what is wrong with the value. */
static const char *param_set(struct link_params *p, const char *field, const char *value)
{
	if (strncmp(field, "rate", 4) == 0)
		return rate_set(p, value);
	if (strcmp(field, "queue") == 0)
		return queue_set(p, value);
	if (strcmp(field, "delay") == 0)
		return duration_set(&p->delay_us, value);
	if (strcmp(field, "jitter") == 0)
		return duration_set(&p->jitter_us, value);
	if (strcmp(field, "turnaround") == 0)
		return duration_set(&p->turnaround_us, value);
	if (strcmp(field, "reorder") == 0)
		return reorder_set(p, value);
	if (strcmp(field, "loss") == 0)
		return loss_set(p, value);
	if (strcmp(field, "fade") == 0)
		return fade_set(p, value);
	if (strcmp(field, "step") == 0)
		return step_set(p, value);
	if (strcmp(field, "gap") == 0)
		return gap_set(&p->gap, value);
	if (strcmp(field, "stall") == 0)
		return gap_set(&p->stall, value);
	if (strcmp(field, "shift") == 0)
		return duration_set(&p->shift_us, value);
	if (strcmp(field, "pace") == 0)
		return duration_set(&p->pace_us, value);
	return mtu_set(p, value);
}

int link_params_set(
	struct link_params params[2], const char *field, const char *value, char complaint[LINK_COMPLAINT_MAX])
{
	struct link_params result[2] = { params[0], params[1] };
	unsigned directions = strcmp(field, "rate_up") == 0 ? UP : strcmp(field, "rate_down") == 0 ? DOWN : UP | DOWN;
	bool known = false;

	for (unsigned i = 0; link_param_names[i]; i++)
		known = known || strcmp(field, link_param_names[i]) == 0;
	if (!known) {
		snprintf(complaint, LINK_COMPLAINT_MAX, "\"%.40s\" is not a parameter of a link", field);
		return -ENOENT;
	}
	for (unsigned i = 0; i < 2; i++) {
		const char *error = directions & 1u << i ? param_set(&result[i], field, value) : NULL;

		if (error) {
			snprintf(complaint, LINK_COMPLAINT_MAX, "%s \"%.40s\" %s", field, value, error);
			return -EINVAL;
		}
	}
	params[0] = result[0];
	params[1] = result[1];
	return 0;
}
