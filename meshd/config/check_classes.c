/*
 * Classes of traffic: which packets are of which (meshd/base/traffic.h), and limits.
 *
 *   limit := CLASS (RATE [burst DURATION] | none)      command 128k burst 500ms
 */
#include "meshd/config/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BURST_MS 1000
#define BURST_MIN_MS 100
#define BURST_MAX_MS 60000
#define RATE_MIN_BPS 1000 /* less is a slip of the finger: a packet takes ten seconds there */
#define FORM "write command, text or bulk, and a rate: \"command 128k\", \"bulk 2M burst 2s\", or \"command none\""

/* "500ms" or "2s". */
static int duration_read(unsigned *ms, const char *text)
{
	char digits[8];
	size_t len = strspn(text, "0123456789");
	unsigned unit = strcmp(text + len, "ms") == 0 ? 1 : strcmp(text + len, "s") == 0 ? 1000 : 0;

	if (!unit || len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (number_read(ms, digits, 1, BURST_MAX_MS / unit) < 0)
		return -EINVAL;
	*ms *= unit;
	return *ms < BURST_MIN_MS ? -EINVAL : 0;
}

const char *config_parse_limit(unsigned *class, struct traffic_limit *limit, const char *text)
{
	char name[16], rate[32], word[16], burst[16], more[2];
	int count = sscanf(text, "%15s %31s %15s %15s %1s", name, rate, word, burst, more);

	*limit = (struct traffic_limit){ .kind = TRAFFIC_LIMIT_STATED, .burst_ms = BURST_MS };
	if (count < 2 || count == 3 || count > 4 || (count == 4 && strcmp(word, "burst") != 0) ||
		traffic_class_parse(class, name) < 0)
		return "is not one; " FORM;
	if (strcmp(rate, "none") == 0) {
		limit->kind = TRAFFIC_LIMIT_NONE;
		return count > 2 ? "has a burst of nothing; remove burst" : NULL;
	}
	if (config_parse_rate(&limit->rate_bps, rate) < 0 || limit->rate_bps < RATE_MIN_BPS)
		return "has a rate that is none; write 1k or more (bit/s), as 128k or 2M, or none";
	if (count == 4 && duration_read(&limit->burst_ms, burst) < 0)
		return "has a burst that is none; write 100ms to 60s, 1s is usual";
	return NULL;
}

static int take_rules(struct config_classes *out, const struct file_classes *classes, const struct check *c)
{
	for (unsigned i = 0; i < classes->rules_count; i++) {
		const char *text = classes->rules[i];
		const char *wrong = traffic_rule_parse(&out->policy.rules[i], text);

		if (!wrong && strlen(text) >= CONFIG_CLASS_TEXT)
			wrong = "is too long; use fewer blanks";
		if (wrong)
			return complain(c->complaint, c->outline->classes_list[CLASSES_RULES].line[i],
				"classes: rule \"%.80s\" %s", text, wrong);
		text_copy(out->rules[i], sizeof(out->rules[i]), text);
		out->policy.rule_count = i + 1;
	}
	return 0;
}

static int take_limits(struct config_classes *out, const struct file_classes *classes, const struct check *c)
{
	for (unsigned i = 0; i < classes->limits_count; i++) {
		const char *text = classes->limits[i];
		struct traffic_limit limit;
		unsigned class = 0;
		const char *wrong = config_parse_limit(&class, &limit, text);

		if (!wrong && out->policy.limits[class].kind != TRAFFIC_LIMIT_DEFAULT)
			wrong = "is the second one of its class; remove one";
		if (wrong)
			return complain(c->complaint, c->outline->classes_list[CLASSES_LIMITS].line[i],
				"classes: limit \"%.80s\" %s", text, wrong);
		out->policy.limits[class] = limit;
	}
	return 0;
}

int check_classes(struct config *config, const struct file_classes *classes, const struct check *c)
{
	if (!classes)
		return 0;
	int error = take_rules(&config->classes, classes, c);
	return error ? error : take_limits(&config->classes, classes, c);
}
