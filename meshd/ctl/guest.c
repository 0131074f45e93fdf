/*
 * meshctl guest: somebody else's machine is admitted for some things and for a while.
 *
 * It asks as any new machine does (request.c), so that no key of ours was ever in its hands but
 * the deployment's. What it may meet is named by networks, or by names, which stand for a node's
 * own address and the networks behind it. More time is another certificate for the same keys.
 */
#include "meshd/ctl/enrol.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define TERM_DEFAULT "24h"
#define TERM_MAX_S (90l * 24 * 3600)
#define HOST_HASH_LEN 10 /* of the hash of a node's keys, in its address */

struct guest {
	struct enrol w;
	const char *agency, *term, *until_list;
	const char *extend; /* the answer that it had */
	struct grant before;
	struct text_list to, classes;
};

/* --- what it may meet --------------------------------------------------------------------------- */

static int network_add(struct guest *g, const char *name, const struct prefix *p)
{
	struct guest_scope *s = &g->w.e.certificate.guest;

	for (unsigned i = 0; i < s->to_count; i++)
		if (prefix_contains(&s->to[i], p))
			return 0;
	if (s->to_count == CERTIFICATE_PREFIX_MAX)
		return ctl_error(g->w.error, -EINVAL,
			"--to %s: that makes more than %d networks; name larger ones instead", name,
			CERTIFICATE_PREFIX_MAX);
	s->to[s->to_count++] = *p;
	return 0;
}

/* A node's address follows from its keys, of which the list has enough. */
static bool host_of(const struct guest *g, const struct registry_entry *e, struct prefix *host)
{
	struct prefix net = deployment_prefix(g->w.authority.key.public.deployment);
	uint8_t hash[(REGISTRY_KEY_TEXT - 1) / 2];
	size_t len;

	if (!*e->key || sodium_hex2bin(hash, sizeof(hash), e->key, strlen(e->key), NULL, &len, NULL) != 0)
		return false;
	struct address a = net.address;
	memcpy(a.bytes + sizeof(a.bytes) - HOST_HASH_LEN, hash, HOST_HASH_LEN);
	*host = prefix_of_host(a);
	return true;
}

static int name_add(struct guest *g, const char *name)
{
	const struct registry_entry *e = NULL;
	struct prefix host;
	int code = 0;

	for (size_t i = 0; i < g->w.registry.count; i++)
		if (strcmp(g->w.registry.entries[i].name, name) == 0)
			e = &g->w.registry.entries[i];
	if (!e)
		return ctl_error(g->w.error, -ENOENT,
			"--to %s: nobody of that name was enrolled, and it is no network; write a name of %s, or a "
			"network such as 10.1.2.0/24",
			name, g->w.registry.path);
	if (!host_of(g, e, &host))
		return ctl_error(g->w.error, -ENOENT,
			"--to %s: %s is too old to know its address; write the address that \"meshctl nodes\" shows, "
			"with /128",
			name, g->w.registry.path);
	code = network_add(g, name, &host);
	for (unsigned i = 0; i < e->prefix_count && !code; i++)
		code = network_add(g, name, &e->prefixes[i]);
	return code;
}

static int to_take(struct guest *g, const char *text)
{
	struct prefix p;

	if (prefix_parse(&p, text) != 0)
		return name_add(g, text);
	return network_add(g, text, &p);
}

/* --- for what, and for how long ------------------------------------------------------------------ */

const char *guest_classes_format(unsigned classes, char text[GUEST_CLASSES_TEXT])
{
	text[0] = 0;
	for (unsigned i = 0; i < TRAFFIC_CLASSES; i++)
		if (classes >> i & 1)
			snprintf(text + strlen(text), GUEST_CLASSES_TEXT - strlen(text), "%s%s", *text ? ", " : "",
				words_purposes[i]);
	return text;
}

/* By the class or by what it is for. */
static int class_take(struct guest *g, const char *text)
{
	for (unsigned i = 0; i < TRAFFIC_CLASSES; i++)
		if (strcmp(text, traffic_class_name(i)) == 0 || strcmp(text, words_purposes[i]) == 0) {
			g->w.e.certificate.guest.classes |= (uint8_t)(1u << i);
			return 0;
		}
	return ctl_error(
		g->w.error, -EINVAL, "--class %s is not known; write text, command (voice) or bulk (pictures)", text);
}

static int until_take(struct guest *g)
{
	char *end = "";
	unsigned long number = g->until_list ? strtoul(g->until_list, &end, 10) : 0;

	if (g->until_list && (*end || number < 1 || number > UINT16_MAX))
		return ctl_error(g->w.error, -EINVAL,
			"--until-list %s is no number of a list; \"meshctl members\" shows the present one",
			g->until_list);
	g->w.e.certificate.guest.until_list = (uint16_t)number;
	return 0;
}

static int term_take(struct guest *g)
{
	long seconds;

	if (span_argument(&seconds, g->term ? g->term : TERM_DEFAULT, g->w.error) < 0)
		return -EINVAL;
	if (seconds < 60 || seconds > TERM_MAX_S)
		return ctl_error(g->w.error, -EINVAL,
			"--for %s: a guest stays a minute to 90 days (2160h); enrol who stays", g->term);
	g->w.term_min = (uint32_t)((seconds + 59) / 60);
	return 0;
}

static int agency_take(struct guest *g)
{
	struct guest_scope *s = &g->w.e.certificate.guest;

	if (!g->agency || !*g->agency || strlen(g->agency) > NAME_MAX_LEN)
		return ctl_error(g->w.error, -EINVAL, "--agency: whose guest is it? 1 to %d bytes", NAME_MAX_LEN);
	s->agency_len = (uint8_t)strlen(g->agency);
	memcpy(s->agency, g->agency, s->agency_len + 1u);
	return 0;
}

/* --- the certificate -------------------------------------------------------------------------------- */

static int scope_make(struct guest *g)
{
	int code = agency_take(g);

	g->w.e.certificate.guest.classes = GUEST_TEXT | (g->classes.count ? 0 : GUEST_COMMAND);
	for (unsigned i = 0; i < g->classes.count && !code; i++)
		code = class_take(g, g->classes.texts[i]);
	for (unsigned i = 0; i < g->to.count && !code; i++)
		code = to_take(g, g->to.texts[i]);
	return code;
}

static int scope_complete(struct enrol *w)
{
	struct guest *g = w->arg;
	struct certificate *c = &w->e.certificate;
	int code;

	c->roles = ROLE_GUEST;
	if (!g->extend)
		return scope_make(g);
	const struct certificate *before = &g->before.certificate;
	uint16_t until_list = c->guest.until_list;

	c->prefix_count = before->prefix_count;
	memcpy(c->prefixes, before->prefixes, sizeof(c->prefixes));
	c->guest = before->guest;
	c->guest.until_list = until_list;
	code = grant_ticket(w->request.ticket, &g->before, &w->authority.key);
	return code ? ctl_error(w->error, -EKEYREJECTED,
			      "%s: was not made with %s; use the key that admitted this guest", g->extend,
			      w->authority.path)
		    : 0;
}

/* The same machine, with all that it is admitted for. */
static int extend_take(struct guest *g)
{
	struct certificate *before = &g->before.certificate;
	const struct identity_public nobody = { 0 };
	int code = admit_answer(&g->before, g->extend, &nobody, g->w.error);

	if (code)
		return code;
	if (!(before->roles & ROLE_GUEST))
		return ctl_error(g->w.error, -EINVAL, "%s: \"%s\" is a member, and no guest", g->extend, before->name);
	g->w.request = (struct request){ .key = before->key, .level = before->level };
	g->w.has_request = true;
	g->w.name = before->name;
	g->w.level = level_name(before->level);
	g->w.out = g->extend;
	g->w.again = g->w.force = true;
	return 0;
}

static int guest_check(struct guest *g, const struct text_list *rest)
{
	if (rest->count)
		return ctl_error(g->w.error, -EINVAL, "\"%s\" does not belong here", rest->texts[0]);
	if (!g->w.authority.path || !g->w.asked == !g->extend || (!g->extend && !g->to.count) ||
		(g->extend && (g->to.count || g->classes.count || g->agency || g->w.prefixes.count)))
		return ctl_error(g->w.error, -EINVAL,
			"write: meshctl guest --authority FILE --request WORDS --agency NAME --to NAME|NETWORK... "
			"--for 24h,\n"
			"   or: meshctl guest --authority FILE --extend ANSWER --for 24h");
	int code = term_take(g);
	return code ? code : until_take(g);
}

static int guest_run(struct guest *g, const struct text_list *rest)
{
	if (guest_check(g, rest) < 0)
		return ctl_fail(CTL_USAGE, "%s", g->w.error);
	if (g->extend && extend_take(g) < 0)
		return ctl_fail(CTL_BAD, "%s", g->w.error);
	g->w.complete = scope_complete;
	g->w.arg = g;
	return enrol_run(&g->w);
}

int command_guest(int argc, char **argv)
{
	struct guest g = { .w.registry.fd = -1 };
	const struct option_spec specs[] = {
		{ "--authority", .text = &g.w.authority.path },
		{ "--passphrase-file", .text = &g.w.authority.passphrase_file },
		{ "--request", .text = &g.w.asked },
		{ "--extend", .text = &g.extend },
		{ "--agency", .text = &g.agency },
		{ "--to", .list = &g.to },
		{ "--class", .list = &g.classes },
		{ "--for", .text = &g.term },
		{ "--until-list", .text = &g.until_list },
		{ "--name", .text = &g.w.name },
		{ "--level", .text = &g.w.level },
		{ "--prefix", .list = &g.w.prefixes },
		{ "--out", .text = &g.w.out },
		{ "--force", .flag = &g.w.force },
		{ "--again", .flag = &g.w.again },
		{ "--words", .flag = &g.w.words },
		{ "--offline", .flag = &g.w.offline },
		{ "--socket", .text = &g.w.socket },
		{ "--json", .flag = &g.w.json },
	};
	struct text_list rest = { 0 };

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, g.w.error) < 0)
		return ctl_fail(CTL_USAGE, "%s", g.w.error);
	int status = guest_run(&g, &rest);
	enrol_done(&g.w);
	return status;
}
