/* Incident logs, of this node and from files, as one story: what log and report begin with. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void story_done(struct story *s)
{
	chronicle_done(&s->chronicle);
}

static int daemon_load(struct story *s)
{
	const struct question q = { .socket = s->socket };
	char error[CTL_ERROR_MAX];
	int status = 0;
	json_t *answer = question_ask(&q, "log", &status);

	if (!answer)
		return status;
	if (chronicle_take(&s->chronicle, answer, error) < 0)
		status = ctl_fail(CTL_BAD, "%s", error);
	json_decref(answer);
	return status;
}

/* A log of another member that this node has collected. What cannot be read is told, and the rest is. */
static int other_load(struct story *s, const json_t *which)
{
	const struct question q = { .socket = s->socket, .dest = json_text(which, "key") };
	char error[CTL_ERROR_MAX];
	int status = 0;
	json_t *answer = question_ask(&q, "log", &status);

	if (!answer)
		return status;
	int code = chronicle_take(&s->chronicle, answer, error);
	if (code < 0 && code != -EEXIST) /* of which there may be a file */
		fprintf(stderr, "! log of %s: %s\n", json_text(which, "name"), error);
	if (!code)
		s->chronicle.logs[s->chronicle.log_count - 1].is_copy = true;
	json_decref(answer);
	return 0;
}

/* The newest of them, as many as there is room for. */
static int others_load(struct story *s)
{
	const struct question q = { .socket = s->socket };
	const json_t *which;
	int status = 0;
	size_t i, left_out = 0;
	json_t *answer = question_ask(&q, "logs", &status);

	if (!answer)
		return status;
	json_array_foreach (json_object_get(answer, "logs"), i, which) {
		if (s->chronicle.log_count == CHRONICLE_LOGS_MAX)
			left_out++;
		else if (!status)
			status = other_load(s, which);
	}
	if (left_out)
		fprintf(stderr, "! %zu logs of other nodes are left out, those that end first; there is room for %d\n",
			left_out, CHRONICLE_LOGS_MAX);
	json_decref(answer);
	return status;
}

static int files_load(struct story *s, const struct text_list *files)
{
	char error[CTL_ERROR_MAX];

	for (unsigned i = 0; i < files->count; i++)
		if (chronicle_load(&s->chronicle, files->texts[i], error) < 0)
			return ctl_fail(CTL_BAD, "%s", error);
	return 0;
}

static int end_read(const char *option, const char *text, bool is_end, int64_t *ms)
{
	if (text && date_read(text, date_now_ms(), is_end, ms) < 0)
		return ctl_fail(CTL_USAGE,
			"%s: \"%s\" is no date; write \"2026-11-24 14:05\", 14:05 (today) or 90m (ago)", option, text);
	return 0;
}

static int range_find(struct story *s)
{
	const struct chronicle *r = &s->chronicle;

	s->from_ms = r->entry_count ? r->entries[0].date_ms : 0;
	s->to_ms = r->entry_count ? r->entries[r->entry_count - 1].date_ms : 0;
	int status = end_read("--from", s->from_text, false, &s->from_ms);
	if (!status)
		status = end_read("--to", s->to_text, true, &s->to_ms);
	if (!status && s->from_text && s->to_text && s->from_ms >= s->to_ms)
		status = ctl_fail(CTL_USAGE, "--from is not before --to; turn them round");
	return status;
}

bool story_has(const struct story *s, int64_t ms)
{
	return ms >= s->from_ms && ms <= s->to_ms;
}

bool story_tells(const struct story *s, const struct chronicle_entry *e)
{
	return story_has(s, e->date_ms) && strcmp(e->code, "clock") != 0 && strcmp(e->code, "watch") != 0;
}

/* A clear answer where there is nothing to tell. */
static int emptiness_tell(const struct story *s)
{
	const struct chronicle *r = &s->chronicle;
	char from[DATE_TIME_TEXT], to[DATE_TIME_TEXT], first[DATE_TIME_TEXT], last[DATE_TIME_TEXT];

	for (size_t i = 0; i < r->entry_count; i++)
		if (story_has(s, r->entries[i].date_ms))
			return 0;
	if (!r->entry_count)
		return ctl_fail(CTL_BAD, "nothing was recorded yet");
	date_time_format(s->from_ms, from);
	date_time_format(s->to_ms, to);
	return ctl_fail(CTL_BAD, "nothing was recorded%s%s%s%s; there is what happened from %s to %s",
		s->from_text ? " from " : "", s->from_text ? from : "", s->to_text ? " to " : "", s->to_text ? to : "",
		date_time_format(r->entries[0].date_ms, first),
		date_time_format(r->entries[r->entry_count - 1].date_ms, last));
}

int story_load(struct story *s, const struct text_list *files)
{
	chronicle_init(&s->chronicle);
	if (!s->socket)
		s->socket = CTL_SOCKET;
	int status = files->count ? files_load(s, files) : daemon_load(s);
	if (!status)
		status = files_load(s, &s->merge);
	if (!status && !files->count && !s->own)
		status = others_load(s);
	if (status)
		return status;
	chronicle_align(&s->chronicle);
	status = range_find(s);
	return status ? status : emptiness_tell(s);
}

/* By the authority of the first one, which is this node's as a rule. */
static bool is_foreign(const struct story *s, unsigned log)
{
	const struct authority *first = &s->chronicle.logs[0].authority, *own = &s->chronicle.logs[log].authority;

	return first->deployment != own->deployment ||
	       memcmp(first->sign_public, own->sign_public, SIGN_PUBLIC_LEN) != 0;
}

bool story_holds(const struct story *s, unsigned log)
{
	const struct chronicle_log *l = &s->chronicle.logs[log];

	return !l->fault_count && l->trust == CHRONICLE_SIGNED && !is_foreign(s, log);
}

const char *story_trust_text(const struct story *s, unsigned log, char text[STORY_TEXT])
{
	const struct chronicle_log *l = &s->chronicle.logs[log];
	char what[160] = "every entry is as it was signed";

	if (l->fault_count && l->fault.is_gap)
		snprintf(what, sizeof(what), "ENTRIES ARE MISSING before run %" PRIu64, l->fault.number);
	else if (l->fault_count)
		snprintf(what, sizeof(what), "IT WAS CHANGED after it was signed, at run %" PRIu64, l->fault.number);
	if (l->trust == CHRONICLE_UNSIGNED)
		snprintf(text, STORY_TEXT, "NOT PROVEN: no certificate that an authority has signed comes with it");
	else if (is_foreign(s, log))
		snprintf(text, STORY_TEXT, "%s; BY A NODE OF ANOTHER AUTHORITY (%08" PRIx32 ")", what,
			authority_id(&l->authority));
	else
		snprintf(text, STORY_TEXT, "%s, by the key of %s (serial %" PRIu32 ", authority %08" PRIx32 ")", what,
			l->node, l->certificate.serial, authority_id(&l->authority));
	return text;
}

unsigned story_faults_print(const struct story *s, FILE *out)
{
	const struct chronicle *r = &s->chronicle;
	char text[STORY_TEXT];
	unsigned faults = 0;

	for (unsigned i = 0; i < r->log_count; i++) {
		if (story_holds(s, i))
			continue;
		fprintf(out, "! log of %s: %s\n", r->logs[i].node, story_trust_text(s, i, text));
		faults++;
	}
	return faults;
}

void story_copies_print(const struct story *s, FILE *out)
{
	const struct chronicle *r = &s->chronicle;
	char date[DATE_TIME_TEXT];

	for (unsigned i = 0; i < r->log_count; i++)
		if (r->logs[i].is_copy)
			fprintf(out, "log of %s, until %s\n", r->logs[i].node,
				date_time_format(r->logs[i].until_ms, date));
}
