import { controlWords, type RawRing } from '@ringbearer/native/ring';
import type { EngineCounters } from './stats.js';

const { references: REFERENCES, referenced: REFERENCED } = controlWords;

/** Whether the loop driver keeps the process alive: while operations are in flight that are not in the background. */
export class LoopReferences {
  readonly #raw: RawRing;
  readonly #control: Int32Array;
  readonly #counters: EngineCounters;
  readonly #usesLoop: boolean;
  #referenced = true;
  /** Operations in flight that keep nothing alive. */
  background = 0;

  constructor(raw: RawRing, control: Int32Array, counters: EngineCounters, usesLoop: boolean) {
    this.#raw = raw;
    this.#control = control;
    this.#counters = counters;
    this.#usesLoop = usesLoop;
  }

  /** Operations keep the process alive at all. */
  set(referenced: boolean): void {
    this.#referenced = referenced;
    this.update();
  }

  /** Tells the driver what is in flight now. Hot path. */
  update(): void {
    const control = this.#control;
    const count = this.#referenced ? this.#counters.pending - this.background : 0;
    control[REFERENCES] = count;
    // The loop hooks lower it when the loop turns; raising must happen now, as the loop may have nothing else to turn for.
    if (count > 0 && control[REFERENCED] === 0 && this.#usesLoop) this.#raw.reference();
  }
}
