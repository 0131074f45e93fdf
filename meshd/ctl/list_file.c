/*
 * The lists of who is out, as the commands that sign one see them: the copy beside
 * the authority's file (FILE.revoked), and that of the meshd here. Whoever signs the
 * next one starts from both, so that a stale copy of the key forgets nobody.
 */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define DATE_AHEAD_MAX_MIN (366u * 24 * 60)

int list_load(struct revocation *r, const char *path, char error[CTL_ERROR_MAX])
{
	char text[ENROLMENT_TEXT_MAX];
	int len = file_read(path, text, error);

	if (len < 0)
		return len;
	if (revocation_parse(r, bytes_of(text, (size_t)len)) == 0)
		return 0;
	return ctl_error(error, -EBADMSG, "%s: not a list of who is out, or damaged; copy it again", path);
}

int list_save(const struct revocation *r, const char *path, char error[CTL_ERROR_MAX])
{
	char text[ENROLMENT_TEXT_MAX];
	int len = revocation_format(r, text, sizeof(text));

	return len < 0 ? ctl_error(error, len, "%s: cannot be written", path)
		       : file_write(path, text, (size_t)len, true, error);
}

static int list_of_answer(struct revocation *r, const json_t *answer)
{
	const char *text = json_text(json_object_get(answer, "list"), "list");
	uint8_t encoded[REVOCATION_MAX_LEN];
	size_t len;

	if (!*text)
		return -ENOENT;
	if (sodium_base642bin(
		    encoded, sizeof(encoded), text, strlen(text), NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) < 0)
		return -EBADMSG;
	return revocation_decode(r, bytes_of(encoded, len));
}

int list_gather(struct revocation *r, const char *path, const json_t *members, const struct authority *a,
	char error[CTL_ERROR_MAX])
{
	struct revocation other;
	int code = 0;

	*r = (struct revocation){ 0 };
	if (file_exists(path)) {
		code = list_load(&other, path, error);
		if (!code && revocation_verify(&other, a) < 0)
			return ctl_error(error, -EKEYREJECTED,
				"%s: signed by another authority; put it elsewhere, or name the right --authority",
				path);
		if (!code)
			revocation_join(r, &other);
	}
	if (code || !members || list_of_answer(&other, members) < 0)
		return code;
	if (revocation_verify(&other, a) < 0)
		return ctl_error(error, -EKEYREJECTED,
			"the meshd here belongs to another authority than this key; use the key that enrolled it");
	revocation_join(r, &other);
	return 0;
}

uint32_t list_date(const struct revocation *r, const struct registry *registry, bool *is_guess)
{
	uint32_t now = date_now(is_guess), newest = r->date;

	for (size_t i = 0; i < registry->count; i++)
		if (registry->entries[i].not_before > newest)
			newest = registry->entries[i].not_before;
	if (!newest || now <= newest + DATE_AHEAD_MAX_MIN)
		return now;
	*is_guess = true;
	return newest;
}

json_t *list_tell(const struct revocation *r, const char *socket_path, int *code, char error[CTL_ERROR_MAX])
{
	uint8_t encoded[REVOCATION_MAX_LEN];
	int len = revocation_encode(r, encoded, sizeof(encoded));

	if (len < 0) {
		*code = ctl_error(error, len, "the list cannot be written");
		return NULL;
	}
	return client_hand_in(socket_path, "revoke", "list", bytes_of(encoded, (size_t)len), code, error);
}
