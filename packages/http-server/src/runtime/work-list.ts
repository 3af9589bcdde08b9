/**
 * Things to do, each once, in order. A list that is emptied keeps its room: an array whose `length` is set to 0 gives it back, at the price of a call into
 * the engine and of growing again, every turn of the loop.
 */
export class WorkList<T extends object> {
  readonly #items: (T | null)[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    this.#items[this.#length++] = item;
  }

  /** The item at `index`, which the list no longer refers to. */
  take(index: number): T {
    const item = this.#items[index]!;
    this.#items[index] = null;
    return item;
  }

  /** Forgets that anything was there; every item must have been taken. */
  clear(): void {
    this.#length = 0;
  }
}
