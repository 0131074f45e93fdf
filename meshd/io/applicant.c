/*
 * Keys without a certificate.
 *
 *   key file that waits ─┬─ answer in the state directory ──► a member
 *                        └─ none ──► alone, and asks on all links ──granted──► kept there ──► begins anew
 *
 * The key file is not touched: the daemon may not write where it lies, and an answer is nothing
 * secret. It is of use with these keys only, and "meshctl accept" puts both into one file.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_FILE "answer"

static int keys_read(struct secret_request *own, const char *path, char error[IO_ERROR_MAX])
{
	char text[ENROLMENT_TEXT_MAX + 1];
	int len = key_file_read(path, text);
	int code = len < 0 ? len : request_parse_secret(own, bytes_of(text, (size_t)len));

	secret_wipe(text, sizeof(text));
	return code ? io_fail(error, code, "%s: cannot be read any more: %s; start again", path, strerror(-code)) : 0;
}

/* -ENOENT: there is none. */
static int answer_read(const struct daemon *d, struct grant *g)
{
	uint8_t *data;
	int len = state_file_read(d->config.state_dir, ANSWER_FILE, GRANT_MAX_LEN, &data);

	if (len < 0)
		return -ENOENT;
	int error = grant_decode(g, bytes_of(data, (size_t)len));
	free(data);
	return error;
}

/* -ENOENT: there is none that is of use. */
static int answer_use(struct daemon *d, const struct time_floor *floor)
{
	struct grant g;
	int error = answer_read(d, &g);

	if (error == -ENOENT)
		return error;
	if (!error)
		error = grant_open(&d->enrolment, &g, d->applicant, floor);
	if (error == -EKEYEXPIRED)
		return enrolment_expired(d->error, d->config.key_path, &g.certificate);
	if (!error)
		return 0;
	/* Of keys that were here before, most likely. */
	state_file_set_aside(d->config.state_dir, ANSWER_FILE);
	return -ENOENT;
}

/* A member's later certificate for the same keys. */
static bool is_renewal(const struct enrolment *e, const struct grant *g, const struct time_floor *floor)
{
	const struct certificate *now = &e->certificate, *next = &g->certificate;

	return memcmp(&now->key, &next->key, sizeof(now->key)) == 0 && next->serial > now->serial &&
	       certificate_verify(next, &e->authority, floor) == 0;
}

void enrolment_renew(struct daemon *d, const struct time_floor *floor)
{
	struct grant g;

	if (answer_read(d, &g) == 0 && is_renewal(&d->enrolment, &g, floor))
		d->enrolment.certificate = g.certificate;
}

int applicant_open(struct daemon *d, const struct time_floor *floor)
{
	d->applicant = calloc(1, sizeof(*d->applicant));
	if (!d->applicant)
		return io_fail(d->error, -ENOMEM, "not enough memory; stop what else runs here");
	int error = keys_read(d->applicant, d->config.key_path, d->error);
	if (!error)
		error = answer_use(d, floor);
	if (error == -ENOENT)
		request_alone(&d->enrolment, d->applicant, &io_random);
	else
		applicant_close(d);
	return error == -ENOENT ? 0 : error;
}

void applicant_close(struct daemon *d)
{
	if (!d->applicant)
		return;
	request_done(d->applicant);
	free(d->applicant);
	d->applicant = NULL;
}

static int granted_check(const struct daemon *d, const struct grant *g)
{
	struct enrolment e;

	if (!d->applicant)
		return is_renewal(&d->enrolment, g, &d->state.floor) ? 0 : -EKEYREJECTED;
	int error = grant_open(&e, g, d->applicant, &d->state.floor);
	enrolment_done(&e);
	return error;
}

bool applicant_granted(void *user, struct bytes encoded)
{
	struct daemon *d = user;
	struct grant g;
	int error = grant_decode(&g, encoded);

	if (!error)
		error = granted_check(d, &g);
	if (error) {
		daemon_say(d, "refused", "an answer to this machine's request that %s",
			error == -EPERM         ? "was made by somebody who has not seen it"
			: error == -ENXIO       ? "is for other keys"
			: error == -EKEYEXPIRED ? "has expired"
						: "no authority has signed");
		return false;
	}
	error = state_file_write(d->config.state_dir, ANSWER_FILE, encoded);
	if (error) {
		daemon_say(d, "state-unwritable",
			"%s: %s; the answer to this machine's request cannot be kept: make it "
			"writable",
			d->config.state_dir, strerror(-error));
		return false;
	}
	daemon_say(d, "admitted", "as %s (%s), serial %" PRIu32 ": beginning anew", g.certificate.name,
		level_name(g.certificate.level), g.certificate.serial);
	d->was_admitted = true;
	ev_break(d->loop, EVBREAK_ALL);
	return true;
}
