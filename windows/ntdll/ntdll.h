/* SPDX-License-Identifier: MIT */
/* Declarations that all of our ntdll shares: mingw's headers for the public Win32 and NT types, and the layouts and
 * prototypes that they lack (winternl.h has only stumps of PEB, TEB and the loader's structures).
 * A file includes only this header; helpers of one area live in that area's own header. */
#ifndef AMBOS_WINDOWS_NTDLL_H
#define AMBOS_WINDOWS_NTDLL_H

#define WIN32_NO_STATUS
#include <windef.h>
#include <winbase.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>
#define _PEB mingw_peb
#define PEB MINGW_PEB
#define PPEB PMINGW_PEB
#define _TEB mingw_teb
#define TEB MINGW_TEB
#define PTEB PMINGW_TEB
#define _PEB_LDR_DATA mingw_ldr_data
#define PEB_LDR_DATA MINGW_LDR_DATA
#define PPEB_LDR_DATA PMINGW_LDR_DATA
#define _LDR_DATA_TABLE_ENTRY mingw_ldr_entry
#define LDR_DATA_TABLE_ENTRY MINGW_LDR_ENTRY
#define PLDR_DATA_TABLE_ENTRY PMINGW_LDR_ENTRY
#define _RTL_USER_PROCESS_PARAMETERS mingw_parameters
#define RTL_USER_PROCESS_PARAMETERS MINGW_PARAMETERS
#define PRTL_USER_PROCESS_PARAMETERS PMINGW_PARAMETERS
#define RtlDosPathNameToNtPathName_U mingw_RtlDosPathNameToNtPathName_U
#define RtlDestroyHeap mingw_RtlDestroyHeap
#define RtlFreeHeap mingw_RtlFreeHeap
#include <winternl.h>
#undef RtlFreeHeap
#undef RtlDestroyHeap
#undef RtlDosPathNameToNtPathName_U
#undef _PEB
#undef PEB
#undef PPEB
#undef _TEB
#undef TEB
#undef PTEB
#undef _PEB_LDR_DATA
#undef PEB_LDR_DATA
#undef PPEB_LDR_DATA
#undef _LDR_DATA_TABLE_ENTRY
#undef LDR_DATA_TABLE_ENTRY
#undef PLDR_DATA_TABLE_ENTRY
#undef _RTL_USER_PROCESS_PARAMETERS
#undef RTL_USER_PROCESS_PARAMETERS
#undef PRTL_USER_PROCESS_PARAMETERS
/* Functions here, not macros: this is the DLL that exports them. */
#undef RtlMoveMemory
#undef RtlFillMemory
#undef RtlZeroMemory
#undef RtlCopyMemory
#undef RtlEqualMemory
#undef RtlCompareMemory
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <stdbool.h>

#define NtCurrentProcess() ((HANDLE)~(ULONG_PTR)0)
#define NtCurrentThread() ((HANDLE)~(ULONG_PTR)1)
#define ROUND_UP(value, unit) (((value) + (unit)-1) & ~((uintptr_t)(unit)-1))
#define PAGE_BYTES 0x1000u
#define ALLOCATION_GRANULARITY 0x10000u
#ifndef OBJ_INHERIT
#define OBJ_INHERIT 0x2
#endif
#ifndef OBJ_CASE_INSENSITIVE
#define OBJ_CASE_INSENSITIVE 0x40
#endif

typedef struct _CURDIR { UNICODE_STRING DosPath; HANDLE Handle; } CURDIR;

typedef struct _RTL_DRIVE_LETTER_CURDIR { USHORT Flags, Length; ULONG TimeStamp; UNICODE_STRING DosPath; } RTL_DRIVE_LETTER_CURDIR;

typedef struct _RTL_USER_PROCESS_PARAMETERS {
	ULONG AllocationSize, Size, Flags, DebugFlags;
	HANDLE ConsoleHandle;
	ULONG ConsoleFlags;
	HANDLE hStdInput, hStdOutput, hStdError;
	CURDIR CurrentDirectory;
	UNICODE_STRING DllPath, ImagePathName, CommandLine;
	PWSTR Environment;
	ULONG dwX, dwY, dwXSize, dwYSize, dwXCountChars, dwYCountChars, dwFillAttribute, dwFlags, wShowWindow;
	UNICODE_STRING WindowTitle, Desktop, ShellInfo, RuntimeInfo;
	RTL_DRIVE_LETTER_CURDIR DLCurrentDirectory[32];
	SIZE_T EnvironmentSize, EnvironmentVersion;
	PVOID PackageDependencyData;
	ULONG ProcessGroupId, LoaderThreads;
} RTL_USER_PROCESS_PARAMETERS, *PRTL_USER_PROCESS_PARAMETERS;
#define PROCESS_PARAMS_FLAG_NORMALIZED 1

typedef struct _PEB_LDR_DATA {
	ULONG Length;
	BOOLEAN Initialized;
	HANDLE SsHandle;
	LIST_ENTRY InLoadOrderModuleList, InMemoryOrderModuleList, InInitializationOrderModuleList;
	PVOID EntryInProgress;
	BOOLEAN ShutdownInProgress;
	HANDLE ShutdownThreadId;
} PEB_LDR_DATA, *PPEB_LDR_DATA;

typedef struct _LDR_DATA_TABLE_ENTRY {
	LIST_ENTRY InLoadOrderLinks, InMemoryOrderLinks, InInitializationOrderLinks;
	PVOID DllBase, EntryPoint;
	ULONG SizeOfImage;
	UNICODE_STRING FullDllName, BaseDllName;
	ULONG Flags;
	SHORT LoadCount, TlsIndex;
	LIST_ENTRY HashLinks;
	ULONG TimeDateStamp;
	PVOID EntryPointActivationContext, Lock, DdagNode;
	LIST_ENTRY NodeModuleLink;
	PVOID LoadContext, ParentDllBase, SwitchBackContext;
	PVOID BaseAddressIndexNode[3], MappingInfoIndexNode[3];
	ULONG_PTR OriginalBase;
	LARGE_INTEGER LoadTime;
	ULONG BaseNameHashValue;
	ULONG LoadReason, ImplicitPathOptions, ReferenceCount;
} LDR_DATA_TABLE_ENTRY, *PLDR_DATA_TABLE_ENTRY;

typedef struct _RTL_BITMAP { ULONG SizeOfBitMap; PULONG Buffer; } RTL_BITMAP, *PRTL_BITMAP;
typedef const RTL_BITMAP *PCRTL_BITMAP;

typedef struct _ACTIVATION_CONTEXT_STACK {
	PVOID ActiveFrame;
	LIST_ENTRY FrameListCache;
	ULONG Flags, NextCookieSequenceNumber, StackId;
} ACTIVATION_CONTEXT_STACK;

typedef struct _PEB {
	BOOLEAN InheritedAddressSpace, ReadImageFileExecOptions, BeingDebugged;
	BYTE BitField;
	HANDLE Mutant;
	PVOID ImageBaseAddress;
	PPEB_LDR_DATA Ldr;
	PRTL_USER_PROCESS_PARAMETERS ProcessParameters;
	PVOID SubSystemData, ProcessHeap;
	PRTL_CRITICAL_SECTION FastPebLock;
	PVOID AtlThunkSListPtr, IFEOKey;
	ULONG CrossProcessFlags;
	PVOID KernelCallbackTable;
	ULONG SystemReserved, AtlThunkSListPtr32;
	PVOID ApiSetMap;
	ULONG TlsExpansionCounter;
	PRTL_BITMAP TlsBitmap;
	ULONG TlsBitmapBits[2];
	PVOID ReadOnlySharedMemoryBase, SharedData, ReadOnlyStaticServerData;
	PVOID AnsiCodePageData, OemCodePageData, UnicodeCaseTableData;
	ULONG NumberOfProcessors, NtGlobalFlag;
	LARGE_INTEGER CriticalSectionTimeout;
	SIZE_T HeapSegmentReserve, HeapSegmentCommit, HeapDeCommitTotalFreeThreshold, HeapDeCommitFreeBlockThreshold;
	ULONG NumberOfHeaps, MaximumNumberOfHeaps;
	PVOID *ProcessHeaps;
	PVOID GdiSharedHandleTable, ProcessStarterHelper;
	SIZE_T GdiDCAttributeList;
	PRTL_CRITICAL_SECTION LoaderLock;
	ULONG OSMajorVersion, OSMinorVersion;
	USHORT OSBuildNumber, OSCSDVersion;
	ULONG OSPlatformId, ImageSubSystem, ImageSubSystemMajorVersion, ImageSubSystemMinorVersion;
	ULONG_PTR ActiveProcessAffinityMask;
	ULONG GdiHandleBuffer[60];
	PVOID PostProcessInitRoutine;
	PRTL_BITMAP TlsExpansionBitmap;
	ULONG TlsExpansionBitmapBits[32];
	ULONG SessionId;
	ULARGE_INTEGER AppCompatFlags, AppCompatFlagsUser;
	PVOID ShimData, AppCompatInfo;
	UNICODE_STRING CSDVersion;
	PVOID ActivationContextData, ProcessAssemblyStorageMap, SystemDefaultActivationContextData, SystemAssemblyStorageMap;
	SIZE_T MinimumStackCommit;
	PVOID FlsCallback;
	LIST_ENTRY FlsListHead;
	PRTL_BITMAP FlsBitmap;
	ULONG FlsBitmapBits[4], FlsHighIndex;
} PEB, *PPEB;

typedef struct _TEB {
	NT_TIB Tib;
	PVOID EnvironmentPointer;
	CLIENT_ID ClientId;
	PVOID ActiveRpcHandle, *ThreadLocalStoragePointer;
	PPEB Peb;
	ULONG LastErrorValue, CountOfOwnedCriticalSections;
	PVOID CsrClientThread, Win32ThreadInfo;
	ULONG User32Reserved[26], UserReserved[5];
	PVOID Wow32Reserved;
	ULONG CurrentLocale, FpSoftwareStatusRegister;
	PVOID ReservedForDebuggerInstrumentation[16];
	PVOID SystemReserved1[32];
	ACTIVATION_CONTEXT_STACK ActivationContextStack;
	PVOID WorkingOnBehalfTicket;
	LONG ExceptionCode;
	ACTIVATION_CONTEXT_STACK *ActivationContextStackPointer;
	ULONG_PTR InstrumentationCallback[4];
	BYTE GdiTebBatch[0x4e8];
	CLIENT_ID RealClientId;
	HANDLE GdiCachedProcessHandle;
	ULONG GdiClientPid, GdiClientTid;
	PVOID GdiThreadLocalInfo;
	ULONG_PTR Win32ClientInfo[62];
	PVOID GlDispatchTable[233], GlReserved1[29], GlReserved2[6];
	NTSTATUS LastStatusValue;
	UNICODE_STRING StaticUnicodeString;
	WCHAR StaticUnicodeBuffer[261];
	PVOID DeallocationStack;
	PVOID TlsSlots[64];
	LIST_ENTRY TlsLinks;
	PVOID Vdm, ReservedForNtRpc, DbgSsReserved[2];
	ULONG HardErrorDisabled;
	PVOID Instrumentation[11];
	GUID ActivityId;
	PVOID SubProcessTag, PerflibData, EtwTraceData, WinSockData;
	ULONG GdiBatchCount, IdealProcessorValue, GuaranteedStackBytes;
	PVOID ReservedForPerf, ReservedForOle;
	ULONG WaitingOnLoaderLock;
	PVOID SavedPriorityState, ReservedForCodeCoverage, ThreadPoolData;
	PVOID *TlsExpansionSlots;
	PVOID DeallocationBStore, BStoreLimit;
	ULONG MuiGeneration, IsImpersonating;
	PVOID NlsCache, ShimData;
	ULONG HeapVirtualAffinity;
	HANDLE CurrentTransactionHandle;
	PVOID ActiveFrame, FlsSlots, PreferredLanguages, UserPrefLanguages, MergedPrefLanguages;
	ULONG MuiImpersonation;
	USHORT CrossTebFlags, SameTebFlags;
	PVOID TxnScopeEnterCallback, TxnScopeExitCallback, TxnScopeContext;
	ULONG LockCount, WowTebOffset;
	PVOID ResourceRetValue, ReservedForWdf;
	ULONGLONG ReservedForCrt;
	GUID EffectiveContainerId;
	/* Ours, behind what programs know. */
	PVOID AmbosThreadFunction;      /* what NtCreateThreadEx was given */
	ULONG AmbosThreadAttached;      /* DllMains saw THREAD_ATTACH */
} TEB, *PTEB;
#define TEB_SAME_INITIAL_THREAD 0x400u /* of SameTebFlags */

#define LAYOUT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field)
LAYOUT(RTL_USER_PROCESS_PARAMETERS, Environment, 0x80);
LAYOUT(RTL_USER_PROCESS_PARAMETERS, RuntimeInfo, 0xe0);
LAYOUT(RTL_USER_PROCESS_PARAMETERS, EnvironmentSize, 0x3f0);
LAYOUT(PEB, ApiSetMap, 0x68);
LAYOUT(PEB, LoaderLock, 0x110);
LAYOUT(PEB, SessionId, 0x2c0);
LAYOUT(PEB, ActivationContextData, 0x2f8);
LAYOUT(TEB, ActivationContextStack, 0x290);
LAYOUT(TEB, ActivationContextStackPointer, 0x2c8);
LAYOUT(TEB, GdiTebBatch, 0x2f0);
LAYOUT(TEB, StaticUnicodeString, 0x1258);
LAYOUT(TEB, TlsLinks, 0x1680);
LAYOUT(TEB, HardErrorDisabled, 0x16b0);
LAYOUT(TEB, WinSockData, 0x1738);
LAYOUT(TEB, TlsExpansionSlots, 0x1780);
LAYOUT(TEB, FlsSlots, 0x17c8);
LAYOUT(TEB, AmbosThreadFunction, 0x1838);
LAYOUT(LDR_DATA_TABLE_ENTRY, TimeDateStamp, 0x80);
LAYOUT(LDR_DATA_TABLE_ENTRY, OriginalBase, 0xf8);

static inline PTEB current_teb(void) { return (PTEB)NtCurrentTeb(); }
static inline PPEB current_peb(void) { return current_teb()->Peb; }

#include "calls.h"

static inline OBJECT_ATTRIBUTES object_named(UNICODE_STRING *name)
{
	return (OBJECT_ATTRIBUTES){ .Length = sizeof(OBJECT_ATTRIBUTES), .ObjectName = name, .Attributes = OBJ_CASE_INSENSITIVE };
}

/* The start blob (abi/nt/runtime.h), set before anything else runs. */
struct windows_runtime;
extern const struct windows_runtime *runtime_blob;
static inline const void *runtime_at(uint32_t offset) { return offset ? (const char *)runtime_blob + offset : NULL; }

/* start.c */
DECLSPEC_NORETURN void NTAPI AmbosMissingImport(const char *module, const char *function);
void path_open_current_directory(void);
/* Opens what a DOS path names, for synchronous use. `attribute`: OBJ_INHERIT or 0. */
NTSTATUS path_open(const WCHAR *path, ACCESS_MASK access, ULONG share, ULONG options, ULONG attribute, HANDLE *handle);
DECLSPEC_NORETURN void start_fail(const char *text, NTSTATUS status);
void debug_text(const char *text); /* a line on standard error, for failures before there is anything else */

#endif
