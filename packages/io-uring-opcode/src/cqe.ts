import type { FileBooks, TargetFd } from '@ringbearer/io-uring-fd';
import { CqeFlag, RingFlag } from './abi.generated.js';
import type { RecordMemory } from './record-memory.js';

const F_BUFFER = CqeFlag.BUFFER;
const F_MORE = CqeFlag.MORE;
const F_SOCK_NONEMPTY = CqeFlag.SOCK_NONEMPTY;
const F_NOTIF = CqeFlag.NOTIF;
const F_BUF_MORE = CqeFlag.BUF_MORE;
const BUFFER_SHIFT = RingFlag.CQE_BUFFER_SHIFT;

/**
 * One completion, as {@link OpCode.complete} and completion handlers see it. The bearer reuses a single object: it is
 * valid until the handler returns. Copy what must live longer.
 */
export class Cqe {
  /** `res`: the opcode's result, or a negated errno. */
  res = 0;
  /** `flags`: IORING_CQE_F_*. */
  flags = 0;
  /** With {@link hasBuffer}: where in the buffer the bytes start. Not 0 in incremental rings only. Written by the bearer. */
  bufferOffset = 0;
  /** The operation's record memory, with what the kernel wrote there: to be read. */
  readonly record: RecordMemory;

  /** The books of this ring's direct descriptors; null where nobody keeps any. */
  readonly files: FileBooks | null;

  /** Only the bearer builds one. */
  constructor(record: RecordMemory, files: FileBooks | null = null) {
    this.record = record;
    this.files = files;
  }

  /** Has the books say that this completion opened a direct descriptor, if it did: an operation calls it when it ends. */
  opened(into: TargetFd): void {
    if (this.res < 0 || !into.direct || this.files === null) return;
    this.files.opened(into.automatic ? this.res : into.fileIndex - 1);
  }

  /** More completions of this operation will follow (IORING_CQE_F_MORE). */
  get more(): boolean {
    return (this.flags & F_MORE) !== 0;
  }
  /** This is the notification that a zero-copy send is done with its memory (IORING_CQE_F_NOTIF). */
  get notification(): boolean {
    return (this.flags & F_NOTIF) !== 0;
  }
  /** A provided buffer was used; {@link bufferId} names it (IORING_CQE_F_BUFFER). */
  get hasBuffer(): boolean {
    return (this.flags & F_BUFFER) !== 0;
  }
  /** The kernel goes on with the same buffer (incremental rings, IORING_CQE_F_BUF_MORE). */
  get bufferMore(): boolean {
    return (this.flags & F_BUF_MORE) !== 0;
  }
  /** More bytes wait in the socket (IORING_CQE_F_SOCK_NONEMPTY). */
  get socketNonEmpty(): boolean {
    return (this.flags & F_SOCK_NONEMPTY) !== 0;
  }
  /** Id of the provided buffer, meaningful when {@link hasBuffer}. */
  get bufferId(): number {
    return this.flags >>> BUFFER_SHIFT;
  }
}
