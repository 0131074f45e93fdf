/* meshsim replay: incident logs become a scenario. */
#include "sim/world/command.h"
#include "sim/world/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct replay_options {
	const char *out, *from, *to;
	unsigned log_count;
	const char *logs[CHRONICLE_LOGS_MAX];
};

static const char *options_read(struct replay_options *o, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "-o") == 0) {
			o->out = argv[++i];
			if (!o->out)
				return "-o needs a file";
		} else if (strcmp(argv[i], "--from") == 0) {
			o->from = argv[++i];
			if (!o->from)
				return "--from needs a date";
		} else if (strcmp(argv[i], "--to") == 0) {
			o->to = argv[++i];
			if (!o->to)
				return "--to needs a date";
		} else if (argv[i][0] == '-') {
			return "that is not an option of replay";
		} else if (o->log_count == CHRONICLE_LOGS_MAX) {
			return "too many logs";
		} else {
			o->logs[o->log_count++] = argv[i];
		}
	}
	return o->log_count ? NULL : "say which incident logs; meshctl log export makes them";
}

/* What is wrong with a log does not keep it from being played, but is said. */
static void faults_tell(const struct chronicle *chronicle)
{
	for (unsigned i = 0; i < chronicle->log_count; i++) {
		const struct chronicle_log *l = &chronicle->logs[i];

		if (l->fault_count || l->trust != CHRONICLE_SIGNED)
			fprintf(stderr, "meshsim: the log of %s is not as it was signed: meshctl log %s tells more\n",
				l->node, l->source);
	}
}

static const char *range_read(
	const struct replay_options *o, const struct chronicle *r, int64_t *from_ms, int64_t *to_ms)
{
	*from_ms = r->entry_count ? r->entries[0].date_ms : 0;
	*to_ms = r->entry_count ? r->entries[r->entry_count - 1].date_ms : 0;
	if (o->from && date_read(o->from, date_now_ms(), false, from_ms) < 0)
		return "--from is a date: \"2026-11-24 14:05\", 14:05 (today) or 90m (ago)";
	if (o->to && date_read(o->to, date_now_ms(), true, to_ms) < 0)
		return "--to is a date: \"2026-11-24 14:05\", 14:05 (today) or 90m (ago)";
	return *from_ms < *to_ms ? NULL : "--from is not before --to, or nothing was recorded";
}

/* 0, or EXIT_WRONG after a complaint. */
static int scenario_write(const struct replay *r, const char *path)
{
	FILE *out = path ? fopen(path, "we") : stdout;
	bool is_good = out;

	if (out)
		replay_write(r, out);
	if (out)
		is_good = !ferror(out) && (path ? fclose(out) == 0 : fflush(out) == 0);
	if (!is_good)
		fprintf(stderr, "meshsim: %s: cannot be written: %s; name another file with -o\n", path ? path : "-",
			strerror(errno));
	return is_good ? 0 : EXIT_WRONG;
}

int replay_main(int argc, char **argv)
{
	struct replay_options o = { 0 };
	const char *complaint = options_read(&o, argc, argv);
	char error[REPLAY_ERROR_MAX];
	struct chronicle chronicle;
	struct replay replay = { 0 };
	int64_t from_ms, to_ms;
	int status = complaint ? command_wrong(complaint) : 0;

	chronicle_init(&chronicle);
	for (unsigned i = 0; i < o.log_count && !status; i++)
		if (chronicle_load(&chronicle, o.logs[i], error) < 0) {
			fprintf(stderr, "meshsim: %s\n", error);
			status = EXIT_WRONG;
		}
	chronicle_align(&chronicle);
	faults_tell(&chronicle);
	complaint = status ? NULL : range_read(&o, &chronicle, &from_ms, &to_ms);
	if (complaint)
		status = command_wrong(complaint);
	if (!status && replay_read(&replay, &chronicle, from_ms, to_ms, error) < 0) {
		fprintf(stderr, "meshsim: %s\n", error);
		status = EXIT_WRONG;
	}
	if (!status)
		status = scenario_write(&replay, o.out);
	replay_done(&replay);
	chronicle_done(&chronicle);
	return status;
}
