/*
 * Pairing. Whoever may use the control socket asks for a code ("meshctl pair"), and
 * a browser that shows it gets a token; with that it may do something. A code is
 * used once, within CODE_US, and gone when it was guessed wrong WRONG_MAX times:
 * one in two hundred thousand is guessed. Tokens are random, end after TOKEN_US
 * or with the daemon, and the ninth takes the place of the one that ends first.
 */
#include "meshd/io/page.h"

#include <errno.h>
#include <ifaddrs.h>
#include <sodium.h>
#include <string.h>

#define CODE_US (300 * SECOND_US)
#define TOKEN_US (43200 * SECOND_US) /* half a day */
#define WRONG_MAX 5

const char *page_code_new(struct page *page, uint64_t now_us, unsigned *valid_s)
{
	struct page_pairing *p = &page->pairing;

	for (unsigned i = 0; i < PAGE_CODE_LEN; i++)
		p->code[i] = (char)('0' + randombytes_uniform(10));
	p->code[PAGE_CODE_LEN] = 0;
	p->until_us = now_us + CODE_US;
	p->wrong = 0;
	*valid_s = (unsigned)(CODE_US / SECOND_US);
	return p->code;
}

static struct page_token *token_place(struct page_pairing *p)
{
	struct page_token *first = &p->tokens[0];

	for (unsigned i = 1; i < PAGE_TOKENS_MAX; i++)
		if (p->tokens[i].until_us < first->until_us)
			first = &p->tokens[i];
	return first;
}

static bool code_is(const char *right, const char *code)
{
	return strlen(code) == PAGE_CODE_LEN && sodium_memcmp(right, code, PAGE_CODE_LEN) == 0;
}

int page_pair(struct page *page, uint64_t now_us, const char *code, char token[2 * PAGE_TOKEN_LEN + 1])
{
	struct page_pairing *p = &page->pairing;

	if (!*p->code || now_us > p->until_us)
		return -ENOENT;
	if (!code_is(p->code, code)) {
		if (++p->wrong == WRONG_MAX)
			*p->code = 0;
		return *p->code ? -EACCES : -ENOENT;
	}
	struct page_token *t = token_place(p);
	*p->code = 0;
	randombytes_buf(t->token, sizeof(t->token));
	t->until_us = now_us + TOKEN_US;
	sodium_bin2hex(token, 2 * PAGE_TOKEN_LEN + 1, t->token, sizeof(t->token));
	return 0;
}

static const struct page_token *token_find(const struct page_pairing *p, uint64_t now_us, const char *token)
{
	uint8_t bytes[PAGE_TOKEN_LEN];
	size_t len;

	if (sodium_hex2bin(bytes, sizeof(bytes), token, strlen(token), NULL, &len, NULL) < 0 || len != sizeof(bytes))
		return NULL;
	for (unsigned i = 0; i < PAGE_TOKENS_MAX; i++)
		if (p->tokens[i].until_us > now_us && sodium_memcmp(p->tokens[i].token, bytes, sizeof(bytes)) == 0)
			return &p->tokens[i];
	return NULL;
}

bool page_is_paired(const struct page *page, uint64_t now_us, const char *token)
{
	return token_find(&page->pairing, now_us, token) != NULL;
}

void page_unpair(struct page *page, const char *token)
{
	const struct page_token *t = token_find(&page->pairing, 0, token);

	if (t)
		page->pairing.tokens[t - page->pairing.tokens] = (struct page_token){ 0 };
}

/* --- "pair" of the control socket ------------------------------------------------------------------------ */

static void place_add(json_t *places, const struct address *a, unsigned port)
{
	char address[ADDRESS_TEXT], url[ADDRESS_TEXT + 32];

	snprintf(url, sizeof(url), a->family == FAMILY_IPV6 ? "http://[%s]:%u/" : "http://%s:%u/",
		address_format(a, address), port);
	json_array_append_new(places, json_string(url));
}

/* The addresses that the LAN's interface has now, as they can be typed. */
static void lan_add(json_t *places, const char *lan, unsigned lan_port)
{
	struct ifaddrs *all, *at;

	if (getifaddrs(&all) < 0)
		return;
	for (at = all; at; at = at->ifa_next) {
		struct endpoint e = at->ifa_addr ? endpoint_of_sockaddr(at->ifa_addr) : (struct endpoint){ 0 };
		struct address address;
		uint16_t port;

		if (strcmp(at->ifa_name, lan) == 0 && endpoint_address(&e, &address, &port) &&
			!address_is_link_local(&address))
			place_add(places, &address, lan_port);
	}
	freeifaddrs(all);
}

static json_t *places_make(const struct page *page)
{
	json_t *places = json_array();

	for (unsigned i = 0; page && i < page->place_count; i++) {
		const struct config_page_place *c = page->places[i].config;

		if (page->places[i].fd < 0)
			continue;
		if (c->is_lan)
			lan_add(places, page->d->config.lan, c->port);
		else
			place_add(places, &c->address, c->port);
	}
	return places;
}

json_t *answer_pair(struct view *v, const json_t *request)
{
	struct page *page = v->d->page;
	unsigned valid_s;

	(void)request;
	if (!page)
		return answer_error("the page is not served; write page: {serve: yes} and reload");
	if (!v->d->config.page.has_pairing)
		return answer_error("pairing is off; write page: {pairing: yes} and reload");
	const char *code = page_code_new(page, v->now_us, &valid_s);
	return json_pack(
		"{s:b, s:s, s:i, s:o}", "ok", 1, "code", code, "valid_s", (int)valid_s, "places", places_make(page));
}
