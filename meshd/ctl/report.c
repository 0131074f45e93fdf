/* meshctl report: what happened, for those who were not there. */
#include "meshd/ctl/report.h"

#include <stdlib.h>
#include <string.h>

static int report_save(const struct story *s, const char *text, size_t len)
{
	const char *path = s->out ? s->out : s->csv ? "report.csv" : "report.html";
	char error[CTL_ERROR_MAX];

	if (file_deliver(path, text, len, s->force, error) < 0)
		return ctl_fail(CTL_BAD, "%s", error);
	if (strcmp(path, "-") != 0)
		printf("%s\n", path);
	return CTL_GOOD;
}

static int report_run(struct story *s, const struct text_list *files)
{
	char *text = NULL;
	size_t len = 0;
	struct report r;
	int status = story_load(s, files);

	if (status)
		return status;
	FILE *out = open_memstream(&text, &len);
	bool is_good = report_make(&r, s) && out;
	if (is_good && s->csv)
		report_csv(&r, out);
	else if (is_good)
		report_html(&r, out);
	if (out && fclose(out))
		is_good = false;
	report_free(&r);
	status = is_good ? report_save(s, text, len) : ctl_fail(CTL_BAD, "not enough memory");
	free(text);
	if (!status && (!s->out || strcmp(s->out, "-") != 0))
		story_copies_print(s, stdout);
	return story_faults_print(s, stderr) && !status ? CTL_BAD : status;
}

int command_report(int argc, char **argv)
{
	struct story s = { 0 };
	const struct option_spec specs[] = {
		{ "--csv", .flag = &s.csv },
		{ "--own", .flag = &s.own },
		{ "--force", .flag = &s.force },
		{ "--from", .text = &s.from_text },
		{ "--to", .text = &s.to_text },
		{ "--out", .text = &s.out },
		{ "--merge", .list = &s.merge },
		{ "--socket", .text = &s.socket },
	};
	struct text_list files = { 0 };
	char error[CTL_ERROR_MAX];

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &files, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	int status = report_run(&s, &files);
	story_done(&s);
	return status;
}
