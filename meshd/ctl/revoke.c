/*
 * meshctl revoke: a member is out, everywhere; replace: and another machine is what it was.
 *
 *   lock registry ─► whom ─► both lists, joined ─► sign ─► FILE.revoked ─► meshd here
 *                                             └─► key ─► FILE.revoked.secret, or meshd here
 *
 * The list is on disk before anybody is told: no number is ever given to two. It can be
 * carried: any node takes it by --list, without the key. The old machine is out before the
 * new one is enrolled: whatever fails in between, there are never two of a name.
 */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct revoke {
	struct authority_file authority;
	const char *name, *list, *socket;
	const char *out; /* replace: the new machine's file, or the answer to its request: */
	const char *asked;
	struct request request;
	bool offline, json, force;
	bool has_entry;
	struct registry_entry entry; /* the last one of that name */
	char path[CTL_PATH_MAX + 16]; /* of the list */
	struct registry registry;
	json_t *members; /* as meshd knows them; NULL: it is not here */
	struct revocation r;
	bool has_key;
	struct secret_deployment_key key; /* that goes with it, in the place of the deployment's */
	unsigned named, fresh; /* certificates under that name; that were not on the list */
	bool is_told, clock_is_wrong;
	char error[CTL_ERROR_MAX];
};

/* --- whom ------------------------------------------------------------------------------- */

static int serial_take(struct revoke *w, uint32_t serial)
{
	bool was_out = revocation_names(&w->r, serial);
	int code = was_out ? 0 : revocation_add(&w->r, serial);

	if (code)
		return ctl_error(w->error, code,
			"serial %" PRIu32 " is beyond what a list can name (%u); make a new authority for new nodes",
			serial, REVOCATION_SERIAL_MAX);
	w->named++;
	w->fresh += !was_out;
	return 0;
}

/* Every certificate that ever had the name, whichever of them the thief has. */
static int name_take(struct revoke *w)
{
	const json_t *members = json_object_get(w->members, "members"), *m;
	int code = 0;
	size_t i;

	for (size_t k = 0; k < w->registry.count && !code; k++)
		if (strcmp(w->registry.entries[k].name, w->name) == 0) {
			w->has_entry = true;
			w->entry = w->registry.entries[k];
			code = serial_take(w, w->entry.serial);
		}
	json_array_foreach (members, i, m)
		if (!code && strcmp(json_text(m, "name"), w->name) == 0)
			code = serial_take(w, (uint32_t)json_number(m, "serial"));
	if (!code && !w->named)
		return ctl_error(w->error, -ENOENT,
			"nobody is called \"%s\"; \"meshctl members\" and %s list the names", w->name,
			w->registry.path);
	return code;
}

/* What the list beside the key does not tell, meshd may know. */
static int roles_find(struct revoke *w)
{
	const json_t *members = json_object_get(w->members, "members"), *m, *role;
	size_t i, k;

	json_array_foreach (members, i, m) {
		if (w->entry.has_roles || strcmp(json_text(m, "name"), w->name) != 0)
			continue;
		json_array_foreach (json_object_get(m, "roles"), k, role)
			w->entry.roles |= (uint8_t)role_parse(json_string_value(role));
		w->entry.has_roles = true;
	}
	if (w->entry.has_roles)
		return 0;
	return ctl_error(w->error, -ENOENT,
		"%s does not tell the roles of \"%s\"; use a machine whose meshd knows it, or revoke it and enrol "
		"the new one with --role and --again",
		w->registry.path, w->name);
}

/* --- signing ---------------------------------------------------------------------------- */

/* NULL: it is not here, and the lists beside the key are what is known. */
static json_t *members_ask(const struct revoke *w)
{
	const struct question q = { .socket = w->socket };
	char error[CTL_ERROR_MAX];
	int code;

	return w->offline ? NULL : question_pages(&q, "members", &code, error);
}

static int list_make(struct revoke *w)
{
	if (strlen(w->authority.path) >= CTL_PATH_MAX)
		return ctl_error(w->error, -ENAMETOOLONG, "%.40s...: the path is too long", w->authority.path);
	snprintf(w->path, sizeof(w->path), "%s.revoked", w->authority.path);
	int code = authority_file_load(&w->authority, w->error);
	if (!code)
		code = registry_open(&w->registry, w->authority.path, w->error);
	if (code)
		return code;
	w->members = members_ask(w);
	code = list_gather(&w->r, w->path, w->members, &w->authority.key.public, w->error);
	if (!code)
		code = name_take(w);
	if (!code && w->out && !w->has_entry)
		code = ctl_error(w->error, -ENOENT, "%s does not have \"%s\"; use the list that you keep with the key",
			w->registry.path, w->name);
	if (!code && w->out)
		code = roles_find(w);
	if (!code && w->out && (w->entry.roles & ROLE_GUEST))
		code = ctl_error(w->error, -EINVAL,
			"\"%s\" is a guest, whom nothing takes the place of: revoke it, and admit the other machine "
			"with "
			"\"meshctl guest\"",
			w->name);
	if (code)
		return code;
	uint32_t date = list_date(&w->r, &w->registry, &w->clock_is_wrong);
	/* Again even if it names nobody else: two lists that were joined need one number. */
	if (revocation_issue(&w->r, &w->authority.key, date) < 0)
		return ctl_error(w->error, -ERANGE, "no number is left for a list; make a new authority");
	w->has_key = deployment_key_make(&w->key, &w->authority.key, w->r.epoch) == 0;
	return list_save(&w->r, w->path, w->error);
}

/* As it was carried here. */
static int list_take(struct revoke *w)
{
	int code = list_load(&w->r, w->list, w->error);

	if (code)
		return code;
	code = list_key_load(&w->key, w->list, w->error);
	w->has_key = !code;
	return code == -ENOENT ? 0 : code; /* a list alone is as good, and changes no key */
}

static int list_spread(struct revoke *w)
{
	int code = 0;
	const struct secret_deployment_key *key = w->has_key ? &w->key : NULL;
	json_t *answer = w->offline ? NULL : list_tell(&w->r, key, w->socket, &code, w->error);

	w->is_told = answer;
	json_decref(answer);
	if (w->list || !key || (code && code != -ECONNREFUSED))
		return code;
	/* Whoever is to be told elsewhere needs the key as well. */
	if (w->is_told)
		list_key_remove(w->path);
	else
		code = list_key_save(key, w->path, w->error) < 0 ? -EIO : code;
	return code;
}

/* --- what is said ------------------------------------------------------------------------- */

static void revoked_say(const struct revoke *w)
{
	if (w->json) {
		json_t *o = json_pack("{s:b, s:i, s:i, s:b, s:s?, s:s?}", "ok", 1, "number", (int)w->r.epoch, "revoked",
			(int)revocation_count(&w->r), "told", w->is_told, "name", w->name, "file",
			w->list ? w->list : w->path);

		json_print(o, stdout);
		json_decref(o);
		return;
	}
	if (w->name)
		printf("\"%s\" is out: list %u, %u revoked in all%s\n", w->name, w->r.epoch, revocation_count(&w->r),
			w->fresh ? "" : " (it was out before)");
	else
		printf("list %u, %u revoked\n", w->r.epoch, revocation_count(&w->r));
	if (w->is_told)
		printf("  told  the meshd here, which tells its neighbours; \"meshctl members\" shows how many know\n");
	if (w->name && !w->is_told)
		printf("  next  on any node: meshctl revoke --list %s\n"
		       "        with %s%s beside it, which is secret, the deployment's key changes as well\n",
			w->path, w->path, LIST_KEY_SUFFIX);
	if (w->clock_is_wrong)
		fprintf(stderr,
			"note: this machine's clock is wrong; the list bears the date of what was signed last\n");
}

static int revoke_run(struct revoke *w)
{
	int code = w->list ? list_take(w) : list_make(w);

	if (code)
		return ctl_fail(CTL_BAD, "%s", w->error);
	code = list_spread(w);
	/* Without a meshd here the list is what was wanted; with one it must take it. */
	if (code && (w->list || code != -ECONNREFUSED))
		return ctl_fail(code == -ECONNREFUSED ? CTL_USAGE : CTL_BAD, "%s", w->error);
	revoked_say(w);
	return CTL_GOOD;
}

/* --- replace -------------------------------------------------------------------------------- */

static void replaced_say(const struct revoke *w, const struct certificate *c)
{
	char roles[ROLES_TEXT], text[PREFIX_TEXT];

	if (w->json) {
		json_t *o = json_pack("{s:b, s:s, s:I, s:s, s:i, s:b}", "ok", 1, "name", c->name, "serial",
			(json_int_t)c->serial, "file", w->out, "number", (int)w->r.epoch, "told", w->is_told);

		json_print(o, stdout);
		json_decref(o);
		return;
	}
	printf("enrolled %s (%s) again, serial %" PRIu32 "%s%s\n", c->name, level_name(c->level), c->serial,
		c->roles ? ", " : "", roles_format(c->roles, roles));
	for (unsigned i = 0; i < c->prefix_count; i++)
		printf("  %s  %s\n", i ? "        " : "networks", prefix_format(&c->prefixes[i], text));
	if (w->asked)
		printf("  answer    %s: of use to that machine alone; there: meshctl accept %s\n", w->out, w->out);
	else
		printf("  file      %s: secret, for this node only; put it there as /etc/meshd/node.key\n", w->out);
}

/* All that can be refused is refused before anybody is out. */
static int replace_run(struct revoke *w)
{
	struct certificate c;
	int code = file_exists(w->out) && !w->force
			   ? ctl_error(w->error, -EEXIST,
				     "%s is there already; name another file, or replace it with --force", w->out)
			   : 0;

	if (!code && w->asked)
		code = admit_request(&w->request, w->asked, w->error);
	if (!code)
		code = list_make(w);
	if (!code)
		code = list_spread(w);
	if (code && code != -ECONNREFUSED)
		return ctl_fail(CTL_BAD, "%s", w->error);
	registry_close(&w->registry); /* enrolling takes its lock */
	if (enrol_again(&w->authority, &w->entry, w->asked ? &w->request : NULL, w->out, w->force, &c, w->error) < 0)
		return ctl_fail(CTL_BAD, "\"%s\" is out, but: %s", w->name, w->error);
	if (!w->json)
		revoked_say(w);
	replaced_say(w, &c);
	return CTL_GOOD;
}

/* --- the commands ---------------------------------------------------------------------------- */

static int revoke_done(struct revoke *w, int status)
{
	registry_close(&w->registry);
	json_decref(w->members);
	authority_file_done(&w->authority);
	deployment_key_done(&w->key);
	return status;
}

int command_replace(int argc, char **argv)
{
	struct revoke w = { .registry.fd = -1 };
	const struct option_spec specs[] = {
		{ "--authority", .text = &w.authority.path },
		{ "--passphrase-file", .text = &w.authority.passphrase_file },
		{ "--request", .text = &w.asked },
		{ "--offline", .flag = &w.offline },
		{ "--force", .flag = &w.force },
		{ "--socket", .text = &w.socket },
		{ "--json", .flag = &w.json },
	};
	struct text_list rest = { 0 };

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, w.error) < 0)
		return ctl_fail(CTL_USAGE, "%s", w.error);
	if (!w.socket)
		w.socket = CTL_SOCKET;
	if (rest.count != 2 || !w.authority.path)
		return ctl_fail(CTL_USAGE, "write: meshctl replace NAME NEW.key --authority FILE");
	w.name = rest.texts[0];
	w.out = rest.texts[1];
	return revoke_done(&w, replace_run(&w));
}

int command_revoke(int argc, char **argv)
{
	struct revoke w = { .registry.fd = -1 };
	const struct option_spec specs[] = {
		{ "--authority", .text = &w.authority.path },
		{ "--passphrase-file", .text = &w.authority.passphrase_file },
		{ "--list", .text = &w.list },
		{ "--offline", .flag = &w.offline },
		{ "--socket", .text = &w.socket },
		{ "--json", .flag = &w.json },
	};
	struct text_list rest = { 0 };

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, w.error) < 0)
		return ctl_fail(CTL_USAGE, "%s", w.error);
	w.name = rest.count ? rest.texts[0] : NULL;
	if (!w.socket)
		w.socket = CTL_SOCKET;
	if (rest.count != !w.list || !w.list != !!w.authority.path || (w.list && w.offline))
		return ctl_fail(
			CTL_USAGE, "write: meshctl revoke NAME --authority FILE, or meshctl revoke --list FILE");
	return revoke_done(&w, revoke_run(&w));
}
