/* The authority's file, in the clear or under a passphrase, as the commands that sign use it. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <string.h>

static int unlock(struct authority_file *f, struct bytes text, char error[CTL_ERROR_MAX])
{
	int code = 0;

	f->is_locked = true;
	if (!f->passphrase[0])
		code = passphrase_get(f->passphrase_file, "Passphrase of the authority", f->passphrase, error);
	if (code)
		return code;
	code = authority_parse_locked(&f->key, text, bytes_of(f->passphrase, strlen(f->passphrase)));
	if (code == -EACCES)
		return ctl_error(error, code, "%s: wrong passphrase; nothing was changed", f->path);
	if (code == -ENOMEM)
		return ctl_error(error, code, "%s: a passphrase needs 64 MiB of memory; use a larger machine", f->path);
	return code ? ctl_error(error, code, "%s: damaged; use the copy that you keep", f->path) : 0;
}

int authority_file_load(struct authority_file *f, char error[CTL_ERROR_MAX])
{
	char text[ENROLMENT_TEXT_MAX];
	int len = file_read(f->path, text, error);

	if (len == -ENOENT)
		return ctl_error(error, len,
			"%s: there is no authority; make one with \"meshctl authority init --out %s\"", f->path,
			f->path);
	if (len < 0)
		return len;
	int code = authority_parse(&f->key, bytes_of(text, (size_t)len));
	if (code == -ENOKEY)
		code = unlock(f, bytes_of(text, (size_t)len), error);
	else if (code)
		code = ctl_error(
			error, code, "%s: not an authority file, or damaged; use the copy that you keep", f->path);
	secret_wipe(text, sizeof(text));
	return code;
}

int authority_file_save(const struct authority_file *f, bool replace, char error[CTL_ERROR_MAX])
{
	char text[ENROLMENT_TEXT_MAX];
	int len = f->is_locked ? authority_format_locked(&f->key, bytes_of(f->passphrase, strlen(f->passphrase)),
					 &ctl_random, text, sizeof(text))
			       : authority_format(&f->key, text, sizeof(text));
	int code = len == -ENOMEM ? ctl_error(error, len,
					    "%s: a passphrase needs 64 MiB of memory; use a larger machine", f->path)
		   : len < 0      ? ctl_error(error, len, "%s: cannot be written", f->path)
				  : file_write(f->path, text, (size_t)len, replace, error);

	secret_wipe(text, sizeof(text));
	return code;
}

void authority_file_done(struct authority_file *f)
{
	authority_done(&f->key);
	secret_wipe(f->passphrase, sizeof(f->passphrase));
}
