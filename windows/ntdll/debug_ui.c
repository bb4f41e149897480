// SPDX-License-Identifier: MIT
/* Debugging of other processes: there are no debug objects, so each call says so and a program's DebugActiveProcess,
 * CreateProcess(DEBUG_PROCESS) and WaitForDebugEvent fail where before the program would have ended. */
#include "rtl.h"

NTSTATUS NTAPI DbgUiConnectToDbg(void) { return STATUS_NOT_IMPLEMENTED; }
HANDLE NTAPI DbgUiGetThreadDebugObject(void) { return NULL; }
NTSTATUS NTAPI DbgUiDebugActiveProcess(HANDLE process) { return STATUS_NOT_IMPLEMENTED; }
NTSTATUS NTAPI DbgUiStopDebugging(HANDLE process) { return STATUS_NOT_IMPLEMENTED; }
NTSTATUS NTAPI DbgUiIssueRemoteBreakin(HANDLE process) { return STATUS_NOT_IMPLEMENTED; }
NTSTATUS NTAPI DbgUiContinue(const CLIENT_ID *client, NTSTATUS status) { return STATUS_NOT_IMPLEMENTED; }
NTSTATUS NTAPI DbgUiWaitStateChange(void *change, const LARGE_INTEGER *timeout) { return STATUS_NOT_IMPLEMENTED; }
NTSTATUS NTAPI DbgUiConvertStateChangeStructure(const void *change, void *event) { return STATUS_NOT_IMPLEMENTED; }
