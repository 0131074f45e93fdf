/* meshctl authority init: the key that admits nodes, made once and kept offline. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_OUT "authority.key"

static void random_kernel(void *user, void *out, size_t len)
{
	(void)user;
	randombytes_buf(out, len);
}

/* "2a5f00c1": eight hex digits, not all zero. */
static int id_parse(uint32_t *id, const char *text)
{
	char *end;

	if (strlen(text) != 8 || strspn(text, "0123456789abcdefABCDEF") != 8)
		return -EINVAL;
	*id = (uint32_t)strtoul(text, &end, 16);
	return *id ? 0 : -EINVAL;
}

static int authority_save(const char *path, const struct secret_authority *a, bool replace, char error[CTL_ERROR_MAX])
{
	char text[ENROLMENT_TEXT_MAX];
	int len = authority_format(a, text, sizeof(text));
	int code = len < 0 ? ctl_error(error, len, "%s: cannot be written", path)
			   : file_write(path, text, (size_t)len, replace, error);

	secret_wipe(text, sizeof(text));
	return code;
}

static void made_say(const char *path, const struct authority *a, bool json)
{
	struct prefix prefix = deployment_prefix(a->deployment);
	char text[PREFIX_TEXT], id[9];

	snprintf(id, sizeof(id), "%08" PRIx32, a->deployment);
	if (json) {
		json_t *o = json_pack("{s:b, s:s, s:s, s:s}", "ok", 1, "file", path, "deployment", id, "prefix",
			prefix_format(&prefix, text));

		json_print(o, stdout);
		json_decref(o);
		return;
	}
	printf("authority of deployment %s, addresses in %s\n"
	       "  file  %s: secret; whoever has it can admit nodes: keep it offline, and a copy elsewhere\n"
	       "  next  meshctl enrol --authority %s --name NAME --level city|district|town|scene\n",
		id, prefix_format(&prefix, text), path, path);
}

static int authority_init(const char *out, const char *id, bool replace, bool json)
{
	const struct random random = { .fill = random_kernel };
	struct secret_authority a;
	char error[CTL_ERROR_MAX], registry[CTL_PATH_MAX + 8];
	int code;

	authority_generate(&a, &random);
	if (id && id_parse(&a.public.deployment, id) < 0) {
		authority_done(&a);
		return ctl_fail(CTL_USAGE, "--id \"%s\" is not eight hex digits; write one such as 2a5f00c1", id);
	}
	snprintf(registry, sizeof(registry), "%s.issued", out);
	if (!replace && file_exists(registry)) {
		authority_done(&a);
		return ctl_fail(CTL_BAD,
			"%s is there: nodes were enrolled with an authority of this name; name another file with "
			"--out",
			registry);
	}
	code = authority_save(out, &a, replace, error);
	if (!code && replace)
		remove(registry); /* it told of another key's nodes */
	if (!code)
		made_say(out, &a.public, json);
	authority_done(&a);
	return code ? ctl_fail(CTL_BAD, "%s", error) : CTL_GOOD;
}

int command_authority(int argc, char **argv)
{
	const char *out = NULL, *id = NULL;
	bool force = false, json = false;
	const struct option_spec specs[] = {
		{ "--out", .text = &out },
		{ "--id", .text = &id },
		{ "--force", .flag = &force },
		{ "--json", .flag = &json },
	};
	struct text_list rest = { 0 };
	char error[CTL_ERROR_MAX];

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (rest.count != 1 || strcmp(rest.texts[0], "init") != 0)
		return ctl_fail(CTL_USAGE, "write: meshctl authority init [--out FILE] [--id HEX8] [--force]");
	return authority_init(out ? out : DEFAULT_OUT, id, force, json);
}
