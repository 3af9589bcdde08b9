// Numbers from a seed: the same seed, the same operations. Only their timing is the machine's.

/** A small generator with 32 bits of state (mulberry32): good enough to choose with, and quick. */
export class Random {
  #state;

  /** @param {...number} seeds mixed into one: `new Random(seed, episode, actor)` */
  constructor(...seeds) {
    this.#state = 0x9e37_79b9;
    for (const seed of seeds) {
      this.#state = Math.imul(this.#state ^ seed, 0x85eb_ca6b) >>> 0;
      this.next();
    }
  }

  /** 0 <= number < 1. */
  next() {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  /** An integer from `min` to `max`, both included. */
  int(min, max) {
    return min + Math.floor(this.next() * (max - min + 1));
  }
  chance(probability) {
    return this.next() < probability;
  }
  pick(list) {
    return list[Math.floor(this.next() * list.length)];
  }
  /** A generator of its own, which what others draw does not move. */
  fork(index) {
    return new Random(this.int(0, 0xffff_ffff), index);
  }
  /** Sizes as programs have them: mostly small, at times large. */
  size(max) {
    return Math.max(1, Math.floor(max ** this.next()));
  }
}
