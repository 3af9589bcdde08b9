import { WorkList } from './work-list.js';

/** What writes, or presents, once its batch is over. */
export interface Flushable {
  /** It is on the list. */
  dirty: boolean;
  flush(): void;
}

/** What a batch of events leaves to be done at its end, and what protocols threw in it. */
export class BatchWork<Item extends Flushable> {
  #dirty = new WorkList<Item>();
  #flushing = new WorkList<Item>();
  readonly #failures: unknown[] = [];

  /** To be flushed with this batch. The item keeps from being added twice. */
  add(item: Item): void {
    this.#dirty.push(item);
  }

  /** A protocol threw: that costs its connection, not the batch. */
  failed(error: unknown): void {
    this.#failures.push(error);
  }

  /** Flushing may dirty items again (an orbit that resumed): those go in the next round, bounded by the data there is. */
  flush(): void {
    while (this.#dirty.length > 0) {
      const batch = this.#dirty;
      this.#dirty = this.#flushing;
      this.#flushing = batch;
      for (let index = 0; index < batch.length; index++) {
        const item = batch.take(index);
        item.dirty = false;
        try {
          item.flush();
        } catch (error) {
          this.#failures.push(error);
        }
      }
      batch.clear();
    }
  }

  /** The process hears of protocols that threw as of any uncaught exception. */
  report(): void {
    if (this.#failures.length === 0) return;
    for (const error of this.#failures.splice(0)) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
