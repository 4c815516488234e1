// Instructions of the kernel's machine (RFC 9669), written one by one: the programs that packets need are
// short, and a compiler at install time is not.

export type Register = 'r0' | 'r1' | 'r2' | 'r3' | 'r4' | 'r5' | 'r6' | 'r7' | 'r8' | 'r9' | 'r10';
/** A register, or a number of 32 bits that is extended with its sign. */
export type Operand = Register | number;
/** Bytes of a load or store. */
export type Width = 1 | 2 | 4 | 8;

const INSTRUCTION_SIZE = 8;
const CLASS_ALU32 = 0x04;
const CLASS_ALU64 = 0x07;
const CLASS_JUMP = 0x05;
const SOURCE_REGISTER = 0x08;
const WIDTHS: Record<Width, number> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };
const LOAD = 0x61;
const STORE = 0x63;
const LOAD_WIDE = 0x18;
const LOAD_PACKET = 0x20;
const TO_BIG_ENDIAN = 0xdc;
const CALL = 0x85;
const EXIT = 0x95;
/** of LOAD_WIDE's source field: the number is a map's descriptor */
const MAP_DESCRIPTOR = 1;

const OPERATIONS = {
  add: 0x00,
  subtract: 0x10,
  multiply: 0x20,
  or: 0x40,
  and: 0x50,
  shiftLeft: 0x60,
  shiftRight: 0x70,
  modulo: 0x90,
  xor: 0xa0,
  move: 0xb0,
} as const;
export type Operation = keyof typeof OPERATIONS;

const CONDITIONS = { equal: 0x10, above: 0x20, unequal: 0x50, below: 0xa0 } as const;
export type Condition = keyof typeof CONDITIONS;

interface Instruction {
  opcode: number;
  target?: Register | undefined;
  source?: number;
  offset?: number;
  immediate?: number;
  /** label of a jump */
  to?: string;
}

function numberOf(register: Register | undefined): number {
  return register === undefined ? 0 : Number(register.slice(1));
}

function withOperand(opcode: number, operand: Operand): Instruction {
  return typeof operand === 'number'
    ? { opcode, immediate: operand }
    : { opcode: opcode | SOURCE_REGISTER, source: numberOf(operand) };
}

/** Collects a program; `bytes()` is what the kernel takes. Labels may be used before they stand. */
export class Assembler {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();

  /** Jumps to that name come here. */
  label(name: string): this {
    if (this.#labels.has(name)) throw new Error(`bpf: label ${name} stands twice`);
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  /** On all 64 bits. */
  do(operation: Operation, target: Register, operand: Operand): this {
    const opcode = CLASS_ALU64 | OPERATIONS[operation];
    return this.#add({ target, ...withOperand(opcode, operand) });
  }

  /** On the lower 32 bits; the upper ones become 0. */
  do32(operation: Operation, target: Register, operand: Operand): this {
    const opcode = CLASS_ALU32 | OPERATIONS[operation];
    return this.#add({ target, ...withOperand(opcode, operand) });
  }

  /** A number of 64 bits. */
  constant(target: Register, value: bigint): this {
    return this.#wide(target, 0, value);
  }

  /** The map of that descriptor. */
  map(target: Register, fd: number): this {
    return this.#wide(target, MAP_DESCRIPTOR, BigInt(fd));
  }

  /** As the bytes lie in memory, on a little-endian machine. */
  load(width: Width, target: Register, base: Register, offset: number): this {
    return this.#add({ opcode: LOAD | WIDTHS[width], target, source: numberOf(base), offset });
  }

  store(width: Width, base: Register, offset: number, source: Register): this {
    const opcode = STORE | WIDTHS[width];
    return this.#add({ opcode, target: base, source: numberOf(source), offset });
  }

  /**
   * A socket filter's load from the packet into r0, as a number in network order; r6 is the context. The
   * program ends with 0 where the packet is too short. r1 to r5 are lost.
   */
  loadPacket(width: 1 | 2 | 4, offset: number): this {
    return this.#add({ opcode: LOAD_PACKET | WIDTHS[width], immediate: offset });
  }

  /** Turns the lower bytes around. */
  swap(width: 2 | 4, target: Register): this {
    return this.#add({ opcode: TO_BIG_ENDIAN, target, immediate: width * 8 });
  }

  jump(to: string): this {
    return this.#add({ opcode: CLASS_JUMP, to });
  }

  /** Compares 64 bits without sign. */
  jumpIf(condition: Condition, register: Register, operand: Operand, to: string): this {
    const opcode = CLASS_JUMP | CONDITIONS[condition];
    return this.#add({ target: register, to, ...withOperand(opcode, operand) });
  }

  /** One of the kernel's functions: arguments in r1 to r5, which are lost, the result in r0. */
  call(helper: number): this {
    return this.#add({ opcode: CALL, immediate: helper });
  }

  /** r0 is the program's result. */
  exit(): this {
    return this.#add({ opcode: EXIT });
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(new ArrayBuffer(this.#instructions.length * INSTRUCTION_SIZE));
    const view = new DataView(bytes.buffer);
    for (const [index, instruction] of this.#instructions.entries()) {
      const at = index * INSTRUCTION_SIZE;
      const { opcode, target, source = 0, offset = 0, immediate = 0, to } = instruction;
      view.setUint8(at, opcode);
      view.setUint8(at + 1, numberOf(target) | (source << 4));
      view.setInt16(at + 2, to === undefined ? offset : this.#distance(index, to), true);
      view.setInt32(at + 4, immediate, true);
    }
    return bytes;
  }

  /** An instruction that takes two places. */
  #wide(target: Register, source: number, value: bigint): this {
    const half = (bits: bigint): number => Number(BigInt.asIntN(32, bits));
    this.#add({ opcode: LOAD_WIDE, target, source, immediate: half(value) });
    return this.#add({ opcode: 0, immediate: half(value >> 32n) });
  }

  #distance(index: number, to: string): number {
    const place = this.#labels.get(to);
    if (place === undefined) throw new Error(`bpf: no label ${to}`);
    return place - index - 1;
  }

  #add(instruction: Instruction): this {
    this.#instructions.push(instruction);
    return this;
  }
}
