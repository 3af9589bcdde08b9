import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { RegisteredMemory } from '@ringbearer/io-uring-owner';
import { descriptorArgument, integerArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { type GatherPart, Vector } from '../../vector.js';

/** What the vectored reads and writes differ in. */
export interface VectorDirection {
  /** For error messages. */
  readonly action: 'read' | 'write';
  /** What the option with the parts is called. */
  readonly parts: 'memory' | 'data';
  /** Parts must be kernel memory: the kernel writes to them, or has registered them. */
  readonly kernelOnly: boolean;
}

/** A transfer between a file and several pieces of memory, one after the other. */
export abstract class VectorTransfer<Part extends GatherPart> extends OpCode<number> {
  readonly #direction: VectorDirection;
  readonly #descriptor: Descriptor;
  readonly #vector = new Vector();
  readonly #buffer: RegisteredMemory | null;
  #position: number;

  /** @param buffer the registered buffer that all parts are in; null for the opcodes that take none */
  constructor(
    direction: VectorDirection,
    descriptor: Descriptor,
    parts: readonly Part[],
    position = -1,
    buffer: RegisteredMemory | null = null,
  ) {
    super();
    const { action } = direction;
    this.#direction = direction;
    this.#descriptor = descriptorArgument(action, 'descriptor', descriptor);
    this.#buffer = buffer;
    this.#choose(parts);
    this.#position = integerArgument(action, 'position', position, -1);
  }

  /** First byte of the file that the next submission reads or writes. */
  get position(): number {
    return this.#position;
  }
  set position(value: number) {
    this.assertIdle();
    this.#position = integerArgument(this.#direction.action, 'position', value, -1);
  }

  /** Chooses other parts for the next submission. */
  set(parts: readonly Part[]): this {
    this.assertIdle();
    this.#choose(parts);
    return this;
  }

  override acquire(): void {
    this.#vector.acquire();
  }
  override release(): void {
    this.#vector.release();
  }
  override rollback(): void {
    this.#vector.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    this.#vector.prepare(sqe);
    sqe.fileOffset(this.#position);
  }

  override complete(cqe: Cqe): number {
    this.#vector.assertAttached();
    return this.result(cqe);
  }

  #choose(parts: readonly Part[]): void {
    const { action, parts: name, kernelOnly } = this.#direction;
    this.#vector.set(action, name, parts, kernelOnly, this.#buffer);
  }
}
