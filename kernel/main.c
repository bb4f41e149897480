// SPDX-License-Identifier: MIT
/* The boot order, on one screen. boot.S calls kernel_main on the boot CPU with the physical address of PVH's
 * start info; the rest happens in the kernel thread "boot", and this CPU goes idle. */
#include "arch/x86_64/arch.h"
#include "boot_option.h"
#include "debug.h"
#include "serial.h"
#include "sched_internal.h"

void kernel_main(u64 start_info) NORETURN;

/* Parts that need threads and memory; each is optional in a partial build. */
void process_init(void) WEAK;
void file_init(void) WEAK;
void vfs_init(void) WEAK;
void ipc_init(void) WEAK;
void trace_init(void) WEAK;

static void kernel_late_init(void *arg UNUSED)
{
	static void (*const inits[])(void) = { process_init, file_init, vfs_init, ipc_init, trace_init };

	memory_hunter_start();
	for (u32 i = 0; i < ARRAY_SIZE(inits); i++)
		if (inits[i])
			inits[i]();
	kernel_selftest();
	klog(LOG_INFO, "boot: kernel ready");
	start_first_process();
}

void kernel_main(u64 start_info)
{
	cpu_init_boot();
	serial_init();
	cpu_detect();
	boot_info_read(start_info);
	log_init();
	idt_init();
	fpu_detect();
	acpi_read();
	paging_init();
	cpu_init_this(cpu_this());
	apic_init();
	apic_init_this();
	cpu_this()->apic_id = apic_id_this();
	time_init();
	mm_init(&boot_info);
	sched_init();
	smp_start();
	if (!kernel_thread_create("boot", kernel_late_init, NULL))
		panic("no memory for the boot thread");
	sched_idle_loop();
}
