/* Options in any order, with a sentence for each mistake. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int ctl_error(char error[CTL_ERROR_MAX], int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, CTL_ERROR_MAX, format, args);
	va_end(args);
	return code;
}

int ctl_fail(int code, const char *format, ...)
{
	va_list args;

	fputs("meshctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

/* The spec of "--name" or "--name=value"; *value is what follows '=', or NULL. */
static const struct option_spec *option_find(
	const struct option_spec *specs, size_t count, const char *argument, const char **value)
{
	size_t len = strcspn(argument, "=");

	*value = argument[len] ? argument + len + 1 : NULL;
	for (size_t i = 0; i < count; i++)
		if (strlen(specs[i].name) == len && strncmp(specs[i].name, argument, len) == 0)
			return &specs[i];
	return NULL;
}

static int option_take(const struct option_spec *spec, const char *value, char error[CTL_ERROR_MAX])
{
	if (spec->text && *spec->text)
		return ctl_error(error, -EINVAL, "%s is there twice; write it once", spec->name);
	if (spec->text)
		*spec->text = value;
	else if (spec->list->count == CTL_LIST_MAX)
		return ctl_error(error, -EINVAL, "%s is there more than %d times", spec->name, CTL_LIST_MAX);
	else
		spec->list->texts[spec->list->count++] = value;
	return 0;
}

int arguments_parse(int argc, char **argv, const struct option_spec *specs, size_t count, struct text_list *rest,
	char error[CTL_ERROR_MAX])
{
	bool is_over = false; /* after "--" */
	int code = 0;

	for (int i = 0; i < argc && !code; i++) {
		const char *value;
		bool is_option = !is_over && argv[i][0] == '-' && argv[i][1];
		const struct option_spec *spec = is_option ? option_find(specs, count, argv[i], &value) : NULL;

		if (is_option && strcmp(argv[i], "--") == 0) {
			is_over = true;
		} else if (!is_option && rest->count == CTL_LIST_MAX) {
			code = ctl_error(error, -EINVAL, "too many arguments");
		} else if (!is_option) {
			rest->texts[rest->count++] = argv[i];
		} else if (!spec) {
			code = ctl_error(
				error, -EINVAL, "%s is not an option here; meshctl --help lists them", argv[i]);
		} else if (spec->flag && value) {
			code = ctl_error(error, -EINVAL, "%s takes no value", spec->name);
		} else if (spec->flag) {
			*spec->flag = true;
		} else {
			if (!value && i + 1 < argc)
				value = argv[++i];
			code = value ? option_take(spec, value, error)
				     : ctl_error(error, -EINVAL, "%s needs a value", spec->name);
		}
	}
	return code;
}

int arguments_parse_named(
	int argc, char **argv, const struct option_spec *specs, size_t count, char error[CTL_ERROR_MAX])
{
	struct text_list rest = { 0 };
	int code = arguments_parse(argc, argv, specs, count, &rest, error);

	if (code || !rest.count)
		return code;
	return ctl_error(
		error, -EINVAL, "\"%s\" does not belong here; a name is written as --name NAME", rest.texts[0]);
}
