import {
  Accept,
  AcceptMulti,
  type AcceptMultiOptions,
  type AcceptOptions,
  type BufferProvision,
  Close,
  type CloseOptions,
  Connect,
  type ConnectOptions,
  type Cqe,
  EpollCtl,
  type EpollCtlOptions,
  FutexWait,
  type FutexWaitOptions,
  FutexWake,
  type FutexWakeOptions,
  type OpCode,
  ProvideBuffers,
  Recv,
  RecvMulti,
  type RecvMultiOptions,
  type RecvOptions,
  RemoveBuffers,
  type RemoveBuffersOptions,
  Send,
  type SendOptions,
  SendZc,
  type SendZcOptions,
  Socket,
  type SocketOptions,
  SubmissionFlags,
  Timeout,
  type TimeoutOptions,
} from '@ringbearer/io-uring-opcode';
import type { SubmissionKey } from './key.js';

const { NONE } = SubmissionFlags;

/** Receives each completion, with the operation that decodes it: `operation.complete(cqe)`. */
export type CompletionListener<Operation extends OpCode<unknown>> = (
  cqe: Cqe,
  operation: Operation,
) => void;

/**
 * One method per common operation: `pushRecv(options, flags, listener)` is `push(new Recv(options), flags)` with a listener. Each
 * makes an operation object; hot paths keep theirs and call `push`. The manual driver needs no listener: `handleCompletions`
 * receives the operation.
 *
 * All return the submission's key, and throw what `push` and the operation's constructor throw.
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * await new Promise<void>((resolve) => {
 *   bearer.pushTimeout({ milliseconds: 5 }, 0, (cqe, timeout) => {
 *     console.log(timeout.complete(cqe)); // elapsed
 *     resolve();
 *   });
 * });
 * await bearer.close();
 * ```
 */
export abstract class TypedPush {
  /** Queues an operation; as `UringBearer.push`. */
  abstract push(operation: OpCode<unknown>, flags?: number): SubmissionKey;

  /** Accepts one connection. */
  pushAccept(
    options: AcceptOptions,
    flags: number = NONE,
    listener?: CompletionListener<Accept>,
  ): SubmissionKey {
    return this.#push(new Accept(options), flags, listener);
  }
  /** Accepts connections until cancelled. */
  pushAcceptMulti(
    options: AcceptMultiOptions,
    flags: number = NONE,
    listener?: CompletionListener<AcceptMulti>,
  ): SubmissionKey {
    return this.#push(new AcceptMulti(options), flags, listener);
  }
  /** Connects a socket. */
  pushConnect(
    options: ConnectOptions,
    flags: number = NONE,
    listener?: CompletionListener<Connect>,
  ): SubmissionKey {
    return this.#push(new Connect(options), flags, listener);
  }
  /** Makes a socket. */
  pushSocket(
    options: SocketOptions,
    flags: number = NONE,
    listener?: CompletionListener<Socket>,
  ): SubmissionKey {
    return this.#push(new Socket(options), flags, listener);
  }
  /** Receives once. */
  pushRecv(
    options: RecvOptions,
    flags: number = NONE,
    listener?: CompletionListener<Recv>,
  ): SubmissionKey {
    return this.#push(new Recv(options), flags, listener);
  }
  /** Receives until the stream ends, into provided buffers. */
  pushRecvMulti(
    options: RecvMultiOptions,
    flags: number = NONE,
    listener?: CompletionListener<RecvMulti>,
  ): SubmissionKey {
    return this.#push(new RecvMulti(options), flags, listener);
  }
  /** Sends. */
  pushSend(
    options: SendOptions,
    flags: number = NONE,
    listener?: CompletionListener<Send>,
  ): SubmissionKey {
    return this.#push(new Send(options), flags, listener);
  }
  /** Sends without a copy; completes twice. */
  pushSendZc(
    options: SendZcOptions,
    flags: number = NONE,
    listener?: CompletionListener<SendZc>,
  ): SubmissionKey {
    return this.#push(new SendZc(options), flags, listener);
  }
  /** Closes a descriptor. */
  pushClose(
    options: CloseOptions,
    flags: number = NONE,
    listener?: CompletionListener<Close>,
  ): SubmissionKey {
    return this.#push(new Close(options), flags, listener);
  }
  /** Gives buffers to a classic group. */
  pushProvideBuffers(
    options: BufferProvision,
    flags: number = NONE,
    listener?: CompletionListener<ProvideBuffers>,
  ): SubmissionKey {
    return this.#push(new ProvideBuffers(options), flags, listener);
  }
  /** Takes buffers from a classic group. */
  pushRemoveBuffers(
    options: RemoveBuffersOptions,
    flags: number = NONE,
    listener?: CompletionListener<RemoveBuffers>,
  ): SubmissionKey {
    return this.#push(new RemoveBuffers(options), flags, listener);
  }
  /** Waits on a futex word. */
  pushFutexWait(
    options: FutexWaitOptions,
    flags: number = NONE,
    listener?: CompletionListener<FutexWait>,
  ): SubmissionKey {
    return this.#push(new FutexWait(options), flags, listener);
  }
  /** Wakes waiters of a futex word. */
  pushFutexWake(
    options: FutexWakeOptions,
    flags: number = NONE,
    listener?: CompletionListener<FutexWake>,
  ): SubmissionKey {
    return this.#push(new FutexWake(options), flags, listener);
  }
  /** Changes an epoll set. */
  pushEpollCtl(
    options: EpollCtlOptions,
    flags: number = NONE,
    listener?: CompletionListener<EpollCtl>,
  ): SubmissionKey {
    return this.#push(new EpollCtl(options), flags, listener);
  }
  /** Waits for a time. */
  pushTimeout(
    options: TimeoutOptions,
    flags: number = NONE,
    listener?: CompletionListener<Timeout>,
  ): SubmissionKey {
    return this.#push(new Timeout(options), flags, listener);
  }

  #push<Operation extends OpCode<unknown>>(
    operation: Operation,
    flags: number,
    listener: CompletionListener<Operation> | undefined,
  ): SubmissionKey {
    if (listener !== undefined) operation.handler = (cqe) => listener(cqe, operation);
    return this.push(operation, flags);
  }
}
