// SPDX-License-Identifier: MIT
/* Starts the other processors: INIT, SIPI, SIPI to each, all at once; they number themselves in order of arrival.
 * Entry: smp_start on the boot CPU after sched_init; returns when all are online or the wait is over. */
#include "arch.h"
#include "process.h"
#include "sched_internal.h"
#include "string.h"

#define ICR_INIT 0x4500u
#define ICR_STARTUP 0x4600u
#define STARTUP_GAP_NS (10 * NSEC_PER_USEC)   /* modern processors need no 10 ms between INIT and SIPI */
#define SECOND_SIPI_NS (20 * NSEC_PER_MSEC)   /* by then a processor that heard the first one is online */
#define ONLINE_WAIT_NS (2 * NSEC_PER_SEC)     /* a processor that takes longer is left out; many share few host CPUs */

u64 ap_page_table, ap_next = 1;
u64 ap_stacks[MAX_CPUS];
static u32 ap_online = 1;
static u64 ap_allowed = UINT64_MAX; /* number of processors that may still join */

void ap_main(u32 id);
void ap_main(u32 id)
{
	struct cpu *c = cpus[id];
	wrmsr(MSR_GS_BASE, (u64)c);
	cpu_init_this(c);
	c->apic_id = apic_id_this();
	apic_init_this();
	c->online = 1;
	__atomic_add_fetch(&ap_online, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&cpu_count, __ATOMIC_ACQUIRE) <= id)
		if (__atomic_load_n(&ap_allowed, __ATOMIC_ACQUIRE) <= id)
			cpu_halt_forever();
		else
			cpu_pause();
	sched_idle_loop();
}

static bool cpu_prepare(u32 id)
{
	struct cpu *c = kzalloc(sizeof(*c));
	struct arch_cpu *a = kzalloc(sizeof(*a));
	char name[16];
	fmt_snprintf(name, sizeof(name), "idle%u", id);
	struct thread *idle = thread_alloc_kernel(name);
	if (!c || !a || !idle)
		return false;
	c->self = c;
	c->id = id;
	c->arch = a;
	c->current = c->idle = idle;
	c->kernel_stack_top = (u64)idle->kernel_stack + KERNEL_STACK_SIZE;
	c->timer_deadline_ns = UINT64_MAX;
	idle->cpu = id;
	idle->on_cpu = 1;
	idle->state = THREAD_RUNNING;
	cpus[id] = c;
	ap_stacks[id] = c->kernel_stack_top;
	return sched_cpu_init(c);
}

static void send_all(u32 low)
{
	u32 self = cpus[0]->apic_id;
	for (u32 i = 0; i < platform.apic_count; i++)
		if (platform.apic_ids[i] != self)
			apic_send(platform.apic_ids[i], low);
}

static void wait_online(u32 wanted, u64 wait_ns)
{
	u64 end = time_now_ns() + wait_ns;
	while (__atomic_load_n(&ap_online, __ATOMIC_ACQUIRE) < wanted && time_now_ns() < end)
		cpu_pause();
}

void smp_start(void)
{
	u32 wanted = 1;
	while (wanted < platform.apic_count && cpu_prepare(wanted))
		wanted++;
	if (wanted == 1)
		return;
	memcpy(phys_to_virt(AP_TRAMPOLINE), ap_trampoline_start, (size_t)(ap_trampoline_end - ap_trampoline_start));
	send_all(ICR_INIT);
	wait_online(UINT32_MAX, STARTUP_GAP_NS);
	send_all(ICR_STARTUP | AP_TRAMPOLINE >> 12);
	wait_online(wanted, SECOND_SIPI_NS);
	if (ap_online < wanted) {
		send_all(ICR_STARTUP | AP_TRAMPOLINE >> 12);
		wait_online(wanted, ONLINE_WAIT_NS);
	}
	u32 online = __atomic_load_n(&ap_online, __ATOMIC_ACQUIRE);
	__atomic_store_n(&ap_allowed, online, __ATOMIC_RELEASE);
	__atomic_store_n(&cpu_count, online, __ATOMIC_RELEASE);
	klog(online < platform.apic_count ? LOG_WARN : LOG_INFO, "cpus: %u of %u online", online, platform.apic_count);
}
