/* meshctl members: who belongs, who is out, and by which list. */
#include "meshd/chronicle/chronicle.h"
#include "meshd/ctl/ctl.h"

#include <string.h>

static void roles_write(const json_t *member, char *out, size_t size)
{
	const json_t *role;
	size_t i, len = 0;

	out[0] = 0;
	json_array_foreach (json_object_get(member, "roles"), i, role)
		if (len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", i ? " " : "", json_string_value(role));
}

static void member_row(const json_t *member, struct table *t)
{
	char roles[WORDS_MAX], date[16];
	bool is_self = json_flag(member, "self");
	const char *state = json_text(member, "state");

	roles_write(member, roles, sizeof(roles));
	table_cell(t, "%s%s", json_text(member, "name"), is_self ? " (here)" : "");
	table_cell(t, "%s", json_text(member, "level"));
	table_cell(t, "%s", strcmp(state, "revoked") == 0 ? "REVOKED" : state);
	table_cell(t, "%lld", (long long)json_number(member, "serial"));
	table_cell(t, "%s", date_format((uint32_t)json_number(member, "ends_min"), date));
	table_cell(t, "%s", roles);
}

static void missing_print(const json_t *list, FILE *out)
{
	const json_t *missing = json_object_get(list, "missing"), *name;
	long long left = json_number(list, "reachable") - json_number(list, "known");
	size_t i;

	json_array_foreach (missing, i, name)
		fprintf(out, "%s%s", i ? ", " : "; not yet by ", json_string_value(name));
	if (left > (long long)json_array_size(missing))
		fprintf(out, " and %lld more", left - (long long)json_array_size(missing));
}

static void list_print(const json_t *list, FILE *out)
{
	char date[DATE_TIME_TEXT];

	if (!json_is_object(list)) {
		fprintf(out, "nobody is out\n");
		return;
	}
	fprintf(out, "list %lld of %.16s: %lld revoked, known by %lld of %lld reachable",
		(long long)json_number(list, "number"),
		date_time_format(60000 * (int64_t)json_number(list, "date_min"), date),
		(long long)json_number(list, "revoked"), (long long)json_number(list, "known"),
		(long long)json_number(list, "reachable"));
	missing_print(list, out);
	fprintf(out, "\n");
}

void members_print(const json_t *answer, FILE *out)
{
	static const char *const heads[] = { "NAME", "LEVEL", "STATE", "SERIAL", "VALID TO", "ROLES" };
	const json_t *members = json_object_get(answer, "members"), *member;
	struct table t;
	size_t i;

	table_begin(&t, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach (members, i, member)
		member_row(member, &t);
	table_print(&t, out, "");
	table_done(&t);
	list_print(json_object_get(answer, "list"), out);
}

int command_members(int argc, char **argv)
{
	return question_command(argc, argv, "members", 0, members_print, NULL);
}
