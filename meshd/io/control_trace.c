/*
 * "trace" and "names": what meshctl trace asks. It sends the probes itself,
 * through the kernel like any other program, so that it measures what a user
 * would see; from here it gets the address of a name and the names of addresses.
 */
#include "meshd/io/control.h"

#include <string.h>

#define NAMES_MAX 64

/* Probes without a source address that the mesh knows get no answer. */
static const char *note_of(const struct view *v, const struct destination *to)
{
	const struct certificate *c = &v->d->enrolment.certificate;

	if (to->prefix.address.family != FAMILY_IPV4)
		return "";
	for (unsigned i = 0; i < c->prefix_count; i++)
		if (c->prefixes[i].address.family == FAMILY_IPV4)
			return "";
	return "this node's certificate names no IPv4 network, so that answers over IPv4 cannot find it";
}

json_t *answer_trace(struct view *v, const json_t *request)
{
	struct destination to;
	struct prefix match;
	struct address own = node_address(v->node);
	json_t *error = destination_of(v, request, &to);

	if (error)
		return error;
	if (!to.is_host)
		return answer_error("a prefix cannot be traced; write the address of one device in it");
	enum node_verdict verdict = node_lookup(v->node, &to.prefix.address, &match);
	return json_pack("{s:b, s:o, s:s, s:b, s:b, s:o, s:s, s:s}", "ok", 1, "address",
		json_address(&to.prefix.address), "name", to.certificate ? to.certificate->name : "", "own",
		verdict == NODE_VERDICT_OWN, "routed", verdict == NODE_VERDICT_ROUTE, "from", json_address(&own),
		"from_name", v->d->enrolment.certificate.name, "note", note_of(v, &to));
}

/* The router-id is the address's second half (protocol.md 4.2). */
static const struct certificate *certificate_at(const struct view *v, const struct address *address)
{
	router_id rid;

	memcpy(rid.bytes, address->bytes + 8, sizeof(rid.bytes));
	const struct certificate *c = node_certificate_of(v->node, &rid);
	if (!c || address->family != FAMILY_IPV6)
		return NULL;
	struct address certified = view_address_of(v, c);
	return address_equal(&certified, address) ? c : NULL;
}

json_t *answer_names(struct view *v, const json_t *request)
{
	const json_t *addresses = json_object_get(request, "addresses");
	json_t *names;
	size_t i;
	json_t *text;

	if (!json_is_array(addresses) || json_array_size(addresses) > NAMES_MAX)
		return answer_error("\"addresses\" is a list of at most %d addresses", NAMES_MAX);
	names = json_array();
	json_array_foreach(addresses, i, text)
	{
		struct address address;
		const char *written = json_string_value(text);
		const struct certificate *c =
			written && address_parse(&address, written) == 0 ? certificate_at(v, &address) : NULL;

		json_array_append_new(names, c ? json_string(c->name) : json_null());
	}
	return json_pack("{s:b, s:o}", "ok", 1, "names", names);
}
