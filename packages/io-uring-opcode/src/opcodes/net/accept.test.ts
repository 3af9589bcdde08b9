import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { CqeFlag, Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { encodeSocketAddress, type SocketAddress } from '../../socket-address.js';
import { Accept } from './accept.js';
import { AcceptMulti } from './accept-multi.js';
import { Socket } from './socket.js';

const listener = new RawFd(3);
const { MORE } = CqeFlag;

/** The record after the kernel wrote a peer there. */
function peerRecord(peer: SocketAddress): Uint8Array {
  const record = new Uint8Array(132);
  const bytes = encodeSocketAddress(peer);
  record.set(bytes);
  new DataView(record.buffer).setUint32(128, bytes.length, true);
  return record;
}

describe('Accept', () => {
  test.each<SocketAddress>([
    { family: 'IPv4', address: '192.0.2.7', port: 40_000 },
    { family: 'IPv6', address: '2001:db8::7', port: 40_000 },
    { family: 'IPv6', address: 'fe80::1', port: 1, scopeId: 3 },
    { family: 'Unix', path: '/run/peer.sock' },
    { family: 'Unix', path: '\0peer' },
    { family: 'Unix', path: '' },
  ])('complete() decodes the peer %j', (peer) => {
    const accepted = new Accept({ listener }).complete(fakeCqe(12, 0, peerRecord(peer)));
    expect(accepted).toEqual({ descriptor: new RawFd(12), peer });
  });

  test('complete() without peer does not look at the record', () => {
    const record = new Uint8Array(256).fill(0xff);
    expect(new Accept({ listener, peer: false }).complete(fakeCqe(12, 0, record)).peer).toBe(null);
  });

  test('complete() survives a length beyond the storage', () => {
    const record = new Uint8Array(256).fill(0xff);
    expect(new Accept({ listener }).complete(fakeCqe(12, 0, record)).peer).toBe(null);
  });

  test.each([
    [TargetFd.raw, 12, new RawFd(12), '5.5'],
    [TargetFd.auto, 12, new FixedFd(12), '5.19'],
    [TargetFd.slot(4), 0, new FixedFd(4), '5.15'],
  ])('complete() makes the descriptor of its target %#', (into, res, descriptor, since) => {
    const accept = new Accept({ listener, into });
    expect(accept.complete(fakeCqe(res)).descriptor).toEqual(descriptor);
    expect(accept.since).toBe(since);
    const close = accept.discard(fakeCqe(res))!;
    expect(dryRun(close).words[descriptor.direct ? 11 : 1]).toBe(
      descriptor.direct ? descriptor.number + 1 : descriptor.number,
    );
  });

  test('complete() throws the error, and there is nothing to discard', () => {
    const accept = new Accept({ listener });
    expect(() => accept.complete(fakeCqe(-Errno.EMFILE))).toThrow(
      expect.objectContaining({ code: 'EMFILE', syscall: 'accept' }),
    );
    expect(accept.discard(fakeCqe(-Errno.ECANCELED))).toBe(null);
  });

  test('discardResult() closes what nobody took', () => {
    const accept = new Accept({ listener });
    expect(dryRun(accept.discardResult(accept.complete(fakeCqe(12)))).words[1]).toBe(12);
  });

  test('the length of the address is set anew for each submission', () => {
    const accept = new Accept({ listener });
    for (let i = 0; i < 2; i++) {
      expect(new DataView(dryRun(accept).record.buffer).getUint32(128, true)).toBe(128);
    }
  });

  test('the constructor refuses what is no descriptor or target', () => {
    expect(() => new Accept({ listener: 3 as never })).toThrow(
      'Cannot accept as listener must be a RawFd or a FixedFd: current value is 3',
    );
    expect(() => new Accept({ listener, into: 0 as never })).toThrow(TypeError);
  });
});

describe('AcceptMulti', () => {
  test('complete() makes regular or direct descriptors', () => {
    expect(new AcceptMulti({ listener }).complete(fakeCqe(12, MORE))).toEqual(new RawFd(12));
    const direct = new AcceptMulti({ listener, direct: true });
    expect(direct.complete(fakeCqe(12, MORE))).toEqual(new FixedFd(12));
    expect(dryRun(direct.discard(fakeCqe(12))!).words[11]).toBe(13);
    expect(dryRun(direct.discardResult(new FixedFd(12))).words[11]).toBe(13);
  });

  test.each([
    [12, MORE, false],
    [12, 0, true],
    [-Errno.ECONNABORTED, 0, true],
    [-Errno.EPROTO, 0, true],
    [-Errno.EMFILE, 0, false],
    [-Errno.ENFILE, 0, false],
    [-Errno.ECANCELED, 0, false],
    [-Errno.EINVAL, 0, false],
  ])('rearms() for res %d with flags %d: %s', (res, flags, rearms) => {
    expect(new AcceptMulti({ listener }).rearms(fakeCqe(res, flags))).toBe(rearms);
  });
});

describe('Socket', () => {
  test('complete() makes the descriptor of its target', () => {
    const options = { family: 2, type: 1 };
    expect(new Socket(options).complete(fakeCqe(7))).toEqual(new RawFd(7));
    const slot = new Socket({ ...options, into: TargetFd.slot(4) });
    expect(slot.complete(fakeCqe(0))).toEqual(new FixedFd(4));
    expect(dryRun(slot.discard(fakeCqe(0))!).words[11]).toBe(5);
    expect(slot.discard(fakeCqe(-1))).toBe(null);
    expect(() => slot.complete(fakeCqe(-Errno.EAFNOSUPPORT))).toThrow(/EAFNOSUPPORT/);
  });

  test('the constructor refuses flags among the type, and missing numbers', () => {
    expect(() => new Socket({ family: 2, type: 1 | 0o4000 })).toThrow(RangeError);
    expect(() => new Socket({ family: 2 } as never)).toThrow(
      'Cannot create a socket as type must be a number: current value is undefined',
    );
  });
});
