/*
 * A job is a number, seeds counting fastest and the last setting next, so that
 * whoever has the spec knows what job 17 is. Its row depends on nothing else.
 */
#include "sim/world/sweep.h"
#include "sim/world/trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t job_seed(const struct sweep *s, unsigned job)
{
	return s->seed_first + job % s->seed_count;
}

static const char *job_value(const struct sweep *s, unsigned job, unsigned setting)
{
	unsigned rest = job / s->seed_count;

	for (unsigned i = s->setting_count - 1; i > setting; i--)
		rest /= s->settings[i].values_count;
	return s->settings[setting].values[rest % s->settings[setting].values_count];
}

/* A field behind what the row has; in quotes where CSV needs them. */
static void row_add(char row[SWEEP_ROW_MAX], const char *text)
{
	size_t len = strlen(row), start = len;
	bool is_quoted = text[strcspn(text, ",\"\r\n")] != '\0';

	if (len + SWEEP_FIELD_MAX + 2 > SWEEP_ROW_MAX)
		return;
	if (len)
		row[len++] = ',';
	if (is_quoted)
		row[len++] = '"';
	for (; *text && len - start < SWEEP_FIELD_MAX - 4; text++) {
		if (*text == '"')
			row[len++] = '"';
		row[len++] = *text;
	}
	if (is_quoted)
		row[len++] = '"';
	row[len] = '\0';
}

void sweep_head(const struct sweep *s, char row[SWEEP_ROW_MAX])
{
	char name[SWEEP_FIELD_MAX];

	row[0] = '\0';
	row_add(row, "seed");
	for (unsigned i = 0; i < s->setting_count; i++) {
		snprintf(name, sizeof(name), "%.64s.%.64s", s->settings[i].name, s->settings[i].field);
		row_add(row, name);
	}
	for (unsigned i = 0; i < s->metric_count; i++)
		row_add(row, s->metrics[i]);
}

void sweep_job_text(const struct sweep *s, unsigned job, char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size, "seed %llu", (unsigned long long)job_seed(s, job));

	for (unsigned i = 0; i < s->setting_count && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, ", %s %s=%s", s->settings[i].name, s->settings[i].field,
			job_value(s, job, i));
}

const json_t *sweep_metric_find(const json_t *root, const char *path)
{
	while (root && *path) {
		size_t len = strcspn(path, "."), i;
		const json_t *found = NULL, *entry;

		if (json_is_object(root))
			found = json_object_getn(root, path, len);
		else if (path[0] >= '0' && path[0] <= '9' && strspn(path, "0123456789") == len)
			found = json_array_get(root, strtoul(path, NULL, 10));
		/* An entry goes by its name, too, which may have dots. */
		for (i = 0; !found && i < json_array_size(root); i++) {
			entry = json_array_get(root, i);
			const char *name = json_string_value(json_object_get(entry, "name"));
			size_t name_len = name ? strlen(name) : 0;

			if (!name || strncmp(path, name, name_len) != 0 || path[name_len] != '.')
				continue;
			found = entry;
			len = name_len;
		}
		root = found;
		path += len + (path[len] == '.');
	}
	return root;
}

json_t *sweep_run_json(const struct sweep *s, uint64_t seed, bool is_run)
{
	struct trial *t = trial_new(s->plan, seed, NULL);
	char *text = NULL;
	size_t size = 0;
	FILE *out = t ? open_memstream(&text, &size) : NULL;
	json_t *root = NULL;

	if (out) {
		if (is_run)
			trial_run(t, NULL);
		int error = trial_write_json(t, s->scenario, out);
		error |= fclose(out);
		root = error ? NULL : json_loadb(text, size, 0, NULL);
	}
	free(text);
	if (t)
		trial_free(t);
	return root;
}

static void metric_text(const json_t *value, char text[SWEEP_FIELD_MAX])
{
	text[0] = '\0'; /* null: never measured */
	if (json_is_string(value))
		snprintf(text, SWEEP_FIELD_MAX, "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(text, SWEEP_FIELD_MAX, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		snprintf(text, SWEEP_FIELD_MAX, "%.9g", json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(text, SWEEP_FIELD_MAX, "%d", json_is_true(value));
}

int sweep_job_run(struct sweep *s, unsigned job, char row[SWEEP_ROW_MAX])
{
	struct link_params kept[SWEEP_SETTINGS_MAX][2];
	char text[SWEEP_FIELD_MAX], complaint[LINK_COMPLAINT_MAX];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)job_seed(s, job));
	row[0] = '\0';
	row_add(row, text);
	for (unsigned i = 0; i < s->setting_count; i++) {
		struct link_params *params = s->plan->links[s->settings[i].link].params;
		const char *value = job_value(s, job, i);

		memcpy(kept[i], params, sizeof(kept[i]));
		if (link_params_set(params, s->settings[i].field, value, complaint))
			abort(); /* the spec was checked with every value */
		row_add(row, value);
	}
	json_t *root = sweep_run_json(s, job_seed(s, job), true);
	/* Backwards: one link may have been set twice. */
	for (unsigned i = s->setting_count; i-- > 0;)
		memcpy(s->plan->links[s->settings[i].link].params, kept[i], sizeof(kept[i]));
	for (unsigned i = 0; root && i < s->metric_count; i++) {
		metric_text(sweep_metric_find(root, s->metrics[i]), text);
		row_add(row, text);
	}
	json_decref(root);
	return root ? 0 : -ENOMEM;
}
