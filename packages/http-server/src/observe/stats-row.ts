import { HttpTally } from '../exchange/tally.js';
import { StatsBoard } from '../runtime/stats-board.js';
import { type ServerStats, statsOf } from './stats.js';

/** Rows begin here or there in a cache line of their own: threads that count do not take it from each other. */
const CACHE_LINE_BYTES = 128;

/** The counters of one thread in shared memory: what its protocol and what its runtime counts. */
export class StatsRow {
  /** Bytes of memory one takes. */
  static readonly BYTES: number =
    Math.ceil((StatsBoard.BYTES + HttpTally.BYTES) / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;
  /** Of the runtime. */
  readonly board: StatsBoard;
  /** Of the protocol. */
  readonly tally: HttpTally;

  /** Goes on with what the memory has. @param byteOffset a multiple of 8 */
  constructor(memory: SharedArrayBuffer, byteOffset: number) {
    this.board = new StatsBoard(memory, byteOffset);
    this.tally = new HttpTally(memory, byteOffset + StatsBoard.BYTES);
  }

  /** Its thread is gone, however it ended. What it had open is closed, what it had begun is lost, what it counted stays. */
  abandon(): void {
    this.board.abandon();
    this.tally.abandon();
  }

  /** The counters now. */
  read(): ServerStats {
    return statsOf(this.tally, this.board.read());
  }
}
