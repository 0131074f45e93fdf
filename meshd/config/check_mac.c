/*
 * Keys of a babel link (RFC 8967): each an algorithm, hmac-sha256 unless it says
 * blake2s, and hexadecimal digits or the path of a file that has them. A key in a file
 * can be kept from who may read the configuration.
 */
#include "meshd/config/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLAKE2S "blake2s"
#define HMAC "hmac-sha256"
#define REMEDY "write 64 hexadecimal digits (\"openssl rand -hex 32\"), or the path of a file that has them"

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Digits up to the end or a blank; false: others, an odd number, or too many. */
static bool hex_read(const char *text, uint8_t key[PACKET_KEY_MAX], size_t *len)
{
	for (*len = 0; *text && !strchr(" \t\r\n", *text); text += 2) {
		int high = digit_of(text[0]), low = high < 0 ? -1 : digit_of(text[1]);

		if (low < 0 || *len == PACKET_KEY_MAX)
			return false;
		key[(*len)++] = (uint8_t)(high << 4 | low);
	}
	return text[strspn(text, " \t\r\n")] == 0;
}

static const char *word_skip(const char *text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(text, word, len) != 0 || text[len] != ' ')
		return text;
	text += len;
	return text + strspn(text, " ");
}

/* False with errno. */
static bool file_read_line(const char *path, char *line, size_t capacity)
{
	FILE *f = fopen(path, "re");
	bool is_read;

	if (!f)
		return false;
	setvbuf(f, NULL, _IONBF, 0); /* no copy of the key stays in a buffer */
	errno = EINVAL;
	is_read = fgets(line, (int)capacity, f) != NULL;
	fclose(f);
	return is_read;
}

static int key_take(struct secret_packet_key *k, const char *text, unsigned line, const struct link_check *l)
{
	const char *value = word_skip(word_skip(text, HMAC), BLAKE2S);
	bool is_blake2s = word_skip(text, BLAKE2S) != text;
	char room[2 * PACKET_KEY_MAX + 8] = "";
	uint8_t key[PACKET_KEY_MAX];
	size_t len;
	int error = 0;

	if (strchr(value, '/')) {
		if (!file_read_line(value, room, sizeof(room)))
			return complain(l->complaint, line, "%s: mac key file %.80s: %s; " REMEDY, l->who, value,
				errno == EINVAL ? "it is empty" : strerror(errno));
	} else {
		snprintf(room, sizeof(room), "%s", value);
	}
	if (strlen(value) >= sizeof(room) && !strchr(value, '/'))
		error = complain(
			l->complaint, line, "%s: mac key is longer than %d bytes; " REMEDY, l->who, PACKET_KEY_MAX);
	else if (!hex_read(room, key, &len))
		error = complain(l->complaint, line, "%s: mac key is no pairs of hexadecimal digits; " REMEDY, l->who);
	else if (packet_key_init(k, is_blake2s ? PACKET_BLAKE2S : PACKET_HMAC_SHA256, bytes_of(key, len)) < 0)
		error = complain(l->complaint, line, "%s: mac key has %zu bytes, %s takes 1 to %d; " REMEDY, l->who,
			len, is_blake2s ? BLAKE2S : HMAC, is_blake2s ? 32 : PACKET_KEY_MAX);
	secret_wipe(room, sizeof(room));
	secret_wipe(key, sizeof(key));
	return error;
}

int check_mac(struct config_link *link, const struct link_check *l)
{
	const struct file_link *text = l->text;

	link->mac_required = true;
	if (text->mac_required && text->mac_count == 0)
		return LINK_COMPLAIN(l, LINK_MAC_REQUIRED, "mac-required is for links with keys; add mac: [KEY]");
	int error = link_take_switch(&link->mac_required, text->mac_required, LINK_MAC_REQUIRED, l);
	for (unsigned i = 0; i < text->mac_count && !error; i++) {
		error = key_take(&link->mac[i], text->mac[i], l->at->mac.line[i], l);
		link->mac_count = i + 1;
	}
	return error;
}
