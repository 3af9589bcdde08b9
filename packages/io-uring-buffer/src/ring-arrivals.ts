import type { BufferArrivals } from './arrivals.js';
import type { BidLedger } from './bid-ledger.js';
import type { PieceLedger } from './piece-ledger.js';
import type { Replenishing } from './replenish.js';
import type { RingEntries } from './ring-entries.js';

/** What arrivals need of their ring. */
interface ArrivalsHome {
  readonly entries: RingEntries;
  /** To tell that the kernel has fewer buffers than before. */
  readonly replenishing: Replenishing;
  /** Turns that the kernel is done with. */
  head(): number;
  /** Nobody reads buffer `bid`, which is Idle: it may go to the kernel again. */
  back(bid: number, released: boolean): void;
}

/** Arrivals in a ring whose buffers are used whole. */
export function classicArrivals(
  ledger: BidLedger,
  home: ArrivalsHome,
  bufferBytes: number,
  giveBack: (bid: number, offset: number) => void,
): BufferArrivals {
  const { entries } = home;
  const { watches } = home.replenishing;
  /** A bundle: all full but the last, one behind the other in the ring's order, which is not that of their ids. */
  const run = (first: number, length: number): void => {
    let position = entries.positionOf(first);
    let previous = -1;
    for (let left = length; left > 0; left -= bufferBytes) {
      const bid = entries.bidAt(position++);
      if (!ledger.arrive(bid, Math.min(left, bufferBytes))) return;
      if (previous >= 0) ledger.link(previous, bid);
      previous = bid;
    }
  };
  return {
    incremental: false,
    arrived(bid, length) {
      if (length <= bufferBytes) ledger.arrive(bid, length);
      else run(bid, length);
      if (watches) home.replenishing.left();
      return 0;
    },
    unused(bid) {
      if (!ledger.isKernel(bid)) return;
      ledger.withdraw(bid);
      home.back(bid, true);
    },
    giveBack,
  };
}

// The kernel has one buffer of an incremental ring half filled: the one at its head. It is done with a buffer when that
// is full; or when it committed all of it before it knew how much would arrive (files, and requests that ran in a worker
// thread). IORING_CQE_F_BUF_MORE says that it is not done, but its absence does not say that it is: that is also absent after an
// end without bytes. So of a buffer that is neither full nor said to go on, the
// kernel is asked how far it is. Bundles are refused here: kernels from
// 6.13.11 on, until that was mended, name their pieces out of order (liburing#1423), and nothing tells which have the mend.

/** Arrivals in a ring whose buffers are filled piece by piece. */
export function incrementalArrivals(
  ledger: PieceLedger,
  home: ArrivalsHome,
  bufferBytes: number,
  giveBack: (bid: number, offset: number) => void,
): BufferArrivals {
  const { entries } = home;
  const { watches } = home.replenishing;
  /** The buffer that is half filled, or -1. */
  let open = -1;
  const finish = (bid: number): void => {
    if (open === bid) open = -1;
    ledger.finish(bid);
  };
  /** A completion names the buffer at `position`: the kernel is done with what comes before. */
  const passed = (position: number): void => {
    if (open < 0) return;
    if (isPast(entries.positionOf(open), position)) finish(open);
  };
  /** The last piece of a completion in `bid` is known. */
  const settle = (bid: number, position: number, more: boolean): void => {
    if (ledger.filled(bid) === bufferBytes) finish(bid);
    else if (!more && isPast(position, home.head())) finish(bid);
    else open = bid;
  };
  return {
    incremental: true,
    arrived(bid, length, more) {
      if (!ledger.isKernel(bid)) return 0;
      const position = entries.positionOf(bid);
      passed(position);
      const start = ledger.filled(bid);
      ledger.arrive(bid, Math.min(length, bufferBytes - start));
      settle(bid, position, more);
      if (watches) home.replenishing.left();
      return start;
    },
    unused(bid, more) {
      if (!ledger.isKernel(bid)) return;
      const position = entries.positionOf(bid);
      passed(position);
      settle(bid, position, more);
    },
    giveBack,
  };
}

/** Turn `position` is before `head`, both of 16 bits: a ring has at most half as many entries. */
function isPast(position: number, head: number): boolean {
  const distance = (head - position) & 0xffff;
  return distance !== 0 && distance <= 0x8000;
}
