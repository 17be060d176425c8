"""What each instruction is in C, but for those that have one thread wait for others."""

import re

from kinds import FLOATS, WRITE, Unknown, bits_of, split


class Instructions:
    def op_ret(self, flags, args):
        return "return;"

    op_exit = op_ret

    def op_trap(self, flags, args):
        return 'fail(t, "trap"); return;'

    def op_bra(self, flags, args):
        return f"goto {self.label(args[0])};"

    def op_brx(self, flags, args):
        targets = enumerate(self.tables[args[1]])
        jumps = " ".join(f"case {at}: goto {self.label(target)};" for at, target in targets)
        return f'switch ({self.value(args[0])}) {{ {jumps} }} fail(t, "a jump beyond its table"); return;'

    def op_mov(self, flags, args):
        kind, (dst, src) = flags[-1], args
        if dst.startswith("{"):
            parts = split(dst[1:-1])
            width = bits_of(kind) // len(parts)
            made = [self.write(part, f"b{width}", f"x_ >> {width * at}") for at, part in enumerate(parts)]
            return f"u{bits_of(kind)} x_ = {self.value(src)}; " + " ".join(made)
        if src.startswith("{"):
            parts = split(src[1:-1])
            width = bits_of(kind) // len(parts)
            whole = " | ".join(f"(u{bits_of(kind)})(u{width}){self.value(part)} << {width * at}" for at, part in enumerate(parts))
            return self.write(dst, f"b{bits_of(kind)}", whole)
        if kind == "pred":
            return self.write(dst, "pred", self.predicate(src))
        return self.write(dst, f"b{bits_of(kind)}", self.value(src))

    def op_cvta(self, flags, args):
        dst, src = args
        space = next((flag for flag in flags if flag.split("::")[0] in ("shared", "local", "global", "param", "const")), None)
        base = {"shared": "(u64)t->block->shared", "local": "(u64)t->local"}.get(space.split("::")[0], "0")
        return self.write(dst, flags[-1].replace("u", "b"), f"{self.value(src)} {'-' if flags[0] == 'to' else '+'} {base}")

    def memory(self, flags):
        kind = next(flag for flag in reversed(flags) if flag in FLOATS or re.fullmatch(r"[sub]\d+", flag))
        space = next((flag for flag in flags if flag.split("::")[0] in ("global", "shared", "local", "param", "const")), "generic")
        return kind, space

    def op_ld(self, flags, args):
        kind, space = self.memory(flags)
        width = bits_of(kind)
        made = f"const u8 *p_ = {self.pointer(args[1], space)}; "
        parts = split(args[0][1:-1]) if args[0].startswith("{") else [args[0]]
        kind = kind if kind[0] in "su" else f"b{width}"
        for at, part in enumerate(parts):
            made += f"u{width} x{at}_; memcpy(&x{at}_, p_ + {at * width // 8}, {width // 8}); "
        return made + " ".join(self.write(part, kind, f"x{at}_") for at, part in enumerate(parts))

    op_ldu = op_ld

    def op_st(self, flags, args):
        kind, space = self.memory(flags)
        width = bits_of(kind)
        made = f"u8 *p_ = {self.pointer(args[0], space)}; "
        parts = split(args[1][1:-1]) if args[1].startswith("{") else [args[1]]
        for at, part in enumerate(parts):
            made += f"u{width} x{at}_ = (u{width}){self.value(part)}; memcpy(p_ + {at * width // 8}, &x{at}_, {width // 8}); "
        return made

    def arithmetic(self, flags, args, c, ints=None):
        kind = flags[-1]
        if {"rz", "rm", "rp", "cc"} & set(flags) or kind not in FLOATS and "sat" in flags:
            raise Unknown("another rounding, a carry or integers that saturate")
        if kind in FLOATS:
            def made(*xs):
                found = c(*xs)
                if "sat" in flags:
                    found = f"sat({found})"
                if "relu" in flags:
                    found = f"high_nan({found}, 0)"
                return found

            return self.each(kind, made, *args)
        return self.write(args[0], kind, (ints or c)(*[self.read(x, kind) for x in args[1:]]))

    def op_add(self, flags, args):
        return self.arithmetic(flags, args, lambda a, b: f"{a} + {b}")

    def op_sub(self, flags, args):
        return self.arithmetic(flags, args, lambda a, b: f"{a} - {b}")

    def op_mul(self, flags, args):
        kind = flags[-1]
        if kind in FLOATS:
            return self.arithmetic(flags, args, lambda a, b: f"{a} * {b}")
        return self.product(flags, args, None)

    def op_mad(self, flags, args):
        if flags[-1] in FLOATS:
            return self.op_fma(flags, args)
        return self.product(flags, args, args[3])

    def product(self, flags, args, add):
        kind = flags[-1]
        sign, width = "s" if kind[0] == "s" else "u", bits_of(kind)
        a, b = self.read(args[1], kind), self.read(args[2], kind)
        if "wide" in flags:
            wide = f"{sign}{width * 2}"
            made = f"({wide}){a} * ({wide}){b}"
            return self.write(args[0], wide, made + (f" + {self.read(add, wide)}" if add else ""))
        double = f"{sign}{width * 2}"
        made = f"({double}){a} * ({double}){b}"
        made = f"(u{width})(({made}) >> {width})" if "hi" in flags else f"(u{width})({made})"
        return self.write(args[0], kind, made + (f" + {self.read(add, kind)}" if add else ""))

    def op_fma(self, flags, args):
        towards = {"rm": "FE_DOWNWARD", "rp": "FE_UPWARD", "rz": "FE_TOWARDZERO"}
        how = next((towards[flag] for flag in flags if flag in towards), None)
        if how and flags[-1] == "f32":
            flags = [flag for flag in flags if flag not in towards]
            return self.arithmetic(flags, args, lambda a, b, c: f"fma_towards({a}, {b}, {c}, {how})")
        return self.arithmetic(flags, args, lambda a, b, c: f"{'fmaf' if flags[-1] in ('f32', 'f32x2') else 'fma'}({a}, {b}, {c})")

    def op_div(self, flags, args):
        return self.arithmetic(flags, args, lambda a, b: f"{a} / {b}", lambda a, b: f"({b} ? {a} / {b} : -1)")

    def op_rem(self, flags, args):
        return self.arithmetic(flags, args, None, lambda a, b: f"({b} ? {a} % {b} : {a})")

    def op_min(self, flags, args):
        name = "low_nan" if "NaN" in flags else "low"
        return self.arithmetic(flags, args, lambda a, b: f"{name}({a}, {b})", lambda a, b: f"({a} < {b} ? {a} : {b})")

    def op_max(self, flags, args):
        name = "high_nan" if "NaN" in flags else "high"
        return self.arithmetic(flags, args, lambda a, b: f"{name}({a}, {b})", lambda a, b: f"({a} > {b} ? {a} : {b})")

    def op_abs(self, flags, args):
        if flags[-1] in FLOATS:
            return self.masked(flags[-1], args, "&", 0x7FFF, 0x7FFFFFFF, 0x7FFFFFFFFFFFFFFF)
        return self.arithmetic(flags, args, None, lambda a: f"({a} < 0 ? -{a} : {a})")

    def op_neg(self, flags, args):
        if flags[-1] in FLOATS:
            return self.masked(flags[-1], args, "^", 0x8000, 0x80000000, 0x8000000000000000)
        return self.arithmetic(flags, args, None, lambda a: f"-{a}")

    def masked(self, kind, args, how, half, single, double):
        mask = {"f16": half, "bf16": half, "f16x2": half << 16 | half, "bf16x2": half << 16 | half, "f32": single, "f64": double}[kind]
        return self.write(args[0], f"b{bits_of(kind)}", f"{self.value(args[1])} {how} {mask:#x}ull")

    def op_rcp(self, flags, args):
        return self.arithmetic(flags, args, lambda a: f"1 / {a}")

    def op_rsqrt(self, flags, args):
        return self.arithmetic(flags, args, lambda a: f"1 / sqrt((f64){a})")

    def op_copysign(self, flags, args):
        return self.arithmetic(flags, args, lambda a, b: f"copysign({b}, {a})")

    def op_testp(self, flags, args):
        test = {"finite": "isfinite", "infinite": "isinf", "notanumber": "isnan", "number": "!isnan", "normal": "isnormal"}[flags[0]]
        return self.write(args[0], "pred", f"{test}({self.read(args[1], flags[-1])}) != 0")

    def binary(self, flags, args, operator):
        if flags[-1] == "pred":
            return self.write(args[0], "pred", f"({self.predicate(args[1])}) {operator} ({self.predicate(args[2])})")
        return self.write(args[0], flags[-1], f"{self.value(args[1])} {operator} {self.value(args[2])}")

    def op_and(self, flags, args):
        return self.binary(flags, args, "&")

    def op_or(self, flags, args):
        return self.binary(flags, args, "|")

    def op_xor(self, flags, args):
        return self.binary(flags, args, "^")

    def op_not(self, flags, args):
        if flags[-1] == "pred":
            return self.write(args[0], "pred", f"!({self.predicate(args[1])})")
        return self.write(args[0], flags[-1], f"~{self.value(args[1])}")

    def op_shl(self, flags, args):
        return self.write(args[0], flags[-1], f"shl({self.read(args[1], 'u' + flags[-1][1:])}, (u32){self.value(args[2])}, {bits_of(flags[-1])})")

    def op_shr(self, flags, args):
        name = "sar" if flags[-1][0] == "s" else "shr"
        return self.write(args[0], flags[-1], f"{name}({self.read(args[1], flags[-1])}, (u32){self.value(args[2])}, {bits_of(flags[-1])})")

    def op_shf(self, flags, args):
        by = f"((u32){self.value(args[3])})"
        by = f"({by} & 31)" if "wrap" in flags else f"({by} > 32 ? 32 : {by})"
        return self.write(args[0], "b32", f"funnel_{flags[0]}({self.value(args[1])}, {self.value(args[2])}, {by})")

    def op_prmt(self, flags, args):
        return self.write(args[0], "b32", f"prmt({', '.join(self.value(x) for x in args[1:])})")

    def op_lop3(self, flags, args):
        return self.write(args[0], "b32", f"lop3({', '.join(self.value(x) for x in args[1:])})")

    def op_bfe(self, flags, args):
        a, b, c = (self.value(x) for x in args[1:])
        return self.write(args[0], "b" + flags[-1][1:], f"bfe({a}, {b}, {c}, {bits_of(flags[-1])}, {int(flags[-1][0] == 's')})")

    def op_bfi(self, flags, args):
        return self.write(args[0], flags[-1], f"bfi({', '.join(self.value(x) for x in args[1:])}, {bits_of(flags[-1])})")

    def op_popc(self, flags, args):
        return self.write(args[0], "u32", f"__builtin_popcountll({self.read(args[1], 'u' + flags[-1][1:])})")

    def op_clz(self, flags, args):
        x, width = self.read(args[1], "u" + flags[-1][1:]), bits_of(flags[-1])
        return self.write(args[0], "u32", f"{x} ? __builtin_clzll({x}) - {64 - width} : {width}")

    def op_brev(self, flags, args):
        width = bits_of(flags[-1])
        return f"u64 x_ = {self.value(args[1])}, y_ = 0; for (int i = 0; i < {width}; i++) y_ |= (x_ >> i & 1) << ({width} - 1 - i); " + self.write(args[0], flags[-1], "y_")

    def op_selp(self, flags, args):
        return self.write(args[0], f"b{bits_of(flags[-1])}", f"{self.predicate(args[3])} ? {self.value(args[1])} : {self.value(args[2])}")

    def op_setp(self, flags, args):
        kind, how = flags[-1], flags[0]
        a, b = self.read(args[1], kind), self.read(args[2], kind)
        signs = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "lo": "<", "ls": "<=", "hi": ">", "hs": ">="}
        if kind in FLOATS:
            if how == "num":
                made = f"!isunordered({a}, {b})"
            elif how == "nan":
                made = f"isunordered({a}, {b})"
            elif how.endswith("u") and how[:-1] in signs:
                made = f"(isunordered({a}, {b}) || {a} {signs[how[:-1]]} {b})"
            else:
                made = f"(!isunordered({a}, {b}) && {a} {signs[how]} {b})"
        else:
            if how in ("lo", "ls", "hi", "hs"):
                a, b = self.read(args[1], "u" + kind[1:]), self.read(args[2], "u" + kind[1:])
            made = f"({a} {signs[how]} {b})"
        join = next((flag for flag in flags if flag in ("and", "or", "xor")), None)
        other = f"!{made}"
        if join:
            sign, third = {"and": "&", "or": "|", "xor": "^"}[join], f"({self.predicate(args[3])})"
            made, other = f"({made} {sign} {third})", f"((!{made}) {sign} {third})"
        first, _, second = args[0].partition("|")
        if second:
            return f"u8 x_ = {made}, y_ = {other}; " + self.write(first, "pred", "x_") + self.write(second, "pred", "y_")
        return self.write(first, "pred", made)

    def op_cvt(self, flags, args):
        kinds = [flag for flag in flags if flag in FLOATS or flag == "tf32" or re.fullmatch(r"[sub]\d+", flag)]
        to, source = kinds
        if to in ("f16x2", "bf16x2") and source == "f32":
            one = to[:-2]
            numbers = [self.read(x, "f32") for x in args[1:]]
            if "relu" in flags:
                numbers = [f"high_nan({x}, 0)" for x in numbers]
            return self.write(args[0], "b32", f"pair({WRITE[one].format(numbers[1])}, {WRITE[one].format(numbers[0])})")
        if to == "tf32":
            return self.write(args[0], "b32", f"TF({self.value(args[1])})")
        x = self.read(args[1], source)
        rounded = {"rni": "rint", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}
        how = next((rounded[flag] for flag in flags if flag in rounded), None)
        if source in FLOATS and to in FLOATS:
            made = f"{how}({x})" if how else x
            if "sat" in flags:
                made = f"sat({made})"
            if "rz" in flags and bits_of(to) < bits_of(source):
                raise Unknown("rounding towards zero")
            return self.write(args[0], to, made)
        if source in FLOATS:
            width = bits_of(to)
            x = f"{how or 'trunc'}((f64){x})"
            if to[0] == "s":
                return self.write(args[0], to, f"to_s({x}, {-(2 ** (width - 1)) + (1 if width == 64 else 0)}, {2 ** (width - 1) - 1})")
            return self.write(args[0], to, f"to_u({x}, {2**width - 1}ull)")
        if to in FLOATS:
            return self.write(args[0], to, f"(f32){x}" if to == "f32" else f"(f64){x}")
        if "sat" in flags:
            raise Unknown("integers that saturate")
        return self.write(args[0], to, x)


def _add_math(name, function):
    def made(self, flags, args):
        return self.arithmetic(flags, args, lambda a: f"{function}((f64){a})")

    setattr(Instructions, "op_" + name, made)


for _name, _function in {"sqrt": "sqrt", "ex2": "exp2", "lg2": "log2", "sin": "sin", "cos": "cos", "tanh": "tanh"}.items():
    _add_math(_name, _function)
