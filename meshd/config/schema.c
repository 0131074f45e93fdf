/*
 * The file's schema for libcyaml. All values are text: what "2M" or "yes" mean,
 * and what to say when they mean nothing, is ours to decide (check.c).
 */
#include "meshd/config/schema.h"

#include "meshd/config/config.h"

#include <cyaml/cyaml.h>

#define NAMED_TEXT_FIELD(name, structure, member)                                                                      \
	CYAML_FIELD_STRING_PTR(name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 0, CYAML_UNLIMITED)
#define TEXT_FIELD(structure, member) NAMED_TEXT_FIELD(#member, structure, member)

static const cyaml_schema_value_t text_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t node_schema[] = {
	TEXT_FIELD(struct file_node, key),
	TEXT_FIELD(struct file_node, state),
	TEXT_FIELD(struct file_node, control),
	TEXT_FIELD(struct file_node, tun),
	TEXT_FIELD(struct file_node, mtu),
	TEXT_FIELD(struct file_node, lan),
	TEXT_FIELD(struct file_node, table),
	TEXT_FIELD(struct file_node, metric),
	CYAML_FIELD_SEQUENCE("redistribute", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_node, redistribute,
		&text_schema, 0, CONFIG_RULE_MAX),
	NAMED_TEXT_FIELD("share-log", struct file_node, share_log),
	CYAML_FIELD_SEQUENCE("watch", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_node, watch, &text_schema,
		0, CONFIG_WATCH_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t link_fields[] = {
	TEXT_FIELD(struct file_link, name),
	TEXT_FIELD(struct file_link, type),
	TEXT_FIELD(struct file_link, interface),
	TEXT_FIELD(struct file_link, preset),
	TEXT_FIELD(struct file_link, rate),
	TEXT_FIELD(struct file_link, metered),
	TEXT_FIELD(struct file_link, listen),
	TEXT_FIELD(struct file_link, discover),
	TEXT_FIELD(struct file_link, mtu),
	TEXT_FIELD(struct file_link, cost),
	NAMED_TEXT_FIELD("idle-hello", struct file_link, idle_hello),
	TEXT_FIELD(struct file_link, probe),
	TEXT_FIELD(struct file_link, introductions),
	CYAML_FIELD_SEQUENCE("peers", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_link, peers, &text_schema,
		0, CONFIG_PEER_MAX),
	TEXT_FIELD(struct file_link, kind),
	TEXT_FIELD(struct file_link, hello),
	TEXT_FIELD(struct file_link, update),
	TEXT_FIELD(struct file_link, rtt),
	NAMED_TEXT_FIELD("split-horizon", struct file_link, split_horizon),
	CYAML_FIELD_SEQUENCE("accept", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_link, accept, &text_schema,
		0, CONFIG_RULE_MAX),
	NAMED_TEXT_FIELD("mac-required", struct file_link, mac_required),
	CYAML_FIELD_SEQUENCE("mac", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_link, mac, &text_schema, 0,
		CONFIG_MAC_MAX),
	CYAML_FIELD_SEQUENCE("announce", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_link, announce,
		&text_schema, 0, CONFIG_RULE_MAX),
	TEXT_FIELD(struct file_link, device),
	TEXT_FIELD(struct file_link, baud),
	TEXT_FIELD(struct file_link, framing),
	TEXT_FIELD(struct file_link, flow),
	NAMED_TEXT_FIELD("half-duplex", struct file_link, half_duplex),
	TEXT_FIELD(struct file_link, turnaround),
	NAMED_TEXT_FIELD("kiss-port", struct file_link, kiss_port),
	NAMED_TEXT_FIELD("tx-delay", struct file_link, tx_delay),
	CYAML_FIELD_SEQUENCE("command", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_link, command,
		&text_schema, 0, CONFIG_WORD_MAX),
	CYAML_FIELD_SEQUENCE("essential", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_link, essential,
		&text_schema, 0, CONFIG_ESSENTIAL_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t link_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_link, link_fields),
};

static const cyaml_schema_field_t classes_fields[] = {
	CYAML_FIELD_SEQUENCE("rules", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_classes, rules,
		&text_schema, 0, TRAFFIC_RULES_MAX),
	CYAML_FIELD_SEQUENCE("limits", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_classes, limits,
		&text_schema, 0, TRAFFIC_CLASSES),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t io_fields[] = {
	TEXT_FIELD(struct file_io, offload),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t page_fields[] = {
	TEXT_FIELD(struct file_page, serve),
	TEXT_FIELD(struct file_page, port),
	TEXT_FIELD(struct file_page, pairing),
	CYAML_FIELD_SEQUENCE("listen", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_page, listen, &text_schema,
		0, CONFIG_PAGE_PLACE_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t file_fields[] = {
	CYAML_FIELD_MAPPING_PTR("node", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, node, node_schema),
	CYAML_FIELD_MAPPING_PTR(
		"classes", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, classes, classes_fields),
	CYAML_FIELD_MAPPING_PTR("io", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, io, io_fields),
	CYAML_FIELD_MAPPING_PTR("page", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, page, page_fields),
	CYAML_FIELD_SEQUENCE("links", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, links, &link_schema, 0,
		CONFIG_LINK_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t file_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields),
};

/* No log function: libcyaml would write to stderr. */
static const cyaml_config_t cyaml = {
	.log_fn = NULL,
	.mem_fn = cyaml_mem,
	.log_level = CYAML_LOG_ERROR,
	.flags = CYAML_CFG_NO_ALIAS,
};

int file_read(struct file **file, struct bytes text, const struct complaint *c)
{
	*file = NULL;
	cyaml_err_t error = cyaml_load_data(text.data, text.len, &cyaml, &file_schema, (cyaml_data_t **)file, NULL);
	if (error != CYAML_OK)
		return complain(c, 0, "cannot be read: %s; compare it with the examples", cyaml_strerror(error));
	return 0;
}

void file_free(struct file *file)
{
	cyaml_free(&cyaml, &file_schema, file, 0);
}
