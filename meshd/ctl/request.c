/*
 * meshctl request and accept: a machine makes its own keys, asks to be a member, and takes the
 * authority's answer. Its secret keys never leave it.
 *
 *   no file ──request──► keys that wait ──accept──► enrolment file
 *                            └─ request: shown again
 */
#include "meshd/ctl/ctl.h"

#include "meshd/base/build.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct asking {
	const char *key, *name, *level, *file;
	bool qr, force, json;
	bool is_new;
	struct secret_request own;
	char error[CTL_ERROR_MAX];
};

/* --- the file with the keys --------------------------------------------------------------------- */

static int not_waiting(char error[CTL_ERROR_MAX], const char *path, struct bytes text)
{
	struct enrolment e;
	int code = enrolment_parse(&e, text);

	if (code)
		return ctl_error(error, -EBADMSG,
			"%s: neither keys that wait for an answer nor an enrolment, or damaged; move it away, and "
			"write \"meshctl request\" again",
			path);
	ctl_error(error, -EALREADY, "%s: this machine is \"%s\" already (serial %" PRIu32 ")", path, e.certificate.name,
		e.certificate.serial);
	enrolment_done(&e);
	return -EALREADY;
}

/* -ENOENT: there is none; -EALREADY: it is a member's. */
static int own_load(struct secret_request *own, const char *path, char error[CTL_ERROR_MAX])
{
	char text[ENROLMENT_TEXT_MAX];
	int len = file_read(path, text, error);

	if (len < 0)
		return len;
	int code = request_parse_secret(own, bytes_of(text, (size_t)len));
	if (code)
		code = not_waiting(error, path, bytes_of(text, (size_t)len));
	secret_wipe(text, sizeof(text));
	return code;
}

static int own_save(const struct asking *w, char error[CTL_ERROR_MAX])
{
	char text[ENROLMENT_TEXT_MAX];
	int len = request_format_secret(&w->own, text, sizeof(text));
	int code = file_write(w->key, text, (size_t)len, w->force, error);

	secret_wipe(text, sizeof(text));
	return code;
}

/* --- request -------------------------------------------------------------------------------------- */

static int own_make(struct asking *w)
{
	enum level level;

	if (!w->name || !w->level)
		return ctl_error(w->error, -EINVAL,
			"%s is missing; write: meshctl request --name NAME --level city|district|town|scene",
			!w->name ? "--name" : "--level");
	if (level_parse(&level, w->level) < 0)
		return ctl_error(
			w->error, -EINVAL, "--level %s is not known; write city, district, town or scene", w->level);
	if (request_make(&w->own, w->name, level, &ctl_random) < 0)
		return ctl_error(w->error, -EINVAL,
			"--name: 1 to %d bytes (a Chinese character has 3), without what cannot be seen, and no space "
			"at "
			"an end",
			NAME_MAX_LEN);
	w->is_new = true;
	return own_save(w, w->error);
}

/* Whoever asks again is shown the same, so that nobody answers the one and waits for the other. */
static int own_get(struct asking *w)
{
	int code = w->force || !file_exists(w->key) ? -ENOENT : own_load(&w->own, w->key, w->error);

	if (code == -ENOENT)
		return own_make(w);
	if (code == -EALREADY) {
		char said[CTL_ERROR_MAX];

		memcpy(said, w->error, sizeof(said));
		return ctl_error(w->error, code,
			"%.400s; with --force it gets new keys, and is nobody until it has an answer", said);
	}
	if (!code && w->name && strcmp(w->name, w->own.request.name) != 0)
		return ctl_error(w->error, -EEXIST,
			"%s: waits for an answer as \"%s\"; leave --name out to see that request again, or write "
			"--force "
			"to make a new one",
			w->key, w->own.request.name);
	return code;
}

static void request_json(const struct asking *w, const char *words, const char *line)
{
	const struct request *r = &w->own.request;
	json_t *o = json_pack("{s:b, s:s, s:s, s:s, s:b, s:s?, s:s, s:o}", "ok", 1, "name", r->name, "level",
		level_name(r->level), "key", w->key, "new", w->is_new, "file", w->file, "line", line, "words",
		admit_words_json(words));

	json_print(o, stdout);
	json_decref(o);
}

static int request_show(struct asking *w)
{
	char words[SPOKEN_TEXT_MAX], line[ENROLMENT_TEXT_MAX], text[ENROLMENT_TEXT_MAX];
	const struct request *r = &w->own.request;
	bool is_terminal = isatty(STDOUT_FILENO);
	int code = 0;

	request_format_words(r, words, sizeof(words));
	request_format_line(r, line, sizeof(line));
	if (w->file)
		code = file_deliver(w->file, text, (size_t)request_format(r, text, sizeof(text)), w->force, w->error);
	if (code)
		return code;
	if (w->json) {
		request_json(w, words, line);
		return 0;
	}
	printf("request of %s (%s)%s\n  keys  %s: secret, they stay here\n", r->name, level_name(r->level),
		w->is_new ? "" : ", as before", w->key);
	if (w->file)
		printf("  file  %s: to who has the authority's key, who writes\n"
		       "        meshctl enrol --authority FILE --request %s\n",
			w->file, w->file);
	printf("\nRead out, who has the authority's key writes meshctl enrol --authority FILE --request -\n");
	admit_words_print(words, stdout);
	if (w->qr || is_terminal) {
		printf("\nOr scanned: meshctl enrol --authority FILE --request WHAT-IT-SAYS\n");
		code = qr_print(line, is_terminal, stdout);
	}
	return code ? ctl_error(w->error, code, "the QR code cannot be made: %s", strerror(-code)) : 0;
}

int command_request(int argc, char **argv)
{
	struct asking w = { 0 };
	const struct option_spec specs[] = {
		{ "--name", .text = &w.name },
		{ "--level", .text = &w.level },
		{ "--key", .text = &w.key },
		{ "--file", .text = &w.file },
		{ "--qr", .flag = &w.qr },
		{ "--force", .flag = &w.force },
		{ "--json", .flag = &w.json },
	};

	if (arguments_parse_named(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), w.error) < 0)
		return ctl_fail(CTL_USAGE, "%s", w.error);
	if (!w.key)
		w.key = CTL_KEY;
	int code = own_get(&w);
	if (!code)
		code = request_show(&w);
	request_done(&w.own);
	return code ? ctl_fail(code == -EINVAL ? CTL_USAGE : CTL_BAD, "%s", w.error) : CTL_GOOD;
}

/* --- accept ----------------------------------------------------------------------------------------- */

static int refusal(char error[CTL_ERROR_MAX], int code, const struct grant *g, const char *key)
{
	const struct certificate *c = &g->certificate;
	char date[16];

	if (code == -ENXIO)
		return ctl_error(error, code,
			"this answer is for another machine, \"%s\" (serial %" PRIu32
			"): the keys in %s are not the ones "
			"that it names; bring it to that one",
			c->name, c->serial, key);
	if (code == -EPERM)
		return ctl_error(error, code,
			"whoever made this answer has not seen the request of this machine: do not use it; have what "
			"\"meshctl request\" shows answered by somebody you know");
	if (code == -EKEYEXPIRED)
		return ctl_error(error, code,
			"the certificate in this answer ended on %s; have the request answered again",
			date_format(c->not_after, date));
	return ctl_error(error, code,
		"forged: the authority that this answer names has not signed it; ask who has the authority's key");
}

static int enrolment_save(const struct enrolment *e, const char *path, char error[CTL_ERROR_MAX])
{
	char text[ENROLMENT_TEXT_MAX];
	int len = enrolment_format(e, text, sizeof(text));
	int code = file_write(path, text, (size_t)len, true, error);

	secret_wipe(text, sizeof(text));
	return code;
}

static void accepted_say(const struct enrolment *e, const char *key, bool json)
{
	const struct certificate *c = &e->certificate;
	struct address address = identity_address(&c->key, c->deployment);
	char text[ADDRESS_TEXT], to[16], deployment[9], issuer[9];

	address_format(&address, text);
	date_format(c->not_after, to);
	snprintf(deployment, sizeof(deployment), "%08" PRIx32, c->deployment);
	snprintf(issuer, sizeof(issuer), "%08" PRIx32, c->issuer);
	if (json) {
		json_t *o = json_pack("{s:b, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "ok", 1, "name", c->name,
			"level", level_name(c->level), "serial", (json_int_t)c->serial, "address", text, "to", to,
			"deployment", deployment, "authority", issuer, "key", key);

		json_print(o, stdout);
		json_decref(o);
		return;
	}
	printf("this machine is %s (%s), serial %" PRIu32 "\n  address  %s\n  valid    to %s\n"
	       "  of       deployment %s, authority %s\n  file     %s: secret, for this node only\n",
		c->name, level_name(c->level), c->serial, text, to, deployment, issuer, key);
}

static int accept_run(const char *source, const char *key, bool json, char error[CTL_ERROR_MAX])
{
	const struct time_floor floor = { (uint32_t)(build_s / 60) };
	struct secret_request own = { 0 };
	struct enrolment e;
	struct grant g;
	int code = own_load(&own, key, error);

	if (code == -ENOENT)
		ctl_error(error, code, "%s: this machine has asked for nothing; write \"meshctl request\" first", key);
	if (!code)
		code = admit_answer(&g, source, &own.request.key, error);
	if (!code) {
		code = grant_open(&e, &g, &own, &floor);
		if (code)
			refusal(error, code, &g, key);
		else
			code = enrolment_save(&e, key, error);
		if (!code)
			accepted_say(&e, key, json);
		enrolment_done(&e);
	}
	request_done(&own);
	return code;
}

int command_accept(int argc, char **argv)
{
	const char *key = NULL;
	bool json = false;
	const struct option_spec specs[] = { { "--key", .text = &key }, { "--json", .flag = &json } };
	struct text_list rest = { 0 };
	char error[CTL_ERROR_MAX];

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &rest, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (rest.count != 1)
		return ctl_fail(CTL_USAGE, "write: meshctl accept ANSWER, the file, or - for words");
	return accept_run(rest.texts[0], key ? key : CTL_KEY, json, error) < 0 ? ctl_fail(CTL_BAD, "%s", error)
									       : CTL_GOOD;
}
