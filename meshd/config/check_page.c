/* Where the node's own page is served: to this machine alone, unless the file says more. */
#include "meshd/config/check.h"

#include <string.h>

static struct config_page_place place_loopback(unsigned port)
{
	return (struct config_page_place){ .address = address_ipv4((const uint8_t[]){ 127, 0, 0, 1 }),
		.port = (uint16_t)port };
}

/* NULL, or what is wrong with the text. */
static const char *place_read(struct config_page_place *place, const char *text, unsigned port, const char *lan)
{
	struct config_peer peer;

	if (strcmp(text, "loopback") == 0) {
		*place = place_loopback(port);
		return NULL;
	}
	if (strcmp(text, "lan") == 0) {
		*place = (struct config_page_place){ .is_lan = true, .port = (uint16_t)port };
		return *lan ? NULL : "is where the devices of node: lan are; write that as well, or an address here";
	}
	if (address_parse(&place->address, text) == 0 && address_is_any(&place->address))
		return "is every address, those of the links as well; write loopback, lan, or the addresses themselves";
	const char *wrong = peer_read(&peer, text, port);
	if (wrong || address_parse(&place->address, peer.host) < 0)
		return "is none of loopback, lan, ADDRESS, ADDRESS:PORT; names are not looked up here";
	place->port = peer.port;
	return NULL;
}

static bool places_equal(const struct config_page_place *a, const struct config_page_place *b)
{
	return a->is_lan == b->is_lan && a->port == b->port && address_equal(&a->address, &b->address);
}

bool config_page_equal(const struct config_page *a, const struct config_page *b)
{
	bool is_same = a->place_count == b->place_count && a->has_pairing == b->has_pairing;

	for (unsigned i = 0; i < a->place_count && is_same; i++)
		is_same = places_equal(&a->places[i], &b->places[i]);
	return is_same;
}

static int place_take(struct config_page *page, const char *text, unsigned port, const char *lan, const struct check *c)
{
	struct config_page_place *place = &page->places[page->place_count];
	unsigned line = c->outline->page_listen.line[page->place_count];
	const char *wrong = place_read(place, text, port, lan);

	if (wrong)
		return complain(c->complaint, line, "page: \"%.60s\" %s", text, wrong);
	for (unsigned i = 0; i < page->place_count; i++)
		if (places_equal(&page->places[i], place))
			return complain(c->complaint, line, "page: \"%.60s\" is the same as entry %u; write it once",
				text, i + 1);
	page->place_count++;
	return 0;
}

/* The LAN's socket has every address of its port but this machine's own, whichever interface they are on. */
static int check_apart(const struct config_page *page, const struct check *c)
{
	for (unsigned i = 0; i < page->place_count; i++)
		for (unsigned j = 0; j < page->place_count; j++)
			if (page->places[i].is_lan && !page->places[j].is_lan &&
				!address_is_loopback(&page->places[j].address) &&
				page->places[i].port == page->places[j].port)
				return complain(c->complaint, c->outline->page_listen.line[j],
					"page: entry %u and lan have the same port; write another behind the address: "
					"ADDRESS:%u",
					j + 1,
					page->places[j].port == UINT16_MAX ? CONFIG_PAGE_PORT
									   : page->places[j].port + 1u);
	return 0;
}

static int switch_take(bool *out, const char *text, const char *name, enum page_field field, const struct check *c)
{
	if (switch_read(out, text))
		return 0;
	return complain(c->complaint, c->outline->page[field],
		"page: %s \"%.40s\" is neither yes nor no; write one of them", name, text);
}

int check_page(struct config *config, const struct file_page *page, const struct check *c)
{
	static const struct file_page nothing;
	struct config_page *out = &config->page;
	bool is_served = true;
	unsigned port = CONFIG_PAGE_PORT;

	if (!page)
		page = &nothing;
	*out = (struct config_page){ .has_pairing = true };
	int error = switch_take(&is_served, page->serve, "serve", PAGE_SERVE, c);
	if (!error)
		error = switch_take(&out->has_pairing, page->pairing, "pairing", PAGE_PAIRING, c);
	if (error)
		return error;
	if (page->port && number_read(&port, page->port, 1, UINT16_MAX) < 0)
		return complain(c->complaint, c->outline->page[PAGE_PORT],
			"page: port \"%.40s\" is none; write 1 to 65535, %u is usual", page->port, CONFIG_PAGE_PORT);
	for (unsigned i = 0; i < page->listen_count && !error; i++)
		error = place_take(out, page->listen[i], port, config->lan, c);
	if (!error)
		error = check_apart(out, c);
	if (error)
		return error;
	if (!page->listen_count)
		out->places[out->place_count++] = place_loopback(port);
	if (!is_served)
		out->place_count = 0;
	return 0;
}
