import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PeerAddress } from '../sans-io/left.js';
import { addressGroup } from './address-group.js';
import { Admission, REFUSALS_MAX } from './admission.js';

const v4 = (address: string): PeerAddress => ({ family: 'IPv4', address, port: 1 });
const v6 = (address: string): PeerAddress => ({ family: 'IPv6', address, port: 1 });

describe('addressGroup()', () => {
  test.each([
    [v4('10.0.0.1'), '10.0.0.1'],
    [v6('::ffff:10.0.0.1'), '10.0.0.1'],
    [v6('::FFFF:10.0.0.1'), '10.0.0.1'],
    [v6('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64'],
    [v6('2001:DB8:1:2::6'), '2001:db8:1:2::/64'],
    [v6('2001:db8::6'), '2001:db8:0:0::/64'],
    [v6('2001:db8:1:2:3:4:5::'), '2001:db8:1:2::/64'],
    [v6('::1'), '0:0:0:0::/64'],
    [v6('::'), '0:0:0:0::/64'],
    [v6('1::'), '1:0:0:0::/64'],
    [v6('64:ff9b::10.0.0.1'), '64:ff9b:0:0::/64'],
    [v6('fe80::1%eth0'), 'fe80:0:0:0::/64'],
    [{ family: 'Unix', path: '' } as const, null],
  ])('of %o is %s', (peer, group) => {
    expect(addressGroup(peer)).toBe(group);
  });

  test('is the same for all of a /64 and another for the next, however it is written', () => {
    const hextet = fc.integer({ min: 0, max: 0xffff });
    const parts = fc.array(hextet, { minLength: 8, maxLength: 8 });
    // The kernel's way of writing it: the URL parser's is the same (RFC 5952).
    const short = (all: number[]) =>
      new URL(`http://[${all.map((one) => one.toString(16)).join(':')}]`).hostname.slice(1, -1);
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const mapped = (all: number[]) => all.slice(0, 5).every((x) => x === 0);
        fc.pre(!mapped(one));
        const sibling = [...one.slice(0, 4), ...other.slice(4)];
        fc.pre(!mapped(sibling));
        const group = addressGroup(v6(short(one)));
        expect(addressGroup(v6(short(sibling)))).toBe(group);
        expect(addressGroup(v6(one.map((x) => x.toString(16)).join(':')))).toBe(group);
        const next = [...one.slice(0, 3), one[3]! ^ 1, ...one.slice(4)];
        fc.pre(!mapped(next));
        expect(addressGroup(v6(short(next)))).not.toBe(group);
      }),
    );
  });
});

describe('Admission', () => {
  test('that pauses serves whatever was accepted, and says how much room there is', () => {
    const admission = new Admission({ maxConnections: 2 });
    expect([admission.room, admission.refusalsMax, admission.needsAddress]).toEqual([2, 0, false]);
    for (let i = 0; i < 3; i++) expect(admission.decide(null)).toBe('serve');
    expect(admission.room).toBe(-1);
    admission.gone(true, null);
    expect(admission.room).toBe(0);
  });

  test('that refuses does so above the limit, and has no room when nobody more can be told', () => {
    const admission = new Admission({ maxConnections: 1, overload: 'refuse' });
    expect(admission.decide(null)).toBe('serve');
    for (let i = 0; i < REFUSALS_MAX; i++) {
      expect(admission.room).toBe(REFUSALS_MAX - i);
      expect(admission.decide(null)).toBe('refuse');
    }
    expect(admission.room).toBe(0);
    expect(admission.decide(null)).toBe('drop');
    for (let i = 0; i <= REFUSALS_MAX; i++) admission.gone(false, null);
    expect(admission.decide(null)).toBe('refuse');
    admission.gone(true, null);
    expect(admission.decide(null)).toBe('serve');
  });

  test('counts addresses, forgets those that are gone, and lets unknown ones pass', () => {
    const admission = new Admission({ maxConnections: 100, maxConnectionsPerAddress: 2 });
    const peers = [v4('10.0.0.1'), v6('::ffff:10.0.0.1'), v4('10.0.0.2'), v6('2001:db8::1')];
    expect(peers.map((peer) => admission.decide(peer))).toEqual(Array(4).fill('serve'));
    expect(admission.decide(peers[1]!)).toBe('refuse');
    expect([admission.decide(null), admission.decide({ family: 'Unix', path: '' })]).toEqual([
      'serve',
      'serve',
    ]);
    expect(admission.addresses).toBe(3);
    admission.gone(false, null);
    admission.gone(true, peers[0]!);
    expect(admission.decide(peers[0]!)).toBe('serve');
    for (const peer of peers) admission.gone(true, peer);
    expect(admission.addresses).toBe(0);
    expect(admission.room).toBe(98);
  });

  test('keeps its books under any order', () => {
    const step = fc.record({ peer: fc.integer({ min: 0, max: 3 }), leave: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (script) => {
        const admission = new Admission({
          maxConnections: 5,
          maxConnectionsPerAddress: 3,
          overload: 'refuse',
        });
        const open: { served: boolean; peer: PeerAddress }[] = [];
        for (const { peer: number, leave } of script) {
          if (leave) {
            const one = open.splice(number % Math.max(1, open.length), 1)[0];
            if (one !== undefined) admission.gone(one.served, one.peer);
            continue;
          }
          const peer = v4(`10.0.0.${number}`);
          const same = open.filter((one) => one.served && one.peer.family !== 'Unix');
          const mine = same.filter((one) => JSON.stringify(one.peer) === JSON.stringify(peer));
          const expected = same.length < 5 && mine.length < 3 ? 'serve' : 'refuse';
          expect(admission.decide(peer)).toBe(expected);
          open.push({ served: expected === 'serve', peer });
        }
        for (const { served, peer } of open) admission.gone(served, peer);
        expect([admission.room, admission.addresses]).toEqual([5 + REFUSALS_MAX, 0]);
      }),
    );
  });

  test.each([0, -1, 1.5, Number.NaN, '3', null])('refuses %s connections per address', (value) => {
    expect(
      () => new Admission({ maxConnections: 1, maxConnectionsPerAddress: value as number }),
    ).toThrow(/maxConnectionsPerAddress must be an integer >= 1 or Infinity/);
  });
  test.each(['close', '', null, 1])('refuses overload: %s', (value) => {
    expect(() => new Admission({ maxConnections: 1, overload: value as 'pause' })).toThrow(
      /overload must be 'pause' or 'refuse'/,
    );
  });
});
