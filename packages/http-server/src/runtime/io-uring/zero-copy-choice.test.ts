import { FixedFd } from '@ringbearer/io-uring-fd';
import { describe, expect, it } from 'vitest';
import type { PeerAddress } from '../../sans-io/left.js';
import { OpenRoute } from './open-route.js';
import { Outgoing } from './outgoing.js';
import type { TransmitPool } from './transmit-pool.js';
import { canZeroCopy, RING_HELD_SENDS_MAX, ZeroCopy } from './zero-copy.js';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('ZeroCopy', () => {
  const clock = { now: 1, date: new Uint8Array() };
  const peer = (address: string): PeerAddress => ({
    family: address.includes(':') ? 'IPv6' : 'IPv4',
    address,
    port: 1,
  });

  it('knows what leaves this machine', () => {
    const zeroCopy = new ZeroCopy(64 * KIB, MIB, clock);
    const outside = ['192.0.2.77', '::ffff:192.0.2.77', '2001:db8::1', '128.0.0.1'];
    const inside = ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1', '::ffff:127.9.9.9'];
    for (const address of outside)
      expect([address, zeroCopy.leaves(peer(address))]).toEqual([address, true]);
    for (const address of inside)
      expect([address, zeroCopy.leaves(peer(address))]).toEqual([address, false]);
    expect(zeroCopy.leaves({ family: 'Unix', path: '' })).toBe(false);
    expect(zeroCopy.leaves(null)).toBe(false);
  });

  it('pauses after eight copied in a row, of which none was not, and tries one a minute later', () => {
    const time = { now: 1, date: new Uint8Array() };
    const zeroCopy = new ZeroCopy(64 * KIB, Number.POSITIVE_INFINITY, time);
    const nobody = null as unknown as Outgoing;
    const round = (copied: boolean, acknowledged = true, sentBytes = 64 * KIB) => {
      const send = zeroCopy.take(new FixedFd(0), nobody, 64 * KIB)!;
      zeroCopy.sent();
      send.sentBytes = sentBytes;
      return zeroCopy.released(send, copied, acknowledged);
    };
    for (let i = 0; i < 7; i++) expect(round(true)).toBe(true);
    expect(round(false)).toBe(false);
    for (let i = 0; i < 7; i++) round(true);
    // Neither a send that failed, which the kernel calls copied, nor one that was dropped with its connection says anything.
    expect(round(true, true, 0)).toBeNull();
    expect(round(false, false)).toBeNull();
    expect([zeroCopy.bytes, zeroCopy.counts.zeroCopyPaused]).toEqual([64 * KIB, false]);
    round(true);
    expect(zeroCopy.bytes).toBe(Number.POSITIVE_INFINITY);
    expect(zeroCopy.counts).toEqual({
      zeroCopySends: 18,
      zeroCopyCopied: 15,
      zeroCopyPaused: true,
    });
    time.now += 60_000;
    expect(zeroCopy.bytes).toBe(64 * KIB);
    round(true);
    expect(zeroCopy.bytes).toBe(Number.POSITIVE_INFINITY);
    time.now += 60_000;
    round(false);
    for (let i = 0; i < 7; i++) round(true);
    expect(zeroCopy.bytes).toBe(64 * KIB);
  });

  it('lends no more bytes, and no more sends, than it may', () => {
    const bounded = new ZeroCopy(64 * KIB, 200 * KIB, clock);
    const nobody = null as unknown as Outgoing;
    const take = (zeroCopy: ZeroCopy) => zeroCopy.take(new FixedFd(0), nobody, 64 * KIB);
    const lent = [take(bounded), take(bounded), take(bounded)];
    expect(lent).not.toContain(null);
    expect(take(bounded)).toBeNull();
    bounded.give(lent[0]!);
    expect(take(bounded)).not.toBeNull();
    const endless = new ZeroCopy(64 * KIB, Number.POSITIVE_INFINITY, clock);
    for (let i = 0; i < RING_HELD_SENDS_MAX; i++) expect(take(endless)).not.toBeNull();
    expect(take(endless)).toBeNull();
  });

  it('has nothing lent to a send that could not be made: of an array that says it is longer than it is', () => {
    const zeroCopy = new ZeroCopy(64 * KIB, 128 * KIB, clock);
    const route = new OpenRoute(new FixedFd(0));
    route.armed = true;
    const sender = {
      lost: false,
      route,
      onSend() {},
      findRoute: () => route,
      onReleased() {},
    };
    const outgoing = new Outgoing({} as TransmitPool, zeroCopy, new FixedFd(0), sender);
    const liar = Object.defineProperty(new Uint8Array(64 * KIB), 'length', { value: 128 * KIB });
    for (let round = 0; round < 3; round++) {
      outgoing.queue.send(liar);
      expect(() => outgoing.next()).toThrow(RangeError);
      outgoing.drop();
    }
    expect(zeroCopy.take(new FixedFd(0), outgoing, 128 * KIB)).not.toBeNull();
  });

  it('needs a kernel that tells of copies and sets options of direct descriptors', () => {
    const all = () => true;
    for (const kernel of ['6.7.0', '6.18.1-arch', '7.0.0'])
      expect(canZeroCopy(kernel, all)).toBe(true);
    for (const kernel of ['6.6.99', '5.15.0', '6.1']) expect(canZeroCopy(kernel, all)).toBe(false);
    for (const lacking of ['SEND_ZC', 'URING_CMD'])
      expect(canZeroCopy('6.18.0', (name) => name !== lacking)).toBe(false);
  });
});
