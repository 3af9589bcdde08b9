import {
  type KernelMemory,
  Owner,
  type RegisteredMemory,
  type UnsafeMemory,
} from '@ringbearer/io-uring-owner';

/** For tests: kernel memory at a pretended address, 0x3_ffff_f000 as in sqe-goldens.json unless told otherwise. */
export class FakeMemory implements KernelMemory {
  readonly owner: Owner;
  readonly byteLength: number;
  readonly unsafe: UnsafeMemory;

  constructor(byteLength: number, options: { shared?: boolean; addressLow?: number } = {}) {
    const { shared = false, addressLow = 0xffff_f000 } = options;
    this.owner = new Owner({ shared });
    this.byteLength = byteLength;
    this.unsafe = { addressLow, addressHigh: 3, bytes: new Uint8Array(byteLength) };
  }
}

/** For tests: some memory that is registered with any ring. */
export class FakeRegistered implements RegisteredMemory {
  readonly index: number;
  readonly ring: object | null;
  readonly whole: KernelMemory | null;
  readonly #memory: KernelMemory;
  /** Operations that use it. */
  users = 0;

  constructor(memory: KernelMemory, index: number, options: { parts?: true; ring?: object } = {}) {
    this.#memory = memory;
    this.index = index;
    this.whole = options.parts ? null : memory;
    this.ring = options.ring ?? null;
  }

  contains(memory: KernelMemory, offset: number, length: number): boolean {
    const start = memory.unsafe.addressLow - this.#memory.unsafe.addressLow + offset;
    return start >= 0 && start + length <= this.#memory.byteLength;
  }
  begin(): void {
    this.users += 1;
  }
  end(): void {
    this.users -= 1;
  }
}
