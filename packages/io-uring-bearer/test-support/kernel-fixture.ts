import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect as connectNode, type Socket as NodeSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Descriptor, TargetFd } from '@ringbearer/io-uring-fd';
import {
  Accept,
  AddressFamily,
  Bind,
  Close,
  Connect,
  Listen,
  type OpCode,
  type OpCodeError,
  Socket,
  type SocketAddress,
  SocketType,
} from '@ringbearer/io-uring-opcode';
import { afterAll, afterEach, beforeEach, type TestContext } from 'vitest';
import { UringBearer } from '../src/index.js';

/** A bearer of its own for each test of a file, and the sockets tests of opcodes need. Closes what tests keep. */
export class KernelFixture {
  /** A directory that goes with the file's tests. */
  readonly folder: string = mkdtempSync(join(tmpdir(), 'opcodes-'));
  #bearer: UringBearer | undefined;
  #opened: Descriptor[] = [];
  #names = 0;

  constructor() {
    beforeEach((context) => {
      try {
        this.#bearer = UringBearer.withCapacity({ CoreQueue: 64, RegisteredFd: 16 });
      } catch (error) {
        context.skip(`io_uring is not usable here: ${(error as Error).message}`);
      }
    });
    afterEach(async () => {
      for (const descriptor of this.#opened.splice(0)) await this.run(new Close({ descriptor }));
      await this.#bearer?.close();
      this.#bearer = undefined;
    });
    afterAll(() => rmSync(this.folder, { recursive: true }));
  }

  get bearer(): UringBearer {
    return this.#bearer!;
  }

  /** Skips where the kernel is older than an opcode. */
  needs(context: TestContext, ...opcodes: string[]): void {
    const probe = this.bearer.probe();
    for (const opcode of opcodes) {
      if (!probe.has(opcode)) context.skip(`kernel ${probe.kernel} has no ${opcode}`);
    }
  }

  /** Closes a descriptor when the test is over. */
  kept<D extends Descriptor>(descriptor: D): D {
    this.#opened.push(descriptor);
    return descriptor;
  }

  readonly run = <Result>(operation: OpCode<Result>): Promise<Result> =>
    this.bearer.submit(operation);

  /** The name of the error an operation fails with. */
  readonly failure = async (operation: OpCode<unknown>): Promise<string> => {
    try {
      await this.run(operation);
    } catch (error) {
      return (error as OpCodeError).code;
    }
    return 'no error';
  };

  /** An abstract Unix address nobody else uses. */
  address(): SocketAddress {
    return { family: 'Unix', path: `\0opcodes-${process.pid}-${this.#names++}` };
  }

  async socket(family: number, type: number, into: TargetFd = TargetFd.raw): Promise<Descriptor> {
    return this.kept(await this.run(new Socket({ family, type, into })));
  }

  /** Two connected Unix sockets, as socketpair(2) makes them: receiver and sender. */
  async pair(type: number, into: TargetFd = TargetFd.raw): Promise<[Descriptor, Descriptor]> {
    const address = this.address();
    const receiver = await this.socket(AddressFamily.UNIX, type, into);
    const sender = await this.socket(AddressFamily.UNIX, type, into);
    await this.run(new Bind({ socket: receiver, address }));
    if (type === SocketType.DGRAM) {
      await this.run(new Connect({ socket: sender, address }));
      return [receiver, sender];
    }
    await this.run(new Listen({ socket: receiver }));
    const [accepted] = await Promise.all([
      this.run(new Accept({ listener: receiver, into })),
      this.run(new Connect({ socket: sender, address })),
    ]);
    return [this.kept(accepted.descriptor), sender];
  }

  /** A TCP connection over loopback: its accepted end is ours. */
  async tcp(): Promise<{ ours: Descriptor; theirs: NodeSocket }> {
    const listener = this.bearer.listen({});
    const theirs = connectNode((listener.address as { port: number }).port, '127.0.0.1');
    theirs.on('error', () => {});
    const { descriptor } = await this.run(new Accept({ listener: listener.descriptor }));
    await listener.close();
    return { ours: this.kept(descriptor), theirs };
  }
}

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
/** Descriptors this process has open. */
export const openDescriptors = (): number => readdirSync('/proc/self/fd').length;
