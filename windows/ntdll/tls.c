// SPDX-License-Identifier: MIT
/* Thread-local storage of modules (the TLS directory) and fiber-local slots.
 * A module's slot index is a position in every thread's pointer array (TEB.ThreadLocalStoragePointer). A module that comes
 * at run time gets a block in all live threads: TEB.TlsLinks chains them under tls_lock. Arrays only grow by a copy that
 * replaces the old one; the old one stays allocated, since its thread may be reading it. */
#include "loader.h"

static LIST_ENTRY tls_threads = { &tls_threads, &tls_threads };
static RTL_SRWLOCK tls_lock;
static struct tls_slot {
	struct module *module; /* NULL: free */
	const char *template;
	SIZE_T template_bytes, zero_bytes, alignment;
} *tls_slots;
static ULONG tls_count, tls_capacity;
/* Blocks and arrays carry their true start in front. */
struct tls_header { void *start; ULONG capacity; };

static const IMAGE_TLS_DIRECTORY *tls_directory(struct module *module)
{
	ULONG size = 0;
	const IMAGE_TLS_DIRECTORY *directory = RtlImageDirectoryEntryToData(module->ldr.DllBase, TRUE, IMAGE_DIRECTORY_ENTRY_TLS, &size);
	return size >= sizeof(*directory) ? directory : NULL;
}
#define TLS_ALIGN_SHIFT 20 /* IMAGE_SCN_ALIGN_* in the directory's Characteristics */
#define TLS_ALIGN_LEAST 16u
static SIZE_T tls_alignment(const IMAGE_TLS_DIRECTORY *directory)
{
	ULONG code = directory->Characteristics >> TLS_ALIGN_SHIFT & 15;
	SIZE_T alignment = code ? (SIZE_T)1 << (code - 1) : TLS_ALIGN_LEAST;
	return alignment < TLS_ALIGN_LEAST ? TLS_ALIGN_LEAST : alignment;
}
static void *tls_block(const struct tls_slot *slot)
{
	SIZE_T bytes = slot->template_bytes + slot->zero_bytes;
	char *start = heap_allocate(bytes + slot->alignment + sizeof(struct tls_header));
	if (!start)
		return NULL;
	char *block = (char *)ROUND_UP((ULONG_PTR)start + sizeof(struct tls_header), slot->alignment);
	((struct tls_header *)block)[-1].start = start;
	memcpy(block, slot->template, slot->template_bytes);
	memset(block + slot->template_bytes, 0, slot->zero_bytes);
	return block;
}
static void tls_block_free(void *block)
{
	if (block)
		heap_free(((struct tls_header *)block)[-1].start);
}
static void **tls_array(ULONG capacity)
{
	struct tls_header *header = heap_allocate_zeroed(sizeof(*header) + capacity * sizeof(void *));
	if (!header)
		return NULL;
	header->capacity = capacity;
	return (void **)(header + 1);
}
static ULONG tls_array_capacity(void **array)
{
	return array ? ((struct tls_header *)array)[-1].capacity : 0;
}
/* Room for index in a thread's array. */
static NTSTATUS tls_array_reach(PTEB teb, ULONG index)
{
	void **old = teb->ThreadLocalStoragePointer;
	if (index < tls_array_capacity(old))
		return STATUS_SUCCESS;
	void **array = tls_array(tls_capacity);
	if (!array)
		return STATUS_NO_MEMORY;
	if (old)
		memcpy(array, old, tls_array_capacity(old) * sizeof(void *));
	teb->ThreadLocalStoragePointer = array;
	return STATUS_SUCCESS;
}
static NTSTATUS tls_slot_find(ULONG *index)
{
	for (*index = 0; *index < tls_count; (*index)++)
		if (!tls_slots[*index].module)
			return STATUS_SUCCESS;
	if (tls_count == tls_capacity) {
		ULONG capacity = tls_capacity ? tls_capacity * 2 : 32;
		struct tls_slot *slots = heap_allocate_zeroed(capacity * sizeof(*slots));
		if (!slots)
			return STATUS_NO_MEMORY;
		memcpy(slots, tls_slots, tls_count * sizeof(*slots));
		heap_free(tls_slots);
		tls_slots = slots;
		tls_capacity = capacity;
	}
	tls_count++;
	return STATUS_SUCCESS;
}
NTSTATUS tls_module_add(struct module *module)
{
	const IMAGE_TLS_DIRECTORY *directory = tls_directory(module);
	ULONG index;
	if (!directory)
		return STATUS_SUCCESS;
	RtlAcquireSRWLockExclusive(&tls_lock);
	NTSTATUS status = tls_slot_find(&index);
	if (!status) {
		struct tls_slot *slot = &tls_slots[index];
		*slot = (struct tls_slot){ module, (const char *)directory->StartAddressOfRawData,
			directory->EndAddressOfRawData - directory->StartAddressOfRawData, directory->SizeOfZeroFill, tls_alignment(directory) };
		module->ldr.TlsIndex = (SHORT)index;
		if (directory->AddressOfIndex)
			*(ULONG *)directory->AddressOfIndex = index;
		for (LIST_ENTRY *link = tls_threads.Flink; link != &tls_threads && !status; link = link->Flink) {
			PTEB teb = CONTAINING_RECORD(link, TEB, TlsLinks);
			void *block = tls_block(slot);
			status = block ? tls_array_reach(teb, index) : STATUS_NO_MEMORY;
			if (!status)
				teb->ThreadLocalStoragePointer[index] = block;
		}
	}
	RtlReleaseSRWLockExclusive(&tls_lock);
	return status;
}
void tls_module_remove(struct module *module)
{
	if (module->ldr.TlsIndex == NO_TLS_INDEX)
		return;
	ULONG index = (ULONG)module->ldr.TlsIndex;
	RtlAcquireSRWLockExclusive(&tls_lock);
	tls_slots[index].module = NULL;
	for (LIST_ENTRY *link = tls_threads.Flink; link != &tls_threads; link = link->Flink) {
		void **array = CONTAINING_RECORD(link, TEB, TlsLinks)->ThreadLocalStoragePointer;
		if (index < tls_array_capacity(array)) {
			tls_block_free(array[index]);
			array[index] = NULL;
		}
	}
	RtlReleaseSRWLockExclusive(&tls_lock);
	module->ldr.TlsIndex = NO_TLS_INDEX;
}
/* Blocks of all modules for the calling thread. */
NTSTATUS tls_thread_start(void)
{
	PTEB teb = current_teb();
	NTSTATUS status = STATUS_SUCCESS;
	RtlAcquireSRWLockExclusive(&tls_lock);
	for (ULONG i = 0; i < tls_count && !status; i++) {
		if (!tls_slots[i].module)
			continue;
		void *block = tls_block(&tls_slots[i]);
		status = block ? tls_array_reach(teb, i) : STATUS_NO_MEMORY;
		if (!status)
			teb->ThreadLocalStoragePointer[i] = block;
	}
	list_insert_tail(&tls_threads, &teb->TlsLinks);
	RtlReleaseSRWLockExclusive(&tls_lock);
	return status;
}
void tls_thread_end(void)
{
	PTEB teb = current_teb();
	void **array = teb->ThreadLocalStoragePointer;
	RtlAcquireSRWLockExclusive(&tls_lock);
	if (teb->TlsLinks.Flink)
		list_remove(&teb->TlsLinks);
	teb->ThreadLocalStoragePointer = NULL;
	RtlReleaseSRWLockExclusive(&tls_lock);
	for (ULONG i = 0; i < tls_array_capacity(array); i++)
		tls_block_free(array[i]);
	if (array)
		heap_free((struct tls_header *)array - 1);
	heap_free(teb->TlsExpansionSlots);
	teb->TlsExpansionSlots = NULL;
}
void tls_callbacks(struct module *module, DWORD reason)
{
	const IMAGE_TLS_DIRECTORY *directory = module->ldr.TlsIndex != NO_TLS_INDEX ? tls_directory(module) : NULL;
	if (!directory || !directory->AddressOfCallBacks)
		return;
	for (const PIMAGE_TLS_CALLBACK *callback = (const void *)directory->AddressOfCallBacks; *callback; callback++)
		(*callback)(module->ldr.DllBase, reason, NULL);
}

/* Fiber-local storage. TEB.FlsSlots points at struct fls_data; slot 0 is never given out. A fiber switch (kernelbase)
 * exchanges TEB.FlsSlots, so the data must say all itself. */
#define FLS_SLOTS 4080u /* FLS_MAXIMUM_AVAILABLE of Windows 10 2004 and later is 4096, less the chunk heads */
struct fls_data {
	LIST_ENTRY link; /* in fls_threads, under fls_lock */
	PVOID *values;   /* [FLS_SLOTS], allocated at first use */
};
static LIST_ENTRY fls_threads = { &fls_threads, &fls_threads };
static RTL_SRWLOCK fls_lock;
static PFLS_CALLBACK_FUNCTION *fls_callbacks;
#define FLS_USED ((PFLS_CALLBACK_FUNCTION)~(ULONG_PTR)0) /* given out without a callback */

void fls_start(void)
{
	PPEB peb = current_peb();
	peb->FlsListHead.Flink = peb->FlsListHead.Blink = &peb->FlsListHead;
}
static struct fls_data *fls_data_make(void)
{
	struct fls_data *data = heap_allocate_zeroed(sizeof(*data));
	if (!data)
		return NULL;
	RtlAcquireSRWLockExclusive(&fls_lock);
	list_insert_tail(&fls_threads, &data->link);
	RtlReleaseSRWLockExclusive(&fls_lock);
	return data;
}
NTSTATUS NTAPI RtlFlsAlloc(PFLS_CALLBACK_FUNCTION callback, ULONG *index);
NTSTATUS NTAPI RtlFlsAlloc(PFLS_CALLBACK_FUNCTION callback, ULONG *index)
{
	NTSTATUS status = STATUS_NO_MEMORY;
	if (!current_teb()->FlsSlots && !(current_teb()->FlsSlots = fls_data_make()))
		return STATUS_NO_MEMORY;
	RtlAcquireSRWLockExclusive(&fls_lock);
	if (!fls_callbacks)
		fls_callbacks = heap_allocate_zeroed(FLS_SLOTS * sizeof(*fls_callbacks));
	for (ULONG i = 1; fls_callbacks && i < FLS_SLOTS; i++)
		if (!fls_callbacks[i]) {
			fls_callbacks[i] = callback ? callback : FLS_USED;
			*index = i;
			if (current_peb()->FlsHighIndex < i)
				current_peb()->FlsHighIndex = i;
			status = STATUS_SUCCESS;
			break;
		}
	RtlReleaseSRWLockExclusive(&fls_lock);
	return status;
}
static bool fls_valid(ULONG index)
{
	return index && index < FLS_SLOTS;
}
NTSTATUS NTAPI RtlFlsGetValue(ULONG index, PVOID *value)
{
	const struct fls_data *data = current_teb()->FlsSlots;
	if (!fls_valid(index) || !data)
		return STATUS_INVALID_PARAMETER;
	*value = data->values ? data->values[index] : NULL;
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlFlsSetValue(ULONG index, PVOID value);
NTSTATUS NTAPI RtlFlsSetValue(ULONG index, PVOID value)
{
	struct fls_data *data = current_teb()->FlsSlots;
	if (!fls_valid(index))
		return STATUS_INVALID_PARAMETER;
	if (!data && !(data = current_teb()->FlsSlots = fls_data_make()))
		return STATUS_NO_MEMORY;
	if (!data->values) {
		PVOID *values = heap_allocate_zeroed(FLS_SLOTS * sizeof(*values));
		if (!values)
			return STATUS_NO_MEMORY;
		RtlAcquireSRWLockExclusive(&fls_lock);
		data->values = values;
		RtlReleaseSRWLockExclusive(&fls_lock);
	}
	data->values[index] = value;
	return STATUS_SUCCESS;
}
/* One value of the slot that a fiber still holds, taken away from it. */
static bool fls_take(ULONG index, PVOID *value)
{
	bool found = false;
	RtlAcquireSRWLockExclusive(&fls_lock);
	for (LIST_ENTRY *link = fls_threads.Flink; link != &fls_threads && !found; link = link->Flink) {
		struct fls_data *data = CONTAINING_RECORD(link, struct fls_data, link);
		*value = data->values ? data->values[index] : NULL;
		if ((found = *value != NULL))
			data->values[index] = NULL;
	}
	RtlReleaseSRWLockExclusive(&fls_lock);
	return found;
}
/* Callbacks run for every fiber's value, outside the lock: they may use other slots. */
NTSTATUS NTAPI RtlFlsFree(ULONG index);
NTSTATUS NTAPI RtlFlsFree(ULONG index)
{
	PVOID value;
	PFLS_CALLBACK_FUNCTION callback = fls_valid(index) && fls_callbacks ? fls_callbacks[index] : NULL;
	if (!callback)
		return STATUS_INVALID_PARAMETER;
	while (fls_take(index, &value))
		if (callback != FLS_USED)
			callback(value);
	RtlAcquireSRWLockExclusive(&fls_lock);
	fls_callbacks[index] = NULL;
	RtlReleaseSRWLockExclusive(&fls_lock);
	return STATUS_SUCCESS;
}
/* flags 1: run the callbacks; 2: free the data. */
void NTAPI RtlProcessFlsData(void *fls, ULONG flags);
void NTAPI RtlProcessFlsData(void *fls, ULONG flags)
{
	struct fls_data *data = fls;
	if (!data)
		return;
	for (ULONG i = 1; (flags & 1) && data->values && fls_callbacks && i <= current_peb()->FlsHighIndex; i++) {
		PVOID value = data->values[i];
		PFLS_CALLBACK_FUNCTION callback = fls_callbacks[i];
		data->values[i] = NULL;
		if (value && callback && callback != FLS_USED)
			callback(value);
	}
	if (flags & 2) {
		RtlAcquireSRWLockExclusive(&fls_lock);
		list_remove(&data->link);
		RtlReleaseSRWLockExclusive(&fls_lock);
		heap_free(data->values);
		heap_free(data);
	}
}
void fls_thread_end(void)
{
	void *data = current_teb()->FlsSlots;
	RtlProcessFlsData(data, 1);
	current_teb()->FlsSlots = NULL;
	RtlProcessFlsData(data, 2);
}
