// SPDX-License-Identifier: MIT
/* Pseudo terminals: line editing, echo, raw mode, signals, job control, size, hang-up. Uses TIOCGPTPEER, so it needs
 * /dev/ptmx but no devpts. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "check.h"

static int m, t;
static char b[9000];

static void start(void)
{
	int zero = 0;
	m = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	CHECK(m >= 0 && ioctl(m, TIOCSPTLCK, &zero) == 0);
	t = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	CHECK(t >= 0);
	fcntl(t, F_SETFL, O_NONBLOCK);
}
static void stop(void) { close(m); close(t); }
static void type(const char *text) { CHECK(write(m, text, strlen(text)) == (long)strlen(text)); }
static int output_is(const char *want)
{
	usleep(2000); /* Linux moves bytes between the ends in a worker */
	memset(b, 0, 200);
	long n = read(m, b, sizeof(b));
	if (n == (long)strlen(want) && !memcmp(b, want, (size_t)n))
		return 1;
	printf("  output %ld bytes:", n);
	for (long i = 0; i < n && i < 60; i++)
		printf(b[i] < ' ' || b[i] > 126 ? "\\x%02x" : "%c", (unsigned char)b[i]);
	printf("\n");
	return 0;
}
static int input_is(const char *want)
{
	usleep(2000);
	memset(b, 0, 200);
	long n = read(t, b, sizeof(b));
	if (n == (long)strlen(want) && !memcmp(b, want, (size_t)n))
		return 1;
	printf("  input %ld: %s\n", n, b);
	return 0;
}
static void set_flags(tcflag_t clear, tcflag_t set)
{
	struct termios a;
	CHECK(tcgetattr(t, &a) == 0);
	a.c_lflag = (a.c_lflag & ~clear) | set;
	CHECK(tcsetattr(t, TCSANOW, &a) == 0);
}
static void set_raw(int min, int time)
{
	struct termios a;
	CHECK(tcgetattr(t, &a) == 0);
	cfmakeraw(&a);
	a.c_cc[VMIN] = (cc_t)min;
	a.c_cc[VTIME] = (cc_t)time;
	CHECK(tcsetattr(t, TCSANOW, &a) == 0);
}

CASE(defaults_are_those_of_linux)
{
	struct termios a;
	struct winsize w = { 9, 9, 9, 9 };
	start();
	CHECK(isatty(t) && isatty(m) && tcgetattr(t, &a) == 0);
	CHECK(a.c_iflag == (ICRNL | IXON) && a.c_oflag == (OPOST | ONLCR));
	CHECK((a.c_cflag & (CSIZE | CREAD)) == (CS8 | CREAD) && cfgetospeed(&a) == B38400);
	CHECK(a.c_lflag == (ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN));
	CHECK(a.c_cc[VINTR] == 3 && a.c_cc[VERASE] == 127 && a.c_cc[VEOF] == 4 && a.c_cc[VMIN] == 1);
	CHECK(ioctl(t, TIOCGWINSZ, &w) == 0 && w.ws_row == 0 && w.ws_col == 0);
	struct stat st;
	CHECK(fstat(t, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev >> 8 == 136);
	stop();
}
CASE(a_line_is_read_when_it_ends)
{
	start();
	type("hel");
	usleep(2000);
	CHECK_ERRNO(read(t, b, 10), EAGAIN);
	type("lo\r");
	CHECK(input_is("hello\n") && output_is("hello\r\n"));
	type("one\ntwo\n");
	usleep(2000);
	CHECK(read(t, b, 2) == 2 && input_is("e\n") && input_is("two\n"));
	CHECK(write(t, "out\n", 4) == 4 && output_is("one\r\ntwo\r\nout\r\n"));
	stop();
}
CASE(erase_kill_and_word_erase_edit)
{
	start();
	type("abx\177c\n");
	CHECK(input_is("abc\n") && output_is("abx\b \bc\r\n"));
	type("foo bar\027baz\n");
	CHECK(input_is("foo baz\n") && output_is("foo bar\b \b\b \b\b \bbaz\r\n"));
	type("junk\025ok\n");
	CHECK(input_is("ok\n") && output_is("junk\b \b\b \b\b \b\b \bok\r\n"));
	type("a\001\177\177\177b\n");
	CHECK(input_is("b\n") && output_is("a^A\b \b\b \b\b \bb\r\n"));
	type("a\tb\177\177c\n");
	CHECK(input_is("ac\n") && output_is("a\tb\b \b\b\b\b\b\b\b\bc\r\n"));
	stop();
}
CASE(utf8_characters_erase_whole)
{
	struct termios a;
	start();
	tcgetattr(t, &a);
	a.c_iflag |= IUTF8;
	tcsetattr(t, TCSANOW, &a);
	type("x\303\251\177y\n");
	CHECK(input_is("xy\n") && output_is("x\303\251\b \by\r\n"));
	stop();
}
CASE(end_of_file_ends_a_read)
{
	start();
	type("\004");
	usleep(2000);
	CHECK(read(t, b, 10) == 0);
	CHECK_ERRNO(read(t, b, 10), EAGAIN);
	type("part\004");
	CHECK(input_is("part"));
	CHECK_ERRNO(read(t, b, 10), EAGAIN);
	stop();
}
CASE(literal_next_and_reprint)
{
	start();
	type("a\026\003b\n");
	CHECK(input_is("a\003b\n") && output_is("a^\b^Cb\r\n"));
	type("xy\022z\n");
	CHECK(input_is("xyz\n") && output_is("xy^R\r\nxyz\r\n"));
	stop();
}
CASE(raw_mode_passes_everything)
{
	start();
	set_raw(1, 0);
	type("\003\004\r\n\177x");
	CHECK(input_is("\003\004\r\n\177x"));
	CHECK_ERRNO(read(m, b, 10), EAGAIN); /* no echo */
	CHECK(write(t, "a\nb", 3) == 3 && output_is("a\nb"));
	stop();
}
CASE(minimum_and_time_bound_a_read)
{
	struct pollfd f;
	start();
	fcntl(t, F_SETFL, 0);
	set_raw(0, 0);
	CHECK(read(t, b, 10) == 0);
	set_raw(0, 1);
	CHECK(read(t, b, 10) == 0);
	set_raw(3, 0);
	type("ab");
	usleep(2000);
	f = (struct pollfd){ t, POLLIN, 0 };
	CHECK(poll(&f, 1, 0) == 0);
	if (!fork()) {
		usleep(30000);
		type("c");
		_exit(0);
	}
	CHECK(read(t, b, 10) == 3);
	wait(NULL);
	set_raw(3, 1);
	type("z");
	CHECK(read(t, b, 10) == 1);
	stop();
}
CASE(mode_changes_keep_pending_bytes)
{
	start();
	type("pending");
	usleep(2000);
	set_raw(1, 0);
	CHECK(input_is("pending"));
	stop();
}
CASE(echo_flags)
{
	start();
	set_flags(ECHO, 0);
	type("quiet\n");
	CHECK(input_is("quiet\n"));
	CHECK_ERRNO(read(m, b, 10), EAGAIN);
	set_flags(ECHO, ECHONL);
	type("q\n");
	CHECK(input_is("q\n") && output_is("\r\n"));
	stop();
}
CASE(flow_control_holds_output)
{
	start();
	type("\023");
	usleep(2000);
	CHECK_ERRNO(write(t, "held", 4), EAGAIN);
	type("\021");
	usleep(2000);
	CHECK(write(t, "go", 2) == 2 && output_is("go"));
	CHECK(tcflow(t, TCOOFF) == 0);
	CHECK_ERRNO(write(t, "held", 4), EAGAIN);
	CHECK(tcflow(t, TCOON) == 0 && write(t, "go", 2) == 2);
	stop();
}
CASE(long_lines_are_cut_at_4095)
{
	start();
	set_flags(ECHO, 0);
	fcntl(m, F_SETFL, O_RDWR);
	memset(b, 'x', 6000);
	CHECK(write(m, b, 6000) == 6000);
	type("\n");
	usleep(20000);
	CHECK(read(t, b, sizeof(b)) == 4096 && b[4095] == '\n' && b[4094] == 'x');
	stop();
}
CASE(counts_and_flushes)
{
	int n = -1;
	start();
	type("1234\n");
	usleep(2000);
	CHECK(ioctl(t, FIONREAD, &n) == 0 && n == 5);
	CHECK(ioctl(m, FIONREAD, &n) == 0 && n == 6);
	CHECK(tcflush(t, TCIFLUSH) == 0);
	CHECK_ERRNO(read(t, b, 10), EAGAIN);
	CHECK_ERRNO(ioctl(t, 0x5499, &n), ENOTTY);
	stop();
}

/* A child that leads a session with the pty as its terminal runs `body`; its exit status is returned. */
static int in_session(void (*body)(void))
{
	int status;
	pid_t pid = fork();
	if (!pid) {
		setsid();
		check_failed_here = 0;
		CHECK(ioctl(t, TIOCSCTTY, 0) == 0);
		fcntl(t, F_SETFL, 0);
		body();
		fflush(stdout);
		_exit(check_failed_here);
	}
	waitpid(pid, &status, 0);
	return status;
}
static volatile int last_signal;
static void on_signal(int n) { last_signal = n; }
static void catch_signal(int n)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigaction(n, &sa, NULL);
}
static void signals_body(void)
{
	pid_t group = 0, sid = 0;
	CHECK(ioctl(t, TIOCGPGRP, &group) == 0 && group == getpgrp());
	CHECK(ioctl(t, TIOCGSID, &sid) == 0 && sid == getpid());
	catch_signal(SIGINT);
	catch_signal(SIGQUIT);
	catch_signal(SIGWINCH);
	type("lost\003");
	usleep(20000);
	CHECK(last_signal == SIGINT);
	type("\034");
	usleep(20000);
	CHECK(last_signal == SIGQUIT);
	struct winsize w = { 24, 80, 0, 0 }, got;
	CHECK(ioctl(m, TIOCSWINSZ, &w) == 0);
	usleep(20000);
	CHECK(last_signal == SIGWINCH && ioctl(t, TIOCGWINSZ, &got) == 0 && got.ws_row == 24 && got.ws_col == 80);
	type("kept\n");
	CHECK(input_is("kept\n"));
	int fd = open("/dev/tty", O_RDWR);
	CHECK(fd >= 0 && write(fd, "via tty", 7) == 7);
}
CASE(control_characters_signal_the_foreground_group)
{
	start();
	CHECK(in_session(signals_body) == 0);
	stop();
}
static void background_body(void)
{
	int status;
	pid_t pid = fork();
	if (!pid) {
		setpgid(0, 0);
		char c;
		_exit(read(t, &c, 1) == 1 ? 0 : 9); /* SIGTTIN stops us here until we are in the foreground */
	}
	setpgid(pid, pid);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
	type("x\n");
	CHECK(tcsetpgrp(t, pid) == 0);
	CHECK(kill(pid, SIGCONT) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	signal(SIGTTOU, SIG_IGN);
	CHECK(tcsetpgrp(t, getpgrp()) == 0);
	CHECK_ERRNO(tcsetpgrp(t, 999999), ESRCH);
	CHECK_ERRNO(tcsetpgrp(t, getppid() == getpgrp() ? 1 : getpgid(getppid())), EPERM);
	signal(SIGTTOU, SIG_DFL);
	set_flags(0, TOSTOP);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		_exit(write(t, "y", 1) != 1);
	}
	setpgid(pid, pid);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}
CASE(background_groups_are_stopped)
{
	start();
	CHECK(in_session(background_body) == 0);
	stop();
}
static void hangup_body(void)
{
	catch_signal(SIGHUP);
	close(m);
	usleep(20000);
	CHECK(last_signal == SIGHUP);
	CHECK(read(t, b, 10) == 0);
	CHECK_ERRNO(write(t, "x", 1), EIO);
	struct pollfd f = { t, POLLIN | POLLOUT, 0 };
	CHECK(poll(&f, 1, 0) == 1 && (f.revents & POLLHUP));
	CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
}
CASE(closing_the_master_hangs_up)
{
	int status;
	start();
	pid_t pid = fork();
	if (!pid) {
		setsid();
		check_failed_here = 0;
		CHECK(ioctl(t, TIOCSCTTY, 0) == 0);
		catch_signal(SIGHUP);
		usleep(50000);
		hangup_body();
		fflush(stdout);
		_exit(check_failed_here);
	}
	close(m);
	close(t);
	waitpid(pid, &status, 0);
	CHECK(status == 0);
}
CASE(closing_the_slave_is_eio_at_the_master)
{
	struct pollfd f;
	start();
	CHECK(write(t, "last", 4) == 4);
	close(t);
	CHECK(output_is("last"));
	CHECK_ERRNO(read(m, b, 10), EIO);
	f = (struct pollfd){ m, POLLIN, 0 };
	CHECK(poll(&f, 1, 0) == 1 && (f.revents & POLLHUP));
	t = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	CHECK(t >= 0 && write(t, "again", 5) == 5 && output_is("again"));
	stop();
}
CASE(packet_mode_marks_data)
{
	int on = 1;
	start();
	CHECK(ioctl(m, TIOCPKT, &on) == 0);
	CHECK(write(t, "hi", 2) == 2);
	usleep(2000);
	CHECK(read(m, b, 10) == 3 && b[0] == 0 && b[1] == 'h');
	CHECK(tcflush(t, TCOFLUSH) == 0);
	CHECK(read(m, b, 10) == 1 && (b[0] & TIOCPKT_FLUSHWRITE));
	stop();
}
CASE(locked_pairs_do_not_open)
{
	unsigned n = 99;
	m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	CHECK_ERRNO(ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY), EIO);
	CHECK(ioctl(m, TIOCGPTN, &n) == 0 && n < 4096);
	close(m);
}

CASE(external_processing_reads_bytes_not_lines)
{
	struct termios a;
	int n = -1;
	start();
	CHECK(tcgetattr(t, &a) == 0);
	a.c_lflag = EXTPROC | ICANON | ISIG | ECHO;
	CHECK(tcsetattr(t, TCSANOW, &a) == 0);
	type("a\r\x03\x7f");
	usleep(2000);
	CHECK(ioctl(t, FIONREAD, &n) == 0 && n == 4);
	CHECK(input_is("a\r\x03\x7f"));
	stop();
}

struct old_settings { unsigned short iflag, oflag, cflag, lflag; unsigned char line, cc[8]; };
CASE(old_settings_are_the_low_halves)
{
	struct old_settings old, back;
	struct termios a;
	start();
	CHECK(tcgetattr(t, &a) == 0);
	a.c_lflag |= EXTPROC;
	CHECK(tcsetattr(t, TCSANOW, &a) == 0);
	memset(&old, 0xee, sizeof(old));
	CHECK(ioctl(t, TCGETA, &old) == 0 && old.iflag == (ICRNL | IXON) && old.lflag == (a.c_lflag & 0xffff) && old.cc[VINTR] == 3);
	old.lflag &= (unsigned short)~ECHO;
	old.cc[VINTR] = 5;
	CHECK(ioctl(t, TCSETA, &old) == 0 && ioctl(t, TCSETAW, &old) == 0 && ioctl(m, TCSETAF, &old) == 0);
	CHECK(ioctl(t, TCGETA, &back) == 0 && memcmp(&old, &back, sizeof(old)) == 0);
	CHECK(tcgetattr(t, &a) == 0 && (a.c_lflag & EXTPROC) && !(a.c_lflag & ECHO) && a.c_cc[VINTR] == 5 && a.c_cc[VSUSP] == 26);
	CHECK_ERRNO(ioctl(t, TCSETA, NULL), EFAULT);
	stop();
}

CASE(only_the_plain_discipline_is_there)
{
	int discipline = 0, unknown = 1000;
	start();
	CHECK(ioctl(t, TIOCSETD, &discipline) == 0);
	CHECK_ERRNO(ioctl(t, TIOCSETD, &unknown), EINVAL);
	CHECK_ERRNO(ioctl(t, TIOCSETD, NULL), EFAULT);
	stop();
}

CASE(a_forced_hang_up_kills_the_open_files)
{
	char c;
	start();
	fcntl(t, F_SETFL, 0);
	CHECK(ioctl(t, TIOCVHANGUP) == 0);
	CHECK(read(t, &c, 1) == 0);
	CHECK_ERRNO(write(t, "x", 1), EIO);
	close(t);
	usleep(2000);
	CHECK_ERRNO(read(m, &c, 1), EIO);
	close(m);
}

static int hang_up_own_terminal(void)
{
	char c;
	signal(SIGHUP, SIG_IGN);
	if (setsid() < 0 || ioctl(t, TIOCSCTTY, 0))
		return 1;
	fcntl(t, F_SETFL, 0);
	if (syscall(SYS_vhangup) || read(t, &c, 1) != 0 || open("/dev/tty", O_RDWR) >= 0 || errno != ENXIO)
		return 2;
	if (setresuid(65534, 65534, 65534) || syscall(SYS_vhangup) != -1 || errno != EPERM)
		return 3;
	return 0;
}
CASE(vhangup_ends_the_own_terminal)
{
	int status;
	if (geteuid())
		return;
	start();
	pid_t child = fork();
	if (!child)
		_exit(hang_up_own_terminal());
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	if (status)
		printf("  status %x\n", status);
	stop();
}

int main(void)
{
	if (access("/dev/ptmx", R_OK)) {
		printf("no /dev/ptmx\n0 cases, 0 failed\n");
		return 0;
	}
	RUN(defaults_are_those_of_linux);
	RUN(a_line_is_read_when_it_ends);
	RUN(erase_kill_and_word_erase_edit);
	RUN(utf8_characters_erase_whole);
	RUN(end_of_file_ends_a_read);
	RUN(literal_next_and_reprint);
	RUN(raw_mode_passes_everything);
	RUN(minimum_and_time_bound_a_read);
	RUN(mode_changes_keep_pending_bytes);
	RUN(echo_flags);
	RUN(flow_control_holds_output);
	RUN(long_lines_are_cut_at_4095);
	RUN(counts_and_flushes);
	RUN(control_characters_signal_the_foreground_group);
	RUN(background_groups_are_stopped);
	RUN(closing_the_master_hangs_up);
	RUN(closing_the_slave_is_eio_at_the_master);
	RUN(packet_mode_marks_data);
	RUN(locked_pairs_do_not_open);
	RUN(external_processing_reads_bytes_not_lines);
	RUN(old_settings_are_the_low_halves);
	RUN(only_the_plain_discipline_is_there);
	RUN(a_forced_hang_up_kills_the_open_files);
	RUN(vhangup_ends_the_own_terminal);
	return check_summary();
}
