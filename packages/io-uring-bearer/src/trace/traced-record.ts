import { RECORD_BYTES, RecordMemory } from '@ringbearer/io-uring-opcode';

/**
 * Record memory of a bearer that is traced: zeroed before each submission, so that a trace has the bytes of this operation and none of
 * the one before.
 */
export class TracedRecord extends RecordMemory {
  override select(slot: number): void {
    super.select(slot);
    this.clear(0, RECORD_BYTES);
  }
}
