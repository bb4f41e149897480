// SPDX-License-Identifier: MIT
/* Boot order, on one screen. The boot CPU arrives here from arch/x86_64/boot.c with traps and the log working. */
#include "arch/x86_64/arch.h"
#include "boot_info.h"
#include "boot_option.h"
#include "debug.h"
#include "mm.h"
#include "sched/sched_private.h"
#include "system_image.h"

/* Parts that set up tables of their own; each is optional at link time. */
void process_init(void) WEAK;
void file_init(void) WEAK;
void vfs_init(void) WEAK;
void ipc_init(void) WEAK;
void trace_init(void) WEAK;
void kernel_main(void) NORETURN;

static void late_init(void *arg UNUSED)
{
	void (*const parts[])(void) = { process_init, file_init, vfs_init, ipc_init, trace_init };
	for (u32 i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i])
			parts[i]();
	smp_start();
	klog(LOG_INFO, "kernel: %u CPUs, first process", cpu_count);
	start_first_process();
}

void kernel_main(void)
{
	apic_init();
	log_init();
	mm_init(&boot_info);
	acpi_init();
	sched_init();
	if (!kernel_thread_create("late_init", late_init, NULL))
		panic("no memory for the first thread");
	sched_idle_loop();
}
