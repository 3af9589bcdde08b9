import { TIMER_MS_MAX } from '../sans-io/timer-limit.js';

/** What knows its place among the live ones: -1 where it has none. */
export interface Placed {
  index: number;
}

/** The connections of a runtime, closing ones included, in no order: adding and removing one costs the same however many there are. */
export class LiveConnections<Connection extends Placed> {
  readonly #all: Connection[] = [];
  #onEmpty: (() => void)[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(connection: Connection): void {
    connection.index = this.#all.length;
    this.#all.push(connection);
  }

  /** The last one takes its place. */
  remove(connection: Connection): void {
    const all = this.#all;
    const last = all.pop()!;
    if (last !== connection) {
      all[connection.index] = last;
      last.index = connection.index;
    }
    connection.index = -1;
    if (all.length === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  /** Those there are now. */
  copy(): Connection[] {
    return [...this.#all];
  }

  /** Calls `action` with each. Backwards: one that is removed meanwhile is replaced by one that had its turn. */
  each(action: (connection: Connection) => void): void {
    const all = this.#all;
    for (let index = all.length - 1; index >= 0; index--) action(all[index]!);
  }

  /** Waits until there are none. */
  empty(): Promise<void> {
    if (this.#all.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  /** As {@link empty}, and no longer than that. */
  async emptyWithin(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(milliseconds, TIMER_MS_MAX));
    });
    await Promise.race([this.empty(), expired]);
    clearTimeout(timer);
  }
}
