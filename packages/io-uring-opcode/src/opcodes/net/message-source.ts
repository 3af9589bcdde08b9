import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { RegisteredMemory } from '@ringbearer/io-uring-owner';
import { show } from '../../argument.js';
import { RECORD_BYTES } from '../../record-memory.js';
import { encodeSocketAddress, type SocketAddress } from '../../socket-address.js';
import type { Sqe } from '../../sqe.js';
import { type GatherPart, Vector } from '../../vector.js';
import {
  aligned,
  encodeRights,
  MESSAGE_HEADER_BYTES,
  MessageHeader,
  pointTo,
} from './message-header.js';

/** What a message to send is made of. */
export interface MessageOptions {
  /** The bytes, one part after the other: 1 to 1024. Arrays of the caller's are left alone until the final completion. */
  readonly data: readonly GatherPart[];
  /** Where a datagram goes. Default: the connected peer. */
  readonly destination?: SocketAddress;
  /** Regular descriptors to pass over a Unix socket, at most 253. They stay open here. */
  readonly descriptors?: readonly Descriptor[];
  /** Control messages ready made (`struct cmsghdr`, aligned to 8), which are copied: cmsg(3). Default none. */
  readonly control?: Uint8Array;
}

/**
 * A `struct msghdr` for the kernel to read, with everything it points to: in the record as far as there is room (first the
 * address, then control messages, then the vector), the rest in bytes that live as long as the operation.
 */
export class MessageSource {
  readonly #vector = new Vector();
  readonly #within: RegisteredMemory | null;
  readonly #destination: Uint8Array | null;
  readonly #control: Uint8Array;
  readonly #address = new Uint32Array(2);

  /** @param within the registered buffer that all parts must be in */
  constructor(options: MessageOptions, within: RegisteredMemory | null = null) {
    const { data, destination, descriptors = [], control } = options;
    this.#within = within;
    this.set(data);
    this.#destination = destination === undefined ? null : encodeSocketAddress(destination);
    if (control !== undefined && !(control instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot send as control must be a Uint8Array: current value is ${show(control)}`,
      );
    }
    const rights = encodeRights('send', descriptors);
    const all = new Uint8Array(rights.length + (control?.length ?? 0));
    all.set(rights);
    if (control !== undefined) all.set(control, rights.length);
    this.#control = all;
  }

  /** Chooses other bytes. */
  set(data: readonly GatherPart[]): void {
    this.#vector.set('send', 'data', data, this.#within !== null, this.#within);
  }

  acquire(): void {
    this.#vector.acquire();
  }
  release(): void {
    this.#vector.release();
  }
  rollback(): void {
    this.#vector.rollback();
  }
  /** @throws {TypeError} a part of the caller's was transferred, or its buffer shrank */
  assertAttached(): void {
    this.#vector.assertAttached();
  }

  /** Writes `addr` and `len`. */
  prepare(sqe: Sqe): void {
    const { record } = sqe;
    record.clear(0, MESSAGE_HEADER_BYTES);
    let free = MESSAGE_HEADER_BYTES;
    const destination = this.#destination;
    if (destination !== null) {
      record.setBytes(free, destination);
      pointTo(record, MessageHeader.NAME, free, MessageHeader.NAME_LENGTH, destination.length);
      free += aligned(destination.length);
    }
    const control = this.#control;
    if (control.length > 0) free = this.#writeControl(sqe, control, free);
    this.#vector.writeInto(sqe, free, MessageHeader.VECTOR);
    record.setUint64(MessageHeader.VECTOR_COUNT, this.#vector.count, 0);
    sqe.recordAddress(0);
    sqe.length(1);
  }

  #writeControl(sqe: Sqe, control: Uint8Array, free: number): number {
    const { record } = sqe;
    if (free + control.length <= RECORD_BYTES) {
      record.setBytes(free, control);
      pointTo(record, MessageHeader.CONTROL, free, MessageHeader.CONTROL_LENGTH, control.length);
      return free + aligned(control.length);
    }
    sqe.lookup(control, this.#address);
    record.setUint64(MessageHeader.CONTROL, this.#address[0]!, this.#address[1]!);
    record.setUint64(MessageHeader.CONTROL_LENGTH, control.length, 0);
    return free;
  }
}
