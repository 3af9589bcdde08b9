import type { OpCode } from '@ringbearer/io-uring-opcode';
import type { BearerBuffers } from './bearer-buffers.js';
import type { Engine } from './engine.js';
import { closedError } from './errors.js';
import type { StreamOptions } from './options.js';
import { StreamSink } from './stream-sink.js';

/** The streams of a bearer that are not over, so that closing it ends them. */
export class OpenStreams {
  readonly #engine: Engine;
  readonly #buffers: BearerBuffers;
  readonly #open = new Set<StreamSink<never>>();

  constructor(engine: Engine, buffers: BearerBuffers) {
    this.#engine = engine;
    this.#buffers = buffers;
  }

  /** Submits a multishot operation to iterate over. */
  open<Result>(
    operation: OpCode<Result>,
    flags: number,
    options: StreamOptions,
  ): StreamSink<Result> {
    const engine = this.#engine;
    const stream = new StreamSink<Result>(
      {
        submit: (sink) => engine.submit(operation, flags, sink),
        cancel: () => engine.cancel(operation),
        followUp: (follow) => engine.followUp(follow),
        giveBack: (...named) => engine.arrivals.giveBack(...named),
        whenRefilled: (...waiting) => this.#buffers.whenRefilled(...waiting),
        ended: (ended) => this.#open.delete(ended),
      },
      operation,
      options,
    );
    this.#open.add(stream as unknown as StreamSink<never>);
    return stream;
  }

  /** The bearer closes: every iteration ends. */
  stop(): void {
    for (const stream of this.#open) stream.stop(closedError());
  }
}
