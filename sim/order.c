/* Orders as written: "cut fibre0", "set sat loss=5% delay=300ms", "unplug town:eth0". */
#include "sim/scenario.h"

#include <errno.h>
#include <string.h>

#define VALUE_MAX 64

enum object { OBJECT_LINK, OBJECT_NODE, OBJECT_END };

static const struct {
	const char *name;
	enum order_verb verb;
	enum object object;
} verbs[] = {
	{ "cut", ORDER_CUT, OBJECT_LINK },
	{ "silence", ORDER_SILENCE, OBJECT_LINK },
	{ "restore", ORDER_RESTORE, OBJECT_LINK },
	{ "unsilence", ORDER_RESTORE, OBJECT_LINK },
	{ "set", ORDER_SET, OBJECT_LINK },
	{ "power-off", ORDER_POWER_OFF, OBJECT_NODE },
	{ "power-on", ORDER_POWER_ON, OBJECT_NODE },
	{ "kill", ORDER_KILL, OBJECT_NODE },
	{ "stop", ORDER_STOP, OBJECT_NODE },
	{ "start", ORDER_START, OBJECT_NODE },
	{ "rebind", ORDER_REBIND, OBJECT_NODE },
	{ "unplug", ORDER_UNPLUG, OBJECT_END },
	{ "plug", ORDER_PLUG, OBJECT_END },
	{ "noise", ORDER_NOISE, OBJECT_END },
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* The next word, or a run of length 0. */
static struct bytes word_next(const char **text)
{
	*text += strspn(*text, " ");
	struct bytes word = bytes_of(*text, strcspn(*text, " "));
	*text += word.len;
	return word;
}

static bool word_is(struct bytes word, const char *text)
{
	return word.len == strlen(text) && memcmp(word.data, text, word.len) == 0;
}

static int order_find_end(struct order *o, const struct scenario *s, struct bytes word)
{
	const char *name = (const char *)word.data;
	const char *colon = memchr(name, ':', word.len);
	int node = colon ? scenario_find_node(s, name, (size_t)(colon - name)) : -1;

	if (node < 0)
		return -ENOENT;
	o->node = (unsigned)node;
	for (o->link = 0; o->link < s->link_count; o->link++) {
		const struct scenario_link *link = &s->links[o->link];

		for (o->end = 0; o->end < link->end_count; o->end++) {
			const struct scenario_end *end = &link->ends[o->end];
			struct bytes interface = bytes_of(colon + 1, word.len - (size_t)(colon + 1 - name));

			if (end->node == o->node && word_is(interface, s->nodes[node].interfaces[end->interface].name))
				return 0;
		}
	}
	return -ENOENT;
}

static int order_find(struct order *o, const struct scenario *s, enum object object, struct bytes word)
{
	int found = -1;

	if (object == OBJECT_END)
		return order_find_end(o, s, word);
	if (object == OBJECT_LINK) {
		found = scenario_find_link(s, (const char *)word.data, word.len);
		o->link = (unsigned)found;
	} else {
		found = scenario_find_node(s, (const char *)word.data, word.len);
		o->node = (unsigned)found;
	}
	return found < 0 ? -ENOENT : 0;
}

static int verbs_complain(struct bytes verb, char complaint[LINK_COMPLAINT_MAX])
{
	int len = snprintf(complaint, LINK_COMPLAINT_MAX, "\"%.*s\" is not an order; known are", (int)verb.len,
		(const char *)verb.data);

	for (size_t i = 0; i < VERBS; i++)
		len += snprintf(complaint + len, len < LINK_COMPLAINT_MAX ? LINK_COMPLAINT_MAX - (size_t)len : 0,
			"%s %s", i ? "," : "", verbs[i].name);
	return -EINVAL;
}

int order_parse(struct order *o, const struct scenario *s, const char *text, char complaint[LINK_COMPLAINT_MAX])
{
	static const char *const objects[] = { "link", "node", "interface" };
	static const char *const shapes[] = { "LINK", "NODE", "NODE:INTERFACE that a link ends in" };
	struct bytes verb = word_next(&text), object = word_next(&text);
	size_t v = 0;

	memset(o, 0, sizeof(*o));
	while (v < VERBS && !word_is(verb, verbs[v].name))
		v++;
	if (v == VERBS || verb.len > VALUE_MAX)
		return verbs_complain(bytes_of(verb.data, verb.len < VALUE_MAX ? verb.len : VALUE_MAX), complaint);
	o->verb = verbs[v].verb;
	if (order_find(o, s, verbs[v].object, object)) {
		snprintf(complaint, LINK_COMPLAINT_MAX, "there is no %s \"%.*s\"; write %s %s",
			objects[verbs[v].object], (int)(object.len < VALUE_MAX ? object.len : VALUE_MAX),
			(const char *)object.data, verbs[v].name, shapes[verbs[v].object]);
		return -EINVAL;
	}
	text += strspn(text, " ");
	if (o->verb == ORDER_SET) {
		struct link_params params[2] = { s->links[o->link].params[0], s->links[o->link].params[1] };

		o->settings = text;
		return order_settings(params, text, complaint);
	}
	if (*text != '\0') {
		snprintf(complaint, LINK_COMPLAINT_MAX, "\"%.40s\" is too much; write %s %s", text, verbs[v].name,
			shapes[verbs[v].object]);
		return -EINVAL;
	}
	return 0;
}

/* A value goes on until the next FIELD=, so that "fade=0.01 0.3 0.6" needs no quotes. */
static size_t value_length(const char *text)
{
	size_t len = strcspn(text, " ");

	for (;;) {
		size_t space = strspn(text + len, " ");
		size_t word = strcspn(text + len + space, " ");

		if (word == 0 || memchr(text + len + space, '=', word))
			return len;
		len += space + word;
	}
}

int order_settings(struct link_params params[2], const char *settings, char complaint[LINK_COMPLAINT_MAX])
{
	struct link_params result[2] = { params[0], params[1] };

	if (*settings == '\0') {
		snprintf(complaint, LINK_COMPLAINT_MAX, "nothing to set; write set LINK delay=300ms loss=2%%");
		return -EINVAL;
	}
	while (*settings) {
		char field[VALUE_MAX], value[VALUE_MAX];
		size_t name = strcspn(settings, "= ");
		size_t len = settings[name] == '=' ? value_length(settings + name + 1) : 0;

		if (name == 0 || len == 0 || name >= VALUE_MAX || len >= VALUE_MAX) {
			snprintf(complaint, LINK_COMPLAINT_MAX, "\"%.40s\" is not FIELD=VALUE; write delay=300ms",
				settings);
			return -EINVAL;
		}
		snprintf(field, sizeof(field), "%.*s", (int)name, settings);
		snprintf(value, sizeof(value), "%.*s", (int)len, settings + name + 1);
		if (link_params_set(result, field, value, complaint))
			return -EINVAL;
		settings += name + 1 + len;
		settings += strspn(settings, " ");
	}
	params[0] = result[0];
	params[1] = result[1];
	return 0;
}
