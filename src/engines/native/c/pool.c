/* The pool of pool.h: a barrier that spins for moments and then sleeps, and shares that others may finish. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pool.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <pthread/qos.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define LINE 64

/* How long a thread waits awake: some microseconds of spinning, then as many turns given to others, then it sleeps. */
#define SPINS 256
#define YIELDS 16

/* A number that threads wait for: it only grows, and wraps. */
struct gate {
  _Alignas(LINE) atomic_uint turn;
  atomic_int sleepers;
#if !defined(__linux__)
  pthread_mutex_t mutex;
  pthread_cond_t opened;
#endif
};

struct vae_worker {
  /* The next chunk of its share that nobody has claimed: counted from the share's first. */
  _Alignas(LINE) atomic_long claimed;
  struct vae_pool *pool;
  pthread_t thread;
  int index;
  /* Whose share it claims from: its own first. */
  int victim;
};

struct vae_pool {
  struct gate start, barrier, end;
  _Alignas(LINE) atomic_int arrived;
  void (*body)(void *, struct vae_worker *);
  void *context;
  int threads;
  int pinned;
  int stopping;
  /* One run at a time. */
  pthread_mutex_t running;
  struct vae_worker workers[];
};

static void pauseBriefly(void) {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

static void makeGate(struct gate *gate) {
  (void)gate;
#if !defined(__linux__)
  pthread_mutex_init(&gate->mutex, NULL);
  pthread_cond_init(&gate->opened, NULL);
#endif
}

/* Sleeps while the gate's turn is `old`. A sleeper is counted before it looks at the turn, and who opens the gate changes
   the turn before it counts sleepers: one of the two sees the other. */
static void sleepAt(struct gate *gate, unsigned old) {
  atomic_fetch_add(&gate->sleepers, 1);
#if defined(__linux__)
  while (atomic_load(&gate->turn) == old) syscall(SYS_futex, &gate->turn, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
#else
  pthread_mutex_lock(&gate->mutex);
  while (atomic_load(&gate->turn) == old) pthread_cond_wait(&gate->opened, &gate->mutex);
  pthread_mutex_unlock(&gate->mutex);
#endif
  atomic_fetch_sub(&gate->sleepers, 1);
}

static void waitAt(struct gate *gate, unsigned old) {
  for (int spin = 0; spin < SPINS; spin++) {
    if (atomic_load_explicit(&gate->turn, memory_order_acquire) != old) return;
    pauseBriefly();
  }
  for (int turn = 0; turn < YIELDS; turn++) {
    if (atomic_load_explicit(&gate->turn, memory_order_acquire) != old) return;
    sched_yield();
  }
  sleepAt(gate, old);
}

static void openGate(struct gate *gate) {
  atomic_fetch_add(&gate->turn, 1);
  if (atomic_load(&gate->sleepers) == 0) return;
#if defined(__linux__)
  syscall(SYS_futex, &gate->turn, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
  pthread_mutex_lock(&gate->mutex);
  pthread_cond_broadcast(&gate->opened);
  pthread_mutex_unlock(&gate->mutex);
#endif
}

/* Denormals cost many times what other numbers do: results and operands of this thread become 0 instead. */
static void flushDenormals(void) {
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() | 0x8040);
#elif defined(__aarch64__)
  unsigned long control;
  __asm__ __volatile__("mrs %0, fpcr" : "=r"(control));
  __asm__ __volatile__("msr fpcr, %0" : : "r"(control | 1ul << 24));
#endif
}

/* Puts the thread onto a core of its own: the index-th of those that the process may use. */
static void pin(int index) {
#if defined(__linux__)
  cpu_set_t allowed, one;
  if (sched_getaffinity(getpid(), sizeof allowed, &allowed) != 0) return;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || index-- != 0) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    return;
  }
#elif defined(__APPLE__)
  (void)index;
  pthread_set_qos_class_self_np(QOS_CLASS_USER_INITIATED, 0);
#else
  (void)index;
#endif
}

static int coresAreAsMany(int threads) {
#if defined(__linux__)
  cpu_set_t allowed;
  return sched_getaffinity(getpid(), sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) == threads;
#else
  return threads > 0;
#endif
}

/* The last to arrive does what comes between two steps, and opens the gate for the others. */
static void arrive(struct vae_pool *pool, struct gate *gate) {
  const unsigned turn = atomic_load(&gate->turn);
  if (atomic_fetch_add(&pool->arrived, 1) + 1 < pool->threads) {
    if (gate == &pool->barrier) waitAt(gate, turn);
    return;
  }
  atomic_store(&pool->arrived, 0);
  for (int i = 0; i < pool->threads; i++) atomic_store_explicit(&pool->workers[i].claimed, 0, memory_order_relaxed);
  openGate(gate);
}

static void *work(void *argument) {
  struct vae_worker *worker = argument;
  struct vae_pool *pool = worker->pool;
  if (pool->pinned) pin(worker->index);
  flushDenormals();
  for (unsigned turn = 0;; turn++) {
    waitAt(&pool->start, turn);
    if (pool->stopping) return NULL;
    worker->victim = 0;
    pool->body(pool->context, worker);
    arrive(pool, &pool->end);
  }
}

struct vae_pool *vae_pool_make(int threads) {
  if (threads < 1) return NULL;
  struct vae_pool *pool = vae_alloc(sizeof *pool + (unsigned long)threads * sizeof pool->workers[0]);
  if (pool == NULL) return NULL;
  makeGate(&pool->start), makeGate(&pool->barrier), makeGate(&pool->end);
  pthread_mutex_init(&pool->running, NULL);
  pool->pinned = coresAreAsMany(threads);
  for (; pool->threads < threads; pool->threads++) {
    struct vae_worker *worker = &pool->workers[pool->threads];
    worker->pool = pool;
    worker->index = pool->threads;
    if (pthread_create(&worker->thread, NULL, work, worker) == 0) continue;
    vae_pool_free(pool);
    return NULL;
  }
  return pool;
}

void vae_pool_free(struct vae_pool *pool) {
  if (pool == NULL) return;
  pool->stopping = 1;
  openGate(&pool->start);
  for (int i = 0; i < pool->threads; i++) pthread_join(pool->workers[i].thread, NULL);
  vae_free(pool);
}

int vae_pool_threads(const struct vae_pool *pool) { return pool->threads; }
int vae_worker_index(const struct vae_worker *worker) { return worker->index; }

void vae_run(struct vae_pool *pool, void (*body)(void *, struct vae_worker *), void *context) {
  pthread_mutex_lock(&pool->running);
  pool->body = body;
  pool->context = context;
  const unsigned turn = atomic_load(&pool->end.turn);
  openGate(&pool->start);
  sleepAt(&pool->end, turn);
  pthread_mutex_unlock(&pool->running);
}

void vae_barrier(struct vae_worker *worker) {
  worker->victim = 0;
  arrive(worker->pool, &worker->pool->barrier);
}

long vae_claim(struct vae_worker *worker, long count) {
  const int threads = worker->pool->threads;
  for (; worker->victim < threads; worker->victim++) {
    const int owner = (worker->index + worker->victim) % threads;
    const long first = count * owner / threads;
    const long share = count * (owner + 1) / threads - first;
    const long next = atomic_fetch_add_explicit(&worker->pool->workers[owner].claimed, 1, memory_order_relaxed);
    if (next < share) return first + next;
  }
  return -1;
}

void *vae_alloc(unsigned long bytes) {
  void *memory = NULL;
  if (posix_memalign(&memory, LINE, bytes == 0 ? LINE : bytes) != 0) return NULL;
  return memset(memory, 0, bytes);
}

void vae_free(void *memory) { free(memory); }
