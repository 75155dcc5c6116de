/*
 * Stands for libcuda, libnvrtc and libcublasLt in tests: the functions that the engine calls, on the host, with the
 * arguments, layouts and results of NVIDIA's headers. What it cannot show is how a GPU or its driver behaves.
 *
 * IMITATION_FAIL names a function and the code that it fails with: "cuGraphLaunch:700".
 */

#include "emulator.cpp"

#include <algorithm>
#include <cstdint>
#include <dlfcn.h>
#include <functional>
#include <string>
#include <unistd.h>
#include <vector>

typedef std::vector<std::function<void()>> Work;
typedef void (*Launcher)(unsigned, unsigned, void**);
struct Function { Launcher launch; int count; };
struct Program { std::string source, image; };
struct Descriptor { int transpose_a, transpose_b; };
struct Layout { uint64_t rows, columns; int64_t stride; };

static Work* captured = nullptr;

static int failure(const char* name) {
  const char* wanted = getenv("IMITATION_FAIL");
  if (wanted == nullptr) return 0;
  const std::string text(wanted);
  const size_t colon = text.find(':');
  return text.substr(0, colon) == name ? atoi(text.c_str() + colon + 1) : 0;
}
#define BEGIN if (const int code = failure(__func__)) return code

static int setting(const char* name, int usual) {
  const char* text = getenv(name);
  return text == nullptr ? usual : atoi(text);
}

static int perform(std::function<void()> work) {
  if (captured != nullptr) captured->push_back(work);
  else work();
  return 0;
}

extern "C" {

int cuInit(uint32_t) { BEGIN; return 0; }
int cuDriverGetVersion(int* version) { *version = setting("IMITATION_DRIVER", 12080); return 0; }
int cuGetErrorString(int error, const char** text) {
  *text = error == 2 ? "out of memory" : error == 700 ? "an illegal memory access was encountered" : "some error";
  return 0;
}
int cuDeviceGetCount(int* count) { *count = setting("IMITATION_DEVICES", 1); return 0; }
int cuDeviceGet(int* device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char* name, int length, int) { snprintf(name, length, "Imitation GPU"); return 0; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
  const int capability = setting("IMITATION_CAPABILITY", 90);
  *value = attribute == 75 ? capability / 10 : attribute == 76 ? capability % 10 : 132;
  return 0;
}
int cuDevicePrimaryCtxRetain(uint64_t* context, int) { *context = 7; return 0; }
int cuCtxSetCurrent(uint64_t context) { return context == 7 ? 0 : 201; }
int cuStreamCreate(uint64_t* stream, uint32_t) { *stream = 11; return 0; }
int cuStreamSynchronize(uint64_t stream) { BEGIN; return stream != 11 ? 400 : captured != nullptr ? 900 : 0; }
int cuMemAlloc_v2(uint64_t* address, size_t bytes) {
  BEGIN;
  *address = (uint64_t)allocate(bytes);
  memset((void*)*address, 0xff, bytes);
  return 0;
}
int cuMemFree_v2(uint64_t address) { release((void*)address); return 0; }
int cuMemHostAlloc(uint64_t* address, size_t bytes, uint32_t) { *address = (uint64_t)allocate(bytes); return 0; }
int cuMemFreeHost(uint64_t address) { release((void*)address); return 0; }
int cuMemsetD8Async(uint64_t address, uint8_t value, size_t bytes, uint64_t) {
  return perform([=] { memset((void*)address, value, bytes); });
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, uint64_t) {
  return perform([=] { memcpy((void*)to, from, bytes); });
}
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, uint64_t) {
  return perform([=] { memcpy(to, (void*)from, bytes); });
}

/* An image is the path of a library. */
int cuModuleLoadData(uint64_t* module, const char* image) {
  BEGIN;
  *module = (uint64_t)dlopen(image, RTLD_NOW);
  if (*module == 0) fprintf(stderr, "%s\n", dlerror());
  return *module == 0 ? 200 : 0;
}
int cuModuleUnload(uint64_t) { return 0; }
int cuModuleGetFunction(Function** function, uint64_t module, const char* name) {
  const auto launch = (Launcher)dlsym((void*)module, (std::string("launch_") + name).c_str());
  const auto count = (int*)dlsym((void*)module, (std::string("count_") + name).c_str());
  if (launch == nullptr) return 500;
  *function = new Function{launch, *count};
  return 0;
}
int cuLaunchKernel(Function* function, uint32_t gx, uint32_t gy, uint32_t gz, uint32_t bx, uint32_t by, uint32_t bz,
                   uint32_t shared, uint64_t stream, void*** params, void** extra) {
  BEGIN;
  if (gy * gz * by * bz != 1 || gx < 1 || bx < 1 || bx > 1024 || shared != 0 || stream != 11 || extra != nullptr) return 1;
  std::vector<void*> args;
  for (int i = 0; i < function->count; i++) args.push_back(*params[i]);
  return perform([=]() mutable { function->launch(gx, bx, args.data()); });
}

int cuStreamBeginCapture_v2(uint64_t, int mode) { captured = new Work; return mode >= 0 && mode <= 2 ? 0 : 1; }
int cuStreamEndCapture(uint64_t, Work** graph) { *graph = captured; captured = nullptr; return 0; }
int cuGraphInstantiateWithFlags(Work** exec, Work* graph, uint64_t flags) { *exec = new Work(*graph); return (int)flags; }
int cuGraphDestroy(Work* graph) { delete graph; return 0; }
int cuGraphUpload(Work*, uint64_t) { return 0; }
int cuGraphLaunch(Work* exec, uint64_t stream) {
  BEGIN;
  if (stream != 11) return 400;
  for (auto& work : *exec) work();
  return 0;
}
int cuGraphExecDestroy(Work* exec) { delete exec; return 0; }

/* Not done when it is first asked. */
int cuEventCreate(int** event, uint32_t) { *event = new int(0); return 0; }
int cuEventRecord(int* event, uint64_t) { *event = 2; return 0; }
int cuEventQuery(int* event) { BEGIN; return --*event > 0 ? 600 : 0; }
int cuEventSynchronize(int* event) { BEGIN; *event = 0; return 0; }
int cuEventDestroy_v2(int* event) { delete event; return 0; }

int nvrtcVersion(int* major, int* minor) { *major = 12; *minor = 8; return 0; }
const char* nvrtcGetErrorString(int) { return "NVRTC_ERROR_COMPILATION"; }
int nvrtcGetNumSupportedArchs(int* count) { *count = 3; return 0; }
int nvrtcGetSupportedArchs(int* archs) { archs[0] = 75; archs[1] = 80; archs[2] = 90; return 0; }
int nvrtcCreateProgram(Program** program, const char* source, const char*, int headers, void*, void*) {
  *program = new Program{source, ""};
  return headers;
}
int nvrtcCompileProgram(Program* program, int count, const char** options) {
  BEGIN;
  if (count != 1 || std::string(options[0]) != "--gpu-architecture=sm_90") return 5;
  const std::string folder = getenv("IMITATION_FOLDER");
  static int number = 0;
  const std::string stem = folder + "/" + std::to_string(getpid()) + "-" + std::to_string(number++);
  std::string text = "#include \"emulator.h\"\n" + program->source;
  const std::string& source = program->source;
  const std::string mark = "extern \"C\" __global__ void __launch_bounds__(";
  for (size_t at = source.find(mark); at != std::string::npos; at = source.find(mark, at + 1)) {
    const size_t begin = source.find(' ', at + mark.size()) + 1, open = source.find('(', begin), close = source.find(')', open);
    const std::string name = source.substr(begin, open - begin);
    std::string args;
    int n = 0;
    for (size_t from = open + 1; from < close; n++) {
      const size_t end = source.find("__restrict__", from), comma = std::min(close, source.find(',', end));
      args += (n > 0 ? ", (" : "(") + source.substr(from, end - from) + ")args[" + std::to_string(n) + "]";
      from = comma == close ? close : comma + 2;
    }
    text += "\nstatic void thread_" + name + "(void** args) { " + name + "(" + args + "); }";
    text += "\nextern \"C\" { extern const int count_" + name + " = " + std::to_string(n) + ";";
    text += "\nvoid launch_" + name + "(unsigned b, unsigned t, void** args) { run_kernel(thread_" + name + ", args, b, t, 1); } }\n";
  }
  FILE* file = fopen((stem + ".cpp").c_str(), "w");
  fputs(text.c_str(), file);
  fclose(file);
  Dl_info self;
  dladdr((void*)&nvrtcVersion, &self);
  program->image = stem + ".so";
  const std::string command = "g++ -std=c++17 -O1 -shared -fPIC -w -I" + std::string(getenv("IMITATION_INCLUDE")) + " " + stem +
                              ".cpp -o " + program->image + " " + self.dli_fname;
  return system(command.c_str()) == 0 ? 0 : 6;
}
int nvrtcGetProgramLogSize(Program*, size_t* size) { *size = 27; return 0; }
int nvrtcGetProgramLog(Program*, char* log) { memcpy(log, "vae.cu(3): error: imagined", 27); return 0; }
int nvrtcGetCUBINSize(Program* program, size_t* size) { *size = program->image.size() + 1; return 0; }
int nvrtcGetCUBIN(Program* program, char* code) { memcpy(code, program->image.c_str(), program->image.size() + 1); return 0; }
int nvrtcGetPTXSize(Program*, size_t*) { return 1; }
int nvrtcGetPTX(Program*, char*) { return 1; }
int nvrtcDestroyProgram(Program** program) { delete *program; *program = nullptr; return 0; }

size_t cublasLtGetVersion() { return 120803; }
int cublasLtCreate(uint64_t* handle) { BEGIN; *handle = 13; return 0; }
int cublasLtMatmulDescCreate(Descriptor** descriptor, int compute, int scale) {
  *descriptor = new Descriptor{0, 0};
  return compute == setting("IMITATION_COMPUTE", 68) && scale == 0 ? 0 : 7;
}
int cublasLtMatmulDescSetAttribute(Descriptor* descriptor, int attribute, const int* value, size_t bytes) {
  if (bytes != 4) return 7;
  if (attribute == 3) descriptor->transpose_a = *value;
  else if (attribute == 4) descriptor->transpose_b = *value;
  else return 7;
  return 0;
}
int cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  *layout = new Layout{rows, columns, stride};
  return type == 0 && stride >= (int64_t)rows ? 0 : 7;
}
int cublasLtMatmulPreferenceCreate(uint64_t* preference) { *preference = 17; return 0; }
int cublasLtMatmulPreferenceSetAttribute(uint64_t, int attribute, const uint64_t* value, size_t bytes) {
  return attribute == 1 && bytes == 8 && *value > 0 ? 0 : 7;
}
int cublasLtMatmulAlgoGetHeuristic(uint64_t handle, Descriptor*, Layout*, Layout*, Layout*, Layout*, uint64_t preference,
                                   int wanted, uint64_t* results, int* found) {
  BEGIN;
  if (handle != 13 || preference != 17 || wanted != 1) return 7;
  for (int i = 0; i < 12; i++) results[i] = 19;
  *found = 1;
  return 0;
}
/* Column-major: element (i, j) at i + j · stride. */
int cublasLtMatmul(uint64_t handle, Descriptor* descriptor, const float* alpha, const float* a, Layout* la, const float* b,
                   Layout* lb, const float* beta, const float* c, Layout* lc, float* d, Layout* ld, const uint64_t* algorithm,
                   void* workspace, size_t bytes, uint64_t stream) {
  BEGIN;
  const Descriptor op = *descriptor;
  const uint64_t rows = op.transpose_a ? la->columns : la->rows, inner = op.transpose_a ? la->rows : la->columns;
  const uint64_t columns = op.transpose_b ? lb->rows : lb->columns;
  const bool fits = inner == (op.transpose_b ? lb->columns : lb->rows) && ld->rows == rows && ld->columns == columns;
  if (handle != 13 || *alpha != 1 || *beta != 0 || c != d || lc != ld || *algorithm != 19 || workspace == nullptr ||
      bytes == 0 || stream != 11 || !fits) return 7;
  return perform([=] {
    for (uint64_t i = 0; i < rows; i++) {
      for (uint64_t j = 0; j < columns; j++) {
        float sum = 0;
        for (uint64_t k = 0; k < inner; k++) {
          sum += a[op.transpose_a ? k + i * la->stride : i + k * la->stride] *
                 b[op.transpose_b ? j + k * lb->stride : k + j * lb->stride];
        }
        d[i + j * ld->stride] = sum;
      }
    }
  });
}
}
