// Runs sums.ptx on the driver beside it, and prints what it finds for the numbers 0, 1, 2 ...: a sum and its fp16 for each block.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCKS = 3, THREADS = 64 };
int cuInit(unsigned), cuDeviceGet(int *, int), cuDevicePrimaryCtxRetain(void **, int), cuCtxSetCurrent(void *);
int cuMemAlloc_v2(uint64_t *, size_t), cuMemFree_v2(uint64_t), cuModuleLoadData(void **, const void *), cuModuleGetFunction(void **, void *, const char *);
int cuMemcpyHtoDAsync_v2(uint64_t, const void *, size_t, void *), cuMemcpyDtoHAsync_v2(void *, uint64_t, size_t, void *);
int cuLaunchKernel(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);

#define CHECK(call) do { int code_ = call; if (code_) { printf("%s: %d\n", #call, code_); return 1; } } while (0)

int main(int count, char **words) {
    static char text[1 << 16];
    FILE *file = fopen(words[count - 1], "r");
    if (!file || !fread(text, 1, sizeof text - 1, file)) return 1;
    void *context, *module, *sums;
    int device;
    uint64_t numbers, found, halves;
    float values[BLOCKS * THREADS], sum[BLOCKS];
    uint16_t half[BLOCKS];
    for (int i = 0; i < BLOCKS * THREADS; i++) values[i] = (float)i;
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    CHECK(cuDevicePrimaryCtxRetain(&context, device));
    CHECK(cuCtxSetCurrent(context));
    CHECK(cuModuleLoadData(&module, text));
    CHECK(cuModuleGetFunction(&sums, module, "sums"));
    CHECK(cuMemAlloc_v2(&numbers, sizeof values));
    CHECK(cuMemAlloc_v2(&found, sizeof sum));
    CHECK(cuMemAlloc_v2(&halves, sizeof half));
    CHECK(cuMemcpyHtoDAsync_v2(numbers, values, sizeof values, NULL));
    void *arguments[] = {&numbers, &found, &halves};
    CHECK(cuLaunchKernel(sums, BLOCKS, 1, 1, THREADS, 1, 1, 0, NULL, arguments, NULL));
    CHECK(cuMemcpyDtoHAsync_v2(sum, found, sizeof sum, NULL));
    CHECK(cuMemcpyDtoHAsync_v2(half, halves, sizeof half, NULL));
    for (int i = 0; i < BLOCKS; i++) printf("%g %04x\n", sum[i], half[i]);
    CHECK(cuMemFree_v2(numbers));
    return 0;
}
