// SPDX-License-Identifier: MIT
/* C++ exceptions across frames, with destructors, rethrow, on other threads, and out of a callback called by the system. */
#include "expect.h"
#include <stdexcept>
#include <string>
#include <vector>

static int destroyed;

struct guard {
	~guard() { destroyed++; }
};

static int deep(int level)
{
	guard here;
	if (level == 0)
		throw std::runtime_error("from the depth");
	return deep(level - 1) + 1;
}

static std::string caught_text()
{
	try {
		deep(20);
	} catch (const std::exception &e) {
		return e.what();
	}
	return "nothing";
}

static int rethrown()
{
	try {
		try {
			throw 42;
		} catch (int) {
			throw;
		}
	} catch (int value) {
		return value;
	}
	return 0;
}

static INT CALLBACK on_locale(LPWSTR name, DWORD flags, LPARAM parameter)
{
	throw std::string("out of a callback");
}

static std::string through_system()
{
	try {
		EnumSystemLocalesEx((LOCALE_ENUMPROCEX)on_locale, LOCALE_ALL, 0, NULL);
	} catch (const std::string &text) {
		return text;
	}
	return "not called";
}

static LONG sum;

static DWORD WINAPI thrower(LPVOID argument)
{
	for (int k = 0; k < 50; k++)
		try {
			deep((int)(ULONG_PTR)argument);
		} catch (const std::runtime_error &) {
			InterlockedIncrement(&sum);
		}
	return 0;
}

static LONG on_threads()
{
	HANDLE threads[4];
	for (ULONG_PTR i = 0; i < 4; i++)
		threads[i] = CreateThread(NULL, 0, thrower, (LPVOID)i, 0, NULL);
	WaitForMultipleObjects(4, threads, TRUE, 60000);
	return sum;
}

int main()
{
	FACT(caught_text() == "from the depth");
	FACT(destroyed == 21);
	FACT(rethrown() == 42);
	FACT(through_system() == "out of a callback");
	FACT(on_threads() == 200);
	try {
		std::vector<int>(3).at(7);
		FACT(!"no exception");
	} catch (const std::out_of_range &) {
		FACT(destroyed > 21);
	}
	return failures;
}
