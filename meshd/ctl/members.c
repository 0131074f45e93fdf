/* meshctl members: who belongs, who is out, and by which list. */
#include "meshd/chronicle/chronicle.h"
#include "meshd/ctl/ctl.h"

#include <string.h>

static void words_write(const json_t *list, char *out, size_t size)
{
	const json_t *word;
	size_t i, len = 0;

	out[0] = 0;
	json_array_foreach (list, i, word)
		if (len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", i ? " " : "", json_string_value(word));
}

static void member_row(const json_t *member, struct table *t)
{
	char roles[WORDS_MAX], date[16];
	bool is_self = json_flag(member, "self");
	const char *state = json_text(member, "state");

	words_write(json_object_get(member, "roles"), roles, sizeof(roles));
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

static void until_write(const json_t *guest, char *out, size_t size)
{
	char span[WORDS_MAX];
	long long list = json_number(guest, "until_list"), left_s = json_number(guest, "left_s");
	size_t len = (size_t)snprintf(out, size, "%s", left_s ? words_span(left_s, span) : "ended");

	if (list && left_s)
		snprintf(out + len, size - len, ", or list %lld", list);
}

static void guest_row(const json_t *member, struct table *t)
{
	const json_t *guest = json_object_get(member, "guest");
	char text[8 * PREFIX_TEXT], left[2 * WORDS_MAX];

	table_cell(t, "%s", json_text(guest, "agency"));
	table_cell(t, "%s", json_text(member, "name"));
	until_write(guest, left, sizeof(left));
	table_cell(t, "%s", left);
	words_write(json_object_get(guest, "classes"), text, sizeof(text));
	table_cell(t, "%s", text);
	words_write(json_object_get(guest, "to"), text, sizeof(text));
	table_cell(t, "%s", text);
}

/* Has this agency stood in a member before number `before`? */
static bool is_listed(const json_t *members, const char *agency, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (strcmp(json_text(json_object_get(json_array_get(members, i), "guest"), "agency"), agency) == 0)
			return true;
	return false;
}

/* By agency, in the order in which the first of each came. */
static void guests_print(const json_t *members, FILE *out)
{
	static const char *const heads[] = { "AGENCY", "GUEST", "LEFT", "FOR", "MEETS" };
	const json_t *first, *other;
	struct table t;
	size_t i, k;
	bool has_any = false;

	table_begin(&t, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach (members, i, first) {
		const char *agency = json_text(json_object_get(first, "guest"), "agency");

		if (!*agency || is_listed(members, agency, i))
			continue;
		has_any = true;
		json_array_foreach (members, k, other)
			if (strcmp(json_text(json_object_get(other, "guest"), "agency"), agency) == 0)
				guest_row(other, &t);
	}
	if (has_any) {
		fprintf(out, "\n");
		table_print(&t, out, "");
		fprintf(out, "\n");
	}
	table_done(&t);
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
	guests_print(members, out);
	list_print(json_object_get(answer, "list"), out);
	if (json_number(answer, "key"))
		fprintf(out, "key %lld of the deployment is in use here\n", (long long)json_number(answer, "key"));
}

int command_members(int argc, char **argv)
{
	return question_command(argc, argv, "members", 0, members_print, NULL);
}
