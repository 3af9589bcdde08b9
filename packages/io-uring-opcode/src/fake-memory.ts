import { type KernelMemory, Owner, type UnsafeMemory } from '@ringbearer/io-uring-owner';

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
