// SPDX-License-Identifier: MIT
// Raw mode of the host terminal. Restored by terminal_restore, which exit() and deadly signals call too.
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ambos.h"

static struct termios saved;
static int raw_fd = -1;

static void apply_raw(void)
{
	struct termios raw = saved;
	cfmakeraw(&raw);
	tcsetattr(raw_fd, TCSADRAIN, &raw);
}

void terminal_restore(void)
{
	if (raw_fd < 0)
		return;
	tcsetattr(raw_fd, TCSADRAIN, &saved);
	raw_fd = -1;
}

void terminal_make_raw(int fd)
{
	if (tcgetattr(fd, &saved))
		return;
	raw_fd = fd;
	atexit(terminal_restore);
	apply_raw();
}

void terminal_resume(void)
{
	if (raw_fd >= 0)
		apply_raw();
}

bool terminal_size(int fd, struct control_window *out)
{
	struct winsize size;
	if (ioctl(fd, TIOCGWINSZ, &size))
		return false;
	*out = (struct control_window){ size.ws_col, size.ws_row, size.ws_xpixel, size.ws_ypixel };
	return true;
}
