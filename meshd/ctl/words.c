/* Numbers as a tired person reads them. */
#include "meshd/ctl/ctl.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_int_t json_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool json_flag(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const char *words_metric(const json_t *metric, char text[WORDS_MAX])
{
	if (json_is_integer(metric))
		snprintf(text, WORDS_MAX, "%lld", (long long)json_integer_value(metric));
	else
		snprintf(text, WORDS_MAX, "none");
	return text;
}

bool json_has(const json_t *list, const char *word)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry)
		if (json_is_string(entry) && strcmp(json_string_value(entry), word) == 0)
			return true;
	return false;
}

const char *words_classes(const json_t *classes)
{
	bool has_voice = json_has(classes, "command"), has_pictures = json_has(classes, "bulk");

	return has_voice ? has_pictures ? "all" : "no pictures" : has_pictures ? "no voice" : "messages only";
}

const char *const words_purposes[TRAFFIC_CLASSES] = { "text", "voice", "pictures" };
const char *const words_mark_keys[WORDS_MARKS] = { "contact_s", "text_s", "voice_s", "picture_s", "restored_s" };

const char *words_lost(const json_t *outage, char text[WORDS_MAX])
{
	const json_t *lost = json_object_get(outage, "lost");
	size_t len = 0;

	*text = 0;
	if (json_flag(outage, "start"))
		return "(start)";
	for (unsigned class = 0; class < TRAFFIC_CLASSES; class ++)
		if (json_has(lost, traffic_class_name(class)))
			len += (size_t)snprintf(
				text + len, WORDS_MAX - len, "%s%s", len ? ", " : "", words_purposes[class]);
	return text;
}

const char *words_span(json_int_t seconds, char text[WORDS_MAX])
{
	long long s = (long long)seconds;

	if (s < 120)
		snprintf(text, WORDS_MAX, "%lld s", s);
	else if (s < 7200)
		snprintf(text, WORDS_MAX, "%lld min", s / 60);
	else if (s < 172800)
		snprintf(text, WORDS_MAX, "%lld h", s / 3600);
	else
		snprintf(text, WORDS_MAX, "%lld days", s / 86400);
	return text;
}

const char *words_ago(const json_t *seconds, char text[WORDS_MAX])
{
	char span[WORDS_MAX];
	double s = json_number_value(seconds);

	if (!json_is_number(seconds))
		snprintf(text, WORDS_MAX, "-");
	else if (s < 10)
		snprintf(text, WORDS_MAX, "%.1f s ago", s);
	else
		snprintf(text, WORDS_MAX, "%s ago", words_span((json_int_t)s, span));
	return text;
}

const char *words_bytes(json_int_t bytes, char text[WORDS_MAX])
{
	static const char units[] = "kMGT";
	double value = (double)bytes;
	unsigned unit = 0;

	if (bytes < 1000) {
		snprintf(text, WORDS_MAX, "%lld B", (long long)bytes);
		return text;
	}
	for (value /= 1000; value >= 999.5 && units[unit + 1]; unit++)
		value /= 1000;
	snprintf(text, WORDS_MAX, value < 9.95 ? "%.1f %cB" : "%.0f %cB", value, units[unit]);
	return text;
}

long span_parse(const char *text)
{
	char *end;
	long number = isdigit((unsigned char)*text) ? strtol(text, &end, 10) : -1;

	if (number <= 0 || number > 1000000)
		return -1;
	if (strcmp(end, "s") == 0 || !*end)
		return number;
	if (strcmp(end, "m") == 0)
		return 60 * number;
	return strcmp(end, "h") == 0 ? 3600 * number : -1;
}

int span_argument(long *seconds, const char *text, char error[CTL_ERROR_MAX])
{
	*seconds = span_parse(text);
	return *seconds < 0 ? ctl_error(error, -EINVAL, "\"%s\" is no span of time; write 30m, 8h or 90s", text) : 0;
}

int span_take(struct text_list *words, bool is_off, long usual_s, long *for_s, char error[CTL_ERROR_MAX])
{
	*for_s = is_off ? 0 : usual_s;
	if (words->count < 2 || strcmp(words->texts[words->count - 2], "for") != 0)
		return 0;
	if (is_off)
		return ctl_error(error, -EINVAL, "--off ends it now; leave out \"for\" and what follows");
	words->count -= 2;
	return span_argument(for_s, words->texts[words->count + 1], error);
}
