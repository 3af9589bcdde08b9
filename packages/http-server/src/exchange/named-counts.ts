/** Bytes a name may have: further ones are cut off. The longest of ours has 26. */
const NAME_BYTES = 32;
const ENTRY_BYTES = NAME_BYTES + 8;
/** The words before the entries: how many there are. */
const HEAD_BYTES = 8;
/** What is counted when every entry is taken. */
const OTHERS = 'OTHERS';

/**
 * Counts by name in memory that threads share: one thread adds, any thread reads. The names are in the memory too, so that readers need no
 * list of them, and whoever adds next goes on with those there are. Bounded: the last entry is for all names there is no room for.
 */
export class NamedCounts {
  readonly #length: Int32Array;
  readonly #names: Uint8Array;
  /** Of entry n: word n * {@link ENTRY_BYTES} / 8. */
  readonly #counts: Float64Array;
  readonly #entries: number;
  /** Of the thread that adds. */
  readonly #known = new Map<string, number>();

  /** Bytes of memory that `entries` names take. */
  static bytes(entries: number): number {
    return HEAD_BYTES + entries * ENTRY_BYTES;
  }

  /** @param byteOffset a multiple of 8 */
  constructor(memory: SharedArrayBuffer, byteOffset: number, entries: number) {
    this.#length = new Int32Array(memory, byteOffset, 1);
    this.#names = new Uint8Array(memory, byteOffset + HEAD_BYTES, entries * ENTRY_BYTES);
    this.#counts = new Float64Array(memory, byteOffset + HEAD_BYTES, entries * (ENTRY_BYTES / 8));
    this.#entries = entries;
    for (let entry = 0; entry < this.#length[0]!; entry++)
      this.#known.set(this.#name(entry), entry);
  }

  /** Counts one. */
  add(name: string): void {
    const entry = this.#known.get(name) ?? this.#enter(name);
    this.#counts[this.#word(entry)]!++;
  }

  /** Every name with its count, in the order of their first one. */
  read(): Record<string, number> {
    // The length is stored after the name it admits, and loaded before it.
    const length = Atomics.load(this.#length, 0);
    const counts: Record<string, number> = {};
    for (let entry = 0; entry < length; entry++)
      counts[this.#name(entry)] = this.#counts[this.#word(entry)]!;
    return counts;
  }

  #enter(name: string): number {
    const entry = this.#length[0]!;
    const last = this.#entries - 1;
    if (entry > last) return last;
    const text = entry === last ? OTHERS : name.slice(0, NAME_BYTES);
    const start = entry * ENTRY_BYTES + 8;
    for (let index = 0; index < text.length; index++)
      this.#names[start + index] = text.charCodeAt(index);
    Atomics.store(this.#length, 0, entry + 1);
    if (entry < last) this.#known.set(name, entry);
    return entry;
  }

  #word(entry: number): number {
    return entry * (ENTRY_BYTES / 8);
  }

  #name(entry: number): string {
    const start = entry * ENTRY_BYTES + 8;
    let name = '';
    for (let index = start; index < start + NAME_BYTES && this.#names[index] !== 0; index++)
      name += String.fromCharCode(this.#names[index]!);
    return name;
  }
}
