import { type FileRegistrar, FixedFileTable } from '@ringbearer/io-uring-fd';
import { RegisterOp } from '@ringbearer/io-uring-opcode';
import { addressOf, type RawRing } from '@ringbearer/native/ring';
import type { CapacityLedger } from './capacity.js';
import { BearerError } from './errors.js';

// struct io_uring_rsrc_update of linux/io_uring.h: u32 offset, u32 resv, u64 data.
const UPDATE_WORDS = 4;
const UPDATE = { FIRST: 0, DATA: 2 } as const;

const tables = new WeakMap<RawRing, FixedFileTable>();

/** The table that {@link registerFiles} made for a ring. */
export function filesOf(raw: RawRing): FixedFileTable | null {
  return tables.get(raw) ?? null;
}

/** IORING_REGISTER_FILES_UPDATE, which does as many as it can: here it is all or none. */
function updateFiles(raw: RawRing, first: number, descriptors: readonly number[]): void {
  const update = new Uint32Array(UPDATE_WORDS);
  const submit = (from: number, numbers: Int32Array): number => {
    update[UPDATE.FIRST] = from;
    addressOf(numbers, update.subarray(UPDATE.DATA, UPDATE.DATA + 2));
    return raw.register(RegisterOp.REGISTER_FILES_UPDATE, update, numbers.length);
  };
  const numbers = Int32Array.from(descriptors);
  for (let done = 0; done < numbers.length; ) {
    try {
      done += submit(first + done, numbers.subarray(done));
    } catch (error) {
      if (done > 0) submit(first, new Int32Array(done).fill(-1));
      throw error;
    }
  }
}

/** The fixed-file table of a ring, of RegisteredFd slots; null when that capacity is 0. */
export function registerFiles(
  raw: RawRing,
  ledger: CapacityLedger,
  manual: number,
): FixedFileTable | null {
  const capacity = ledger.limit('RegisteredFd');
  if (!Number.isInteger(manual) || manual < 0 || manual > capacity) {
    throw new RangeError(
      `Cannot make a bearer as manualFiles must be an integer from 0 to RegisteredFd (${capacity}): current value is ${manual}`,
    );
  }
  if (capacity === 0) return null;
  const registrar: FileRegistrar = {
    registerSparse: (count) => raw.registerFilesSparse(count),
    update: (first, descriptors) => updateFiles(raw, first, descriptors),
    allocRange: (from, count) => raw.registerFileAllocRange(from, count),
    unregister: () => raw.unregisterFiles(),
  };
  try {
    const table = new FixedFileTable(registrar, { capacity, automatic: capacity - manual });
    tables.set(raw, table);
    return table;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
    throw new BearerError(
      'SETUP_FAILED',
      `Cannot register ${capacity} direct descriptors as the limit on open files is lower: raise it with "ulimit -n" (LimitNOFILE= in systemd), or ask for a smaller RegisteredFd`,
      { cause: error },
    );
  }
}
