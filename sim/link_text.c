/* What lab and simulator write alike of a link, as the text of their scenarios. */
#include "sim/scenario_text.h"

#include <string.h>

int text_link_params(struct outline *o, int l, const struct text_link *text, const struct link_preset **preset,
	struct link_params params[2])
{
	char complaint[LINK_COMPLAINT_MAX];

	if (!text->preset)
		return outline_complain(o, "links", l, "name", "link \"%s\" has no preset; known are %s", text->name,
			link_preset_names());
	*preset = link_preset_find(text->preset);
	if (!*preset)
		return outline_complain(o, "links", l, "preset",
			"link \"%s\": preset \"%.40s\" is not known; known are %s", text->name, text->preset,
			link_preset_names());
	memcpy(params, (*preset)->params, sizeof((*preset)->params));
	for (unsigned i = 0; i < TEXT_PARAMS; i++)
		if (text->params[i] && link_params_set(params, link_param_names[i], text->params[i], complaint))
			return outline_complain(
				o, "links", l, link_param_names[i], "link \"%s\": %s", text->name, complaint);
	return 0;
}

int text_link_state(struct outline *o, int l, const struct text_link *text, enum link_state *state)
{
	static const char *const states[] = { "up", "cut", "silent" };

	*state = LINK_UP;
	if (!text->state)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(text->state, states[i]) == 0) {
			*state = (enum link_state)i;
			return 0;
		}
	return outline_complain(o, "links", l, "state", "link \"%s\": state is up, cut or silent, not \"%.40s\"",
		text->name, text->state);
}

/* The number of the end that is written so, or -1. */
static int end_find(const struct text_link *text, const char *end, size_t len)
{
	for (unsigned i = 0; i < text->ends_count; i++)
		if (strlen(text->ends[i]) == len && memcmp(text->ends[i], end, len) == 0)
			return (int)i;
	return -1;
}

int text_link_deaf(struct outline *o, int l, const struct text_link *text, struct link_pair *deaf)
{
	for (unsigned i = 0; i < text->deaf_count; i++) {
		const char *first = text->deaf[i];
		size_t len = strcspn(first, " ");
		const char *second = first + len + strspn(first + len, " ");
		int a = end_find(text, first, len), b = end_find(text, second, strlen(second));

		if (a < 0 || b < 0 || a == b)
			return outline_complain(o, "links", l, "deaf",
				"link \"%s\": \"%.80s\" are not two of its ends; write deaf: [a:radio0 c:radio0]",
				text->name, first);
		deaf[i] = (struct link_pair){ (unsigned)a, (unsigned)b };
	}
	return 0;
}
