// SPDX-License-Identifier: MIT
/* The kernel's log as programs read it: syslog(2). */
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

CASE(arguments_are_checked)
{
	char c;
	CHECK_ERRNO(klogctl(100, &c, 0), EINVAL);
	CHECK_ERRNO(klogctl(2, NULL, 0), EINVAL);
	CHECK_ERRNO(klogctl(3, &c, -1), EINVAL);
	CHECK_ERRNO(klogctl(8, &c, 0), EINVAL);
	CHECK_ERRNO(klogctl(8, &c, 9), EINVAL);
	CHECK(klogctl(0, NULL, 0) == 0 && klogctl(1, NULL, 0) == 0 && klogctl(3, &c, 0) == 0);
}
CASE(the_newest_lines_are_read)
{
	int size = klogctl(10, NULL, 0);
	CHECK(size >= 4096);
	char *all = calloc(1, (size_t)size + 1), few[600] = { 0 };
	int n = klogctl(3, all, size), some = klogctl(3, few, sizeof(few) - 1);
	CHECK(n >= 0 && n <= size && some >= 0 && some < (int)sizeof(few));
	if (n > 0)
		CHECK(all[0] == '<' && strchr(all, '>') && all[n - 1] == '\n');
	if (some > 0 && some < n)
		CHECK(few[0] == '<' && strstr(all, few));
	CHECK(klogctl(9, NULL, 0) >= 0);
	free(all);
}
CASE(a_user_may_not_take_or_clear)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		int ok = setresuid(1000, 1000, 1000) == 0;
		for (int action = 0; ok && action < 10; action++)
			if (action != 3)
				ok = klogctl(action, &c, 1) == -1 && errno == EPERM;
		_exit(!ok);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
	if (geteuid() == 0) {
		RUN(arguments_are_checked);
		RUN(the_newest_lines_are_read);
		RUN(a_user_may_not_take_or_clear);
	}
	return check_summary();
}
