import { type FileRegistrar, FixedFileTable } from '@ringbearer/io-uring-fd';
import type { RawRing } from '@ringbearer/native/ring';
import type { CapacityLedger } from './capacity.js';
import { BearerError } from './errors.js';

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
    update: (slot, fd) => raw.updateFile(slot, fd),
    allocRange: (from, count) => raw.registerFileAllocRange(from, count),
    unregister: () => raw.unregisterFiles(),
  };
  try {
    return new FixedFileTable(registrar, { capacity, automatic: capacity - manual });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
    throw new BearerError(
      'SETUP_FAILED',
      `Cannot register ${capacity} direct descriptors as the limit on open files is lower: raise it with "ulimit -n" (LimitNOFILE= in systemd), or ask for a smaller RegisteredFd`,
      { cause: error },
    );
  }
}
