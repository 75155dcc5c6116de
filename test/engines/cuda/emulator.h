/* What generated CUDA C needs of the compiler and the device, on the host: one thread of one block at a time. */

struct Index { unsigned x; };

extern "C" {
/* Kept by emulator.cpp. */
extern Index threadIdx, blockIdx;
void wait_for_block();
void run_kernel(void (*kernel)(void**), void** args, unsigned blocks, unsigned threads, int has_barriers);

float expf(float), logf(float), sqrtf(float), fabsf(float), expm1f(float), tanhf(float), log1pf(float);
double sin(double), cos(double);
}

#define __global__
#define __device__
#define __launch_bounds__(threads)
#define __shared__ static
#define __syncthreads() wait_for_block()

static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
static inline float __int_as_float(unsigned bits) { float value; __builtin_memcpy(&value, &bits, 4); return value; }
static inline int min(int a, int b) { return a < b ? a : b; }
static inline float sinpif(float x) { return (float)sin(3.141592653589793 * x); }
static inline float cospif(float x) { return (float)cos(3.141592653589793 * x); }
