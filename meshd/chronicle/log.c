/* Reading logs: form, signatures, and whose they are (chronicle.h). */
#include "meshd/chronicle/chronicle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 1
#define LINE_MAX_BYTES (1u << 20)

__attribute__((format(printf, 3, 4))) static int fail(
	char error[CHRONICLE_ERROR_MAX], int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, CHRONICLE_ERROR_MAX, format, args);
	va_end(args);
	return code;
}

void chronicle_init(struct chronicle *r)
{
	*r = (struct chronicle){ .bodies = json_array() };
}

void chronicle_done(struct chronicle *r)
{
	json_decref(r->bodies);
	free(r->entries);
	free(r->processes);
	*r = (struct chronicle){ 0 };
}

/* --- entries ---------------------------------------------------------------------------------- */

static int process_find(struct chronicle *r, unsigned log, const char *name)
{
	for (unsigned i = 0; i < r->process_count; i++)
		if (r->processes[i].log == log && strcmp(r->processes[i].name, name) == 0)
			return (int)i;
	struct chronicle_process *more = realloc(r->processes, (r->process_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->processes = more;
	more[r->process_count] = (struct chronicle_process){ .log = log, .spread_ms = -1, .error_ms = -1 };
	snprintf(more[r->process_count].name, sizeof(more->name), "%s", name);
	return (int)r->process_count++;
}

static int entry_add(struct chronicle *r, const struct chronicle_entry *entry)
{
	if (r->entry_count == r->entry_capacity) {
		size_t capacity = r->entry_capacity ? 2 * r->entry_capacity : 256;
		struct chronicle_entry *more = realloc(r->entries, capacity * sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->entries = more;
		r->entry_capacity = capacity;
	}
	r->entries[r->entry_count++] = *entry;
	return 0;
}

/* -EBADMSG: it is not what a node writes. */
static int body_take(struct chronicle *r, unsigned log, const char *text, size_t len)
{
	json_t *body = json_loadb(text, len, 0, NULL);
	const char *process = json_string_value(json_object_get(body, "process"));
	const json_t *each;
	size_t i;

	if (!body || !process || json_array_append_new(r->bodies, body) < 0)
		return -EBADMSG;
	int index = process_find(r, log, process), code = index < 0 ? index : 0;
	json_array_foreach (json_object_get(body, "entries"), i, each) {
		const char *event = json_string_value(json_object_get(each, "code"));
		const char *words = json_string_value(json_object_get(each, "text"));
		const struct chronicle_entry entry = { log, (unsigned)index,
			json_integer_value(json_object_get(each, "date")),
			json_integer_value(json_object_get(each, "at")), event, words ? words : "",
			json_object_get(each, "data"), 0 };

		if (!code && !event)
			code = -EBADMSG;
		if (!code)
			code = entry_add(r, &entry);
	}
	return code;
}

/* --- runs ------------------------------------------------------------------------------------------ */

static void fault_note(struct chronicle_log *l, uint64_t number, bool is_gap)
{
	if (!l->fault_count++)
		l->fault = (struct chronicle_fault){ is_gap, number };
}

/* `after`: of the run before, and then of this one. */
static int run_take(
	struct chronicle *r, const json_t *run, uint8_t after[LOG_HASH_LEN], char error[CHRONICLE_ERROR_MAX])
{
	struct chronicle_log *l = &r->logs[r->log_count];
	const json_t *body = json_object_get(run, "body");
	struct log_link link = { .deployment = l->authority.deployment,
		.number = (uint64_t)json_integer_value(json_object_get(run, "number")) };
	uint8_t before[LOG_HASH_LEN];

	if (!json_is_string(body) || !link.number || link.number <= l->last ||
		base64_read(json_string_value(json_object_get(run, "before")), link.before, LOG_HASH_LEN) !=
			LOG_HASH_LEN ||
		base64_read(json_string_value(json_object_get(run, "signature")), link.signature, SIGNATURE_LEN) !=
			SIGNATURE_LEN)
		return fail(error, -EBADMSG, "a run after number %llu has not the form of one; export the log again",
			(unsigned long long)l->last);
	struct bytes text = bytes_of(json_string_value(body), json_string_length(body));
	memcpy(before, after, LOG_HASH_LEN);
	if (l->trust == CHRONICLE_SIGNED && log_link_verify(&link, text, l->certificate.key.sign, after) < 0)
		fault_note(l, link.number, false);
	else if (l->trust == CHRONICLE_SIGNED && l->last &&
		 (link.number != l->last + 1 || memcmp(before, link.before, LOG_HASH_LEN) != 0))
		fault_note(l, link.number, true);
	l->first = l->first ? l->first : link.number;
	l->last = link.number;
	int code = body_take(r, r->log_count, (const char *)text.data, text.len);
	return code ? fail(error, code, "run %llu cannot be read; export the log again",
			      (unsigned long long)link.number)
		    : 0;
}

/* A node that was replaced has its successor's name and a log of its own. */
static bool is_same_node(const struct chronicle_log *a, const struct chronicle_log *b)
{
	bool are_signed = a->trust == CHRONICLE_SIGNED && b->trust == CHRONICLE_SIGNED;

	return strcmp(a->node, b->node) == 0 &&
	       (!are_signed || memcmp(a->certificate.key.sign, b->certificate.key.sign, SIGN_PUBLIC_LEN) == 0);
}

/* Whose it is, by the certificate that is with it. */
static int head_take(struct chronicle *r, const json_t *head, const char *source, char error[CHRONICLE_ERROR_MAX])
{
	struct chronicle_log *l = &r->logs[r->log_count];
	const struct time_floor ever = { 0 };
	const char *node = json_string_value(json_object_get(head, "node"));
	uint8_t encoded[CERTIFICATE_MAX_LEN];

	*l = (struct chronicle_log){ .trust = CHRONICLE_UNSIGNED };
	if (!node || !*node || strlen(node) > NAME_MAX_LEN)
		return fail(error, -EBADMSG, "it does not say whose log it is; make it with meshctl log export");
	snprintf(l->node, sizeof(l->node), "%s", node);
	snprintf(l->source, sizeof(l->source), "%s", source);
	l->authority.deployment = (uint32_t)json_integer_value(json_object_get(head, "deployment"));
	int len = base64_read(json_string_value(json_object_get(head, "certificate")), encoded, sizeof(encoded));
	if (len > 0 &&
		base64_read(json_string_value(json_object_get(head, "authority")), l->authority.sign_public,
			SIGN_PUBLIC_LEN) == SIGN_PUBLIC_LEN &&
		certificate_decode(&l->certificate, bytes_of(encoded, (size_t)len)) == 0 &&
		certificate_verify(&l->certificate, &l->authority, &ever) == 0 &&
		strcmp(l->certificate.name, node) == 0)
		l->trust = CHRONICLE_SIGNED;
	for (unsigned i = 0; i < r->log_count; i++)
		if (is_same_node(&r->logs[i], l))
			return fail(error, -EEXIST, "the log of %s is there twice; name it once", node);
	return 0;
}

/* --- from a daemon, from a file, to a file ----------------------------------------------------------- */

int chronicle_take(struct chronicle *r, const json_t *answer, char error[CHRONICLE_ERROR_MAX])
{
	uint8_t after[LOG_HASH_LEN] = { 0 };
	const json_t *run;
	size_t i;

	if (r->log_count == CHRONICLE_LOGS_MAX)
		return fail(error, -ENOSPC, "more than %d logs; leave some out", CHRONICLE_LOGS_MAX);
	const unsigned processes = r->process_count;
	const size_t entries = r->entry_count;
	int code = head_take(r, answer, "", error);
	json_array_foreach (json_object_get(answer, "log"), i, run)
		if (!code)
			code = run_take(r, run, after, error);
	if (code) { /* there may be others, and they are not to have what was read of this one */
		r->process_count = processes;
		r->entry_count = entries;
	}
	r->log_count += !code;
	return code;
}

/* 0: one line more; 1: the end; negative with a sentence. */
static int line_read(
	FILE *in, char **line, size_t *size, json_t **out, unsigned number, char error[CHRONICLE_ERROR_MAX])
{
	ssize_t len = getline(line, size, in);
	json_error_t trouble;

	*out = NULL;
	if (len < 0)
		return 1;
	if ((size_t)len < LINE_MAX_BYTES)
		*out = json_loadb(*line, (size_t)len, 0, &trouble);
	return *out ? 0 : fail(error, -EBADMSG, "line %u is no part of a log; export it again", number);
}

static int file_take(struct chronicle *r, FILE *in, const char *path, char error[CHRONICLE_ERROR_MAX])
{
	uint8_t after[LOG_HASH_LEN] = { 0 };
	char *line = NULL;
	size_t size = 0;
	json_t *part;
	int code = line_read(in, &line, &size, &part, 1, error);

	if (code > 0 || (!code && json_integer_value(json_object_get(part, "meshd-log")) != FORMAT))
		code = fail(error, -EBADMSG, "it is no incident log; make one with meshctl log export");
	if (!code)
		code = head_take(r, part, path, error);
	json_decref(part);
	for (unsigned number = 2; !code; number++) {
		code = line_read(in, &line, &size, &part, number, error);
		if (!code)
			code = run_take(r, part, after, error);
		json_decref(part);
	}
	free(line);
	r->log_count += code == 1;
	return code == 1 ? 0 : code;
}

int chronicle_load(struct chronicle *r, const char *path, char error[CHRONICLE_ERROR_MAX])
{
	FILE *in = fopen(path, "re");
	char why[CHRONICLE_ERROR_MAX - 100];

	if (!in)
		return fail(error, -errno, "%s: %s", path, strerror(errno));
	int code = r->log_count == CHRONICLE_LOGS_MAX
			   ? fail(error, -ENOSPC, "more than %d logs; leave some out", CHRONICLE_LOGS_MAX)
			   : file_take(r, in, path, error);
	fclose(in);
	if (!code)
		return 0;
	snprintf(why, sizeof(why), "%s", error);
	return fail(error, code, "%.90s: %s", path, why);
}

bool chronicle_write(const json_t *answer, FILE *out)
{
	json_t *head = json_copy((json_t *)(uintptr_t)answer);
	const json_t *run;
	size_t i;

	json_object_del(head, "log");
	json_object_del(head, "next");
	json_object_del(head, "ok");
	json_object_set_new(head, "meshd-log", json_integer(FORMAT));
	json_dumpf(head, out, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(head);
	json_array_foreach (json_object_get(answer, "log"), i, run) {
		fputc('\n', out);
		json_dumpf(run, out, JSON_COMPACT);
	}
	fputc('\n', out);
	return !ferror(out);
}
