/*
 * How a thread waits for another, and where it runs: by futex and pinned on Linux, by condition variable elsewhere.
 *
 * A thread that spins takes the processor from whoever else wants it, and the one it waits for may be just that: it spins
 * for a few microseconds, lets others run, and then sleeps.
 */
#ifndef VAE_WAIT_H
#define VAE_WAIT_H

#include <pthread.h>
#include <sched.h>
#include <stdint.h>

#ifdef __linux__
#include <linux/futex.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* Looks at a word before the thread yields; one takes 10 to 40 ns. */
enum { SPIN_AT_BARRIER = 2000, SPIN_BETWEEN_RUNS = 500, YIELDS = 20 };

/* A number that only grows, and who sleeps until it does. */
struct word {
  uint32_t value;
  int sleepers;
};

static inline uint32_t word_value(struct word *word) { return __atomic_load_n(&word->value, __ATOMIC_ACQUIRE); }

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

#ifdef __linux__
static void word_advance(struct word *word) {
  /* In one order with the sleeper's: either it sees the new value, or it is counted here. */
  __atomic_add_fetch(&word->value, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&word->sleepers, __ATOMIC_SEQ_CST) != 0) {
    syscall(SYS_futex, &word->value, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
  }
}

static void word_sleep(struct word *word, uint32_t before) {
  __atomic_add_fetch(&word->sleepers, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&word->value, __ATOMIC_SEQ_CST) == before) {
    syscall(SYS_futex, &word->value, FUTEX_WAIT_PRIVATE, before, NULL, NULL, 0);
  }
  __atomic_sub_fetch(&word->sleepers, 1, __ATOMIC_SEQ_CST);
}
#else
/* All words of all pools share one: sleeping is rare. */
static pthread_mutex_t sleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleep_changed = PTHREAD_COND_INITIALIZER;

static void word_advance(struct word *word) {
  __atomic_add_fetch(&word->value, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&word->sleepers, __ATOMIC_SEQ_CST) == 0) return;
  pthread_mutex_lock(&sleep_mutex);
  pthread_cond_broadcast(&sleep_changed);
  pthread_mutex_unlock(&sleep_mutex);
}

static void word_sleep(struct word *word, uint32_t before) {
  pthread_mutex_lock(&sleep_mutex);
  __atomic_add_fetch(&word->sleepers, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&word->value, __ATOMIC_SEQ_CST) == before) pthread_cond_wait(&sleep_changed, &sleep_mutex);
  __atomic_sub_fetch(&word->sleepers, 1, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&sleep_mutex);
}
#endif

/* Returns when the word is no longer `before`. */
static void word_wait(struct word *word, uint32_t before, int spins) {
  for (int i = 0; i < spins; i++) {
    if (word_value(word) != before) return;
    relax();
  }
  for (int i = 0; spins > 0 && i < YIELDS; i++) {
    if (word_value(word) != before) return;
    sched_yield();
  }
  if (word_value(word) != before) return;
  word_sleep(word, before);
}

#ifdef __linux__
/* A number that /sys keeps of a processor; its own where it keeps none. */
static int topology(int processor, const char *what) {
  char path[96];
  int value = processor;
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", processor, what);
  FILE *file = fopen(path, "r");
  if (file == NULL) return value;
  if (fscanf(file, "%d", &value) != 1) value = processor;
  fclose(file);
  return value;
}

/* Whether a processor is the first of its core among those that this process may use. */
static int is_first_of_core(const cpu_set_t *allowed, int processor) {
  for (int other = 0; other < processor; other++) {
    if (CPU_ISSET(other, allowed) && topology(other, "core_id") == topology(processor, "core_id") &&
        topology(other, "physical_package_id") == topology(processor, "physical_package_id")) {
      return 0;
    }
  }
  return 1;
}

/*
 * Gives each thread a core of its own where there are exactly as many as threads. With fewer threads the system chooses:
 * two processes would else both sit on the first cores, and leave the others empty.
 */
static void pin(pthread_t thread, int index, int threads) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int cores = 0, mine = -1;
  for (int processor = 0; processor < CPU_SETSIZE; processor++) {
    if (!CPU_ISSET(processor, &allowed) || !is_first_of_core(&allowed, processor)) continue;
    if (cores++ == index) mine = processor;
  }
  if (cores != threads) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(mine, &one);
  pthread_setaffinity_np(thread, sizeof one, &one);
}
#else
static void pin(pthread_t thread, int index, int threads) { (void)thread, (void)index, (void)threads; }
#endif

#endif
