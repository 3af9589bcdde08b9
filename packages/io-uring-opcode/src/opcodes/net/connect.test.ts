import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import { decodeSocketAddress, type SocketAddress } from '../../socket-address.js';
import { Bind } from './bind.js';
import { Connect } from './connect.js';
import { Listen } from './listen.js';
import { Shutdown } from './shutdown.js';

const socket = new RawFd(3);
const addresses: SocketAddress[] = [
  { family: 'IPv4', address: '10.1.2.3', port: 443 },
  { family: 'IPv6', address: '2001:db8::1', port: 443 },
  { family: 'Unix', path: '/run/a.sock' },
  { family: 'Unix', path: '\0abstract' },
  { family: 'Unix', path: '' },
];

describe.each([
  ['Connect', (address: SocketAddress) => new Connect({ socket, address })],
  ['Bind', (address: SocketAddress) => new Bind({ socket, address })],
])('%s', (name, make) => {
  test.each(addresses)('keeps %j in its record', (address) => {
    const { words, record } = dryRun(make(address));
    expect([words[4], words[5]]).toEqual([0x1000, 1]);
    expect(decodeSocketAddress(record, words[2])).toEqual(address);
  });

  test('complete() has no result, or throws', () => {
    const operation = make(addresses[0]!);
    expect(operation.complete(fakeCqe(0))).toBe(undefined);
    expect(() => operation.complete(fakeCqe(-Errno.EACCES))).toThrow(
      expect.objectContaining({ code: 'EACCES', syscall: name.toLowerCase() }),
    );
  });

  test('refuses what is no address', () => {
    expect(() => make({ family: 'IPv4', address: 'localhost', port: 1 })).toThrow(RangeError);
    expect(() => make(undefined as never)).toThrow(TypeError);
  });
});

test('Connect.set() chooses another socket, and another address', () => {
  const connect = new Connect({ socket, address: addresses[0]! });
  expect(dryRun(connect.set(new FixedFd(8))).words[2]).toBe(16);
  expect(dryRun(connect.set(socket, addresses[1])).words[2]).toBe(28);
  occupy(connect);
  expect(() => connect.set(socket)).toThrow(/the kernel holds it/);
});

test('Connect of null is AF_UNSPEC', () => {
  const connect = new Connect({ socket, address: null });
  const { words, record } = dryRun(connect);
  expect([words[2], [...record.subarray(0, 2)]]).toEqual([2, [0, 0]]);
  expect(dryRun(connect.set(socket, addresses[0])).words[2]).toBe(16);
  expect(dryRun(connect.set(socket)).words[2]).toBe(16);
  expect(dryRun(connect.set(socket, null)).words[2]).toBe(2);
});

test('Listen checks its backlog', () => {
  expect(dryRun(new Listen({ socket })).words[6]).toBe(511);
  expect(new Listen({ socket }).complete(fakeCqe(0))).toBe(undefined);
  expect(() => new Listen({ socket, backlog: -1 })).toThrow(RangeError);
  expect(() => new Listen({ socket: {} as never })).toThrow(TypeError);
});

test('Shutdown checks its direction and is reusable', () => {
  const shutdown = new Shutdown({ socket, how: 1 });
  expect(dryRun(shutdown.set(new FixedFd(5))).words[1]).toBe(5);
  expect(shutdown.complete(fakeCqe(0))).toBe(undefined);
  expect(() => shutdown.complete(fakeCqe(-Errno.ENOTCONN))).toThrow(/ENOTCONN/);
  expect(() => new Shutdown({ socket, how: 3 as never })).toThrow(
    'Cannot shut down as how must be an integer from 0 to 2: current value is 3',
  );
});
