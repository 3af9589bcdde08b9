import { RecordMemory } from '@ringbearer/io-uring-opcode';

/**
 * The record of an operation that completed, as handlers see it: to be read. Whoever keeps the cursor would write into the record of
 * whatever completed last, or is being submitted in the same place: addresses and lengths that the kernel takes at their word.
 */
export class CompletionRecord extends RecordMemory {
  override clear(): never {
    throw new TypeError(READ_ONLY);
  }
  override setUint8(): never {
    throw new TypeError(READ_ONLY);
  }
  override setUint16(): never {
    throw new TypeError(READ_ONLY);
  }
  override setUint16Network(): never {
    throw new TypeError(READ_ONLY);
  }
  override setUint32(): never {
    throw new TypeError(READ_ONLY);
  }
  override setUint64(): never {
    throw new TypeError(READ_ONLY);
  }
  override setSafeInteger(): never {
    throw new TypeError(READ_ONLY);
  }
  override setBytes(): never {
    throw new TypeError(READ_ONLY);
  }
}

const READ_ONLY =
  'Cannot write to the record of a completion: an operation writes its record in prepare()';
