// A CUDA driver without a card: memory is the machine's own, and kernels, which come as PTX, are translated to C (translate.py),
// compiled and run on the processor. For checking what a program computes through CUDA where there is no card.
//
//   CARD_HOME    where translate.py and card.h lie             CARD_CACHE   where compiled kernels are kept
//   CARD_SM      the compute capability (default 80)           CARD_COUNT   how many cards (default 1)
//   CARD_MEMORY  bytes of each (default 8 GiB)                 CARD_LOG     a file: one line for each launch
//   CARD_LEVEL   how far gcc optimises kernels (default 1)
//   CARD_RUNS    so many launches compute, and later ones do nothing: what is left is the time that launching takes
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef int Result;
enum { OK = 0, INVALID = 1, OUT_OF_MEMORY = 2, BAD_PTX = 218, NOT_FOUND = 500, LAUNCH_FAILED = 719, NOT_SUPPORTED = 801 };

#define API __attribute__((visibility("default")))
#define CARDS 8

static long setting(const char *name, long otherwise) {
    const char *value = getenv(name);
    return value ? atol(value) : otherwise;
}

static const char *folder(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}

// ---- cards ----

static __thread int current;

API Result cuInit(unsigned flags) { (void)flags; return OK; }
API Result cuDriverGetVersion(int *version) { *version = (int)setting("CARD_DRIVER", 12090); return OK; }
API Result cuDeviceGetCount(int *count) { *count = (int)setting("CARD_COUNT", 1); return OK; }
API Result cuDeviceGet(int *device, int ordinal) {
    if (ordinal < 0 || ordinal >= setting("CARD_COUNT", 1)) return 101;
    *device = ordinal;
    return OK;
}
API Result cuDeviceGetName(char *name, int length, int device) {
    snprintf(name, length, "%s", folder("CARD_NAME", "NVIDIA A100 made of a processor"));
    (void)device;
    return OK;
}
API Result cuDeviceTotalMem_v2(size_t *bytes, int device) {
    (void)device;
    *bytes = (size_t)setting("CARD_MEMORY", 8L << 30);
    return OK;
}
API Result cuDeviceGetPCIBusId(char *id, int length, int device) {
    snprintf(id, length, "0000:%02x:00.0", 0x40 + device);
    return OK;
}
API Result cuDeviceGetAttribute(int *value, int attribute, int device) {
    (void)device;
    long sm = setting("CARD_SM", 80);
    switch (attribute) {
    case 1: *value = 1024; break;                       // threads in a block
    case 2: case 3: *value = 1024; break;               // block x, y
    case 4: *value = 64; break;                         // block z
    case 5: *value = 0x7fffffff; break;                 // grid x
    case 6: case 7: *value = 65535; break;              // grid y, z
    case 8: *value = 48 << 10; break;                   // shared memory in a block
    case 10: *value = 32; break;                        // warp
    case 16: *value = 108; break;                       // multiprocessors
    case 75: *value = (int)(sm / 10); break;
    case 76: *value = (int)(sm % 10); break;
    case 81: *value = 164 << 10; break;                 // in a multiprocessor
    case 97: *value = 163 << 10; break;                 // opt-in
    case 115: *value = 1; break;                        // memory pools
    default: *value = 0; fprintf(stderr, "card: attribute %d asked\n", attribute);
    }
    return OK;
}

API Result cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)(intptr_t)(device + 1); return OK; }
API Result cuDevicePrimaryCtxRelease_v2(int device) { (void)device; return OK; }
API Result cuCtxSetCurrent(void *context) { current = (int)(intptr_t)context - 1; return OK; }
API Result cuCtxGetCurrent(void **context) { *context = (void *)(intptr_t)(current + 1); return OK; }
API Result cuCtxSynchronize(void) { return OK; }
API Result cuCtxGetStreamPriorityRange(int *least, int *greatest) { *least = 0; *greatest = 0; return OK; }

// ---- streams and events: everything is done when it is asked for ----

API Result cuStreamCreate(void **stream, unsigned flags) { (void)flags; *stream = malloc(1); return OK; }
API Result cuStreamCreateWithPriority(void **stream, unsigned flags, int priority) { (void)priority; return cuStreamCreate(stream, flags); }
API Result cuStreamDestroy_v2(void *stream) { free(stream); return OK; }
API Result cuStreamSynchronize(void *stream) { (void)stream; return OK; }
API Result cuStreamWaitEvent(void *stream, void *event, unsigned flags) { (void)stream; (void)event; (void)flags; return OK; }
API Result cuStreamIsCapturing(void *stream, int *status) { (void)stream; *status = 0; return OK; }

API Result cuEventCreate(void **event, unsigned flags) { (void)flags; *event = calloc(1, sizeof(struct timespec)); return OK; }
API Result cuEventDestroy_v2(void *event) { free(event); return OK; }
API Result cuEventRecord(void *event, void *stream) { (void)stream; clock_gettime(CLOCK_MONOTONIC, event); return OK; }
API Result cuEventSynchronize(void *event) { (void)event; return OK; }
API Result cuEventQuery(void *event) { (void)event; return OK; }
static Result elapsed(float *ms, struct timespec *a, struct timespec *b) {
    *ms = (float)((b->tv_sec - a->tv_sec) * 1e3 + (b->tv_nsec - a->tv_nsec) * 1e-6);
    return OK;
}
API Result cuEventElapsedTime(float *ms, void *a, void *b) { return elapsed(ms, a, b); }
API Result cuEventElapsedTime_v2(float *ms, void *a, void *b) { return elapsed(ms, a, b); }

// ---- memory ----

struct block { uint64_t start; size_t size; int card; struct block *next; };
static struct block *blocks;
static size_t taken[CARDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

API Result cuMemAlloc_v2(uint64_t *pointer, size_t bytes) {
    pthread_mutex_lock(&lock);
    Result result = OK;
    void *memory = NULL;
    if (taken[current] + bytes > (size_t)setting("CARD_MEMORY", 8L << 30) || posix_memalign(&memory, 512, bytes)) {
        result = OUT_OF_MEMORY;
    } else {
        memset(memory, 0xff, bytes);  // not-a-number wherever nothing was written
        struct block *block = malloc(sizeof *block);
        *block = (struct block){(uint64_t)memory, bytes, current, blocks};
        blocks = block;
        taken[current] += bytes;
        *pointer = (uint64_t)memory;
    }
    pthread_mutex_unlock(&lock);
    return result;
}
API Result cuMemFree_v2(uint64_t pointer) {
    pthread_mutex_lock(&lock);
    Result result = INVALID;
    for (struct block **at = &blocks; *at; at = &(*at)->next) {
        if ((*at)->start == pointer) {
            struct block *gone = *at;
            *at = gone->next;
            taken[gone->card] -= gone->size;
            free((void *)gone->start);
            free(gone);
            result = OK;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}
API Result cuMemAllocAsync(uint64_t *pointer, size_t bytes, void *stream) { (void)stream; return cuMemAlloc_v2(pointer, bytes); }
API Result cuMemFreeAsync(uint64_t pointer, void *stream) { (void)stream; return cuMemFree_v2(pointer); }
API Result cuMemAllocHost_v2(void **pointer, size_t bytes) { return posix_memalign(pointer, 512, bytes) ? OUT_OF_MEMORY : OK; }
API Result cuMemFreeHost(void *pointer) { free(pointer); return OK; }
API Result cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
    *total = (size_t)setting("CARD_MEMORY", 8L << 30);
    *free_bytes = *total - taken[current];
    return OK;
}
API Result cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) { (void)stream; memcpy(to, (void *)from, bytes); return OK; }
API Result cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) { (void)stream; memcpy((void *)to, from, bytes); return OK; }
API Result cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream) { (void)stream; memmove((void *)to, (void *)from, bytes); return OK; }
API Result cuMemcpyPeerAsync(uint64_t to, void *a, uint64_t from, void *b, size_t bytes, void *stream) {
    (void)a; (void)b;
    return cuMemcpyDtoDAsync_v2(to, from, bytes, stream);
}
API Result cuMemsetD8Async(uint64_t to, unsigned char value, size_t count, void *stream) { (void)stream; memset((void *)to, value, count); return OK; }

struct copy2d {
    size_t src_x, src_y; unsigned src_type; const void *src_host; uint64_t src_device; void *src_array; size_t src_pitch;
    size_t dst_x, dst_y; unsigned dst_type; void *dst_host; uint64_t dst_device; void *dst_array; size_t dst_pitch;
    size_t width, height;
};
API Result cuMemcpy2DAsync_v2(const struct copy2d *copy, void *stream) {
    (void)stream;
    const char *from = copy->src_type == 1 ? copy->src_host : (const char *)copy->src_device;
    char *to = copy->dst_type == 1 ? copy->dst_host : (char *)copy->dst_device;
    from += copy->src_y * copy->src_pitch + copy->src_x;
    to += copy->dst_y * copy->dst_pitch + copy->dst_x;
    for (size_t row = 0; row < copy->height; row++) memcpy(to + row * copy->dst_pitch, from + row * copy->src_pitch, copy->width);
    return OK;
}

// ---- kernels ----

typedef int Entry(const unsigned grid[3], const unsigned block[3], unsigned shared, void **arguments, char *error, size_t length);
struct function { Entry *run; char name[256]; };
struct module { void *library; };

static uint64_t hashed(const char *text) {
    uint64_t hash = 14695981039346656037ull;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 1099511628211ull;
    return hash;
}

API Result cuModuleLoadData(void **module, const void *image) {
    const char *home = folder("CARD_HOME", "."), *cache = folder("CARD_CACHE", "/tmp/kiln-card");
    char stem[512], path[600], command[2400];
    mkdir(cache, 0755);
    snprintf(stem, sizeof stem, "%s/%016lx", cache, hashed(image));
    snprintf(path, sizeof path, "%s.so", stem);
    if (access(path, R_OK)) {
        // Others may be at the same kernel: each has files of its own until all is there.
        static int count;
        char mine[560], ptx[600];
        snprintf(mine, sizeof mine, "%s-%d-%d", stem, getpid(), __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED));
        snprintf(ptx, sizeof ptx, "%s.ptx", mine);
        FILE *file = fopen(ptx, "w");
        if (!file) return 999;
        fputs(image, file);
        fclose(file);
        snprintf(command, sizeof command,
                 "python3 %s/translate.py %s.ptx > %s.c 2> %s.err && gcc -std=gnu11 -O%ld -w -fno-strict-aliasing -fwrapv -march=native -ffp-contract=off -fopenmp -fPIC -shared "
                 "-I %s -o %s.so %s.c -lm 2>> %s.err && mv %s.ptx %s.ptx && mv %s.c %s.c && rm %s.err && mv %s.so %s.so",
                 home, mine, mine, mine, setting("CARD_LEVEL", 1), home, mine, mine, mine, mine, stem, mine, stem, mine, mine, stem);
        if (system(command)) {
            fprintf(stderr, "card: %s.err\n", mine);
            return BAD_PTX;
        }
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) { fprintf(stderr, "card: %s\n", dlerror()); return BAD_PTX; }
    struct module *made = malloc(sizeof *made);
    made->library = library;
    *module = made;
    return OK;
}
API Result cuModuleUnload(void *module) { (void)module; return OK; }
API Result cuModuleGetFunction(void **function, void *module, const char *name) {
    char symbol[300];
    snprintf(symbol, sizeof symbol, "run_%s", name);
    Entry *run = dlsym(((struct module *)module)->library, symbol);
    if (!run) return NOT_FOUND;
    struct function *made = calloc(1, sizeof *made);
    made->run = run;
    snprintf(made->name, sizeof made->name, "%s", name);
    *function = made;
    return OK;
}
API Result cuFuncSetAttribute(void *function, int attribute, int value) { (void)function; (void)attribute; (void)value; return OK; }
API Result cuFuncGetAttribute(int *value, int attribute, void *function) { (void)attribute; (void)function; *value = 0; return OK; }

API Result cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                          void *stream, void **arguments, void **extra) {
    (void)stream; (void)extra;
    struct function *kernel = function;
    unsigned grid[3] = {gx, gy, gz}, block[3] = {bx, by, bz};
    char error[200] = "";
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    static long launches;
    long most = setting("CARD_RUNS", -1), launch = __atomic_fetch_add(&launches, 1, __ATOMIC_RELAXED);
    int failed = most >= 0 && launch >= most ? 0 : kernel->run(grid, block, shared, arguments, error, sizeof error);
    clock_gettime(CLOCK_MONOTONIC, &after);
    const char *log = getenv("CARD_LOG");
    if (log && !*log) log = NULL;
    if (log) {
        float ms;
        elapsed(&ms, &before, &after);
        pthread_mutex_lock(&lock);
        FILE *file = fopen(log, "a");
        if (file) {
            fprintf(file, "%s %u %u %u %u %u %u %u %.3f\n", kernel->name, gx, gy, gz, bx, by, bz, shared, ms);
            fclose(file);
        }
        pthread_mutex_unlock(&lock);
    }
    if (failed) { fprintf(stderr, "card: %s: %s\n", kernel->name, error); return LAUNCH_FAILED; }
    return OK;
}
API Result cuTensorMapEncodeTiled(void) { return NOT_SUPPORTED; }

API Result cuGetErrorName(int error, const char **name) {
    *name = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : error == BAD_PTX ? "CUDA_ERROR_INVALID_PTX" : "CUDA_ERROR";
    return OK;
}
API Result cuGetErrorString(int error, const char **text) { return cuGetErrorName(error, text); }
