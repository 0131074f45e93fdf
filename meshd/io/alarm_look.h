/* What the parts of the look at everything share: alarm_look.c, alarm_links.c, alarm_messages.c. */
#ifndef MESHD_IO_ALARM_LOOK_H
#define MESHD_IO_ALARM_LOOK_H

#include "meshd/io/control.h"

#define ALARM_LOOK_US (5 * SECOND_US)

struct looker {
	struct view *v;
	struct alarm_watch *watch;
	unsigned known[VIEW_LEVELS], reached[VIEW_LEVELS];
};

/* Says it to the table of alarms: `format` is what is wrong. */
__attribute__((format(printf, 6, 7))) void look_see(struct looker *l, enum alarm_kind kind, const char *subject,
	const char *group, const char *action, const char *format, ...);
/* alarm_messages.c: those that are late. Needs view_members(). */
void alarm_messages_look(struct looker *l);
/* alarm_links.c: all that is wrong with links, and with who is on them. */
void alarm_links_look(struct looker *l);

#endif
