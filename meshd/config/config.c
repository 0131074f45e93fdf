/*
 * A configuration from its file: outline (structure and lines), schema (text),
 * checks (values). The result is written only when all of it is good.
 */
#include "meshd/config/config.h"

#include "meshd/config/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int file_check(struct config *config, const struct file *file, const struct check *c)
{
	int error = check_node(config, file->node, c);

	if (!error)
		error = check_classes(config, file->classes, c);
	if (!error)
		error = check_io(config, file->io, c);
	if (!error)
		error = check_page(config, file->page, c);
	if (error)
		return error;
	if (file->links_count == 0)
		return complain(c->complaint, c->outline->section[SECTION_LINKS],
			"there are no links; write links: and below it - {name: radio0, interface: eth1, preset: "
			"mesh-radio}");
	for (unsigned i = 0; i < file->links_count; i++) {
		error = check_link(&config->links[i], &file->links[i], i, c);
		if (error)
			return error;
		config->link_count = i + 1;
	}
	return check_together(config, c);
}

int config_parse(struct config *config, const char *name, struct bytes text, char error[CONFIG_ERROR_MAX])
{
	const struct complaint complaint = { .file = name, .text = error };
	struct outline *outline;
	struct file *file;

	memset(config, 0, sizeof(*config));
	error[0] = '\0';
	if (text.len > CONFIG_FILE_MAX)
		return complain(&complaint, 0, "more than %d bytes; this is not a configuration", CONFIG_FILE_MAX);
	outline = malloc(sizeof(*outline));
	if (!outline)
		return complain(&complaint, 0, "out of memory; free some and try again");
	int result = outline_read(outline, text, &complaint);
	if (!result)
		result = file_read(&file, text, &complaint);
	if (!result) {
		const struct check check = { .complaint = &complaint, .outline = outline };

		result = file_check(config, file, &check);
		file_free(file);
	}
	free(outline);
	if (result)
		memset(config, 0, sizeof(*config));
	return result;
}

bool config_watches(const struct config *config, const char *name)
{
	for (unsigned i = 0; i < config->watch_count; i++)
		if (strcmp(config->watch[i], name) == 0)
			return true;
	return false;
}

static const char *open_remedy(int error)
{
	switch (error) {
	case ENOENT:
		return "write one (man meshd.yaml shows how), or name another with -c";
	case EACCES:
		return "run as root, or make it readable";
	case EISDIR:
		return "name the file in it";
	default:
		return "check the disk";
	}
}

int config_load(struct config *config, const char *path, char error[CONFIG_ERROR_MAX])
{
	const struct complaint complaint = { .file = path, .text = error };
	size_t capacity = CONFIG_FILE_MAX + 1; /* one more than allowed, to see that there is more */
	char *text = malloc(capacity);
	FILE *file = text ? fopen(path, "re") : NULL;
	int code = text ? errno : ENOMEM;
	size_t len = file ? fread(text, 1, capacity, file) : 0;

	if (file && ferror(file))
		code = errno;
	if (!file || ferror(file)) {
		complain(&complaint, 0, "cannot be read: %s; %s", strerror(code), open_remedy(code));
		memset(config, 0, sizeof(*config));
		code = -code;
	} else {
		code = config_parse(config, path, bytes_of(text, len), error);
	}
	if (file)
		fclose(file);
	free(text);
	return code;
}
