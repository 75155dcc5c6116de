/* The threads of pool.h: pinned where they fill the machine, waiting by spinning a little, then yielding, then asleep. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "wait.h"

struct thread {
  struct vae_worker worker;
  pthread_t handle;
};

/* Words that several threads write lie in lines of their own. */
struct vae_pool {
  struct word started __attribute__((aligned(VAE_ALIGNMENT)));  /* counts runs */
  struct word finished __attribute__((aligned(VAE_ALIGNMENT))); /* counts runs */
  struct word passed __attribute__((aligned(VAE_ALIGNMENT)));   /* counts barriers */
  int arrived __attribute__((aligned(VAE_ALIGNMENT)));          /* at the barrier, or at the end of the run */
  long claimed __attribute__((aligned(VAE_ALIGNMENT)));         /* chunks of this step */
  void (*body)(void *, struct vae_worker *) __attribute__((aligned(VAE_ALIGNMENT)));
  void *context;
  int threads;
  int ending;
  pthread_mutex_t caller;
  struct thread thread[];
};

/* Adam's moments and gradients reach denormals, on which most processors are slow. */
static void flush_denormals(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#elif defined(__aarch64__)
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  __asm__ volatile("msr fpcr, %0" : : "r"(control | (UINT64_C(1) << 24)));
#endif
}

/* Whether this thread is the last; what the others wrote before is seen by it. */
static int arrive(struct vae_pool *pool) {
  if (__atomic_add_fetch(&pool->arrived, 1, __ATOMIC_ACQ_REL) != pool->threads) return 0;
  __atomic_store_n(&pool->arrived, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&pool->claimed, 0, __ATOMIC_RELAXED);
  return 1;
}

void vae_barrier(struct vae_worker *worker) {
  struct vae_pool *pool = worker->pool;
  const uint32_t before = word_value(&pool->passed);
  if (arrive(pool)) word_advance(&pool->passed);
  else word_wait(&pool->passed, before, SPIN_AT_BARRIER);
}

long vae_claim(struct vae_worker *worker, long count) {
  const long chunk = __atomic_fetch_add(&worker->pool->claimed, 1, __ATOMIC_RELAXED);
  return chunk < count ? chunk : -1;
}

static void *live(void *argument) {
  struct vae_worker *worker = argument;
  struct vae_pool *pool = worker->pool;
  flush_denormals();
  for (uint32_t seen = 0;; seen++) {
    word_wait(&pool->started, seen, SPIN_BETWEEN_RUNS);
    if (pool->ending) return NULL;
    pool->body(pool->context, worker);
    if (arrive(pool)) word_advance(&pool->finished);
  }
}

void vae_run(struct vae_pool *pool, void (*body)(void *, struct vae_worker *), void *context) {
  pthread_mutex_lock(&pool->caller);
  const uint32_t before = word_value(&pool->finished);
  pool->body = body;
  pool->context = context;
  word_advance(&pool->started);
  /* Spinning here would take a processor from a thread that works. */
  word_wait(&pool->finished, before, 0);
  pthread_mutex_unlock(&pool->caller);
}

static void end(struct vae_pool *pool, int threads) {
  pool->ending = 1;
  word_advance(&pool->started);
  for (int i = 0; i < threads; i++) pthread_join(pool->thread[i].handle, NULL);
  pthread_mutex_destroy(&pool->caller);
  vae_free(pool);
}

/* Bytes: a task keeps what it multiplies on its stack, for which some systems give a new thread 128 KB. */
enum { STACK = 8 << 20 };

struct vae_pool *vae_pool_new(int threads) {
  struct vae_pool *pool = vae_alloc(sizeof *pool + threads * sizeof pool->thread[0]);
  if (pool == NULL) return NULL;
  pool->threads = threads;
  pthread_mutex_init(&pool->caller, NULL);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK);
  for (int i = 0; i < threads; i++) {
    struct thread *thread = &pool->thread[i];
    thread->worker = (struct vae_worker){.pool = pool, .index = i, .threads = threads};
    if (pthread_create(&thread->handle, &attributes, live, &thread->worker) != 0) {
      end(pool, i);
      return NULL;
    }
    pin(thread->handle, i, threads);
  }
  return pool;
}

void vae_pool_free(struct vae_pool *pool) { end(pool, pool->threads); }

/* A step walks through hundreds of megabytes, for whose small pages no processor has room in its tables. */
enum { HUGE_PAGE = 2 << 20 };

void *vae_alloc(size_t bytes) {
  void *memory;
  const size_t alignment = bytes < 2 * HUGE_PAGE ? VAE_ALIGNMENT : HUGE_PAGE;
  if (posix_memalign(&memory, alignment, bytes == 0 ? VAE_ALIGNMENT : bytes) != 0) return NULL;
#ifdef MADV_HUGEPAGE
  /* Where the system has none left it uses small ones. */
  if (alignment == HUGE_PAGE) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memset(memory, 0, bytes);
}

void vae_free(void *memory) { free(memory); }
