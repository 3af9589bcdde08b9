import type { Descriptor, TargetFd } from '@ringbearer/io-uring-fd';
import type { Cqe } from './cqe.js';
import { descriptorHint } from './descriptor-hint.js';
import { OpCode } from './opcode.js';
import { Close } from './opcodes/file/close.js';

/**
 * An operation whose result is a descriptor that it opened: entered in the books of the table it is in, and closed where nobody is left to
 * take it.
 */
export abstract class Opening extends OpCode<Descriptor> {
  /** Where the descriptor goes. */
  protected readonly into: TargetFd;

  /** @param into where the descriptor goes, which the subclass checks */
  constructor(into: TargetFd) {
    super();
    this.into = into;
  }

  override release(final?: Cqe): void {
    final?.opened(this.into);
  }

  override complete(cqe: Cqe): Descriptor {
    return this.into.descriptor(this.result(cqe));
  }

  protected override hint(errno: number): string {
    return descriptorHint(errno, this.into);
  }

  override discard(cqe: Cqe): Close | null {
    return cqe.res < 0 ? null : new Close({ descriptor: this.into.descriptor(cqe.res) });
  }

  override discardResult(descriptor: Descriptor): Close {
    return new Close({ descriptor });
  }
}
