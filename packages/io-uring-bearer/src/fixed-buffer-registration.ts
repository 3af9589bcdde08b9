import type { FixedBufferCloning, FixedBufferRegistrar } from '@ringbearer/io-uring-buffer';
import { RegisterOp, RingFlag } from '@ringbearer/io-uring-opcode';
import type { UnsafeMemory } from '@ringbearer/io-uring-owner';
import { addressOf, type RawRing } from '@ringbearer/native/ring';
import { BearerError } from './errors.js';
import { ringToken } from './ring/ring-token.js';

// struct io_uring_rsrc_register of linux/io_uring.h: u32 nr, u32 flags, u64 resv2, u64 data, u64 tags.
const TABLE_WORDS = 8;
const TABLE = { COUNT: 0, FLAGS: 1 } as const;
// struct io_uring_rsrc_update2: u32 offset, u32 resv, u64 data, u64 tags, u32 nr, u32 resv2.
const UPDATE_WORDS = 8;
const UPDATE = { SLOT: 0, DATA: 2, COUNT: 6 } as const;
// struct iovec: the address and the length, 64 bits each.
const IOVEC_WORDS = 4;
// struct io_uring_clone_buffers: u32 src_fd, flags, src_off, dst_off, nr, and 3 of padding.
const CLONE_WORDS = 8;
const CLONE = { SOURCE: 0, FLAGS: 1, FROM: 2, TO: 3, COUNT: 4 } as const;

/** Descriptors of the rings whose tables may be cloned. */
const descriptors = new WeakMap<FixedBufferRegistrar, number>();

/** Performs the registrations of a ring's table of registered buffers: io_uring_register(2). */
export function fixedBufferRegistrar(raw: RawRing): FixedBufferRegistrar {
  const registrar: FixedBufferRegistrar = {
    ring: ringToken(raw),
    registerSparse(count: number): void {
      const table = new Uint32Array(TABLE_WORDS);
      table[TABLE.COUNT] = count;
      table[TABLE.FLAGS] = RingFlag.RSRC_REGISTER_SPARSE;
      explained(TOO_OLD_FOR_TABLE, () => {
        // The count of this one, and of the update, is the size of its argument.
        raw.register(RegisterOp.REGISTER_BUFFERS2, table, table.byteLength);
      });
    },
    update(slot: number, memory: UnsafeMemory | null): void {
      const vector = new Uint32Array(IOVEC_WORDS); // all zero: empties the slot
      if (memory !== null) {
        vector.set([memory.addressLow, memory.addressHigh, memory.bytes.byteLength]);
      }
      const update = new Uint32Array(UPDATE_WORDS);
      update[UPDATE.SLOT] = slot;
      addressOf(vector, update.subarray(UPDATE.DATA, UPDATE.DATA + 2));
      update[UPDATE.COUNT] = 1;
      explained(null, () => {
        raw.register(RegisterOp.REGISTER_BUFFERS_UPDATE, update, update.byteLength);
      });
    },
    clone(source: FixedBufferRegistrar, { from, to, count }: FixedBufferCloning): void {
      const cloning = new Uint32Array(CLONE_WORDS);
      cloning[CLONE.SOURCE] = descriptors.get(source)!;
      cloning[CLONE.FLAGS] = RingFlag.REGISTER_DST_REPLACE;
      cloning[CLONE.FROM] = from;
      cloning[CLONE.TO] = to;
      cloning[CLONE.COUNT] = count;
      explained(TOO_OLD_TO_CLONE, () => {
        raw.register(RegisterOp.REGISTER_CLONE_BUFFERS, cloning, 1);
      });
    },
    unregister(): void {
      raw.register(RegisterOp.UNREGISTER_BUFFERS, null, 0);
    },
  };
  descriptors.set(registrar, raw.descriptor);
  return registrar;
}

/** Says what to do about an error of the kernel. @param onInvalid what EINVAL means here, if it has a meaning */
function explained(onInvalid: string | null, register: () => void): void {
  try {
    register();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOMEM') throw new BearerError('LOCKED_MEMORY', LOCKED_MEMORY, { cause });
    if (code === 'EINVAL' && onInvalid !== null) {
      throw new BearerError('UNSUPPORTED_REGISTRATION', onInvalid, { cause });
    }
    throw cause;
  }
}

const LOCKED_MEMORY =
  'Cannot register a buffer as its pages must be locked and the limit of this user for that is used up: raise it with "ulimit -l" (LimitMEMLOCK= in systemd), run with CAP_IPC_LOCK, or register less';
const TOO_OLD_FOR_TABLE =
  'Cannot register buffers as this kernel has no tables with empty slots: they are in Linux 5.19 and later';
const TOO_OLD_TO_CLONE =
  'Cannot clone registered buffers as this kernel does not clone parts of a table: Linux 6.13 and later do; elsewhere add the memory to each ring';
