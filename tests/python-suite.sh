#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# CPython's own tests as a measuring stick (docs/python-testsuite.md). Not part of `make test`: the suite is Debian's.
# usage: python-suite.sh guest|host TEST_PACKAGE [MODULE...]
# TEST_PACKAGE: folder `test` put together from libpython3.11-testsuite and libpython3.11-stdlib. On the host it is
# bound over the installed one in a mount name space of its own, which needs root.
set -euo pipefail
where=${1:?guest or host} package=$(realpath "${2:?folder of the package test}")
shift 2
cd "$(dirname "$0")/.."
limit=${MODULE_LIMIT:-500} # seconds; the slowest module takes 150 on the host
[ $# -gt 0 ] || set -- test_resource test_fcntl test_mmap test_select test_selectors test_epoll test_poll test_tempfile \
	test_shutil test_glob test_pathlib test_fileio test_io test_time test_pty test_openpty test_fork1 test_wait3 test_wait4 \
	test_os test_posix test_signal test_threadsignals test_thread test_threading test_subprocess test_multiprocessing_fork \
	test_concurrent_futures test_asyncio.test_unix_events test_asyncio.test_subprocess test_asyncio.test_events \
	test_file_eintr test_eintr test_stat test_genericpath test_posixpath test_pipes test_popen test_mailbox test_dbm_dumb \
	test_zipfile test_tarfile test_largefile test_bufio test_pwd test_grp test_platform test_atexit test_faulthandler test_socket
if [ "$where" = host ]; then
	exec unshare -m bash -c 'mount --bind "$1" /usr/lib/python3.11/test; shift; exec sh tests/guest/python_suite.sh "$@"' \
		bash "$package" "$limit" "$@"
fi
exec ./ambos run --cpus 2 --memory 1G --share "$PWD/tests/guest:/host:ro" --share "$package:/usr/lib/python3.11/test:ro" -- \
	sh /host/python_suite.sh "$limit" "$@"
