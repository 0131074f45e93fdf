/* From text to values, with what is missing filled in. Private to meshd/config/. */
#ifndef MESHD_CONFIG_CHECK_H
#define MESHD_CONFIG_CHECK_H

#include "meshd/config/outline.h"
#include "meshd/config/schema.h"

struct check {
	const struct complaint *complaint;
	const struct outline *outline;
};

/* One link under judgement; every check has the line of the field that it judges. */
struct link_check {
	const struct file_link *text;
	const struct outline_link *at;
	const struct complaint *complaint;
	char who[48]; /* link "sat0" */
};

#define LINK_COMPLAIN(l, which, format, ...)                                                                           \
	complain((l)->complaint, (l)->at->field[which] ? (l)->at->field[which] : (l)->at->line, "%s: " format,         \
		(l)->who, ##__VA_ARGS__)

/* Each 0, or -EINVAL with a complaint. */
int check_node(struct config *config, const struct file_node *node, const struct check *c);
/* Rules and limits of classes; `classes` NULL: there are none. */
int check_classes(struct config *config, const struct file_classes *classes, const struct check *c);
/* How packets pass the kernel; `io` NULL: nothing is said. */
int check_io(struct config *config, const struct file_io *io, const struct check *c);
/* Where the page is served, once the node's own part is known; `page` NULL: as usual. */
int check_page(struct config *config, const struct file_page *page, const struct check *c);
/* The link number `i`, seen alone. */
int check_link(struct config_link *link, const struct file_link *text, unsigned i, const struct check *c);
/* A link of type babel, once its name and interface are known. */
int check_babel(struct config_link *link, const struct link_check *l);
/* The keys of a babel link. */
int check_mac(struct config_link *link, const struct link_check *l);
/* What only a babel link has, on another one. */
int link_refuse_babel_fields(const struct link_check *l);
/* Yes or no; false: neither. `text` NULL: as it was. */
bool switch_read(bool *out, const char *text);
int link_take_switch(bool *out, const char *text, enum link_field field, const struct link_check *l);
/* The links together, and with the node. */
int check_together(const struct config *config, const struct check *c);

/* Copies a text whose length was checked; one that does not fit is our bug. */
void text_copy(char *out, size_t capacity, const char *text);
/* A decimal number in low..high, nothing around it; -EINVAL. */
int number_read(unsigned *out, const char *text, unsigned low, unsigned high);
bool interface_is_valid(const char *name);
/* NULL, or what is wrong with the text. */
const char *kernel_rule_read(struct kernel_rule *out, const char *text);
bool address_is_any(const struct address *a);
/* "host", "host:port", "[v6]:port" or a bare address. NULL, or what is wrong with it. */
const char *peer_read(struct config_peer *peer, const char *text, unsigned usual_port);

#endif
