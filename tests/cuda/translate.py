"""Translates PTX to C for card.h: translate.py KERNEL.ptx > kernel.c"""

import re
import sys

from instructions import Instructions
from kinds import READ, WRITE, Unknown, bits_of, split
from warps import Warps

SPECIAL = {
    "%laneid": "t->lane", "%warpid": "(t->flat / 32)", "%nwarpid": "((t->block->threads + 31) / 32)", "%clock": "0u", "%clock64": "0ull",
    "%globaltimer": "0ull", "%lanemask_lt": "((1u << t->lane) - 1)", "%lanemask_le": "((2u << t->lane) - 1)",
    "%lanemask_eq": "(1u << t->lane)", "%lanemask_ge": "(~0u << t->lane)", "%lanemask_gt": "(~1u << t->lane)",
    "WARP_SZ": "32u", "%smid": "0u", "%nsmid": "108u",
}
for at, axis in enumerate("xyz"):
    for name in ("tid", "ntid", "ctaid", "nctaid"):
        SPECIAL[f"%{name}.{axis}"] = f"t->tid[{at}]" if name == "tid" else f"t->block->{name}[{at}]"


class Kernel(Instructions, Warps):
    def __init__(self, name, parameters, body, module):
        self.name, self.parameters, self.module = name, parameters, module
        self.lines, self.scopes, self.declared, self.ranges = [], [{}], [], {}
        self.local, self.waits, self.count = 0, False, 0
        self.symbols = {}
        self.tables, self.latest = {}, None
        self.walk(body)

    # ---- reading ----

    def walk(self, body):
        at, statement = 0, ""
        while at < len(body):
            char = body[at]
            if char == '"':
                end = body.index('"', at + 1)
                statement += body[at : end + 1]
                at = end
            elif char == ";":
                self.statement(" ".join(statement.split()))
                statement = ""
            elif char == "{" and not statement.strip():
                self.scopes.append({})
            elif char == "}" and not statement.strip():
                self.scopes.pop()
            elif char == ":" and re.fullmatch(r"\s*[\w$%]+", statement) and body[at + 1] != ":":
                self.latest = statement.strip()
                self.lines.append(f"{self.label(self.latest)}:;")
                statement = ""
            else:
                statement += char
            at += 1

    def label(self, name):
        return "L_" + re.sub(r"\W", "_", name)

    def statement(self, text):
        if not text:
            return
        if text.startswith("."):
            return self.directive(text)
        guard = ""
        if text.startswith("@"):
            guard, text = text.split(" ", 1)
            guard = f"if ({self.predicate(guard[1:])}) "
        opcode, _, operands = text.strip().partition(" ")
        try:
            made = self.instruction(opcode.split("."), split(operands))
        except (Unknown, KeyError, IndexError, ValueError, TypeError) as error:
            raise Unknown(f"{text}  ({error!r})") from error
        self.lines.append(f"{guard}{{ {made} }}")

    def directive(self, text):
        words = text.split(" ", 2)
        if words[0] == ".reg":
            kind = words[1][1:]
            for name in split(words[2]):
                several = re.fullmatch(r"(\S+)<(\d+)>", name)
                if several:
                    self.ranges[several[1]] = kind
                else:
                    self.count += 1
                    variable = f"n{self.count}_" + re.sub(r"\W", "_", name)
                    self.scopes[-1][name] = (variable, kind)
                    self.declared.append((variable, kind))
        elif words[0] in (".local", ".shared"):
            match = re.search(r"\.align (\d+) \.[bsuf](\d+) ([\w$]+)(?:\[(\d*)\])?", text)
            align, size = int(match[1]), int(match[2]) // 8 * int(match[4] or 1)
            if words[0] == ".local":
                self.local = -(-self.local // align) * align
                self.symbols[match[3]] = ("local", self.local)
                self.local += size
            else:
                self.module.share(match[3], align, size)
        elif words[0] == ".branchtargets":
            self.tables[self.latest] = split(text.split(" ", 1)[1])
        elif words[0] not in (".pragma", ".maxntid", ".loc", ".noreturn"):
            raise Unknown(text)

    # ---- operands ----

    def register(self, name):
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        match = re.fullmatch(r"(\D+)(\d+)", name)
        if match and match[1] in self.ranges:
            variable, kind = re.sub(r"\W", "_", name), self.ranges[match[1]]
            self.scopes[0][name] = (variable, kind)
            self.declared.append((variable, kind))
            return variable, kind
        return None

    def symbol(self, name):
        """The space and the address of something with a name, as a C expression."""
        base, _, offset = name.partition("+")
        plus = f" + {offset}" if offset else ""
        if base in self.parameters:
            return "param", f"((u64)t->block->arguments[{self.parameters.index(base)}]{plus})"
        if base in self.symbols:
            space, at = self.symbols[base]
            return space, f"({at}{plus})"
        if base in self.module.shared:
            return "shared", f"({self.module.shared[base]}{plus})"
        if base in self.module.constants:
            return "global", f"((u64)constant_{base}{plus})"
        raise Unknown(f"the name {name}")

    def value(self, text):
        """The bits of an operand."""
        text = text.strip()
        if text in SPECIAL:
            return SPECIAL[text]
        found = self.register(text)
        if found:
            return found[0]
        if re.fullmatch(r"0[fF][0-9a-fA-F]{8}", text):
            return f"0x{text[2:]}u"
        if re.fullmatch(r"0[dD][0-9a-fA-F]{16}", text):
            return f"0x{text[2:]}ull"
        if re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)U?", text):
            number = int(text.rstrip("U"), 0)
            return f"({number & 0xFFFFFFFFFFFFFFFF}ull)" if number < 0 or number > 0x7FFFFFFF else f"({number})"
        if text == "true" or text == "false":
            return "1" if text == "true" else "0"
        return self.symbol(text)[1]

    def predicate(self, text):
        return f"!{self.value(text[1:])}" if text.startswith("!") else self.value(text)

    def read(self, text, kind):
        """An operand as a number of its type, for C to compute with."""
        bits = self.value(text)
        if kind in READ:
            return READ[kind].format(f"(u{bits_of(kind)}){bits}" if kind in ("f16", "bf16") else bits)
        if kind == "pred":
            return self.predicate(text)
        width = bits_of(kind)
        return f"(({'s' if kind[0] == 's' else 'u'}{width}){bits})"

    def write(self, text, kind, expression):
        """A number of a type into a register."""
        if text == "_":
            return ""
        variable, declared = self.register(text)
        if kind in WRITE:
            expression = WRITE[kind].format(expression)
        elif kind[0] == "s" and kind != "pred":
            # A signed number fills the wider register that may hold it.
            expression = f"(s{bits_of(declared)})(s{bits_of(kind)})({expression})"
        elif kind != "pred":
            expression = f"(u{bits_of(kind)})({expression})"
        return f"{variable} = {expression};"

    def each(self, kind, function, dst, *operands):
        """A function of numbers, once, or for both halves of a register."""
        if kind in ("f16x2", "bf16x2"):
            one = kind[:-2]
            halves = []
            for half in ("LO", "HI"):
                numbers = [READ[one].format(f"{half}({self.value(x)})") for x in operands]
                halves.append(WRITE[one].format(function(*numbers)))
            return self.write(dst, "b32", f"pair({halves[0]}, {halves[1]})")
        if kind == "f32x2":
            halves = [f"(u64)U({function(*[f'F((u32)({self.value(x)} >> {by}))' for x in operands])}) << {by}" for by in (0, 32)]
            return self.write(dst, "b64", " | ".join(halves))
        return self.write(dst, kind, function(*[self.read(x, kind) for x in operands]))

    def pointer(self, text, space):
        """[register+offset] as an address of the machine."""
        inner = text.strip()[1:-1].strip()
        base, sign, offset = re.fullmatch(r"([^+-]+)(?:([+-])\s*(-?\w+))?", inner).groups()
        base = base.strip()
        found = self.register(base)
        if found or re.fullmatch(r"\d+", base):
            address = f"(u64){self.value(base)}"
        else:
            named, address = self.symbol(base)
            space = space if space != "generic" else named
        if offset:
            address = f"({address} {sign} ({offset}))"
        if space.startswith("shared"):
            return f"(t->block->shared + {address})"
        if space == "local":
            return f"(t->local + {address})"
        return f"((u8 *)({address}))"

    def instruction(self, op, args):
        name, flags = op[0], op[1:]
        handler = getattr(self, "op_" + name, None)
        if handler is None:
            raise Unknown("an instruction that is not known")
        return handler(flags, args)

    def c(self):
        kinds = {"pred": "u8"}
        variables = "".join(f"  {kinds.get(kind) or 'u' + str(bits_of(kind))} {name} = 0;\n" for name, kind in self.declared)
        lines = "".join(f"  {line}\n" for line in self.lines)
        return (
            f"static void kernel_{self.name}(struct thread *t) {{\n{variables}{lines}  return;\n}}\n"
            f"int run_{self.name}(const u32 grid[3], const u32 block[3], u32 shared, void **arguments, char *error, size_t length) {{\n"
            f"  return launch(kernel_{self.name}, {int(self.waits)}, {self.local}, {self.module.fixed}, grid, block, shared, arguments, error, length);\n}}\n"
        )


class Module:
    def __init__(self, text):
        self.shared, self.fixed, self.constants, self.places, self.fragments = {}, 0, {}, set(), set()
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        text = re.sub(r"//[^\n]*", "", text)
        text = text.split("\t.section")[0].split("\n.section")[0]
        text = re.sub(r"(?m)^\s*\.(loc|file|version|target|address_size)\b[^\n]*$", "", text)
        self.kernels = []
        heads = []
        dynamic = []
        at = 0
        entry = re.compile(r"\.entry\s+([\w$]+)\s*\(([^)]*)\)([^{]*)\{")
        while match := entry.search(text, at):
            heads.append(text[at : match.start()])
            end, depth = match.end(), 1
            while depth:
                depth += (text[end] == "{") - (text[end] == "}")
                end += 1
            parameters = re.findall(r"([\w$]+)(?:\[\d+\])?\s*(?:,|$)", match[2].strip())
            self.kernels.append((match[1], parameters, text[match.end() : end - 1]))
            at = end
        for head in heads:
            for shared in re.finditer(r"\.shared\s+\.align\s+(\d+)\s+\.b8\s+([\w$]+)\[(\d*)\]", head):
                if shared[3]:
                    self.share(shared[2], int(shared[1]), int(shared[3]))
                else:
                    dynamic.append(shared[2])
            for found in re.finditer(r"\.(?:const|global)\s+\.align\s+\d+\s+\.(b8|[bsuf]\d+)\s+([\w$]+)\[(\d+)\](?:\s*=\s*\{([^}]*)\})?", head):
                self.constants[found[2]] = (found[1], int(found[3]), found[4])
        kernels, self.kernels = self.kernels, []
        # What is shared within a body is found first: the part that the launch adds lies behind it.
        for _, _, body in kernels:
            for shared in re.finditer(r"\.shared\s+\.align\s+(\d+)\s+\.b8\s+([\w$]+)\[(\d+)\]", body):
                self.share(shared[2], int(shared[1]), int(shared[3]))
        self.fixed = -(-self.fixed // 128) * 128
        self.shared |= {name: self.fixed for name in dynamic}
        self.kernels = [Kernel(*kernel, self) for kernel in kernels]

    def share(self, name, align, size):
        if name not in self.shared:
            self.fixed = -(-self.fixed // align) * align
            self.shared[name] = self.fixed
            self.fixed += size

    def c(self):
        made = '#include "card.h"\n'
        for name, (kind, count, values) in self.constants.items():
            made += f"static u{bits_of(kind)} constant_{name}[{count}] __attribute__((aligned(16))) = {{{values or 0}}};\n"
        for rows, columns in sorted(self.places):
            each = rows * columns // 32
            made += f"static void place_{rows}_{columns}(int r, int c, int *lane, int *at) {{ int e = r * {columns} + c; *lane = e / {each}; *at = e % {each}; }}\n"
        # Where mma's fragments lie, as NVIDIA's PTX manual draws them: groups of four lanes hold a row.
        for k, each in sorted(self.fragments):
            made += (
                f"static void mma_a_{k}_{each}(int r, int c, int *lane, int *at) {{ *lane = r % 8 * 4 + c / {each} % 4; "
                f"*at = ((c / {4 * each}) * 2 + r / 8) * {each} + c % {each}; }}\n"
                f"static void mma_b_{k}_{each}(int r, int c, int *lane, int *at) {{ *lane = c * 4 + r / {each} % 4; *at = r / {4 * each} * {each} + r % {each}; }}\n"
            )
        if self.fragments:
            made += "static void mma_d(int r, int c, int *lane, int *at) { *lane = r % 8 * 4 + c / 2; *at = r / 8 * 2 + c % 2; }\n"
        return made + "".join(kernel.c() for kernel in self.kernels)


def main():
    try:
        with open(sys.argv[1]) as file:
            sys.stdout.write(Module(file.read()).c())
    except Unknown as error:
        sys.exit(f"translate.py: not known: {error}")


if __name__ == "__main__":
    main()
