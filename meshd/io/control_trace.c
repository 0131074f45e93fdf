/*
 * "trace" and "names": what meshctl trace asks. It sends the probes itself,
 * through the kernel like any other program, so that it measures what a user
 * would see; from here it gets the address of a name and the names of addresses.
 */
#include "meshd/io/control.h"

#define NAMES_MAX 32 /* each is looked for in all certificates */

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
		verdict == NODE_VERDICT_OWN, "routed", verdict == NODE_VERDICT_ROUTE || verdict == NODE_VERDICT_NATIVE,
		"from", json_address(&own), "from_name", v->d->enrolment.certificate.name, "note", note_of(v, &to));
}

static const struct certificate *owner_by_keys(const struct view *v, const struct address *address)
{
	router_id rid = router_id_of_address(address);
	const struct certificate *c = address->family == FAMILY_IPV6 ? node_certificate_of(v->node, &rid) : NULL;

	if (!c)
		return NULL;
	struct address certified = view_address_of(v, c);
	return address_equal(&certified, address) ? c : NULL;
}

struct owner {
	struct prefix host;
	const struct certificate *found;
};

static void owner_match(void *arg, const struct certificate *c)
{
	struct owner *owner = arg;

	for (unsigned i = 0; i < c->prefix_count; i++)
		if (prefix_equal(&c->prefixes[i], &owner->host))
			owner->found = c;
}

/* Of an address that a certificate names. */
static const struct certificate *owner_by_prefix(const struct view *v, const struct address *address)
{
	struct owner owner = { .host = prefix_of_host(*address) };

	node_dump_certificates(v->node, owner_match, &owner);
	return owner.found;
}

static json_t *name_make(const struct view *v, const char *text)
{
	struct address address;
	const struct certificate *c;

	if (!text || address_parse(&address, text) < 0)
		return json_null();
	c = owner_by_keys(v, &address);
	if (!c)
		c = owner_by_prefix(v, &address);
	return c ? json_string(c->name) : json_null();
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
	json_array_foreach (addresses, i, text)
		json_array_append_new(names, name_make(v, json_string_value(text)));
	return json_pack("{s:b, s:o}", "ok", 1, "names", names);
}
