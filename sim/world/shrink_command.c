/* meshsim shrink: a scenario or a seed of fuzz, made small. */
#include "sim/world/command.h"
#include "sim/world/fuzz.h"
#include "sim/world/shrink.h"

#include "sim/scenario_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_US (600 * SECOND_US)

struct shrink_options {
	const char *what, *out, *seed;
	uint64_t limit_us;
};

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static const char *options_read(struct shrink_options *o, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "-o") == 0) {
			o->out = argv[++i];
			if (!o->out)
				return "-o needs a file";
		} else if (strcmp(argv[i], "--seed") == 0) {
			o->seed = argv[++i];
			if (!o->seed || !is_number(o->seed))
				return "--seed needs a number";
		} else if (strcmp(argv[i], "--for") == 0) {
			if (!real_time_read(argv[++i], &o->limit_us))
				return "--for needs a time; write --for 10m";
		} else if (argv[i][0] == '-' || o->what) {
			return "that is one word or option too many";
		} else {
			o->what = argv[i];
		}
	}
	return o->what ? NULL : "say which scenario, or which seed of fuzz";
}

/* NULL after a complaint. */
static struct sheet *sheet_load(const struct shrink_options *o)
{
	static const struct file_kind kind = { "scenario", "4 megabytes", PLAN_FILE_MAX };
	char error[PLAN_ERROR_MAX] = { 0 }, *text = NULL;
	size_t len = 0;

	if (is_number(o->what)) {
		FILE *out = open_memstream(&text, &len);

		if (!out || fuzz_write(strtoull(o->what, NULL, 10), out) || fclose(out))
			snprintf(error, sizeof(error), "meshsim: out of memory");
	} else {
		struct plan *p = plan_load(o->what, error);

		plan_free(p);
		text = p ? text_file_read(o->what, &kind, &len, error) : NULL;
	}
	struct sheet *s = !error[0] && text ? sheet_parse(bytes_of(text, len)) : NULL;
	free(text);
	if (!s)
		fprintf(stderr, "%s\n", error[0] ? error : "meshsim: the scenario cannot be taken apart");
	if (s && o->seed)
		sheet_set(s, "seed", o->seed);
	return s;
}

static unsigned count_of(const struct sheet *s, const char *key)
{
	const struct sheet *list = sheet_get(s, key);

	return list ? list->count : 0;
}

static void size_print(const struct sheet *s, FILE *out)
{
	fprintf(out, "%u nodes, %u links, %u events, %u flows, for %s", count_of(s, "nodes"), count_of(s, "links"),
		count_of(s, "events"), count_of(s, "flows"), sheet_word(s, "for"));
}

static void progress_show(const struct shrink *s)
{
	fprintf(stderr, "\r%u tries, %u smaller: ", s->tries, s->found);
	size_print(s->best, stderr);
	fputs("      ", stderr);
}

static int small_write(struct shrink *s, const char *path)
{
	size_t len;
	char *text = sheet_write(s->best, &len);
	FILE *out = fopen(path, "we");
	int error = out ? 0 : -EIO;

	if (out) {
		fprintf(out, "# fails: %s\n", s->kind);
		fwrite(text, 1, len, out);
		error = ferror(out) | fclose(out) ? -EIO : 0;
	}
	free(text);
	if (error)
		fprintf(stderr, "meshsim: %s: cannot be written: %s; name another file with -o\n", path,
			strerror(errno));
	return error;
}

static int shrink_go(struct shrink *s, const struct shrink_options *o)
{
	const char *path = o->out ? o->out : "small.yaml";

	printf("it fails: %s\nfrom ", s->kind);
	size_print(s->best, stdout);
	puts("");
	fflush(stdout);
	shrink_run(s);
	if (s->progress)
		fprintf(stderr, "\r%100s\r", "");
	printf("to   ");
	size_print(s->best, stdout);
	printf("; %u worlds of %u were smaller%s\n", s->found, s->tries, shrink_is_late(s) ? "; the time is over" : "");
	if (small_write(s, path))
		return EXIT_WRONG;
	printf("  replay: meshsim run %s --verbose\n", path);
	return EXIT_SUCCESS;
}

int shrink_main(int argc, char **argv)
{
	struct shrink_options o = { .limit_us = LIMIT_US };
	const char *complaint = options_read(&o, argc, argv);
	char error[PLAN_ERROR_MAX];

	if (complaint)
		return command_wrong(complaint);
	struct sheet *sheet = sheet_load(&o);
	if (!sheet)
		return EXIT_WRONG;
	struct shrink s = { .workers = command_processors(SHRINK_WORKERS_MAX),
		.until_us = real_time_us() + o.limit_us,
		.progress = isatty(STDERR_FILENO) ? progress_show : NULL };
	int result = shrink_begin(&s, sheet, error);
	int status = result ? EXIT_FAILED : shrink_go(&s, &o);
	if (result)
		fprintf(stderr, "meshsim: %s: %s\n", o.what, error);
	shrink_done(&s);
	return result == -EINVAL ? EXIT_WRONG : status;
}
