// SPDX-License-Identifier: MIT
/* wait4 and waitid: children that ended, stopped or went on. The child_wait queue of the parent is woken under the
 * tree lock; a scan under that lock finds the first eligible child with news, in order of birth. */
#include "signal.h"
#include "file.h"
#include "linux.h"
#include "../../lib/base/string.h"

#define WNOHANG 1u
#define WUNTRACED 2u
#define WSTOPPED 2u
#define WEXITED 4u
#define WCONTINUED 8u
#define WNOWAIT 0x01000000u
#define WNOTHREAD 0x20000000u /* children belong to processes here: the same set */
#define WALL 0x40000000u
#define WCLONE 0x80000000u
enum { P_ALL, P_PID, P_PGID, P_PIDFD };

struct wait_request {
	int type;
	u32 id;
	u32 options;
	bool any_eligible;
	/* found */
	u32 pid, uid;
	int code;
	s32 status;      /* wait status word */
	struct usage usage;
};

static bool eligible(const struct process *child, const struct wait_request *r)
{
	if (r->type != P_ALL && (r->type == P_PGID ? child->pgid : child->pid) != r->id)
		return false;
	if (r->options & WALL)
		return true;
	return (child->exit_signal != SIGCHLD) == !!(r->options & WCLONE);
}

static void take_dead(struct process *child, struct wait_request *r)
{
	r->status = child->exit_status;
	r->code = !(r->status & 0x7f) ? CLD_EXITED : r->status & 0x80 ? CLD_DUMPED : CLD_KILLED;
	r->usage = (struct usage){
		child->dead_user_ns + child->children_user_ns, child->dead_system_ns + child->children_system_ns,
		child->minor_faults + child->children_minor_faults, child->major_faults + child->children_major_faults,
		MAX(child->max_rss_pages, child->children_max_rss_pages), child->dead_voluntary, child->dead_involuntary,
	};
}

/* Under signal_lock: another stop may begin meanwhile, and that one is not told yet. */
static bool take_stop(struct process *child, struct wait_request *r)
{
	spin_lock(&child->signal_lock);
	bool news = (child->flags & PROC_STOPPED) && child->stopped_count == child->thread_count && !child->reported_stop;
	if (news) {
		r->code = CLD_STOPPED;
		r->status = child->stop_signal << 8 | 0x7f;
		child->reported_stop |= !(r->options & WNOWAIT);
	}
	spin_unlock(&child->signal_lock);
	return news;
}

/* getrusage(2): what children used counts only when they were waited for. */
static void add_usage(struct process *parent, const struct process *p)
{
	parent->children_user_ns += p->dead_user_ns + p->children_user_ns;
	parent->children_system_ns += p->dead_system_ns + p->children_system_ns;
	parent->children_minor_faults += p->minor_faults + p->children_minor_faults;
	parent->children_major_faults += p->major_faults + p->children_major_faults;
	parent->children_max_rss_pages = MAX(parent->children_max_rss_pages, MAX(p->max_rss_pages, p->children_max_rss_pages));
}

/* True when the child has news that the caller asked for; takes it unless WNOWAIT. May reap the child. */
static bool take_news(struct process *child, struct wait_request *r)
{
	bool keep = r->options & WNOWAIT;
	r->pid = child->pid;
	r->uid = child->zombie ? child->last_cred->uid : child->leader ? child->leader->cred->uid : 0;
	if (child->zombie) {
		if (!(r->options & WEXITED))
			return false;
		take_dead(child, r);
		if (!keep) {
			add_usage(child->parent, child);
			process_reap_locked(child);
		}
		return true;
	}
	if ((r->options & WSTOPPED) && take_stop(child, r))
		return true;
	if ((r->options & WCONTINUED) && !(child->flags & PROC_STOPPED) && !child->reported_continue) {
		r->code = CLD_CONTINUED;
		r->status = 0xffff;
		child->reported_continue |= !keep;
		return true;
	}
	return false;
}

static bool scan(struct process *p, struct wait_request *r)
{
	bool found = false;
	r->any_eligible = false;
	spin_lock(&process_tree_lock);
	list_for_each(child, &p->children, struct process, sibling) {
		if (!eligible(child, r))
			continue;
		r->any_eligible = true;
		if (!child->zombie && !(r->options & (WSTOPPED | WCONTINUED)))
			break; /* zombies come first: no news */
		found = take_news(child, r);
		if (found)
			break;
	}
	spin_unlock(&process_tree_lock);
	return found;
}

/* 1 = found, 0 = WNOHANG and nothing, or an error. */
static s64 wait_for(struct wait_request *r)
{
	struct process *p = process_current();
	struct waiter w;
	s64 result = 0;
	if (scan(p, r))
		return 1;
	if (!r->any_eligible)
		return ERR_CHILD;
	if (r->options & WNOHANG)
		return 0;
	waiter_init(&w);
	waiter_add(&p->child_wait, &w);
	while (!result) {
		wait_prepare();
		if (scan(p, r))
			result = 1;
		else if (!r->any_eligible)
			result = ERR_CHILD;
		else if (wait_sleep(DEADLINE_NEVER, WAIT_INTERRUPTIBLE))
			result = scan(p, r) ? 1 : r->any_eligible ? ERR_RESTART : ERR_CHILD; /* the last child may have gone with its signal */
	}
	wait_finish();
	waiter_remove(&w);
	return result;
}

struct rusage_user { struct timeval_user user, system; s64 maxrss_kib, unused1[3], minflt, majflt, unused2[6], nvcsw, nivcsw; };
_Static_assert(sizeof(struct rusage_user) == 144, "Linux layout");

status_t usage_out(struct user_ptr p, const struct usage *u)
{
	struct rusage_user out = {
		.user = { (s64)(u->user_ns / NSEC_PER_SEC), (s64)(u->user_ns % NSEC_PER_SEC / NSEC_PER_USEC) },
		.system = { (s64)(u->system_ns / NSEC_PER_SEC), (s64)(u->system_ns % NSEC_PER_SEC / NSEC_PER_USEC) },
		.maxrss_kib = (s64)(u->max_rss_pages * (PAGE_SIZE / 1024)),
		.minflt = (s64)u->minor_faults, .majflt = (s64)u->major_faults,
		.nvcsw = (s64)u->voluntary, .nivcsw = (s64)u->involuntary,
	};
	return COPY_OUT(p, &out);
}

LINUX_HANDLER(wait4)
{
	s32 pid = (s32)a0;
	struct wait_request r = { .options = (u32)a2 | WEXITED };
	if ((u32)a2 & ~(WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE))
		return ERR_INVAL;
	if (pid == INT32_MIN)
		return ERR_SRCH;
	r.type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
	r.id = pid > 0 ? (u32)pid : pid == 0 ? process_current()->pgid : (u32)-pid;
	s64 result = wait_for(&r);
	if (result <= 0)
		return result;
	if (a1 && COPY_OUT(user_ptr(a1), &r.status))
		return ERR_FAULT;
	if (a3 && usage_out(user_ptr(a3), &r.usage))
		return ERR_FAULT;
	return r.pid;
}

static s64 waitid_target(int type, u64 id, struct wait_request *r)
{
	r->type = type;
	r->id = (u32)id;
	switch (type) {
	case P_ALL:
		return OK;
	case P_PID:
		return (s32)id > 0 ? OK : ERR_INVAL;
	case P_PGID:
		if ((s32)id < 0)
			return ERR_INVAL;
		if (id == 0)
			r->id = process_current()->pgid;
		return OK;
	case P_PIDFD: {
		struct file *f = fd_get((int)id);
		if (!f)
			return ERR_BADF;
		struct process *p = pidfd_process ? pidfd_process(f) : NULL;
		r->type = P_PID;
		r->id = p ? p->pid : 0;
		bool nonblocking = f->flags & O_NONBLOCK_K;
		if (p)
			process_put(p);
		file_put(f);
		if (nonblocking)
			r->options |= WNOHANG;
		return p ? OK : ERR_BADF;
	}
	default:
		return ERR_INVAL;
	}
}

static status_t waitid_info_out(struct user_ptr p, const struct wait_request *r, bool found)
{
	u64 raw[16];
	struct siginfo_k info = { .signo = SIGCHLD, .code = r->code, .pid = (s32)r->pid, .uid = r->uid };
	if (!found)
		info = (struct siginfo_k){ 0 };
	else if (r->code == CLD_EXITED)
		info.status = (r->status >> 8) & 0xff;
	else if (r->code == CLD_STOPPED)
		info.status = (r->status >> 8) & 0x7f;
	else
		info.status = r->code == CLD_CONTINUED ? SIGCONT : r->status & 0x7f;
	siginfo_to_user(&info, raw);
	return copy_out(p, raw, sizeof(raw));
}

LINUX_HANDLER(waitid)
{
	struct wait_request r = { .options = (u32)a3 };
	if ((u32)a3 & ~(WNOHANG | WSTOPPED | WEXITED | WCONTINUED | WNOWAIT | WNOTHREAD | WALL | WCLONE))
		return ERR_INVAL;
	if (!((u32)a3 & (WSTOPPED | WEXITED | WCONTINUED)))
		return ERR_INVAL;
	s64 result = waitid_target((int)a0, a1, &r);
	if (result)
		return result;
	result = wait_for(&r);
	if (result == 0 && (r.options & WNOHANG) && !((u32)a3 & WNOHANG))
		return ERR_AGAIN; /* a pidfd opened with PIDFD_NONBLOCK */
	if (result < 0)
		return result;
	if (a4 && result && usage_out(user_ptr(a4), &r.usage))
		return ERR_FAULT;
	if (a2 && waitid_info_out(user_ptr(a2), &r, result != 0))
		return ERR_FAULT;
	return OK;
}
