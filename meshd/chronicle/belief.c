/*
 * What is believed of a log that came from its node (exchange.h). The signature says who
 * wrote it; but a member may be in wrong hands, so what it signed must also be what a
 * daemon writes, or one such run would be in the way of every report.
 */
#include "meshd/chronicle/exchange.h"

#include <jansson.h>
#include <string.h>

#define DATE_MAX_MS 253402300799000 /* the year 9999 */
#define PROCESS_MAX 15

static bool time_is_sound(const json_t *entry, const char *key)
{
	const json_t *at = json_object_get(entry, key);

	return json_is_integer(at) && json_integer_value(at) >= 0 && json_integer_value(at) <= DATE_MAX_MS;
}

static bool entry_is_sound(const json_t *entry)
{
	const json_t *data = json_object_get(entry, "data");

	return time_is_sound(entry, "at") && time_is_sound(entry, "date") &&
	       json_is_string(json_object_get(entry, "code")) && json_is_string(json_object_get(entry, "text")) &&
	       (!data || json_is_object(data));
}

/* False: it is nothing that a daemon writes. */
static bool body_is_sound(struct bytes body, struct exchange_facts *facts)
{
	json_t *run = json_loadb((const char *)body.data, body.len, 0, NULL);
	const json_t *entries = json_object_get(run, "entries"), *entry;
	const char *process = json_string_value(json_object_get(run, "process"));
	bool is_sound = process && *process && strlen(process) <= PROCESS_MAX && json_array_size(entries) > 0;
	size_t i;

	*facts = (struct exchange_facts){ .entries = (unsigned)json_array_size(entries) };
	json_array_foreach (entries, i, entry) {
		is_sound = is_sound && entry_is_sound(entry);
		facts->until_ms = json_integer_value(json_object_get(entry, "date"));
	}
	json_decref(run);
	return is_sound;
}

enum exchange_belief exchange_believe(struct exchange_chain *chain, const struct log_link *link, struct bytes body,
	const uint8_t key[SIGN_PUBLIC_LEN], struct exchange_facts *facts)
{
	uint8_t after[LOG_HASH_LEN];

	if (link->number <= chain->last)
		return EXCHANGE_KNOWN;
	if (log_link_verify(link, body, key, after) < 0)
		return EXCHANGE_FORGED;
	if (chain->last && link->number == chain->last + 1 && memcmp(link->before, chain->after, LOG_HASH_LEN) != 0)
		return EXCHANGE_FORKED;
	if (!body_is_sound(body, facts))
		return EXCHANGE_NONSENSE;
	chain->last = link->number;
	memcpy(chain->after, after, LOG_HASH_LEN);
	return EXCHANGE_BELIEVED;
}

const char *exchange_belief_text(enum exchange_belief belief)
{
	switch (belief) {
	case EXCHANGE_FORGED:
		return "is not as its node signed it";
	case EXCHANGE_FORKED:
		return "does not follow on what its node signed before: its log was written anew";
	case EXCHANGE_NONSENSE:
		return "is signed, and no log";
	case EXCHANGE_BELIEVED:
	case EXCHANGE_KNOWN:
		break;
	}
	return "is as it was signed";
}
