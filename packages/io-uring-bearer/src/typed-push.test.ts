import { epollMask, FutexWait, SocketType, SubmissionFlags } from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker, settled } from '../test-support/bearers.js';
import { encode, KernelFixture } from '../test-support/kernel-fixture.js';
import { TypedPush } from './index.js';

const fixture = new KernelFixture();
const make = bearerMaker();

describe('TypedPush', () => {
  test('a connection from socket to close, without an operation object in sight', async () => {
    const bearer = make('embedded');
    const listener = bearer.listen({});
    const { port } = listener.address as { port: number };
    const ring = bearer.buffers.ring({ count: 4, bufferBytes: 64 });
    const text = await new Promise<string>((resolve, reject) => {
      bearer.pushAcceptMulti({ listener: listener.descriptor }, 0, (cqe, accept) => {
        if (cqe.res < 0) return;
        const socket = accept.complete(cqe);
        bearer.pushRecvMulti({ socket, group: ring.group }, 0, (arrived, receive) => {
          const received = receive.complete(arrived);
          if (received.length === 0) return void bearer.pushClose({ descriptor: socket });
          const lease = bearer.buffers.lease(receive, received);
          resolve(lease.toString());
          lease.release();
        });
      });
      bearer.pushSocket({ family: 2, type: SocketType.STREAM }, 0, (cqe, made) => {
        const socket = made.complete(cqe);
        const address = { family: 'IPv4', address: '127.0.0.1', port } as const;
        bearer.pushConnect({ socket, address }, 0, (connected, connect) => {
          try {
            connect.complete(connected);
          } catch (error) {
            reject(error);
          }
          bearer.pushSend({ socket, data: encode('typed') }, SubmissionFlags.LINK);
          bearer.pushClose({ descriptor: socket });
        });
      });
    });
    expect(text).toBe('typed');
    await listener.close();
    await settled(bearer);
  });

  test('single receives, zero-copy sends, futexes, epoll, classic buffers and times', async () => {
    const bearer = make('embedded');
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const seen: string[] = [];
    const word = bearer.buffers.futex();
    const group = bearer.buffers.classicGroup({ count: 2, bufferBytes: 64 });
    const lease = bearer.allocate(16);
    const once = <Operation extends { complete(cqe: never): unknown; name: string }>(
      cqe: unknown,
      operation: Operation,
    ) => {
      try {
        seen.push(`${operation.name} ${JSON.stringify(operation.complete(cqe as never))}`);
      } catch (error) {
        seen.push(`${operation.name} ${(error as NodeJS.ErrnoException).code}`);
      }
    };
    bearer.pushProvideBuffers(group.provision()!, 0, once);
    bearer.pushRemoveBuffers(group.removal()!, 0, once);
    const key = bearer.pushAccept({ listener: ours }, 0, once);
    expect(Number.isSafeInteger(key)).toBe(true);
    bearer.pushTimeout({ milliseconds: 1 }, 0, once);
    bearer.pushEpollCtl(
      { epoll: ours, operation: 'add', descriptor: theirs, events: epollMask('IN') },
      0,
      once,
    );
    bearer.pushSendZc({ socket: theirs, data: encode('x') }, 0, once);
    bearer.pushSend({ socket: theirs, data: encode('four') }, 0, once);
    bearer.pushRecv({ socket: ours, memory: lease }, 0, once);
    if (bearer.probe().has(new FutexWait({ word, expected: 0 }).code)) {
      bearer.pushFutexWait({ word, expected: 0 }, 0, once);
      bearer.pushFutexWake({ word }, 0, once);
    }
    await settled(bearer);
    expect(seen.sort()).toEqual(
      [
        'ACCEPT EINVAL',
        'EPOLL_CTL EINVAL',
        'FUTEX_WAIT "ok"',
        'FUTEX_WAKE 1',
        'PROVIDE_BUFFERS undefined',
        'RECV {"length":4,"bufferId":-1,"bufferOffset":0,"socketNonEmpty":false}',
        'REMOVE_BUFFERS 2',
        'SEND 4',
        // Errors come with a notification, too.
        'SEND_ZC EOPNOTSUPP',
        'SEND_ZC {"length":0,"released":true,"copied":true}',
        'TIMEOUT "elapsed"',
      ].sort(),
    );
  });

  test('needs no listener under the manual driver', () => {
    const bearer = make('manual');
    expect(bearer).toBeInstanceOf(TypedPush);
    const key = bearer.pushTimeout({ milliseconds: 0 });
    bearer.submitAndWait();
    const seen: unknown[] = [];
    bearer.handleCompletions(1, (operation, cqe) => {
      seen.push(operation.name, operation.complete(cqe));
      return 'forget';
    });
    expect(seen).toEqual(['TIMEOUT', 'elapsed']);
    bearer.cancel(key);
  });
});
