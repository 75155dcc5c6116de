/* Runs kernels thread by thread. Threads of a block that wait for each other are fibers, which take turns. */

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>

struct Index { unsigned x; };
static const unsigned MOST_THREADS = 1024;
static const size_t STACK_BYTES = 1 << 16;

extern "C" {

Index threadIdx, blockIdx;

static ucontext_t starts[MOST_THREADS], caller;
static jmp_buf places[MOST_THREADS], scheduler;
static bool is_started[MOST_THREADS], is_done[MOST_THREADS];
static void (*current_kernel)(void**);
static void** current_args;

static void leave() {
  if (_setjmp(places[threadIdx.x]) == 0) _longjmp(scheduler, 1);
}

void wait_for_block() { leave(); }

/* A fiber runs its thread of every block that it is resumed for. */
static void fiber() {
  for (;;) {
    current_kernel(current_args);
    is_done[threadIdx.x] = true;
    leave();
  }
}

static void resume(unsigned thread) {
  threadIdx.x = thread;
  if (_setjmp(scheduler) != 0) return;
  if (is_started[thread]) _longjmp(places[thread], 1);
  is_started[thread] = true;
  getcontext(&starts[thread]);
  starts[thread].uc_stack.ss_sp = malloc(STACK_BYTES);
  starts[thread].uc_stack.ss_size = STACK_BYTES;
  makecontext(&starts[thread], fiber, 0);
  swapcontext(&caller, &starts[thread]);
}

static void run_block(unsigned threads) {
  memset(is_done, 0, threads);
  for (unsigned done = 0; done < threads;) {
    for (unsigned thread = 0; thread < threads; thread++) resume(thread);
    done = 0;
    for (unsigned thread = 0; thread < threads; thread++) done += is_done[thread];
    if (done > 0 && done < threads) {
      fprintf(stderr, "a barrier was reached by %u of %u threads\n", threads - done, threads);
      abort();
    }
  }
}

void run_kernel(void (*kernel)(void**), void** args, unsigned blocks, unsigned threads, int has_barriers) {
  current_kernel = kernel;
  current_args = args;
  for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
    if (has_barriers) run_block(threads);
    else for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++) kernel(args);
  }
}

void multiply(const float* a, const float* b, float* c, int rows, int columns, int inner, int transpose_a, int transpose_b) {
  const int a_row = transpose_a ? 1 : inner, a_inner = transpose_a ? rows : 1;
  const int b_inner = transpose_b ? 1 : columns, b_column = transpose_b ? inner : 1;
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++) c[i * columns + j] = 0;
    for (int k = 0; k < inner; k++) {
      const float value = a[i * a_row + k * a_inner];
      for (int j = 0; j < columns; j++) c[i * columns + j] += value * b[k * b_inner + j * b_column];
    }
  }
}


void* allocate(size_t bytes) { return memset(aligned_alloc(256, (bytes / 256 + 1) * 256), 0, bytes); }
void release(void* memory) { free(memory); }
void copy(void* to, const void* from, size_t bytes) { memcpy(to, from, bytes); }
}
