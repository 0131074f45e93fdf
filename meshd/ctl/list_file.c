/*
 * The lists of who is out, as the commands that sign one see them: the copy beside
 * the authority's file (FILE.revoked), and that of the meshd here. Whoever signs the
 * next one starts from both, so that a stale copy of the key forgets nobody.
 *
 * The key that goes with a list is in a file of its own, for a list may be shown to anybody. It is
 * there only as long as it has to be carried: whoever has the authority's file can make it again.
 */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <stdio.h>

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

	if (!*text)
		return -ENOENT;
	int len = base64_read(text, encoded, sizeof(encoded));
	return len < 0 ? len : revocation_decode(r, bytes_of(encoded, (size_t)len));
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

json_t *list_tell(const struct revocation *r, const struct secret_deployment_key *key, const char *socket_path,
	int *code, char error[CTL_ERROR_MAX])
{
	uint8_t encoded[REVOCATION_MAX_LEN], key_encoded[DEPLOYMENT_KEY_LEN];
	int len = revocation_encode(r, encoded, sizeof(encoded));

	if (len < 0) {
		*code = ctl_error(error, len, "the list cannot be written");
		return NULL;
	}
	json_t *request = json_pack("{s:s}", "request", "revoke");
	client_hand_in(request, "list", bytes_of(encoded, (size_t)len));
	if (key) {
		deployment_key_encode(key, key_encoded);
		client_hand_in(request, "key", bytes_of(key_encoded, sizeof(key_encoded)));
		secret_wipe(key_encoded, sizeof(key_encoded));
	}
	return client_ask(socket_path, request, code, error);
}

/* --- the key that goes with a list -------------------------------------------------------------- */

static void key_path(char path[LIST_KEY_PATH_MAX], const char *list_path)
{
	snprintf(path, LIST_KEY_PATH_MAX, "%s" LIST_KEY_SUFFIX, list_path);
}

int list_key_load(struct secret_deployment_key *key, const char *list_path, char error[CTL_ERROR_MAX])
{
	char path[LIST_KEY_PATH_MAX], text[ENROLMENT_TEXT_MAX];

	key_path(path, list_path);
	if (!file_exists(path))
		return -ENOENT;
	int len = file_read(path, text, error);
	int code = len < 0 ? len : deployment_key_parse(key, bytes_of(text, (size_t)len));
	secret_wipe(text, sizeof(text));
	if (len < 0 || !code)
		return code;
	return ctl_error(
		error, code, "%s: not the key of a list, or damaged; copy it again, or go on without it", path);
}

int list_key_save(const struct secret_deployment_key *key, const char *list_path, char error[CTL_ERROR_MAX])
{
	char path[LIST_KEY_PATH_MAX], text[ENROLMENT_TEXT_MAX];

	key_path(path, list_path);
	int len = deployment_key_format(key, text, sizeof(text));
	int code = len < 0 ? ctl_error(error, len, "%s: cannot be written", path)
			   : file_write(path, text, (size_t)len, true, error);
	secret_wipe(text, sizeof(text));
	return code;
}

void list_key_remove(const char *list_path)
{
	char path[LIST_KEY_PATH_MAX];

	key_path(path, list_path);
	remove(path);
}
