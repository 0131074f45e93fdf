/* meshctl authority init: the key that admits nodes, made once and kept offline. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_OUT "authority.key"
#define REGISTRY_PATH_MAX (CTL_PATH_MAX + 8)
#define KEPT_PATH_MAX (REGISTRY_PATH_MAX + 16)
#define KEPT_MAX 1000

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

/*
 * The list of another key's nodes gives way to a new one, and is kept: those nodes
 * may be out there. Writes its new name to `kept`, "" if there was none.
 */
static int registry_set_aside(const char *registry, char kept[KEPT_PATH_MAX], char error[CTL_ERROR_MAX])
{
	kept[0] = 0;
	if (!file_exists(registry))
		return 0;
	for (unsigned i = 1; i <= KEPT_MAX; i++) {
		snprintf(kept, KEPT_PATH_MAX, "%s.%u", registry, i);
		if (file_exists(kept))
			continue;
		if (rename(registry, kept) < 0)
			return ctl_error(error, -errno, "%s: cannot be set aside: %s", registry, strerror(errno));
		return 0;
	}
	return ctl_error(error, -EEXIST, "%s: too many old lists beside it; put them elsewhere", registry);
}

static void made_say(const char *path, const struct authority *a, const char *kept, bool json)
{
	struct prefix prefix = deployment_prefix(a->deployment);
	char text[PREFIX_TEXT], id[9];

	snprintf(id, sizeof(id), "%08" PRIx32, a->deployment);
	if (json) {
		json_t *o = json_pack("{s:b, s:s, s:s, s:s, s:s?}", "ok", 1, "file", path, "deployment", id, "prefix",
			prefix_format(&prefix, text), "enrolled_before", *kept ? kept : NULL);

		json_print(o, stdout);
		json_decref(o);
		return;
	}
	printf("authority of deployment %s, addresses in %s\n"
	       "  file  %s: secret; whoever has it can admit nodes: keep it offline, and a copy elsewhere\n"
	       "  next  meshctl enrol --authority %s --name NAME --level city|district|town|scene\n",
		id, prefix_format(&prefix, text), path, path);
	if (*kept)
		printf("  kept  %s: who was enrolled with the key that is replaced; the new key does not know them\n",
			kept);
}

static int authority_replace(const char *out, const char *registry, const struct secret_authority *a,
	char kept[KEPT_PATH_MAX], char error[CTL_ERROR_MAX])
{
	int code = registry_set_aside(registry, kept, error);

	if (code)
		return code;
	code = authority_save(out, a, true, error);
	if (code && *kept)
		(void)rename(kept, registry); /* at worst it has the other name: nothing is lost */
	return code;
}

static int authority_init(const char *out, const char *id, bool replace, bool json)
{
	const struct random random = { .fill = random_kernel };
	struct secret_authority a;
	char error[CTL_ERROR_MAX], registry[REGISTRY_PATH_MAX], kept[KEPT_PATH_MAX] = "";
	int code;

	if (strlen(out) >= CTL_PATH_MAX)
		return ctl_fail(CTL_BAD, "%.40s...: the path is too long", out);
	snprintf(registry, sizeof(registry), "%s.issued", out);
	authority_generate(&a, &random);
	if (id && id_parse(&a.public.deployment, id) < 0) {
		authority_done(&a);
		return ctl_fail(CTL_USAGE, "--id \"%s\" is not eight hex digits; write one such as 2a5f00c1", id);
	}
	if (!replace && file_exists(registry)) {
		authority_done(&a);
		return ctl_fail(CTL_BAD,
			"%s is there: nodes were enrolled with an authority of this name; name another file with "
			"--out",
			registry);
	}
	code = replace ? authority_replace(out, registry, &a, kept, error) : authority_save(out, &a, false, error);
	if (!code)
		made_say(out, &a.public, kept, json);
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
