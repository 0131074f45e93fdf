/*
 * meshctl identity FILE: what an enrolment or authority file says, its secrets aside.
 *
 * An answer that came over the mesh lies in the state directory, as meshd keeps it, and the file
 * with the keys stays as it was (meshd/io/applicant.c): what the machine is, both say together.
 */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define ANSWER_FILE "answer" /* as the daemon's */
#define ANSWER_PATH_MAX 4096

/* --- the answer that meshd keeps ---------------------------------------------------------------- */

static bool answer_read(struct grant *g, const char *state, char path[ANSWER_PATH_MAX])
{
	char data[ENROLMENT_TEXT_MAX], error[CTL_ERROR_MAX];

	_Static_assert(GRANT_MAX_LEN < ENROLMENT_TEXT_MAX, "an answer is read as a file is");
	int len = snprintf(path, ANSWER_PATH_MAX, "%s/%s", state, ANSWER_FILE);
	if (len >= ANSWER_PATH_MAX || !file_exists(path) || (len = file_read(path, data, error)) < 0)
		return false;
	return grant_decode(g, bytes_of(data, (size_t)len)) == 0;
}

/* What it is told here is not what is let in: a certificate that has ended is shown with its end. */
static const struct time_floor any_time = { 0 };

/* An answer to these keys, which wait. */
static bool answer_open(
	struct enrolment *e, const struct secret_request *own, const char *state, char path[ANSWER_PATH_MAX])
{
	struct grant g;

	return answer_read(&g, state, path) && grant_open(e, &g, own, &any_time) == 0;
}

/* A later certificate for a member's keys, in the place of that of its file. */
static bool answer_renews(struct enrolment *e, const char *state, char path[ANSWER_PATH_MAX])
{
	const struct certificate *now = &e->certificate;
	struct grant g;

	if (!answer_read(&g, state, path) || memcmp(&g.certificate.key, &now->key, sizeof(now->key)) != 0 ||
		g.certificate.serial <= now->serial ||
		certificate_verify(&g.certificate, &e->authority, &any_time) != 0)
		return false;
	e->certificate = g.certificate;
	return true;
}

/* --- what is told ---------------------------------------------------------------------------------- */

/* answer: where its certificate is; NULL: in the file itself. */
static json_t *enrolment_describe(const struct enrolment *e, const char *answer)
{
	const struct certificate *c = &e->certificate;
	struct address address = identity_address(&c->key, c->deployment);
	char text[PREFIX_TEXT], from[16], to[16], deployment[9], issuer[9];
	json_t *prefixes = json_array();

	snprintf(deployment, sizeof(deployment), "%08" PRIx32, c->deployment);
	snprintf(issuer, sizeof(issuer), "%08" PRIx32, c->issuer);
	for (unsigned i = 0; i < c->prefix_count; i++)
		json_array_append_new(prefixes, json_string(prefix_format(&c->prefixes[i], text)));
	return json_pack("{s:b, s:s, s:s, s:s, s:b, s:b, s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:s?}", "ok", 1, "kind",
		"enrolment", "name", c->name, "level", level_name(c->level), "gateway", !!(c->roles & ROLE_GATEWAY),
		"command_post", !!(c->roles & ROLE_COMMAND_POST), "serial", (json_int_t)c->serial, "address",
		address_format(&address, text), "from", date_format(c->not_before, from), "to",
		date_format(c->not_after, to), "deployment", deployment, "authority", issuer, "prefixes", prefixes,
		"answer", answer);
}

static json_t *authority_describe(const struct secret_authority *a)
{
	struct prefix prefix = deployment_prefix(a->public.deployment);
	char text[PREFIX_TEXT], deployment[9], id[9];

	snprintf(deployment, sizeof(deployment), "%08" PRIx32, a->public.deployment);
	snprintf(id, sizeof(id), "%08" PRIx32, authority_id(&a->public));
	return json_pack("{s:b, s:s, s:s, s:s, s:s, s:I}", "ok", 1, "kind", "authority", "authority", id, "deployment",
		deployment, "prefix", prefix_format(&prefix, text), "next_serial", (json_int_t)a->next_serial);
}

static json_t *request_describe(const struct secret_request *own, const char *state)
{
	char path[ANSWER_PATH_MAX];
	struct enrolment e = { 0 };
	json_t *o = answer_open(&e, own, state, path)
			    ? enrolment_describe(&e, path)
			    : json_pack("{s:b, s:s, s:s, s:s, s:b}", "ok", 1, "kind", "request", "name",
				      own->request.name, "level", level_name(own->request.level), "waits", 1);

	enrolment_done(&e);
	return o;
}

/* NULL: none of these files; *code says why. */
static json_t *text_describe(struct bytes text, const char *state, int *code)
{
	char path[ANSWER_PATH_MAX];
	struct enrolment e;
	struct secret_authority a;
	struct secret_request own;
	json_t *o = NULL;

	*code = enrolment_parse(&e, text);
	if (!*code) {
		o = enrolment_describe(&e, answer_renews(&e, state, path) ? path : NULL);
		enrolment_done(&e);
	} else if (*code == -EBADMSG && (*code = authority_parse(&a, text)) == 0) {
		o = authority_describe(&a);
		authority_done(&a);
	} else if (*code == -EBADMSG && (*code = request_parse_secret(&own, text)) == 0) {
		o = request_describe(&own, state);
		request_done(&own);
	} else if (*code == -ENOKEY) {
		o = json_pack("{s:b, s:s, s:b}", "ok", 1, "kind", "authority", "locked", 1);
	}
	return o;
}

static void description_print(const json_t *o)
{
	const json_t *prefixes = json_object_get(o, "prefixes"), *prefix;
	size_t i;

	if (json_flag(o, "locked")) {
		printf("authority, under a passphrase\n");
		return;
	}
	if (json_flag(o, "waits")) {
		printf("%s (%s), keys that wait for a certificate\n", json_text(o, "name"), json_text(o, "level"));
		return;
	}
	if (!prefixes) {
		printf("authority %s of deployment %s\n  addresses  %s\n  next       serial %lld\n",
			json_text(o, "authority"), json_text(o, "deployment"), json_text(o, "prefix"),
			(long long)json_number(o, "next_serial"));
		return;
	}
	printf("%s (%s)%s%s, serial %lld\n", json_text(o, "name"), json_text(o, "level"),
		json_flag(o, "gateway") ? ", gateway" : "", json_flag(o, "command_post") ? ", command post" : "",
		(long long)json_number(o, "serial"));
	printf("  address     %s\n", json_text(o, "address"));
	printf("  valid       %s to %s\n", json_text(o, "from"), json_text(o, "to"));
	printf("  deployment  %s, authority %s\n", json_text(o, "deployment"), json_text(o, "authority"));
	json_array_foreach (prefixes, i, prefix)
		printf("  %s    %s\n", i ? "        " : "networks", json_string_value(prefix));
	if (*json_text(o, "answer"))
		printf("  answer      came over the mesh: %s\n", json_text(o, "answer"));
}

int command_identity(int argc, char **argv)
{
	bool json = false;
	const char *state = NULL;
	const struct option_spec specs[] = { { "--json", .flag = &json }, { "--state", .text = &state } };
	struct text_list rest = { 0 };
	char text[ENROLMENT_TEXT_MAX], error[CTL_ERROR_MAX];
	int code;

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (rest.count != 1)
		return ctl_fail(CTL_USAGE, "write: meshctl identity FILE [--state DIR]");
	int len = file_read(rest.texts[0], text, error);
	if (len < 0)
		return ctl_fail(CTL_BAD, "%s", error);
	json_t *o = text_describe(bytes_of(text, (size_t)len), state ? state : CTL_STATE, &code);
	secret_wipe(text, sizeof(text));
	if (code == -EKEYREJECTED)
		return ctl_fail(
			CTL_BAD, "%s: its keys and its certificate do not belong together; enrol again", rest.texts[0]);
	if (!o)
		return ctl_fail(
			CTL_BAD, "%s: not an enrolment or authority file, or damaged; copy it again", rest.texts[0]);
	if (json)
		json_print(o, stdout);
	else
		description_print(o);
	json_decref(o);
	return CTL_GOOD;
}
