// What translated kernels run in: the numbers of PTX, and a block whose threads are fibers that change places where they wait for
// one another. Threads run one after the other, so races are not found.
#include <fenv.h>
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;
typedef int8_t s8; typedef int16_t s16; typedef int32_t s32; typedef int64_t s64;
typedef unsigned __int128 u128; typedef __int128 s128;
typedef float f32; typedef double f64;

// ---- numbers ----

#define CAST(name, to, from) static inline to name(from x) { to y; memcpy(&y, &x, sizeof y); return y; }
CAST(F, f32, u32) CAST(U, u32, f32) CAST(D, f64, u64) CAST(UD, u64, f64)
// A number in 32 bits whose last bit says whether more of them are lost: rounding it once more rounds as if once.
static inline f32 odd(f64 x) {
    f32 y = (f32)x;
    u32 bits = U(y);
    if ((f64)y == x || x != x) return y;
    if (fabs((f64)y) > fabs(x)) bits -= 1;
    return F(bits | 1);
}
static inline f32 H(u16 x) { return _cvtsh_ss(x); }
static inline u16 HU(f64 x) { return _cvtss_sh(odd(x), _MM_FROUND_TO_NEAREST_INT); }
static inline f32 B(u16 x) { return F((u32)x << 16); }
static inline u16 BU(f64 x) {
    if (x != x) return 0x7fff;
    u32 bits = U(odd(x));
    return (u16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
static inline u32 TF(u32 x) { return ((x & 0x7f800000) == 0x7f800000) ? x : (x + 0x1000) & ~0x1fffu; }
static inline u32 pair(u16 low, u16 high) { return low | (u32)high << 16; }
// Multiplies and adds with another rounding: libdevice's exponential rounds down.
static __attribute__((noinline)) f32 fma_towards(f32 a, f32 b, f32 c, int how) {
    fesetround(how);
    volatile f32 kept = a;
    f32 made = fmaf(kept, b, c);
    asm volatile("" : "+x"(made));
    fesetround(FE_TONEAREST);
    return made;
}
static inline f64 sat(f64 x) { return x > 1 ? 1 : x > 0 ? x : 0; }
#define LO(x) ((u16)(x))
#define HI(x) ((u16)((x) >> 16))
static inline f64 low(f64 a, f64 b) { return a != a ? b : b != b ? a : (a == 0 && b == 0) ? (signbit(a) ? a : b) : a < b ? a : b; }
static inline f64 high(f64 a, f64 b) { return a != a ? b : b != b ? a : (a == 0 && b == 0) ? (signbit(a) ? b : a) : a > b ? a : b; }
static inline f64 low_nan(f64 a, f64 b) { return a != a ? a : b != b ? b : low(a, b); }
static inline f64 high_nan(f64 a, f64 b) { return a != a ? a : b != b ? b : high(a, b); }
// Numbers to integers keep within their bounds; what is no number is 0.
static inline s64 to_s(f64 x, s64 least, s64 most) { return x != x ? 0 : x <= (f64)least ? least : x >= (f64)most ? most : (s64)x; }
static inline u64 to_u(f64 x, u64 most) { return x != x || x <= 0 ? 0 : x >= (f64)most ? most : (u64)x; }
static inline u64 shl(u64 x, u32 by, u32 bits) { return by >= bits ? 0 : x << by; }
static inline u64 shr(u64 x, u32 by, u32 bits) { return by >= bits ? 0 : x >> by; }
static inline s64 sar(s64 x, u32 by, u32 bits) { return x >> (by >= bits ? bits - 1 : by); }
static inline u32 funnel_l(u32 a, u32 b, u32 by) { return (u32)((((u64)b << 32 | a) << by) >> 32); }
static inline u32 funnel_r(u32 a, u32 b, u32 by) { return (u32)((((u64)b << 32) | a) >> by); }
static inline u32 prmt(u32 a, u32 b, u32 c) {
    u64 bytes = (u64)b << 32 | a;
    u32 made = 0;
    for (int i = 0; i < 4; i++) {
        u32 by = (c >> (4 * i)) & 15;
        u8 byte = (u8)(bytes >> (8 * (by & 7)));
        if (by & 8) byte = byte & 0x80 ? 0xff : 0;
        made |= (u32)byte << (8 * i);
    }
    return made;
}
static inline u64 bfe(u64 x, u32 from, u32 length, u32 bits, int is_signed) {
    from &= 255; length &= 255;
    if (length == 0) return 0;
    if (is_signed) {
        s64 wide = bits == 32 ? (s64)(s32)x : (s64)x;
        if (from >= bits) return (u64)(wide >> 63);
        if (from + length >= bits) return (u64)(wide >> from);
        return (u64)(((s64)((u64)wide << (64 - from - length))) >> (64 - length));
    }
    if (from >= bits) return 0;
    u64 cut = x >> from;
    return length >= 64 ? cut : cut & ((1ull << length) - 1);
}
static inline u64 bfi(u64 a, u64 b, u32 from, u32 length, u32 bits) {
    from &= 255; length &= 255;
    if (from >= bits || length == 0) return b;
    if (from + length > bits) length = bits - from;
    u64 mask = (length >= 64 ? ~0ull : (1ull << length) - 1) << from;
    return (b & ~mask) | ((a << from) & mask);
}
static inline u32 lop3(u32 a, u32 b, u32 c, u32 table) {
    u32 made = 0;
    for (int i = 0; i < 8; i++)
        if (table >> i & 1) made |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
    return made;
}

// ---- threads ----

struct thread;
typedef void Kernel(struct thread *);

struct warp {
    u32 alive, waiting, released;
    u8 found[32];
    u64 given[32][32];         // lanes, words
    u64 exchanged[4][32][32];  // as they were when all were there
};
struct block {
    u32 ntid[3], nctaid[3], ctaid[3], threads, finished, progress;
    struct { u32 arrived, turn; } bars[16];
    struct warp *warps;
    u8 *shared;
    void **arguments;
    const char *error;
};
struct thread {
    struct block *block;
    struct warp *warp;
    u32 tid[3], flat, lane;
    int done;
    u8 *local;
    void *stack;
    Kernel *kernel;
};

static __thread void *scheduler;
static __thread struct thread *running;

void swap_stacks(void **from, void *to);
asm(".text\n.local swap_stacks\n.type swap_stacks,@function\nswap_stacks:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");

static void finish(struct thread *t) {
    t->done = 1;
    t->block->finished++;
    t->block->progress++;
    t->warp->alive &= ~(1u << t->lane);
}
static void begin(void) {
    struct thread *t = running;
    t->kernel(t);
    finish(t);
    void *unused;
    swap_stacks(&unused, scheduler);
    abort();
}
static void yield(struct thread *t) { swap_stacks(&t->stack, scheduler); }

static void fail(struct thread *t, const char *why) { if (!t->block->error) t->block->error = why; }

// Waits for so many threads of the block: all that live, where none are named.
static void bar(struct thread *t, u32 id, u32 count) {
    struct block *b = t->block;
    u32 turn = b->bars[id].turn;
    b->bars[id].arrived++;
    b->progress++;
    while (b->bars[id].turn == turn && !b->error) {
        if (b->bars[id].arrived >= (count ? count : b->threads - b->finished)) {
            b->bars[id].arrived = 0;
            b->bars[id].turn++;
            b->progress++;
            return;
        }
        yield(t);
    }
}

// Gives words to the other lanes, waits for those of the mask, and returns what all of them gave.
static u64 (*give(struct thread *t, u32 mask, const u64 *words, int count))[32] {
    struct warp *w = t->warp;
    u32 mine = 1u << t->lane;
    memcpy(w->given[t->lane], words, count * sizeof *words);
    w->waiting |= mine;
    t->block->progress++;
    while (!t->block->error) {
        u32 all = mask & w->alive;
        if (w->waiting & mine && (w->waiting & all) == all) {
            u32 into = w->released++ % 4;
            for (int i = 0; i < 32; i++) {
                if (!(all & 1u << i)) continue;
                memcpy(w->exchanged[into][i], w->given[i], count * sizeof *words);
                w->found[i] = into;
            }
            w->waiting &= ~all;
            t->block->progress++;
        }
        if (!(w->waiting & mine)) break;
        yield(t);
    }
    return w->exchanged[w->found[t->lane]];
}

static u32 shuffle(struct thread *t, u32 value, int kind, u32 b, u32 c, u32 mask, int *within) {
    u64 mine = value;
    u64 (*all)[32] = give(t, mask, &mine, 1);
    u32 bound = c & 31, segment = (c >> 8) & 31, lane = t->lane, from;
    u32 most = (lane & segment) | (bound & ~segment), least = lane & segment;
    b &= 31;
    int ok;
    switch (kind) {
    case 0: from = lane - b; ok = (s32)from >= (s32)most; break;          // up
    case 1: from = lane + b; ok = from <= most; break;                     // down
    case 2: from = lane ^ b; ok = from <= most; break;                     // bfly
    default: from = least | (b & ~segment); ok = from <= most;             // idx
    }
    if (!ok) from = lane;
    *within = ok;
    return (u32)all[from & 31][0];
}
static u32 ballot(struct thread *t, int yes, u32 mask) {
    u64 mine = yes != 0;
    u64 (*all)[32] = give(t, mask, &mine, 1);
    u32 made = 0;
    for (int i = 0; i < 32; i++) if (mask & t->warp->alive & 1u << i) made |= (u32)all[i][0] << i;
    return made;
}
static u32 redux(struct thread *t, int kind, u32 value, u32 mask) {
    u64 mine = value;
    u64 (*all)[32] = give(t, mask, &mine, 1);
    u32 made = value;
    for (int i = 0; i < 32; i++) {
        if (!(mask & t->warp->alive & 1u << i) || i == (int)t->lane) continue;
        u32 x = (u32)all[i][0];
        switch (kind) {
        case 0: made += x; break;
        case 1: if (x < made) made = x; break;
        case 2: if (x > made) made = x; break;
        case 3: if ((s32)x < (s32)made) made = x; break;
        case 4: if ((s32)x > (s32)made) made = x; break;
        case 5: made &= x; break;
        case 6: made |= x; break;
        default: made ^= x;
        }
    }
    return made;
}

// ---- products of small matrices by a warp ----

enum { TF16, TBF16, TTF32, TF32, TS8, TU8, TS32 };
static inline f64 number(u64 bits, int type) {
    switch (type) {
    case TF16: return H((u16)bits);
    case TBF16: return B((u16)bits);
    case TTF32: return F((u32)bits & ~0x1fffu);
    case TF32: return F((u32)bits);
    case TS8: return (s8)bits;
    case TU8: return (u8)bits;
    default: return (s32)bits;
    }
}
static inline int bytes_of(int type) { return type <= TBF16 ? 2 : type == TS8 || type == TU8 ? 1 : 4; }
static inline u64 element(const u32 *words, int index, int type) {
    int size = bytes_of(type);
    u64 x = 0;
    memcpy(&x, (const u8 *)words + index * size, size);
    return x;
}
static inline void put(u32 *words, int index, int type, u64 bits) { memcpy((u8 *)words + index * bytes_of(type), &bits, bytes_of(type)); }

// wmma: which lane holds what is nobody's business; here lane l holds the numbers from l * (rows * columns / 32) on.
static void wmma_load(struct thread *t, u32 *words, int count, const u8 *at, u32 stride, int rows, int columns, int by_row, int type) {
    int each = rows * columns / 32, size = bytes_of(type);
    memset(words, 0, count * 4);
    for (int i = 0; i < each; i++) {
        int e = t->lane * each + i, r = e / columns, c = e % columns;
        u64 bits = 0;
        memcpy(&bits, at + (size_t)(by_row ? r * stride + c : c * stride + r) * size, size);
        put(words, i, type, bits);
    }
}
static void wmma_store(struct thread *t, const u32 *words, u8 *at, u32 stride, int rows, int columns, int by_row, int type) {
    int each = rows * columns / 32, size = bytes_of(type);
    for (int i = 0; i < each; i++) {
        int e = t->lane * each + i, r = e / columns, c = e % columns;
        u64 bits = element(words, i, type);
        memcpy(at + (size_t)(by_row ? r * stride + c : c * stride + r) * size, &bits, size);
    }
    give(t, ~0u, (u64[]){0}, 1);
}
// Where the number (row, column) of a matrix lies: its lane and its place there.
typedef void Place(int row, int column, int *lane, int *index);
static void multiply(struct thread *t, u32 *d, const u32 *a, const u32 *b, const u32 *c, int m, int n, int k, int ta, int tb, int tc, int td,
                     int na, int nb, Place pa, Place pb, Place pd, int each) {
    u64 mine[32] = {0};
    for (int i = 0; i < na; i++) mine[i] = a[i];
    for (int i = 0; i < nb; i++) mine[na + i] = b[i];
    u64 (*all)[32] = give(t, ~0u, mine, na + nb);
    u32 made[16];
    memcpy(made, c, sizeof(u32) * (each * bytes_of(tc) / 4));
    u32 out[16] = {0};
    for (int row = 0; row < m; row++) {
        for (int column = 0; column < n; column++) {
            int lane, index;
            pd(row, column, &lane, &index);
            if (lane != (int)t->lane) continue;
            f64 sum = 0;
            s64 whole = 0;
            for (int i = 0; i < k; i++) {
                int la, ia, lb, ib;
                pa(row, i, &la, &ia);
                pb(i, column, &lb, &ib);
                u32 wa = (u32)all[la][ia * bytes_of(ta) / 4], wb = (u32)all[lb][na + ib * bytes_of(tb) / 4];
                int sa = ia * bytes_of(ta) % 4, sb = ib * bytes_of(tb) % 4;
                f64 x = number(wa >> (8 * sa), ta), y = number(wb >> (8 * sb), tb);
                if (td == TS32) whole += (s64)x * (s64)y; else sum += x * y;
            }
            f64 start = number(element(made, index, tc), tc);
            if (td == TS32) put(out, index, td, (u32)(s32)(whole + (s64)start));
            else if (td == TF32) put(out, index, td, U((f32)(sum + start)));
            else put(out, index, td, HU(sum + start));
        }
    }
    memcpy(d, out, sizeof(u32) * (each * bytes_of(td) / 4));
}

static void ldmatrix(struct thread *t, u32 *words, int count, u64 at, int transposed) {
    u64 (*all)[32] = give(t, ~0u, &at, 1);
    for (int i = 0; i < count; i++) {
        u16 two[2];
        for (int j = 0; j < 2; j++) {
            int row = t->lane / 4, column = t->lane % 4 * 2 + j;
            if (transposed) { int keep = row; row = column; column = keep; }
            memcpy(&two[j], (const u8 *)all[i * 8 + row][0] + column * 2, 2);
        }
        words[i] = pair(two[0], two[1]);
    }
    give(t, ~0u, (u64[]){0}, 1);
}

static void stmatrix(struct thread *t, const u32 *words, int count, u64 at, int transposed) {
    u64 (*all)[32] = give(t, ~0u, &at, 1);
    for (int i = 0; i < count; i++) {
        u16 two[2] = {LO(words[i]), HI(words[i])};
        for (int j = 0; j < 2; j++) {
            int row = t->lane / 4, column = t->lane % 4 * 2 + j;
            if (transposed) { int keep = row; row = column; column = keep; }
            memcpy((u8 *)all[i * 8 + row][0] + column * 2, &two[j], 2);
        }
    }
    give(t, ~0u, (u64[]){0}, 1);
}

// ---- launching ----

#define STACK (64 << 10)

static void run_block(struct block *b, Kernel *kernel, int waits, size_t local, struct thread *threads, u8 *stacks, u8 *locals) {
    u32 flat = 0;
    for (u32 z = 0; z < b->ntid[2]; z++)
        for (u32 y = 0; y < b->ntid[1]; y++)
            for (u32 x = 0; x < b->ntid[0]; x++, flat++) {
                struct thread *t = &threads[flat];
                *t = (struct thread){.block = b, .warp = &b->warps[flat / 32], .tid = {x, y, z}, .flat = flat, .lane = flat % 32,
                                     .local = locals + local * (waits ? flat : 0), .kernel = kernel};
                t->warp->alive |= 1u << t->lane;
                if (!waits) { kernel(t); if (b->error) return; continue; }
                u64 *top = (u64 *)(stacks + (size_t)(flat + 1) * STACK) - 1;
                *--top = (u64)begin;  // with the stack as a call would leave it
                t->stack = top - 6;
            }
    if (!waits) return;
    u32 before;
    do {
        before = b->progress;
        for (u32 i = 0; i < b->threads; i++) {
            if (threads[i].done) continue;
            running = &threads[i];
            swap_stacks(&scheduler, threads[i].stack);
        }
    } while (b->finished < b->threads && b->progress != before);
    if (b->finished < b->threads && !b->error) b->error = "threads wait for one another for ever";
}

static int launch(Kernel *kernel, int waits, size_t local, size_t fixed, const u32 grid[3], const u32 size[3], u32 dynamic,
                  void **arguments, char *error, size_t length) {
    u32 threads = size[0] * size[1] * size[2], warps = (threads + 31) / 32;
    s64 blocks = (s64)grid[0] * grid[1] * grid[2];
    const char *wrong = NULL;
    local = (local + 15) / 16 * 16;
#pragma omp parallel
    {
        struct thread *all = malloc(threads * sizeof *all);
        struct warp *warped = malloc(warps * sizeof *warped);
        u8 *shared = NULL;
        if (posix_memalign((void **)&shared, 1024, fixed + dynamic + 1024)) abort();
        u8 *locals = malloc(local * (waits ? threads : 1) + 16);
        u8 *stacks = waits ? mmap(NULL, (size_t)threads * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : NULL;
#pragma omp for schedule(dynamic)
        for (s64 i = 0; i < blocks; i++) {
            if (wrong) continue;
            memset(shared, 0xff, fixed + dynamic);
            for (u32 w = 0; w < warps; w++) warped[w].alive = warped[w].waiting = warped[w].released = 0;
            struct block b = {.ntid = {size[0], size[1], size[2]}, .nctaid = {grid[0], grid[1], grid[2]},
                              .ctaid = {i % grid[0], i / grid[0] % grid[1], i / ((s64)grid[0] * grid[1])},
                              .threads = threads, .warps = warped, .shared = shared, .arguments = arguments};
            run_block(&b, kernel, waits, local, all, stacks, locals);
            if (b.error) wrong = b.error;
        }
        free(all); free(warped); free(shared); free(locals);
        if (stacks) munmap(stacks, (size_t)threads * STACK);
    }
    if (wrong) { snprintf(error, length, "%s", wrong); return 1; }
    return 0;
}
