import type { KernelMemory } from './kernel-memory.js';

/**
 * Memory that a ring has in its table of registered buffers: the kernel has its pages at hand, and operations name it by index.
 * Operations take one of these, never a bare index, and ask it whether the bytes they are given are inside.
 *
 * Who may touch which of its bytes is still for the {@link Owner} of the memory to say: this one counts the operations that use
 * the registration, which stays until the last has completed.
 */
export interface RegisteredMemory {
  /** Index in the table of its ring: `buf_index` of an entry. Throws once it was removed. */
  readonly index: number;
  /** Which ring's table: an operation that is submitted to another one is refused. Null where none is told apart. */
  readonly ring: object | null;
  /** All of it, where it has one owner; null where parts of it have owners of their own, as the leases of a pool. */
  readonly whole: KernelMemory | null;
  /** `length` bytes of `memory`, from `offset` on, are inside. */
  contains(memory: KernelMemory, offset: number, length: number): boolean;
  /** An operation uses it from now on. Throws once it was removed. */
  begin(): void;
  /** An operation does not use it any more. */
  end(): void;
}
