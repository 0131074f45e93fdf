/* A sweep's file: which scenario, which seeds, what is set on links, what becomes a column. */
#include "sim/world/sweep.h"

#include "sim/scenario_text.h"
#include "sim/world/plan_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPEC_FILE_MAX ((size_t)64 << 10)
#define METRIC_MAX 96

struct sweep_text_setting {
	char *link, *field;
	char **values;
	unsigned values_count;
};

struct sweep_text {
	char *scenario, *seeds;
	struct sweep_text_setting *settings;
	unsigned settings_count;
	char **metrics;
	unsigned metrics_count;
};

#define TEXT_FIELD(structure, key, member)                                                                             \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 0, CYAML_UNLIMITED)
#define LIST_FIELD(structure, key, member, schema, max)                                                                \
	CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, schema, 0, max)

static const cyaml_schema_value_t word_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t setting_fields[] = {
	TEXT_FIELD(struct sweep_text_setting, "link", link),
	TEXT_FIELD(struct sweep_text_setting, "field", field),
	LIST_FIELD(struct sweep_text_setting, "values", values, &word_schema, SWEEP_VALUES_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t setting_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sweep_text_setting, setting_fields),
};

static const cyaml_schema_field_t sweep_fields[] = {
	TEXT_FIELD(struct sweep_text, "scenario", scenario),
	TEXT_FIELD(struct sweep_text, "seeds", seeds),
	LIST_FIELD(struct sweep_text, "set", settings, &setting_schema, SWEEP_SETTINGS_MAX),
	LIST_FIELD(struct sweep_text, "metrics", metrics, &word_schema, SWEEP_METRICS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t sweep_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sweep_text, sweep_fields),
};

/* A path in the spec is seen from the spec's folder. */
static char *path_beside(const char *spec, const char *path)
{
	const char *slash = strrchr(spec, '/');
	char *whole = NULL;

	if (path[0] == '/' || !slash)
		return strdup(path);
	return asprintf(&whole, "%.*s/%s", (int)(slash - spec), spec, path) < 0 ? NULL : whole;
}

static int scenario_read(struct sweep *s, struct outline *o)
{
	char error[PLAN_ERROR_MAX];

	if (!s->text->scenario)
		return outline_complain(
			o, NULL, -1, NULL, "which scenario is swept? write scenario: FILE.yaml, seen from here");
	s->scenario = path_beside(o->file, s->text->scenario);
	if (!s->scenario)
		return outline_complain(o, NULL, -1, NULL, "out of memory");
	s->plan = plan_load(s->scenario, error);
	/* A mistake in the scenario has its own file and line. */
	if (!s->plan)
		snprintf(o->error, PLAN_ERROR_MAX, "%s", error);
	return s->plan ? 0 : -EINVAL;
}

static int seeds_read(struct sweep *s, struct outline *o)
{
	const char *text = s->text->seeds ? s->text->seeds : "1";
	unsigned long long first = 0, last = 0;
	int len = 0, words = sscanf(text, "%18llu%n..%18llu%n", &first, &len, &last, &len);

	if (words == 1)
		last = first;
	if (words < 1 || text[0] < '0' || text[0] > '9' || text[len] || last < first)
		return outline_complain(o, "seeds", -1, NULL, "seeds \"%.40s\" is no range; write seeds: 1..20", text);
	if (last - first >= SWEEP_JOBS_MAX)
		return outline_complain(
			o, "seeds", -1, NULL, "these are more than %d seeds; write fewer", SWEEP_JOBS_MAX);
	s->seed_first = first;
	s->seed_count = (unsigned)(last - first + 1);
	return 0;
}

static int values_check(const struct sweep *s, struct outline *o, int i, const struct sweep_setting *g)
{
	char complaint[LINK_COMPLAINT_MAX];

	for (unsigned v = 0; v < g->values_count; v++) {
		struct link_params params[2];

		memcpy(params, s->plan->links[g->link].params, sizeof(params));
		if (link_params_set(params, g->field, g->values[v], complaint))
			return outline_complain(o, "set", i, NULL, "%s", complaint);
	}
	return 0;
}

static int setting_read(struct sweep *s, struct outline *o, int i)
{
	const struct sweep_text_setting *text = &s->text->settings[i];
	struct sweep_setting *g = &s->settings[i];

	if (!text->link || !text->field || !text->values_count)
		return outline_complain(
			o, "set", i, NULL, "not all is said; write {link: radio, field: loss, values: [0%%, 5%%]}");
	int link = plan_find_link(s->plan, text->link, strlen(text->link));
	if (link < 0)
		return outline_complain(o, "set", i, "link",
			"there is no link \"%.40s\" in %.128s; name one of its links:", text->link, s->scenario);
	for (int j = 0; j < i; j++)
		if (s->settings[j].link == (unsigned)link && strcmp(s->settings[j].field, text->field) == 0)
			return outline_complain(o, "set", i, "field",
				"%.40s of %.40s is set above; give all its values there", text->field, text->link);
	*g = (struct sweep_setting){ .link = (unsigned)link,
		.name = text->link,
		.field = text->field,
		.values = text->values,
		.values_count = text->values_count };
	s->setting_count++;
	s->job_count *= g->values_count;
	if (s->job_count > SWEEP_JOBS_MAX)
		return outline_complain(
			o, "set", i, NULL, "these are more than %d runs; give fewer values or seeds", SWEEP_JOBS_MAX);
	return values_check(s, o, i, g);
}

/* A metric must be in what the run will write: said now, not after an hour. */
static int metrics_read(struct sweep *s, struct outline *o)
{
	static char *usual[] = { "passed", "loops", "events", "hash" };
	json_t *root = sweep_run_json(s, s->seed_first, false);
	int error = 0;

	if (!root)
		return outline_complain(o, "scenario", -1, NULL,
			"its world cannot be built: no memory, or more peers than a link takes");
	s->metrics = s->text->metrics_count ? s->text->metrics : usual;
	s->metric_count = s->text->metrics_count ? s->text->metrics_count : sizeof(usual) / sizeof(usual[0]);
	for (unsigned i = 0; i < s->metric_count && !error; i++) {
		const json_t *value = sweep_metric_find(root, s->metrics[i]);

		if (!value || json_is_object(value) || json_is_array(value) || strlen(s->metrics[i]) > METRIC_MAX)
			error = outline_complain(o, "metrics", (int)i, NULL,
				"\"%.40s\" is no value of a run; write one that meshsim run --json has, as "
				"flows.NAME.gap_s",
				s->metrics[i]);
	}
	json_decref(root);
	return error;
}

static int spec_read(struct sweep *s, struct outline *o)
{
	int error = scenario_read(s, o);

	if (!error)
		error = seeds_read(s, o);
	s->job_count = s->seed_count;
	for (unsigned i = 0; i < s->text->settings_count && !error; i++)
		error = setting_read(s, o, (int)i);
	return error ? error : metrics_read(s, o);
}

static struct sweep *spec_parse(const char *path, struct bytes text, char error[PLAN_ERROR_MAX])
{
	struct outline o = { .file = path, .error = error };
	struct sweep *s = calloc(1, sizeof(*s));
	int result = s ? outline_load(&o, text, sweep_fields) : outline_complain(&o, NULL, -1, NULL, "out of memory");

	if (!result)
		result = outline_values(&o, text, &sweep_schema, "meshsim(1)", (cyaml_data_t **)&s->text);
	if (!result)
		result = spec_read(s, &o);
	outline_done(&o);
	if (!result)
		return s;
	sweep_free(s);
	return NULL;
}

struct sweep *sweep_load(const char *path, char error[PLAN_ERROR_MAX])
{
	static const struct file_kind kind = { "sweep", "64 kilobytes", SPEC_FILE_MAX };
	size_t len;
	char *text;
	struct sweep *s;

	error[0] = '\0';
	text = text_file_read(path, &kind, &len, error);
	s = text ? spec_parse(path, bytes_of(text, len), error) : NULL;
	free(text);
	return s;
}

void sweep_free(struct sweep *s)
{
	if (!s)
		return;
	outline_free(s->text, &sweep_schema);
	plan_free(s->plan);
	free(s->scenario);
	free(s);
}
