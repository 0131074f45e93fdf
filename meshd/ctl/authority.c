/* meshctl authority init, lock: the key that admits nodes, made once and kept offline. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_OUT "authority.key"
#define REGISTRY_PATH_MAX (CTL_PATH_MAX + 8)
#define KEPT_PATH_MAX (REGISTRY_PATH_MAX + 16)
#define KEPT_MAX 1000

/* "2a5f00c1": eight hex digits, not all zero. */
static int id_parse(uint32_t *id, const char *text)
{
	char *end;

	if (strlen(text) != 8 || strspn(text, "0123456789abcdefABCDEF") != 8)
		return -EINVAL;
	*id = (uint32_t)strtoul(text, &end, 16);
	return *id ? 0 : -EINVAL;
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

static void made_say(const struct authority_file *f, const char *kept, bool json)
{
	const struct authority *a = &f->key.public;
	const char *path = f->path;
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
	       "%s"
	       "  next  meshctl enrol --authority %s --name NAME --level city|district|town|scene\n",
		id, prefix_format(&prefix, text), path,
		f->is_locked ? "" : "  lock  meshctl authority lock: whoever finds the file can use it as it is\n",
		path);
	if (*kept)
		printf("  kept  %s: who was enrolled with the key that is replaced; the new key does not know them\n",
			kept);
}

static int authority_replace(
	const struct authority_file *f, const char *registry, char kept[KEPT_PATH_MAX], char error[CTL_ERROR_MAX])
{
	int code = registry_set_aside(registry, kept, error);

	if (code)
		return code;
	code = authority_file_save(f, true, error);
	if (code && *kept)
		(void)rename(kept, registry); /* at worst it has the other name: nothing is lost */
	return code;
}

static int authority_make(struct authority_file *f, const char *id, char error[CTL_ERROR_MAX])
{
	authority_generate(&f->key, &ctl_random);
	if (id && id_parse(&f->key.public.deployment, id) < 0)
		return ctl_error(error, -EINVAL, "--id \"%s\" is not eight hex digits; write one such as 2a5f00c1", id);
	return f->is_locked ? passphrase_choose(f->passphrase_file, f->passphrase, error) : 0;
}

static int authority_init(struct authority_file *f, const char *id, bool replace, bool json)
{
	char error[CTL_ERROR_MAX], registry[REGISTRY_PATH_MAX], kept[KEPT_PATH_MAX] = "";
	int code;

	if (strlen(f->path) >= CTL_PATH_MAX)
		return ctl_fail(CTL_BAD, "%.40s...: the path is too long", f->path);
	snprintf(registry, sizeof(registry), "%s.issued", f->path);
	if (authority_make(f, id, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (!replace && file_exists(registry))
		return ctl_fail(CTL_BAD,
			"%s is there: nodes were enrolled with an authority of this name; name another file with "
			"--out",
			registry);
	code = replace ? authority_replace(f, registry, kept, error) : authority_file_save(f, false, error);
	if (code)
		return ctl_fail(CTL_BAD, "%s", error);
	made_say(f, kept, json);
	return CTL_GOOD;
}

/* A key that was in the clear gets a passphrase, or another one. */
static int authority_lock(struct authority_file *f, const char *new_file)
{
	char chosen[PASSPHRASE_MAX + 1] = "", error[CTL_ERROR_MAX];
	int code = authority_file_load(f, error);

	if (!code)
		code = passphrase_choose(new_file, chosen, error);
	if (!code) {
		memcpy(f->passphrase, chosen, sizeof(f->passphrase));
		f->is_locked = true;
		code = authority_file_save(f, true, error);
	}
	secret_wipe(chosen, sizeof(chosen));
	if (code)
		return ctl_fail(CTL_BAD, "%s", error);
	printf("%s: under the new passphrase; copies of it that you keep are still as they were\n", f->path);
	return CTL_GOOD;
}

int command_authority(int argc, char **argv)
{
	const char *out = NULL, *id = NULL, *new_file = NULL;
	bool force = false, json = false;
	struct authority_file f = { 0 };
	const struct option_spec specs[] = {
		{ "--out", .text = &out },
		{ "--authority", .text = &f.path },
		{ "--id", .text = &id },
		{ "--passphrase", .flag = &f.is_locked },
		{ "--passphrase-file", .text = &f.passphrase_file },
		{ "--new-passphrase-file", .text = &new_file },
		{ "--force", .flag = &force },
		{ "--json", .flag = &json },
	};
	struct text_list rest = { 0 };
	char error[CTL_ERROR_MAX];
	int status;

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	bool is_lock = rest.count == 1 && strcmp(rest.texts[0], "lock") == 0;
	if (rest.count != 1 || (!is_lock && strcmp(rest.texts[0], "init") != 0) || (is_lock && !f.path))
		return ctl_fail(CTL_USAGE,
			"write: meshctl authority init [--out FILE] [--id HEX8] [--passphrase] [--force], or\n"
			"         meshctl authority lock --authority FILE");
	if (is_lock) {
		status = authority_lock(&f, new_file);
	} else {
		f.path = out ? out : DEFAULT_OUT;
		f.is_locked |= f.passphrase_file != NULL;
		status = authority_init(&f, id, force, json);
	}
	authority_file_done(&f);
	return status;
}
