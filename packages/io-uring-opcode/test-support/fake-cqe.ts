import { Cqe } from '../src/cqe.js';
import { RECORD_BYTES, RecordMemory } from '../src/record-memory.js';

/** For tests: a completion of slot 0 whose record begins with `record`. */
export function fakeCqe(res: number, flags = 0, record: Uint8Array = new Uint8Array(0)): Cqe {
  const bytes = new Uint8Array(RECORD_BYTES);
  bytes.set(record);
  const cqe = new Cqe(new RecordMemory(bytes, 0x1000, 1));
  cqe.res = res;
  cqe.flags = flags;
  return cqe;
}
