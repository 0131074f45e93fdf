/*
 * meshctl enrol: keys and certificate of one node into one file, offline; or the certificate of a
 * machine that made its own keys, into an answer for it.
 *
 *   lock registry ─► check ─► take serial (authority file) ─► write file ─► note it
 *
 * The serial is on disk before the certificate is: if anything fails after that,
 * a serial is lost and none is ever given twice.
 */
#include "meshd/ctl/enrol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define YEARS_DEFAULT 3
#define YEARS_MAX 20
#define YEAR_MIN (365 * 24 * 60 + 6 * 60)

/* --- from arguments to a certificate ------------------------------------------------------ */

int enrol_prefix_take(struct enrol *w, const char *option, struct prefix *prefixes, uint8_t *count, const char *text)
{
	struct prefix prefix;
	int code = prefix_parse(&prefix, text);

	if (code == -EDOM)
		return ctl_error(w->error, -EINVAL,
			"%s %s has bits beyond its length; write the network's first address", option, text);
	if (code < 0)
		return ctl_error(w->error, -EINVAL, "%s %s is no network; write one such as 10.1.2.0/24", option, text);
	if (address_is_multicast(&prefix.address) || address_is_link_local(&prefix.address))
		return ctl_error(
			w->error, -EINVAL, "%s %s cannot be routed; write the LAN's own network", option, text);
	if (*count == CERTIFICATE_PREFIX_MAX)
		return ctl_error(w->error, -EINVAL, "%s: more than %d networks; join some into larger ones", option,
			CERTIFICATE_PREFIX_MAX);
	for (unsigned i = 0; i < *count; i++)
		if (prefix_equal(&prefixes[i], &prefix))
			return ctl_error(w->error, -EINVAL, "%s %s is there twice; write it once", option, text);
	prefixes[(*count)++] = prefix;
	return 0;
}

static const struct {
	const char *word;
	unsigned role;
} role_words[] = { { "gateway", ROLE_GATEWAY }, { "command-post", ROLE_COMMAND_POST }, { "guest", ROLE_GUEST } };
#define ROLE_WORDS (sizeof(role_words) / sizeof(role_words[0]))

unsigned role_parse(const char *word)
{
	for (unsigned i = 0; i < ROLE_WORDS; i++)
		if (strcmp(word, role_words[i].word) == 0)
			return role_words[i].role;
	return 0;
}

const char *roles_format(unsigned roles, char text[ROLES_TEXT])
{
	text[0] = 0;
	for (unsigned i = 0; i < ROLE_WORDS; i++)
		if (roles & role_words[i].role)
			snprintf(text + strlen(text), ROLES_TEXT - strlen(text), "%s%s", *text ? " " : "",
				role_words[i].word);
	return text;
}

static int role_take(struct enrol *w, const char *text)
{
	unsigned role = role_parse(text);

	w->e.certificate.roles |= (uint8_t)role;
	if (role == ROLE_GUEST)
		return ctl_error(w->error, -EINVAL, "--role guest: guests are admitted by \"meshctl guest\"");
	if (!role)
		return ctl_error(w->error, -EINVAL, "--role %s is not known; write gateway or command-post", text);
	return 0;
}

static int years_take(struct enrol *w)
{
	unsigned long years = YEARS_DEFAULT;
	char *end = "";

	if (w->years)
		years = strtoul(w->years, &end, 10);
	if (*end || years < 1 || years > YEARS_MAX || (w->years && (w->years[0] < '0' || w->years[0] > '9')))
		return ctl_error(w->error, -EINVAL, "--years %s is out of range; write 1 to %d", w->years, YEARS_MAX);
	w->e.certificate.not_before = date_now(&w->clock_is_guess);
	w->e.certificate.not_after =
		w->e.certificate.not_before + (w->term_min ? w->term_min : (uint32_t)years * YEAR_MIN);
	return 0;
}

/* The name decides the default file; nothing in it may lead to another directory. */
static void out_choose(struct enrol *w)
{
	if (w->out)
		return;
	snprintf(w->default_out, sizeof(w->default_out), "%s.%s", w->name, w->has_request ? "answer" : "key");
	for (char *c = w->default_out; *c; c++)
		if (*c == '/' || *c == ' ')
			*c = '_';
	w->out = w->default_out;
}

static int draft_make(struct enrol *w)
{
	struct certificate *c = &w->e.certificate;
	int code = 0;

	if (level_parse(&c->level, w->level) < 0)
		return ctl_error(
			w->error, -EINVAL, "--level %s is not known; write city, district, town or scene", w->level);
	if (!*w->name || strlen(w->name) > NAME_MAX_LEN)
		return ctl_error(w->error, -EINVAL, "--name has %zu bytes; write 1 to %d (a Chinese character has 3)",
			strlen(w->name), NAME_MAX_LEN);
	c->name_len = (uint8_t)strlen(w->name);
	memcpy(c->name, w->name, c->name_len + 1u);
	for (unsigned i = 0; i < w->roles.count && !code; i++)
		code = role_take(w, w->roles.texts[i]);
	for (unsigned i = 0; i < w->prefixes.count && !code; i++)
		code = enrol_prefix_take(w, "--prefix", c->prefixes, &c->prefix_count, w->prefixes.texts[i]);
	return code ? code : years_take(w);
}

/* What the machine wishes to be, it is, unless something else was said here. */
static int request_take(struct enrol *w)
{
	int code = admit_request(&w->request, w->asked, w->error);

	if (code)
		return code;
	w->has_request = true;
	if (!w->name)
		w->name = w->request.name;
	if (!w->level)
		w->level = level_name(w->request.level);
	return 0;
}

static int arguments_check(struct enrol *w)
{
	if (!w->authority.path || !w->name || !w->level)
		return ctl_error(w->error, -EINVAL,
			"%s is missing; write: meshctl enrol --authority FILE --name NAME --level LEVEL, or with "
			"--request in place of both",
			!w->authority.path ? "--authority"
			: !w->name         ? "--name"
					   : "--level");
	int code = draft_make(w);
	if (!code)
		out_choose(w);
	return code;
}

/* --- the authority's side ------------------------------------------------------------------- */

/* A copy of the authority file from before some enrolments knows too low a serial. */
static void serial_advance(struct enrol *w)
{
	for (size_t i = 0; i < w->registry.count; i++) {
		uint32_t serial = w->registry.entries[i].serial;

		if (serial >= w->authority.key.next_serial && serial < UINT32_MAX)
			w->authority.key.next_serial = serial + 1;
	}
}

static int name_check(struct enrol *w)
{
	const struct registry_entry *taken = registry_find(&w->registry, w->name);
	char date[16], other[NAME_MAX_LEN + 1];

	if (!taken || w->again)
		return 0;
	registry_suggest(&w->registry, w->name, other);
	return ctl_error(w->error, -EEXIST,
		"the name \"%s\" was given on %s (serial %" PRIu32 "); use %s%s%s, or --again if this one replaces it",
		taken->name, date_format(taken->not_before, date), taken->serial, *other ? "\"" : "another name", other,
		*other ? "\"" : "");
}

/* A request is answered once: who shows it again has lost the answer, or is not who it was. */
static int request_check(struct enrol *w)
{
	const struct registry_entry *before = w->has_request ? registry_find_key(&w->registry, &w->request.key) : NULL;
	char date[16];

	if (!before || w->again)
		return 0;
	return ctl_error(w->error, -EALREADY,
		"this request was answered on %s: its machine is \"%s\" (serial %" PRIu32 "); bring it that answer, or "
		"write --again for another one",
		date_format(before->not_before, date), before->name, before->serial);
}

static int certificate_make(struct enrol *w)
{
	struct certificate *c = &w->e.certificate;
	struct certificate plain = *c;
	struct secret_authority trial = w->authority.key;

	if (w->has_request)
		w->e.identity.public = w->request.key;
	else
		identity_generate(&w->e.identity, &ctl_random);
	plain.key = c->key = w->e.identity.public;
	plain.prefix_count = 0;
	plain.roles &= (uint8_t)~ROLE_GUEST;
	plain.guest = (struct guest_scope){ 0 };
	int code = certificate_issue(&plain, &trial);
	authority_done(&trial);
	if (code)
		return ctl_error(w->error, code,
			"the name \"%s\" has characters that cannot be seen, or space at an end; choose a plain one",
			w->name);
	if (certificate_issue(c, &w->authority.key) < 0)
		return ctl_error(w->error, -EINVAL,
			"too much for one certificate: join some networks into larger ones, or shorten the name");
	w->e.authority = w->authority.key.public;
	memcpy(w->e.psk, w->authority.key.psk, KEY_LEN);
	if (w->has_request && grant_make(&w->grant, c, w->request.ticket, &w->authority.key) < 0)
		return ctl_error(
			w->error, -EINVAL, "the keys in this request are no keys; let the machine make new ones");
	return 0;
}

static int node_write(struct enrol *w)
{
	char text[ENROLMENT_TEXT_MAX];
	int len = w->has_request ? grant_format(&w->grant, text, sizeof(text))
				 : enrolment_format(&w->e, text, sizeof(text));
	int code = len < 0 ? ctl_error(w->error, len, "%s: cannot be written", w->out)
			   : file_write(w->out, text, (size_t)len, w->force, w->error);

	secret_wipe(text, sizeof(text));
	return code;
}

static int enrolment_make(struct enrol *w)
{
	int code = authority_file_load(&w->authority, w->error);

	if (!code)
		code = registry_open(&w->registry, w->authority.path, w->error);
	if (!code) /* again, now that nobody else changes it */
		code = authority_file_load(&w->authority, w->error);
	if (!code) {
		serial_advance(w);
		code = request_check(w);
	}
	if (!code)
		code = name_check(w);
	if (!code && w->complete)
		code = w->complete(w);
	if (!code && !w->force && file_exists(w->out))
		code = ctl_error(w->error, -EEXIST,
			"%s is there already; name another file with --out, or replace it with --force", w->out);
	if (!code)
		code = certificate_make(w);
	if (!code)
		code = authority_file_save(&w->authority, true, w->error);
	if (!code)
		code = node_write(w);
	if (!code) {
		code = registry_add(&w->registry, &w->e.certificate, w->error);
		if (code)
			remove(w->out); /* a node that is not in the list was not enrolled */
	}
	return code;
}

int enrol_again(struct authority_file *f, const struct registry_entry *as, const struct request *request,
	const char *out, bool force, struct certificate *c, char error[CTL_ERROR_MAX])
{
	struct enrol w = { .name = as->name,
		.level = level_name(as->level),
		.out = out,
		.force = force,
		.again = true,
		.authority = *f,
		.registry.fd = -1,
		.has_request = request };
	int code = draft_make(&w);

	if (request)
		w.request = *request;

	w.e.certificate.roles = as->roles;
	w.e.certificate.prefix_count = as->prefix_count;
	memcpy(w.e.certificate.prefixes, as->prefixes, sizeof(as->prefixes));
	if (!code)
		code = enrolment_make(&w);
	*c = w.e.certificate;
	memcpy(error, w.error, CTL_ERROR_MAX);
	enrol_done(&w);
	return code;
}

/* --- what the person at the desk is told -------------------------------------------------------- */

/* Others sign nothing: whatever a gateway's prefixes hold, any member can claim. */
static void gateway_note_say(const struct certificate *c)
{
	bool has_network = false, has_default = false;

	for (unsigned i = 0; i < c->prefix_count; i++) {
		has_network |= c->prefixes[i].plen < family_bits(c->prefixes[i].address.family);
		has_default |= c->prefixes[i].plen == 0;
	}
	if (!has_network)
		fprintf(stderr, "note: name what lies behind a gateway, as --prefix 10.50.0.0/16; nothing else that is "
				"announced there is believed by others\n");
	if (has_default)
		fprintf(stderr,
			"note: behind a gateway to everywhere any member can claim any foreign address; where it is "
			"known what lies behind, name that instead\n");
}

static void notes_say(const struct enrol *w)
{
	const struct certificate *c = &w->e.certificate;

	if (w->clock_is_guess)
		fprintf(stderr, "note: this machine's clock is wrong; the certificate begins on this program's date\n");
	for (unsigned i = 0; i < c->prefix_count; i++) {
		for (size_t j = 0; j < w->registry.count; j++) {
			const struct registry_entry *other = &w->registry.entries[j];

			for (unsigned k = 0; k < other->prefix_count; k++)
				if (c->prefixes[i].plen && prefix_equal(&c->prefixes[i], &other->prefixes[k]) &&
					strcmp(other->name, c->name) != 0)
					fprintf(stderr,
						"note: \"%s\" has %s too; right only if both are on the same LAN\n",
						other->name, w->prefixes.texts[i]);
		}
	}
	if (c->roles & ROLE_GATEWAY)
		gateway_note_say(c);
}

/* The mesh may reach where nobody goes. Without a meshd here the file is what was wanted. */
static void answer_spread(struct enrol *w)
{
	char error[CTL_ERROR_MAX];
	int code = 0;

	if (!w->has_request || w->offline)
		return;
	json_t *answer = admit_tell(&w->grant, w->socket ? w->socket : CTL_SOCKET, &code, error);
	w->is_told = answer;
	json_decref(answer);
	if (!w->is_told && code != -ECONNREFUSED)
		fprintf(stderr, "note: the meshd here does not pass the answer on: %s\n", error);
}

static void answer_say(const struct enrol *w, const char *words)
{
	if (w->is_told)
		printf("  told     the meshd here: members beside that machine hand it over, for an hour\n");
	printf("  answer   %s: not secret, of use to that machine alone; there: meshctl accept %s\n", w->out, w->out);
	if (!*words)
		return;
	printf("  or, read out, and there: meshctl accept -\n\n");
	admit_words_print(words, stdout);
}

static void guest_say(const struct certificate *c)
{
	char text[PREFIX_TEXT], classes[GUEST_CLASSES_TEXT];

	printf("  guest    of %s, for %s\n", c->guest.agency, guest_classes_format(c->guest.classes, classes));
	for (unsigned i = 0; i < c->guest.to_count; i++)
		printf("  %s  %s\n", i ? "       " : "meets  ", prefix_format(&c->guest.to[i], text));
	if (c->guest.until_list)
		printf("  until    list %u of who is out, at the latest\n", c->guest.until_list);
}

static void enrolled_say(const struct enrol *w)
{
	const struct certificate *c = &w->e.certificate;
	struct address address = identity_address(&c->key, c->deployment);
	char text[ADDRESS_TEXT], from[16], to[16], words[SPOKEN_TEXT_MAX] = "";

	date_format(c->not_before, from);
	date_format(c->not_after, to);
	address_format(&address, text);
	if (w->has_request && w->words)
		grant_format_words(&w->grant, words, sizeof(words));
	if (w->json) {
		json_t *o = json_pack("{s:b, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:b, s:o*}", "ok", 1, "name", c->name,
			"level", level_name(c->level), "serial", (json_int_t)c->serial, "address", text, "from", from,
			"to", to, "file", w->out, "told", w->is_told, "words", *words ? admit_words_json(words) : NULL);

		json_print(o, stdout);
		json_decref(o);
		return;
	}
	printf("enrolled %s (%s), serial %" PRIu32 "\n", c->name, level_name(c->level), c->serial);
	printf("  address  %s\n  valid    %s to %s\n", text, from, to);
	if (c->roles & ROLE_GUEST)
		guest_say(c);
	if (w->has_request)
		answer_say(w, words);
	else
		printf("  file     %s: secret, for this node only; put it there as /etc/meshd/node.key\n", w->out);
}

int enrol_run(struct enrol *w)
{
	if (w->authority.path && w->asked && request_take(w) < 0)
		return ctl_fail(CTL_BAD, "%s", w->error);
	if (arguments_check(w) < 0)
		return ctl_fail(CTL_USAGE, "%s", w->error);
	if (enrolment_make(w) < 0)
		return ctl_fail(CTL_BAD, "%s", w->error);
	answer_spread(w);
	enrolled_say(w);
	notes_say(w);
	return CTL_GOOD;
}

void enrol_done(struct enrol *w)
{
	registry_close(&w->registry);
	authority_file_done(&w->authority);
	enrolment_done(&w->e);
}

/* An answer that was made elsewhere: the key is not needed. */
static int answer_hand_in(const char *path, const char *socket, bool json)
{
	const struct identity_public nobody = { 0 };
	char error[CTL_ERROR_MAX];
	struct grant g;
	int code = admit_answer(&g, path, &nobody, error);

	if (code)
		return ctl_fail(CTL_BAD, "%s", error);
	json_t *answer = admit_tell(&g, socket ? socket : CTL_SOCKET, &code, error);
	if (!answer)
		return client_fail(code, error);
	if (json)
		json_print(answer, stdout);
	else if (json_flag(answer, "known"))
		printf("\"%s\" (serial %" PRIu32 ") is known here already: nothing is passed on\n", g.certificate.name,
			g.certificate.serial);
	else
		printf("told  the meshd here: members beside \"%s\" hand it over, for an hour\n", g.certificate.name);
	json_decref(answer);
	return CTL_GOOD;
}

int command_enrol(int argc, char **argv)
{
	struct enrol w = { .registry.fd = -1 };
	const char *answer = NULL;
	const struct option_spec specs[] = {
		{ "--answer", .text = &answer },
		{ "--authority", .text = &w.authority.path },
		{ "--passphrase-file", .text = &w.authority.passphrase_file },
		{ "--request", .text = &w.asked },
		{ "--name", .text = &w.name },
		{ "--level", .text = &w.level },
		{ "--prefix", .list = &w.prefixes },
		{ "--role", .list = &w.roles },
		{ "--years", .text = &w.years },
		{ "--out", .text = &w.out },
		{ "--force", .flag = &w.force },
		{ "--again", .flag = &w.again },
		{ "--words", .flag = &w.words },
		{ "--offline", .flag = &w.offline },
		{ "--socket", .text = &w.socket },
		{ "--json", .flag = &w.json },
	};

	if (arguments_parse_named(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), w.error) < 0)
		return ctl_fail(CTL_USAGE, "%s", w.error);
	if (answer && (w.authority.path || w.asked || w.name))
		return ctl_fail(CTL_USAGE, "write: meshctl enrol --answer FILE, which needs nothing else");
	if (answer)
		return answer_hand_in(answer, w.socket, w.json);
	int status = enrol_run(&w);
	enrol_done(&w);
	return status;
}
