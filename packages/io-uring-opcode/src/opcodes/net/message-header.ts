import { type Descriptor, RawFd } from '@ringbearer/io-uring-fd';
import { ControlMessage, SocketLevel } from '../../abi.generated.js';
import { integerArgument, rawDescriptorArgument, show } from '../../argument.js';
import type { RecordMemory } from '../../record-memory.js';

/** `sizeof(struct msghdr)` on 64-bit machines: recvmsg(2). */
export const MESSAGE_HEADER_BYTES = 56;

/** Offsets in `struct msghdr`. */
export const MessageHeader = {
  NAME: 0,
  NAME_LENGTH: 8,
  VECTOR: 16,
  VECTOR_COUNT: 24,
  CONTROL: 32,
  CONTROL_LENGTH: 40,
  FLAGS: 48,
} as const;

/** Descriptors one message carries at most: SCM_MAX_FD of the kernel. */
export const MESSAGE_DESCRIPTORS_MAX = 253;

// struct cmsghdr { size_t len; int level; int type; }, then the data, all aligned to 8.
const CONTROL_HEADER_BYTES = 16;

/** The next multiple of 8. */
export function aligned(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** Control bytes that `count` descriptors need. */
export function rightsBytes(count: number): number {
  return count === 0 ? 0 : aligned(CONTROL_HEADER_BYTES + 4 * count);
}

/** One control message of type SCM_RIGHTS: unix(7). */
export function encodeRights(action: string, descriptors: readonly Descriptor[]): Uint8Array {
  if (!Array.isArray(descriptors)) {
    throw new TypeError(
      `Cannot ${action} as descriptors must be an array: current value is ${show(descriptors)}`,
    );
  }
  const count = descriptors.length;
  integerArgument(action, 'descriptors.length', count, 0, MESSAGE_DESCRIPTORS_MAX);
  const bytes = new Uint8Array(rightsBytes(count));
  if (count === 0) return bytes;
  const view = new DataView(bytes.buffer);
  view.setUint32(0, CONTROL_HEADER_BYTES + 4 * count, true);
  view.setUint32(8, SocketLevel.SOCKET, true);
  view.setUint32(12, ControlMessage.RIGHTS, true);
  for (const [i, descriptor] of descriptors.entries()) {
    rawDescriptorArgument(action, `descriptors[${i}]`, descriptor);
    view.setUint32(CONTROL_HEADER_BYTES + 4 * i, descriptor.number, true);
  }
  return bytes;
}

/**
 * The descriptors in received control messages: unix(7), cmsg(3).
 *
 * @param control the bytes the kernel wrote: `control` of a received message
 *
 * @example
 * ```ts
 * import { decodeRights } from '@ringbearer/io-uring-opcode';
 *
 * // struct cmsghdr: length 20, level SOL_SOCKET, type SCM_RIGHTS; then one descriptor
 * const control = new Uint8Array(new Uint32Array([20, 0, 1, 1, 7, 0]).buffer);
 * console.log(decodeRights(control).map(({ number }) => number)); // [ 7 ]
 * ```
 */
export function decodeRights(control: Uint8Array): RawFd[] {
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  const found: RawFd[] = [];
  for (let at = 0; at + CONTROL_HEADER_BYTES <= control.length; ) {
    const length = view.getUint32(at, true);
    const end = at + length;
    if (length < CONTROL_HEADER_BYTES || end > control.length) break;
    const level = view.getUint32(at + 8, true);
    const type = view.getUint32(at + 12, true);
    if (level === SocketLevel.SOCKET && type === ControlMessage.RIGHTS) {
      for (let item = at + CONTROL_HEADER_BYTES; item + 4 <= end; item += 4) {
        found.push(new RawFd(view.getInt32(item, true)));
      }
    }
    at += aligned(length);
  }
  return found;
}

/** Writes a pointer to byte `at` of the record, and a length, into the header at byte 0 of it. */
export function pointTo(
  record: RecordMemory,
  pointerAt: number,
  at: number,
  lengthAt: number,
  length: number,
): void {
  record.setUint64(pointerAt, record.addressLow(at), record.addressHigh(at));
  record.setUint64(lengthAt, length, 0);
}
