/* A peer as written: gw.example.org, gw.example.org:7000, 203.0.113.7, [2001:db8::1]:6697 or 2001:db8::1. */
#include "meshd/config/check.h"

#include <string.h>

bool address_is_any(const struct address *a)
{
	static const uint8_t zeros[16];

	return memcmp(a->bytes, zeros, sizeof(zeros)) == 0;
}

static bool host_is_name(const char *host)
{
	bool has_letter = false;

	if (*host == '.' || *host == '-')
		return false;
	for (; *host; host++) {
		bool letter = (*host >= 'a' && *host <= 'z') || (*host >= 'A' && *host <= 'Z');

		has_letter |= letter;
		if (!letter && !(*host >= '0' && *host <= '9') && !strchr("-._", *host))
			return false;
	}
	return has_letter;
}

/* Splits `text` in place; *port is NULL when there is none. */
static const char *peer_split(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');

	*host = text;
	*port = NULL;
	if (*text == '[') {
		char *end = strchr(text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return "has an open bracket";
		*host = text + 1;
		*port = end[1] ? end + 2 : NULL;
		*end = '\0';
	} else if (colon && strchr(text, ':') == colon) {
		*port = colon + 1;
		*colon = '\0';
	}
	return NULL;
}

const char *peer_read(struct config_peer *peer, const char *text, unsigned usual_port)
{
	char copy[CONFIG_HOST_MAX + 8], *host, *port;
	struct address address = { 0 };
	unsigned number = usual_port;

	if (strlen(text) >= sizeof(copy))
		return "is too long";
	text_copy(copy, sizeof(copy), text);
	const char *wrong = peer_split(copy, &host, &port);
	if (wrong)
		return wrong;
	if (port && number_read(&number, port, 1, UINT16_MAX) < 0)
		return "has no port from 1 to 65535 behind its colon";
	if (strlen(host) >= CONFIG_HOST_MAX)
		return "is too long";
	if (*text == '[' ? address_parse(&address, host) < 0 || address.family != FAMILY_IPV6
			 : address_parse(&address, host) < 0 && !host_is_name(host))
		return "is neither an address nor a host name";
	if (address.family != FAMILY_NONE && (address_is_any(&address) || address_is_multicast(&address)))
		return "is not the address of one host";
	text_copy(peer->host, sizeof(peer->host), host);
	peer->port = (uint16_t)number;
	return NULL;
}
