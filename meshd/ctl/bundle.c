/*
 * meshctl bundle: all that meshd tells, in one file, for whoever is to find out what is
 * wrong. Nothing of it is secret: answers have no keys, of the configuration there is what
 * was read and not the file, and what modem programs say is withheld, for that nobody
 * here has written.
 */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define FORMAT 1

/* Its answer, or why there is none: a node that is ill may not answer all. *code is of the last question. */
static void question_take(json_t *bundle, const char *socket, const char *request, int *code)
{
	const struct question q = { .socket = socket };
	char error[CTL_ERROR_MAX];
	json_t *answer = question_pages(&q, request, code, error);

	json_object_set_new(bundle, request, answer ? answer : json_pack("{s:s}", "error", error));
}

static void running_take(json_t *bundle, const char *socket, int *code)
{
	char error[CTL_ERROR_MAX];
	json_t *answer = client_ask(socket, json_pack("{s:s, s:b}", "request", "diff", "running", 1), code, error);

	json_object_set_new(bundle, "configuration", answer ? answer : json_pack("{s:s}", "error", error));
}

static void modems_withhold(json_t *bundle)
{
	json_t *event;
	size_t i;

	json_array_foreach (json_object_get(json_object_get(bundle, "events"), "events"), i, event)
		if (strcmp(json_text(event, "code"), "modem") == 0)
			json_object_set_new(event, "text", json_string("(withheld)"));
}

static json_t *machine_make(void)
{
	struct utsname u;

	if (uname(&u) < 0)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:s, s:I}", "system", u.sysname, "release", u.release, "machine", u.machine,
		"meshctl", MESHD_VERSION, "date_ms", (json_int_t)date_now_ms());
}

/* NULL: no meshd answers, with *code and a sentence. */
static json_t *bundle_make(const char *socket, int *code, char error[CTL_ERROR_MAX])
{
	static const char *const requests[] = { "nodes", "links", "routes", "classes", "events", "alarms", "outages",
		"members", "diff", "log", "logs" };
	json_t *status = client_ask(socket, json_pack("{s:s}", "request", "status"), code, error);

	if (!status)
		return NULL;
	json_t *bundle =
		json_pack("{s:i, s:o, s:o}", "meshd-bundle", FORMAT, "machine", machine_make(), "status", status);
	running_take(bundle, socket, code);
	for (unsigned i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		question_take(bundle, socket, requests[i], code);
	modems_withhold(bundle);
	return bundle;
}

static int bundle_save(const json_t *bundle, const char *path, bool force)
{
	char *text = json_dumps(bundle, JSON_INDENT(1)), error[CTL_ERROR_MAX];
	size_t len = text ? strlen(text) : 0;

	if (text)
		text[len++] = '\n'; /* in the place of the NUL */
	int code = text ? file_deliver(path, text, len, force, error) : ctl_error(error, -ENOMEM, "not enough memory");
	free(text);
	if (code)
		return ctl_fail(CTL_BAD, "%s", error);
	if (strcmp(path, "-") != 0)
		printf("%s: names of nodes and addresses are in it, keys and passwords are not\n", path);
	return CTL_GOOD;
}

int command_bundle(int argc, char **argv)
{
	const char *socket = NULL;
	bool force = false;
	const struct option_spec specs[] = {
		{ "--force", .flag = &force },
		{ "--socket", .text = &socket },
	};
	struct text_list rest = { 0 };
	char error[CTL_ERROR_MAX];
	int code;

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (rest.count > 1)
		return ctl_fail(CTL_USAGE, "write: meshctl bundle [FILE]");
	json_t *bundle = bundle_make(socket ? socket : CTL_SOCKET, &code, error);
	if (!bundle)
		return client_fail(code, error);
	int status = bundle_save(bundle, rest.count ? rest.texts[0] : "bundle.json", force);
	json_decref(bundle);
	return status;
}
