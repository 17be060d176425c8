"""Instructions by which threads wait for one another: barriers, a warp's exchanges and its products of small matrices."""

import re

from kinds import FLOATS, READ, WRITE, Unknown, bits_of, split

TYPES = {"f16": "TF16", "bf16": "TBF16", "tf32": "TTF32", "f32": "TF32", "s8": "TS8", "u8": "TU8", "s32": "TS32"}


class Warps:
    def op_bar(self, flags, args):
        if flags[0] == "warp":
            self.waits = True
            return f"give(t, {self.value(args[0])}, (u64[]){{0}}, 1);"
        self.waits = True
        if "arrive" in flags or "red" in flags:
            raise Unknown("a barrier that does more")
        count = self.value(args[1]) if len(args) > 1 else "0"
        return f"bar(t, {self.value(args[0])}, {count}); if (t->block->error) return;"

    op_barrier = op_bar

    def op_membar(self, flags, args):
        return "__sync_synchronize();"

    op_fence = op_membar

    def op_activemask(self, flags, args):
        return self.write(args[0], "b32", "t->warp->alive")

    def op_shfl(self, flags, args):
        self.waits = True
        kind = ["up", "down", "bfly", "idx"].index(flags[1])
        first, _, second = args[0].partition("|")
        made = f"int ok_; u32 x_ = shuffle(t, {self.value(args[1])}, {kind}, {self.value(args[2])}, {self.value(args[3])}, {self.value(args[4])}, &ok_); "
        return made + self.write(first, "b32", "x_") + (self.write(second, "pred", "ok_") if second else "")

    def op_vote(self, flags, args):
        self.waits = True
        made = f"u32 m_ = {self.value(args[2])} & t->warp->alive, x_ = ballot(t, {self.predicate(args[1])}, m_); "
        how = flags[1]
        if how == "ballot":
            return made + self.write(args[0], "b32", "x_")
        return made + self.write(args[0], "pred", {"any": "x_ != 0", "all": "x_ == m_", "uni": "(x_ == 0 || x_ == m_)"}[how])

    def op_redux(self, flags, args):
        self.waits = True
        how = flags[1] + ("s" if flags[-1] == "s32" and flags[1] in ("min", "max") else "")
        kind = ["add", "min", "max", "mins", "maxs", "and", "or", "xor"].index(how)
        return self.write(args[0], "b32", f"redux(t, {kind}, {self.value(args[1])}, {self.value(args[2])})")

    def op_atom(self, flags, args, keep=True):
        kind, space = self.memory(flags)
        how = next(flag for flag in flags if flag in ("add", "min", "max", "cas", "exch", "and", "or", "xor", "inc", "dec"))
        address, rest = (args[1], args[2:]) if keep else (args[0], args[1:])
        width = bits_of(kind)
        made = f"u{width} *p_ = (u{width} *){self.pointer(address, space)}, o_, n_; "
        if how == "cas":
            made += f"o_ = {self.value(rest[0])}; __atomic_compare_exchange_n(p_, &o_, (u{width}){self.value(rest[1])}, 0, 5, 5); "
        else:
            if kind in FLOATS:
                if kind not in READ or how != "add":
                    raise Unknown("an atomic operation on floats")
                new = WRITE[kind].format(f"{READ[kind].format('o_')} + {self.read(rest[0], kind)}")
            else:
                sign = f"({'s' if kind[0] == 's' else 'u'}{width})"
                x = f"{sign}{self.value(rest[0])}"
                new = {
                    "add": f"o_ + {x}", "and": f"o_ & {x}", "or": f"o_ | {x}", "xor": f"o_ ^ {x}", "exch": x,
                    "min": f"{sign}o_ < {x} ? o_ : {x}", "max": f"{sign}o_ > {x} ? o_ : {x}",
                }[how]
            made += f"o_ = __atomic_load_n(p_, 5); do {{ n_ = {new}; }} while (!__atomic_compare_exchange_n(p_, &o_, n_, 0, 5, 5)); "
        return made + (self.write(args[0], f"b{width}", "o_") if keep else "")

    def op_red(self, flags, args):
        return self.op_atom(flags, args, keep=False)

    def op_cp(self, flags, args):
        if flags[0] != "async" or "bulk" in flags:
            raise Unknown("a copy")
        if flags[1] in ("commit_group", "wait_group", "wait_all"):
            return ";"
        size = self.value(args[2])
        given = self.value(args[3]) if len(args) > 3 else size
        return f"u8 *p_ = {self.pointer(args[0], 'shared')}; memset(p_, 0, {size}); memcpy(p_, {self.pointer(args[1], 'global')}, {given});"

    def words(self, text):
        return [self.value(x) for x in split(text[1:-1])]

    def into(self, text, name):
        return " ".join(self.write(x, "b32", f"{name}[{at}]") for at, x in enumerate(split(text[1:-1])))

    def op_wmma(self, flags, args):
        self.waits = True
        how = flags[0]
        shape = next(flag for flag in flags if re.fullmatch(r"m\d+n\d+k\d+", flag))
        m, n, k = map(int, re.findall(r"\d+", shape))
        layouts = [flag for flag in flags if flag in ("row", "col")]
        kinds = [flag for flag in flags if flag in TYPES]
        if how in ("load", "store"):
            _, space = self.memory([flag for flag in flags if flag != "tf32"] + ["b32"])
            rows, columns = {"a": (m, k), "b": (k, n), "c": (m, n), "d": (m, n)}[flags[1]]
            at, regs, stride = (args[1], args[0], args[2:]) if how == "load" else (args[0], args[1], args[2:])
            by_row = int(layouts[0] == "row")
            step = self.value(stride[0]) if stride else (columns if by_row else rows)
            count = len(split(regs[1:-1]))
            rest = f"{self.pointer(at, space)}, {step}, {rows}, {columns}, {by_row}, {TYPES[kinds[0]]}"
            if how == "load":
                return f"u32 w_[16]; wmma_load(t, w_, {count}, {rest}); " + self.into(regs, "w_")
            return f"u32 w_[] = {{{', '.join(self.words(regs))}}}; wmma_store(t, w_, {rest});"
        if len(kinds) == 2:
            types = [kinds[0], "f16", "f16", kinds[1]]
        else:
            types = kinds
        d, a, b, c = types
        made = "".join(f"u32 {name}_[] = {{{', '.join(self.words(x))}}}; " for name, x in zip("abc", args[1:]))
        na, nb = (-(-rows * columns // 32 * {"f16": 2, "bf16": 2, "tf32": 4, "s8": 1, "u8": 1}[kind] // 4) for rows, columns, kind in ((m, k, a), (k, n, b)))
        self.module.places.add((k, n))
        made += (
            f"u32 d_[16]; multiply(t, d_, a_, b_, c_, {m}, {n}, {k}, {TYPES[a]}, {TYPES[b]}, {TYPES[c]}, {TYPES[d]}, "
            f"{na}, {nb}, place_{m}_{k}, place_{k}_{n}, place_{m}_{n}, {m * n // 32}); "
        )
        self.module.places |= {(m, k), (k, n), (m, n)}
        return made + self.into(args[0], "d_")

    def op_mma(self, flags, args):
        self.waits = True
        shape = next(flag for flag in flags if re.fullmatch(r"m\d+n\d+k\d+", flag))
        m, n, k = map(int, re.findall(r"\d+", shape))
        d, a, b, c = [flag for flag in flags if flag in TYPES]
        if (m, n) != (16, 8) or "row" not in flags or "col" not in flags:
            raise Unknown("a shape of mma")
        each = {"f16": 2, "bf16": 2, "tf32": 1, "s8": 4, "u8": 4}[a]
        self.module.fragments.add((k, each))
        made = "".join(f"u32 {name}_[] = {{{', '.join(self.words(x))}}}; " for name, x in zip("abc", args[1:4]))
        made += (
            f"u32 d_[16]; multiply(t, d_, a_, b_, c_, 16, 8, {k}, {TYPES[a]}, {TYPES[b]}, {TYPES[c]}, {TYPES[d]}, "
            f"{16 * k // 32 // each}, {8 * k // 32 // each}, mma_a_{k}_{each}, mma_b_{k}_{each}, mma_d, 4); "
        )
        return made + self.into(args[0], "d_")

    def op_ldmatrix(self, flags, args):
        self.waits = True
        count = int(next(flag for flag in flags if re.fullmatch(r"x\d", flag))[1:])
        _, space = self.memory(flags)
        made = f"u32 w_[4]; ldmatrix(t, w_, {count}, (u64){self.pointer(args[1], space)}, {int('trans' in flags)}); "
        return made + self.into(args[0], "w_")

    def op_stmatrix(self, flags, args):
        self.waits = True
        count = int(next(flag for flag in flags if re.fullmatch(r"x\d", flag))[1:])
        _, space = self.memory(flags)
        made = f"u32 w_[] = {{{', '.join(self.words(args[1]))}}}; "
        return made + f"stmatrix(t, w_, {count}, (u64){self.pointer(args[0], space)}, {int('trans' in flags)});"
