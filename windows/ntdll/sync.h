/* SPDX-License-Identifier: MIT */
/* Synchronisation inside one process. Everything that blocks ends in address_wait. */
#ifndef AMBOS_WINDOWS_SYNC_H
#define AMBOS_WINDOWS_SYNC_H

#include <ntdll.h>

/* Sleeps as long as *value (4 bytes) is `compare`, until address_wake(key). NULL timeout: for ever. SUCCESS or TIMEOUT;
 * wake-ups without cause happen, so callers look again. An absolute deadline is a positive timeout. */
NTSTATUS address_wait(const volatile void *key, const volatile LONG *value, LONG compare, const LARGE_INTEGER *timeout);
void address_wake(const volatile void *key, bool all);
/* Relative times made absolute once, so that a wait that starts again does not grow. NULL stays NULL. */
const LARGE_INTEGER *deadline_fix(const LARGE_INTEGER *timeout, LARGE_INTEGER *store);

NTSTATUS NTAPI RtlWaitOnAddress(const void *, const void *, SIZE_T, const LARGE_INTEGER *);
void NTAPI RtlWakeAddressAll(const void *);
void NTAPI RtlWakeAddressSingle(const void *);
NTSTATUS NTAPI RtlInitializeCriticalSection(RTL_CRITICAL_SECTION *);
NTSTATUS NTAPI RtlInitializeCriticalSectionEx(RTL_CRITICAL_SECTION *, ULONG, ULONG);
NTSTATUS NTAPI RtlInitializeCriticalSectionAndSpinCount(RTL_CRITICAL_SECTION *, ULONG);
NTSTATUS NTAPI RtlDeleteCriticalSection(RTL_CRITICAL_SECTION *);
NTSTATUS NTAPI RtlEnterCriticalSection(RTL_CRITICAL_SECTION *);
BOOL NTAPI RtlTryEnterCriticalSection(RTL_CRITICAL_SECTION *);
NTSTATUS NTAPI RtlLeaveCriticalSection(RTL_CRITICAL_SECTION *);
ULONG NTAPI RtlSetCriticalSectionSpinCount(RTL_CRITICAL_SECTION *, ULONG);
BOOL NTAPI RtlIsCriticalSectionLocked(RTL_CRITICAL_SECTION *);
BOOL NTAPI RtlIsCriticalSectionLockedByThread(RTL_CRITICAL_SECTION *);
void NTAPI RtlInitializeSRWLock(RTL_SRWLOCK *);
void NTAPI RtlAcquireSRWLockExclusive(RTL_SRWLOCK *);
void NTAPI RtlAcquireSRWLockShared(RTL_SRWLOCK *);
void NTAPI RtlReleaseSRWLockExclusive(RTL_SRWLOCK *);
void NTAPI RtlReleaseSRWLockShared(RTL_SRWLOCK *);
BOOLEAN NTAPI RtlTryAcquireSRWLockExclusive(RTL_SRWLOCK *);
BOOLEAN NTAPI RtlTryAcquireSRWLockShared(RTL_SRWLOCK *);
void NTAPI RtlInitializeConditionVariable(RTL_CONDITION_VARIABLE *);
void NTAPI RtlWakeConditionVariable(RTL_CONDITION_VARIABLE *);
void NTAPI RtlWakeAllConditionVariable(RTL_CONDITION_VARIABLE *);
NTSTATUS NTAPI RtlSleepConditionVariableCS(RTL_CONDITION_VARIABLE *, RTL_CRITICAL_SECTION *, const LARGE_INTEGER *);
NTSTATUS NTAPI RtlSleepConditionVariableSRW(RTL_CONDITION_VARIABLE *, RTL_SRWLOCK *, const LARGE_INTEGER *, ULONG);
void NTAPI RtlRunOnceInitialize(RTL_RUN_ONCE *);
DWORD NTAPI RtlRunOnceBeginInitialize(RTL_RUN_ONCE *, ULONG, void **);
DWORD NTAPI RtlRunOnceComplete(RTL_RUN_ONCE *, ULONG, void *);
DWORD NTAPI RtlRunOnceExecuteOnce(RTL_RUN_ONCE *, PRTL_RUN_ONCE_INIT_FN, void *, void **);

#endif
