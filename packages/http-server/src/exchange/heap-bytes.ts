import type { HeldBytes } from '../sans-io/held-bytes.js';

/** What is held on the heap, where no memory of the runtime's was to be had. It is not used again. */
export class HeapBytes implements HeldBytes {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get byteLength(): number {
    return this.bytes.length;
  }
  get busy(): boolean {
    return false;
  }
  release(): void {}
  move(): HeapBytes {
    return this;
  }
}
